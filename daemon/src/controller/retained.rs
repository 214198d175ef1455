//! Peers of a store that was wiped: packets go on reaching them until they have registered anew.

use std::time::{Duration, Instant};

use pontoon_model::cidr;

use crate::view::Peer;

/// How long a peer has to come back. Its daemon needs to see the empty store, and to write.
const GRACE: Duration = Duration::from_secs(600);

/// Peers that the store has forgotten.
#[derive(Debug, Default)]
pub struct Retained {
    peers: Vec<Peer>,
    since: Option<Instant>,
}

impl Retained {
    /// Keeps these peers from now on.
    pub fn keep(&mut self, peers: Vec<Peer>, now: Instant) {
        self.peers = peers;
        self.since = Some(now);
    }

    /// The present peers, and those that have neither come back nor run out of time nor lost their
    /// subnets to others.
    pub fn complete(&mut self, mut present: Vec<Peer>, now: Instant) -> Vec<Peer> {
        if self.since.is_some_and(|since| now.duration_since(since) > GRACE) {
            self.peers.clear();
        }
        self.peers.retain(|old| {
            !present.iter().any(|new| {
                new.record.name == old.record.name
                    || new.subnets.iter().any(|a| old.subnets.iter().any(|b| cidr::overlap(*a, *b)))
            })
        });
        present.extend(self.peers.iter().cloned());
        present
    }

    /// How many are kept.
    #[must_use]
    pub fn count(&self) -> usize {
        self.peers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pontoon_model::node::NodeRecord;

    fn peer(name: &str, subnet: &str) -> Peer {
        Peer {
            record: NodeRecord {
                name: name.parse().unwrap(),
                machine_id: name.into(),
                underlay: "192.0.2.1".parse().unwrap(),
                addresses: Vec::new(),
                vxlan_mac: "02:00:00:00:00:01".parse().unwrap(),
                zone: None,
                version: "0".into(),
            },
            subnets: vec![subnet.parse().unwrap()],
        }
    }

    fn names(peers: &[Peer]) -> Vec<&str> {
        peers.iter().map(|p| p.record.name.as_str()).collect()
    }

    #[test]
    fn the_forgotten_stay_until_they_are_back_or_replaced_or_too_late() {
        let start = Instant::now();
        let mut retained = Retained::default();
        retained.keep(
            vec![
                peer("a", "10.244.1.0/24"),
                peer("b", "10.244.2.0/24"),
                peer("c", "10.244.3.0/24"),
            ],
            start,
        );
        assert_eq!(names(&retained.complete(vec![], start)), ["a", "b", "c"]);
        assert_eq!(
            names(&retained.complete(vec![peer("a", "10.244.9.0/24")], start)),
            ["a", "b", "c"]
        );
        assert_eq!(
            names(&retained.complete(vec![peer("new", "10.244.2.0/24")], start)),
            ["new", "c"]
        );
        assert!(retained.complete(vec![], start + GRACE + Duration::from_secs(1)).is_empty());
    }
}
