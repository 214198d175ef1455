//! How well nodes reach each other, as a matrix for a person.

use pontoon_model::mesh::{Grade, Mesh, MeshRow, MeshWays, Quality};
use pontoon_model::name::NodeName;

use crate::grid::{self, Cell};
use crate::say::{Tone, toned};

/// So many nodes fit on a screen side by side; of more, each has a line.
const WIDEST: usize = 12;
/// Troubles that are told in words.
const MOST_TROUBLES: usize = 30;

/// The whole, and whether all is good.
pub(super) fn whole(mesh: &Mesh) -> (String, bool) {
    if !mesh.enabled {
        return ("this node does not probe its peers: mesh.enabled is false".to_owned(), true);
    }
    let table = if mesh.nodes.len() <= WIDEST { matrix(mesh) } else { list(mesh) };
    let troubles = troubles(mesh);
    let mut text = grid::lay_out(&table);
    if !troubles.is_empty() {
        text.push('\n');
    }
    for trouble in troubles.iter().take(MOST_TROUBLES) {
        text.push_str(&format!("\n{trouble}"));
    }
    if troubles.len() > MOST_TROUBLES {
        text.push_str(&format!("\nand {} more", troubles.len() - MOST_TROUBLES));
    }
    (text, troubles.is_empty())
}

/// From each node to each, and what it checks of itself.
fn matrix(mesh: &Mesh) -> Vec<Vec<Cell>> {
    let names = mesh.nodes.iter().map(NodeName::as_str);
    let heads = ["FROM \\ TO"].into_iter().chain(names).chain(["DNS", "SERVICE"]);
    let mut rows = vec![grid::heads(heads)];
    rows.extend(mesh.nodes.iter().map(|from| {
        let row = mesh.rows.get(from);
        let to = mesh.nodes.iter().map(|to| match row.and_then(|row| row.peers.get(to)) {
            Some(ways) => pair(ways),
            None if from == to => "-".into(),
            None => unknown(),
        });
        [Cell::from(from.as_str())].into_iter().chain(to).chain(own(row)).collect()
    }));
    rows
}

/// A line a node.
fn list(mesh: &Mesh) -> Vec<Vec<Cell>> {
    let heads = ["FROM", "PROBES", "NOT GOOD", "WORST", "DNS", "SERVICE"];
    let mut rows = vec![grid::heads(heads)];
    rows.extend(mesh.nodes.iter().map(|from| {
        let row = mesh.rows.get(from);
        let mut cells = vec![Cell::from(from.as_str())];
        match row {
            None => cells.extend([unknown(), unknown(), unknown()]),
            Some(row) => {
                let is_troubled = |ways: &&MeshWays| ways.grade() > Some(Grade::Good);
                let troubled = row.peers.values().filter(is_troubled).count();
                let worst = row.peers.values().max_by_key(|ways| ways.grade());
                cells.push(row.probed.to_string().into());
                cells.push(troubled.to_string().into());
                cells.push(worst.map_or("-".into(), pair));
            }
        }
        cells.extend(own(row));
        cells
    }));
    rows
}

fn own(row: Option<&MeshRow>) -> [Cell; 2] {
    let of = |quality: fn(&MeshRow) -> Option<Quality>| match row {
        Some(row) => quality(row).map_or("-".into(), cell),
        None => unknown(),
    };
    [of(|row| row.dns), of(|row| row.service)]
}

fn unknown() -> Cell {
    Cell::toned("?", Tone::Warn)
}

/// The worst of the ways to a peer, and the longest time.
fn pair(ways: &MeshWays) -> Cell {
    let loss = ways.each().map(|(_, quality)| quality.loss_percent).max();
    let rtt_us = ways.each().filter_map(|(_, quality)| quality.rtt_us).max();
    match loss {
        Some(100) => Cell::toned("LOST", Tone::Bad),
        Some(loss_percent) => cell(Quality { loss_percent, rtt_us }),
        None => unknown(),
    }
}

fn cell(quality: Quality) -> Cell {
    let tone = match quality.grade() {
        Grade::Good => Tone::Good,
        Grade::Lossy => Tone::Warn,
        Grade::Bad => Tone::Bad,
    };
    Cell::toned(words(quality), tone)
}

fn words(quality: Quality) -> String {
    match (quality.loss_percent, quality.rtt_us) {
        (_, None) => "LOST".to_owned(),
        (0, Some(time)) => milliseconds(time),
        (loss, Some(time)) => format!("-{loss}% {}", milliseconds(time)),
    }
}

fn milliseconds(us: u32) -> String {
    match f64::from(us) / 1000.0 {
        time if time < 10.0 => format!("{time:.2}ms"),
        time => format!("{time:.0}ms"),
    }
}

