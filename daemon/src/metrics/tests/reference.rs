//! The rows of docs/metrics.md are made of what is registered; a new figure needs a line with its name
//! in the section that it belongs to. `UPDATE_GOLDEN=1` writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::Ipv4Addr;
use std::time::Instant;

use pontoon_dns::exchange::Transport;
use pontoon_dns::metrics::label::Kind;
use pontoon_dns::metrics::tally::Closed;
use pontoon_dns::wire::name::Name;

use super::*;
use crate::mesh::board::Board;
use crate::mesh::plan::{Target, Way};

/// How names begin: whose they are.
const OURS: [&str; 3] = ["pontoon_", "process_", "coredns_"];

/// What a figure says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figure {
    kind: String,
    labels: BTreeSet<String>,
    help: String,
}

/// DNS that has met with a bit of everything.
fn dns() -> Source {
    let metrics = pontoon_dns::metrics::Metrics::new(&Name::parse("cluster.local").unwrap());
    let tally = metrics.tally("tls://10.96.0.10:853", Transport::Tls);
    tally.answered(Kind::of(&[], &[], Ipv4Addr::LOCALHOST.into()), 40, 120);
    tally.took(Duration::from_millis(1), [1, 1, 1, 1, 1]);
    tally.opened();
    tally.closed(Closed::Idle);
    let upstream = metrics.forward.upstream("192.0.2.53:53");
    upstream.asked();
    upstream.answered(0, Duration::from_millis(1));
    Box::new(move |registry| {
        let _while_it_is_shown = &tally;
        metrics.register(registry);
    })
}

/// Probes of a peer.
fn mesh() -> Source {
    let [from, to] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
    let target = Target { peer: "b".parse().unwrap(), way: Way::Underlay, from, to };
    let board = Arc::new(Board::default());
    for number in 0..4 {
        let now = Instant::now();
        board.asked(number, &target, now);
        board.answered(number, (to, 9555).into(), now, Duration::from_secs(1));
    }
    let parts = super::super::mesh::Parts { me: "a".parse().unwrap(), board };
    Box::new(move |registry| registry.register_collector(Box::new(parts.clone())))
}

/// All that is registered, by name.
fn registered(text: &str) -> BTreeMap<String, Figure> {
    let mut figures: BTreeMap<String, Figure> = BTreeMap::new();
    let mut current = String::new();
    let mut helps: BTreeMap<&str, &str> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, help)) =
            line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' '))
        {
            helps.insert(name, help.strip_suffix('.').unwrap_or(help));
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let help = helps.get(name).copied().unwrap_or_default().to_owned();
            let figure = Figure { kind: kind.to_owned(), help, ..Figure::default() };
            assert!(figures.insert(name.to_owned(), figure).is_none(), "{name} is there twice");
            current = name.to_owned();
        } else if let Some((sample, _)) = line.split_once('{').filter(|_| !line.starts_with('#')) {
            assert!(sample.starts_with(&current), "{line} is told of behind {current}");
            let labels = line
                .split('{')
                .nth(1)
                .unwrap()
                .split("=\"")
                .map(|part| part.rsplit(['"', ',']).next().unwrap().to_owned());
            // Behind the last label there is none.
            let mut labels: Vec<String> = labels.collect();
            labels.pop();
            let of = figures.get_mut(&current).unwrap();
            of.labels.extend(labels.into_iter().filter(|label| label != "le"));
        }
    }
    figures
}

/// The path of the page.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");

/// The page, with its rows as what is registered has them: name, type, labels, meaning. Rows stay
/// where they are; those of what there is not are left out.
fn rewritten(page: &str, figures: &BTreeMap<String, Figure>) -> (String, BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    let mut out = String::new();
    for line in page.lines() {
        let name =
            line.strip_prefix("| `").and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
        let is_row = name.is_some_and(|name| OURS.iter().any(|prefix| name.starts_with(prefix)));
        match name.filter(|_| is_row).map(|name| (name, figures.get(name))) {
            Some((name, Some(Figure { kind, labels, help }))) => {
                assert!(seen.insert(name.to_owned()), "{name} has two rows");
                let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
                let cells = [&format!("`{name}`"), kind, &labels.join(", "), help];
                let cells = cells
                    .map(|cell| if cell.is_empty() { String::new() } else { format!(" {cell}") });
                out.push_str(&format!("|{} |\n", cells.join(" |")));
            }
            Some((_, None)) => {}
            None => out.extend([line, "\n"]),
        }
    }
    (out, seen)
}

/// All there is, and its text.
fn everything() -> (BTreeMap<String, Figure>, String) {
    let mut sources = sources(Metrics::default());
    sources.push(dns());
    sources.push(mesh());
    let text = write(&sources, Format::Prometheus).unwrap();
    let mut figures = registered(&text);
    // Only where the host tracks connections.
    for (name, help) in [host::ENTRIES, host::ENTRIES_LIMIT] {
        let figure = figures.entry(name.to_owned()).or_default();
        (figure.kind, figure.help) = ("gauge".to_owned(), help.to_owned());
    }
    (figures, text)
}

/// <https://prometheus.io/docs/practices/naming/>: base units, `_total`, a prefix that says whose.
#[test]
fn names_follow_the_conventions() {
    let (figures, text) = everything();
    for (name, Figure { kind, help, .. }) in &figures {
        assert!(OURS.iter().any(|prefix| name.starts_with(prefix)), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} {kind}");
        for wrong in ["milliseconds", "_ms", "kilobytes", "percent", "minutes"] {
            assert!(!name.contains(wrong), "{name}");
        }
        let spread = ["_duration_seconds", "_size_bytes"].iter().any(|end| name.ends_with(end));
        assert_eq!(kind == "histogram", spread, "{name} {kind}");
        assert!(!help.is_empty(), "{name} says nothing of itself");
    }
    assert!(!text.contains("NaN"), "{text}");
}

#[test]
fn figures_in_the_book_are_made_of_what_they_say_of_themselves() {
    let (figures, _) = everything();
    let page = fs::read_to_string(PAGE).unwrap();
    let (wanted, seen) = rewritten(&page, &figures);
    let missing: Vec<_> = figures.keys().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/metrics.md has no line yet that begins with {missing:?}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(PAGE, &wanted).unwrap();
    }
    let page = fs::read_to_string(PAGE).unwrap();
    assert!(page == wanted, "docs/metrics.md differs; UPDATE_GOLDEN=1 writes it anew:\n{wanted}");
}
