//! When the others are to hear of what was measured.

use std::collections::BTreeMap;

use pontoon_model::mesh::{Grade, MeshRow, MeshWays, Quality};

use super::plan::MOST;

/// In a cluster of more nodes than are probed, only trouble is told, and no more of it than that.
const MOST_TROUBLED: usize = 16;
/// Rounds between two tellings of nothing but other times.
pub const PATIENCE: u32 = 6;

/// What a row differs in from what was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// In nothing that matters.
    None,
    /// In how long things take.
    Times,
    /// In what works.
    Grades,
}

/// What the others are told of a row.
#[must_use]
pub fn told(row: &MeshRow) -> MeshRow {
    let mut told = row.clone();
    if row.probed >= MOST {
        let mut troubled: Vec<_> =
            row.peers.iter().filter(|(_, ways)| ways.grade() > Some(Grade::Good)).collect();
        troubled.sort_by_key(|(_, ways)| std::cmp::Reverse(ways.grade()));
        troubled.truncate(MOST_TROUBLED);
        told.peers = troubled.into_iter().map(|(name, ways)| (name.clone(), *ways)).collect();
    }
    told
}

/// Compares what was told with what is to be told.
#[must_use]
pub fn difference(before: &MeshRow, now: &MeshRow) -> Difference {
    if before == now {
        return Difference::None;
    }
    let (before, now) = (flat(before), flat(now));
    if before.len() != now.len() {
        return Difference::Grades;
    }
    let each = before.iter().map(|(key, old)| match now.get(key) {
        None => Difference::Grades,
        Some(new) => between(*old, *new),
    });
    each.max().unwrap_or(Difference::None)
}

fn between(old: Quality, new: Quality) -> Difference {
    if old.grade() != new.grade() || old.rtt_us.is_some() != new.rtt_us.is_some() {
        return Difference::Grades;
    }
    let (old, new) = (old.rtt_us.unwrap_or(0), new.rtt_us.unwrap_or(0));
    let (less, more) = (old.min(new), old.max(new));
    // A fraction of a millisecond is noise, whatever its share.
    if more > less.saturating_mul(2) && more - less > 1000 {
        Difference::Times
    } else {
        Difference::None
    }
}

/// All that was measured, by what it is of.
fn flat(row: &MeshRow) -> BTreeMap<(&str, &'static str), Quality> {
    let own = [("dns", row.dns), ("service", row.service)];
    let own = own.into_iter().filter_map(|(name, quality)| Some((("", name), quality?)));
    let of_peer = |(peer, ways): (_, &MeshWays)| {
        let peer: &pontoon_model::name::NodeName = peer;
        let ways = ways.each().collect::<Vec<_>>();
        ways.into_iter().map(move |(way, quality)| ((peer.as_str(), way), quality))
    };
    own.chain(row.peers.iter().flat_map(of_peer)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(peers: usize, quality: impl Fn(usize) -> Quality) -> MeshRow {
        let ways = |at| MeshWays { pods4: Some(quality(at)), ..MeshWays::default() };
        let peers = (0..peers).map(|at| (format!("n{at}").parse().unwrap(), ways(at)));
        let peers: BTreeMap<_, _> = peers.collect();
        MeshRow { probed: peers.len(), peers, ..MeshRow::default() }
    }

    const fn answered(loss_percent: u8, rtt_us: u32) -> Quality {
        Quality { loss_percent, rtt_us: Some(rtt_us) }
    }

    const LOST: Quality = Quality { loss_percent: 100, rtt_us: None };

    #[test]
    fn noise_is_not_told_and_trouble_is_at_once() {
        let well = row(3, |_| answered(0, 300));
        for (now, expected) in [
            (row(3, |_| answered(0, 1200)), Difference::None),
            (row(3, |_| answered(0, 9000)), Difference::Times),
            (
                row(3, |at| if at == 1 { answered(10, 300) } else { answered(0, 300) }),
                Difference::Grades,
            ),
            (row(3, |at| if at == 1 { LOST } else { answered(0, 300) }), Difference::Grades),
            (row(4, |_| answered(0, 300)), Difference::Grades),
            (row(2, |_| answered(0, 300)), Difference::Grades),
        ] {
            assert_eq!(difference(&well, &now), expected, "{now:?}");
            assert_eq!(difference(&now, &well), expected, "the other way round: {now:?}");
        }
        let asks = MeshRow { dns: Some(LOST), ..well.clone() };
        assert_eq!(difference(&well, &asks), Difference::Grades);
    }

    #[test]
    fn in_a_large_cluster_only_trouble_is_told_the_worst_of_it_first() {
        let of = |at| match at {
            50 => LOST,
            at if at < 40 => answered(10, 300),
            _ => answered(0, 300),
        };
        let told = told(&row(MOST, of));
        assert_eq!((told.peers.len(), told.probed), (MOST_TROUBLED, MOST));
        assert!(told.peers.contains_key(&"n50".parse().unwrap()), "{told:?}");
        let small = row(MOST - 1, of);
        assert_eq!(super::told(&small), small);
    }
}