/// What is not good, a line each.
fn troubles(mesh: &Mesh) -> Vec<String> {
    let mut troubles = Vec::new();
    let mut note = |grade: Grade, text: String| {
        let tone = if grade == Grade::Bad { Tone::Bad } else { Tone::Warn };
        troubles.push((std::cmp::Reverse(grade), format!("{} {text}", toned(tone, "trouble:"))));
    };
    for (from, row) in &mesh.rows {
        for (to, ways) in &row.peers {
            let mut words: Vec<String> = Vec::new();
            for (way, quality) in ways.each().filter(|(_, it)| it.grade() > Grade::Good) {
                words.push(format!("{way} loses {}%", quality.loss_percent));
            }
            if let Some(grade) = ways.grade().filter(|grade| *grade > Grade::Good) {
                note(grade, format!("{from} to {to}: {}{}", words.join(", "), hint(ways)));
            }
        }
        for (what, quality) in [("DNS", row.dns), ("a service's address", row.service)] {
            if let Some(quality) = quality.filter(|quality| quality.grade() > Grade::Good) {
                let loss = quality.loss_percent;
                note(
                    quality.grade(),
                    format!("{from}: {what} does not answer {loss}% of the time"),
                );
            }
        }
    }
    let silent = mesh.nodes.iter().filter(|name| !mesh.rows.contains_key(*name));
    for name in silent {
        note(
            Grade::Lossy,
            format!("{name}: it has not told what it measures; see `pontoon get nodes`"),
        );
    }
    troubles.sort();
    troubles.into_iter().map(|(_, text)| text).collect()
}

/// What it may be, going by which ways are good.
fn hint(ways: &MeshWays) -> &'static str {
    let is = |quality: Option<Quality>, grade| quality.is_some_and(|it| it.grade() == grade);
    let pods_good = is(ways.pods4, Grade::Good) || is(ways.pods6, Grade::Good);
    let pods_bad = is(ways.pods4, Grade::Bad) || is(ways.pods6, Grade::Bad);
    if is(ways.underlay, Grade::Bad) && pods_good {
        "; is UDP port 9555 let in there?"
    } else if is(ways.underlay, Grade::Good) && pods_bad {
        "; the hosts reach each other: does the backend's port (UDP 8472 for vxlan) pass?"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mesh() -> Mesh {
        let good = |us: u32| json!({"lossPercent": 0, "rttUs": us});
        serde_json::from_value(json!({
            "enabled": true, "intervalMs": 10000, "nodes": ["a", "b", "c"], "rows": {
                "a": {"probed": 2, "dns": good(90), "service": good(60), "peers": {
                    "b": {"underlay": good(310), "pods4": good(420)},
                    "c": {"underlay": good(310), "pods4": {"lossPercent": 100}}}},
                "b": {"probed": 2, "dns": {"lossPercent": 60, "rttUs": 12000}, "peers": {
                    "a": {"underlay": {"lossPercent": 100}, "pods4": good(400)},
                    "c": {"pods4": {"lossPercent": 10, "rttUs": 900}}}},
            }
        }))
        .unwrap()
    }

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn a_matrix_shows_the_worst_way_and_then_in_words_what_is_not_good() {
        let (text, good) = whole(&mesh());
        assert!(!good);
        assert_eq!(
            lines(&text),
            [
                "FROM \\ TO a b c DNS SERVICE",
                "a - 0.42ms LOST 0.09ms 0.06ms",
                "b LOST - -10% 0.90ms -60% 12ms -",
                "c ? ? - ? ?",
                "",
                "trouble: a to c: pods4 loses 100%; the hosts reach each other: does the backend's port (UDP 8472 for vxlan) pass?",
                "trouble: b to a: underlay loses 100%; is UDP port 9555 let in there?",
                "trouble: b: DNS does not answer 60% of the time",
                "trouble: b to c: pods4 loses 10%",
                "trouble: c: it has not told what it measures; see `pontoon get nodes`",
            ]
        );
    }

    #[test]
    fn many_nodes_have_a_line_each() {
        let mut mesh = mesh();
        mesh.nodes.extend((0..20).map(|at| format!("n{at}").parse().unwrap()));
        let (text, _) = whole(&mesh);
        let shown = lines(&text);
        assert_eq!(shown[0], "FROM PROBES NOT GOOD WORST DNS SERVICE");
        assert_eq!(shown[1], "a 2 1 LOST 0.09ms 0.06ms");
        assert_eq!(shown[3], "c ? ? ? ? ?");
    }

    #[test]
    fn a_mesh_that_is_switched_off_says_so() {
        let (text, good) = whole(&Mesh::default());
        assert!(good && text.contains("mesh.enabled"), "{text}");
    }
}
