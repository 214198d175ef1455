//! Probes under way, and what came of those before.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pontoon_model::mesh::{MeshRow, MeshWays, Quality};
use pontoon_model::name::NodeName;

use super::plan::{Target, Way};
use super::window::Window;
use crate::metrics::figure::{Count, Times};

/// What a node checks of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Its DNS answers at the cluster's address.
    Dns,
    /// Its table leads a virtual address to its endpoint.
    Service,
}

/// Probes of one kind since the start.
#[derive(Debug, Default)]
pub struct Tally {
    /// Without an answer.
    pub lost: Count,
    /// How long the others took.
    pub times: Times,
}

/// What is known.
#[derive(Debug, Default)]
pub struct Board {
    state: Mutex<State>,
    ways: [Tally; Way::ALL.len()],
}

#[derive(Debug, Default)]
struct State {
    under_way: HashMap<u64, Asked>,
    peers: BTreeMap<NodeName, BTreeMap<Way, Window>>,
    dns: Window,
    service: Window,
}

#[derive(Debug)]
struct Asked {
    peer: NodeName,
    way: Way,
    to: IpAddr,
    at: Instant,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all peers but these, and ways that there are no more.
    pub fn keep(&self, peers: &BTreeSet<NodeName>, targets: &[Target]) {
        let ways: BTreeSet<_> = targets.iter().map(|target| (&target.peer, target.way)).collect();
        let mut state = self.state();
        // An answer to one of these would bring back what is forgotten here.
        state.under_way.retain(|_, asked| ways.contains(&(&asked.peer, asked.way)));
        state.peers.retain(|peer, _| peers.contains(peer));
        for (peer, windows) in &mut state.peers {
            windows.retain(|way, _| ways.contains(&(peer, *way)));
        }
    }

    /// A probe leaves.
    pub fn asked(&self, number: u64, target: &Target, at: Instant) {
        let asked = Asked { peer: target.peer.clone(), way: target.way, to: target.to, at };
        self.state().under_way.insert(number, asked);
    }

    /// An answer came. Only who was asked can give it.
    pub fn answered(&self, number: u64, from: SocketAddr, at: Instant, patience: Duration) {
        let mut state = self.state();
        let Some(asked) = state.under_way.get(&number) else { return };
        if asked.to != from.ip() {
            return;
        }
        let took = at.duration_since(asked.at);
        if took <= patience
            && let Some(asked) = state.under_way.remove(&number)
        {
            self.note(&mut state, asked, Some(took));
        }
    }

    /// Gives up probes that are not answered in time.
    pub fn give_up(&self, now: Instant, patience: Duration) {
        let mut state = self.state();
        let late: Vec<u64> = state
            .under_way
            .iter()
            .filter(|(_, asked)| now.duration_since(asked.at) > patience)
            .map(|(number, _)| *number)
            .collect();
        for number in late {
            if let Some(asked) = state.under_way.remove(&number) {
                self.note(&mut state, asked, None);
            }
        }
    }

    fn note(&self, state: &mut State, asked: Asked, time: Option<Duration>) {
        let tally = &self.ways[asked.way as usize];
        match time {
            Some(time) => tally.times.took(time),
            None => tally.lost.add(1),
        }
        state.peers.entry(asked.peer).or_default().entry(asked.way).or_default().record(time);
    }

    /// What came of a check; `None` when there is nothing to check.
    pub fn checked(&self, check: Check, outcome: Option<Result<Duration, ()>>) {
        let mut state = self.state();
        let window = match check {
            Check::Dns => &mut state.dns,
            Check::Service => &mut state.service,
        };
        match outcome {
            Some(outcome) => window.record(outcome.ok()),
            None => *window = Window::default(),
        }
    }

    /// What this node measured.
    #[must_use]
    pub fn row(&self) -> MeshRow {
        let state = self.state();
        let quality = |windows: &BTreeMap<Way, Window>, way| -> Option<Quality> {
            windows.get(&way).and_then(Window::quality)
        };
        let peers = state.peers.iter().map(|(peer, windows)| {
            let ways = MeshWays {
                underlay: quality(windows, Way::Underlay),
                pods4: quality(windows, Way::Pods4),
                pods6: quality(windows, Way::Pods6),
            };
            (peer.clone(), ways)
        });
        MeshRow {
            probed: state.peers.len(),
            dns: state.dns.quality(),
            service: state.service.quality(),
            peers: peers.filter(|(_, ways)| ways.grade().is_some()).collect(),
        }
    }

    /// Probes since the start, by way.
    pub fn tallies(&self) -> impl Iterator<Item = (Way, &Tally)> {
        Way::ALL.into_iter().zip(&self.ways)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    fn target(peer: &str) -> Target {
        let [from, to] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        Target { peer: peer.parse().unwrap(), way: Way::Underlay, from, to }
    }

    #[test]
    fn only_who_was_asked_answers_and_only_once_and_in_time() {
        let board = Board::default();
        let start = Instant::now();
        let peer: SocketAddr = "192.0.2.2:9555".parse().unwrap();
        for number in 0..4 {
            board.asked(number, &target("b"), start);
        }
        board.answered(0, "192.0.2.3:9555".parse().unwrap(), start, PATIENCE);
        board.answered(9, peer, start, PATIENCE);
        for number in [1, 1, 2] {
            board.answered(number, peer, start + Duration::from_millis(2), PATIENCE);
        }
        board.answered(3, peer, start + 2 * PATIENCE, PATIENCE);
        board.give_up(start + 2 * PATIENCE, PATIENCE);
        let quality = board.row().peers[&"b".parse().unwrap()].underlay.unwrap();
        assert_eq!(quality, Quality { loss_percent: 50, rtt_us: Some(2000) });
        let (_, tally) = board.tallies().next().unwrap();
        assert_eq!((tally.lost.get(), tally.times.count()), (2, 2));
    }

    #[test]
    fn a_peer_that_has_left_is_forgotten() {
        let board = Board::default();
        let start = Instant::now();
        for number in 0..3 {
            board.asked(number, &target("b"), start);
        }
        board.give_up(start + 2 * PATIENCE, PATIENCE);
        assert_eq!(board.row().probed, 1);
        board.asked(3, &target("b"), start);
        board.asked(4, &target("b"), start);
        board.keep(&BTreeSet::new(), &[]);
        // Nor does a probe that was under way bring it back.
        board.answered(3, "192.0.2.2:9555".parse().unwrap(), start, PATIENCE);
        board.give_up(start + 2 * PATIENCE, PATIENCE);
        assert_eq!(board.row(), MeshRow::default());
    }
}
