//! docs/metrics.md against what is registered: every figure has its row there with its labels, and
//! no row tells of anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Instant;

use pontoon_dns::exchange::Transport;
use pontoon_dns::metrics::label::Kind;
use pontoon_dns::metrics::tally::Closed;
use pontoon_dns::wire::name::Name;

use super::*;
use crate::mesh::board::Board;
use crate::mesh::plan::{Target, Way};

/// What the reference says of a figure, or a figure of itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figure {
    kind: String,
    labels: BTreeSet<String>,
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
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let figure = Figure { kind: kind.to_owned(), ..Figure::default() };
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

/// The rows of the reference: a name, its labels, and their meaning.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let words = |cell: &str| -> BTreeSet<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let mut rows = BTreeMap::new();
    for line in include_str!("../../../../docs/metrics.md").lines() {
        let cells: Vec<&str> = line.split('|').collect();
        let ["", name, labels, _, ""] = cells[..] else { continue };
        for name in words(name) {
            assert!(rows.insert(name.clone(), words(labels)).is_none(), "{name} has two rows");
        }
    }
    rows
}

/// <https://prometheus.io/docs/practices/naming/>: base units, `_total`, a prefix that says whose.
#[test]
fn names_follow_the_conventions_and_have_their_rows_in_the_reference() {
    let mut sources = sources(Metrics::default());
    sources.push(dns());
    sources.push(mesh());
    let text = write(&sources, Format::Prometheus).unwrap();
    let mut figures = registered(&text);
    // Only where the host tracks connections.
    for name in ["pontoon_conntrack_entries", "pontoon_conntrack_entries_limit"] {
        figures.entry(name.to_owned()).or_default().kind = "gauge".to_owned();
    }
    for (name, Figure { kind, .. }) in &figures {
        let ours = ["pontoon_", "process_", "coredns_"];
        assert!(ours.iter().any(|prefix| name.starts_with(prefix)), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} {kind}");
        for wrong in ["milliseconds", "_ms", "kilobytes", "percent", "minutes"] {
            assert!(!name.contains(wrong), "{name}");
        }
        let spread = ["_duration_seconds", "_size_bytes"].iter().any(|end| name.ends_with(end));
        assert_eq!(kind == "histogram", spread, "{name} {kind}");
    }
    assert!(!text.contains("NaN"), "{text}");
    let mut rows = documented();
    for (name, figure) in figures {
        let row = rows.remove(&name);
        let row = row.unwrap_or_else(|| panic!("docs/metrics.md has no row for {name}"));
        assert_eq!(row, figure.labels, "labels of {name} in docs/metrics.md, and of itself");
    }
    assert!(rows.is_empty(), "docs/metrics.md tells of what there is not: {rows:?}");
}
