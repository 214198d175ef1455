//! Whom to probe, from where, and when.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use ipnetwork::IpNetwork;
use pontoon_model::cidr::{self, Family};
use pontoon_model::name::NodeName;

use crate::lease::Identity;
use crate::view::ClusterView;

/// A node probes so many peers at most, whatever the size of the cluster.
pub const MOST: usize = 64;

/// The ways to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// From host to host.
    Underlay,
    /// Over the pod network, IPv4.
    Pods4,
    /// Over the pod network, IPv6.
    Pods6,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Underlay, Self::Pods4, Self::Pods6];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Underlay => "underlay",
            Self::Pods4 => "pods4",
            Self::Pods6 => "pods6",
        }
    }
}

/// Where a node answers: an address for each way to it.
pub type Place = BTreeMap<Way, IpAddr>;

/// A probe to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// To whom.
    pub peer: NodeName,
    /// On which way.
    pub way: Way,
    /// From this address of ours.
    pub from: IpAddr,
    /// To this one of its.
    pub to: IpAddr,
}

/// The cluster as far as probes go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Where this node sends from and answers.
    pub own: Place,
    /// All probes of a round.
    pub targets: Vec<Target>,
    /// The peers that they go to.
    pub peers: BTreeSet<NodeName>,
    /// Who is answered: every address that a node of the cluster sends from.
    pub sources: HashSet<IpAddr>,
}

/// Plans for a cluster. `held` are this node's subnets.
#[must_use]
pub fn plan(view: &ClusterView, me: &Identity, held: &[IpNetwork]) -> Plan {
    let Some(record) = view.nodes.get(&me.name).map(|known| &known.value) else {
        return Plan::default();
    };
    let own = place(record.underlay, held);
    let addresses: BTreeSet<IpAddr> = record.addresses.iter().copied().collect();
    let (nodes, _) = view.peers(me, &addresses);
    let places: BTreeMap<NodeName, Place> = nodes
        .into_iter()
        .map(|peer| (peer.record.name.clone(), place(peer.record.underlay, &peer.subnets)))
        .collect();
    let sources = places.values().chain([&own]).flat_map(|place| place.values().copied()).collect();
    let peers = sample(&me.name, places.keys().cloned(), MOST);
    let targets = peers.iter().flat_map(|peer| {
        let ways = own.iter().filter_map(|(way, from)| {
            let to = *places[peer].get(way)?;
            let target = Target { peer: peer.clone(), way: *way, from: *from, to };
            (from.is_ipv4() == to.is_ipv4()).then_some(target)
        });
        ways.collect::<Vec<_>>()
    });
    Plan { targets: targets.collect(), own, peers, sources }
}

/// The pod network is met at a node's gateway: the packets of pods take the same way.
fn place(underlay: IpAddr, subnets: &[IpNetwork]) -> Place {
    let first = |family| {
        subnets.iter().find(|net| Family::of_network(**net) == family).copied().map(cidr::gateway)
    };
    let ways = [
        (Way::Underlay, Some(underlay)),
        (Way::Pods4, first(Family::V4)),
        (Way::Pods6, first(Family::V6)),
    ];
    ways.into_iter().filter_map(|(way, address)| Some((way, address?))).collect()
}

/// At most so many of the others: always the same, so that there is something to compare, and others
/// for each node, so that every node is looked at by about as many.
#[must_use]
pub fn sample(
    me: &NodeName,
    others: impl Iterator<Item = NodeName>,
    most: usize,
) -> BTreeSet<NodeName> {
    let mut ranked: Vec<(u64, NodeName)> = others
        .map(|other| {
            let mut hasher = DefaultHasher::new();
            (me.as_str(), other.as_str()).hash(&mut hasher);
            (hasher.finish(), other)
        })
        .collect();
    if ranked.len() > most {
        ranked.sort_unstable();
        ranked.truncate(most);
    }
    ranked.into_iter().map(|(_, name)| name).collect()
}

/// When each of so many probes leaves in a round: spread over it, and never twice alike, so that
/// nodes do not fall into step. `random` gives numbers from 0 to below 1.
pub fn moments(
    count: usize,
    interval: Duration,
    mut random: impl FnMut() -> f64,
) -> impl Iterator<Item = Duration> {
    (0..count).map(move |at| {
        let share = (at as f64 + random().clamp(0.0, 1.0)) / count as f64;
        interval.mul_f64(share)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Known;
    use pontoon_model::node::NodeRecord;
    use pontoon_model::subnet::SubnetRecord;
    use proptest::prelude::*;

    fn view(nodes: u8) -> ClusterView {
        let mut view = ClusterView::default();
        for number in 1..=nodes {
            let name: NodeName = format!("n{number}").parse().unwrap();
            let underlay = IpAddr::from([192, 0, 2, number]);
            let record = NodeRecord {
                name: name.clone(),
                machine_id: format!("m{number}"),
                underlay,
                addresses: vec![underlay],
                vxlan_mac: "02:00:00:00:00:01".parse().unwrap(),
                zone: None,
                version: "0".into(),
            };
            view.nodes.insert(name.clone(), Known { value: record, created: 1, modified: 1 });
            for subnet in [format!("10.244.{number}.0/24"), format!("fd00:{number}::/64")] {
                let owner = SubnetRecord { node: name.clone(), machine_id: format!("m{number}") };
                let owner = Known { value: owner, created: 1, modified: 1 };
                view.subnets.insert(subnet.parse().unwrap(), owner);
            }
        }
        view
    }

    fn me() -> Identity {
        Identity { name: "n1".parse().unwrap(), machine_id: "m1".to_owned() }
    }

    #[test]
    fn a_peer_is_probed_on_every_way_that_both_have() {
        let held = ["10.244.1.0/24".parse().unwrap()];
        let plan = plan(&view(2), &me(), &held);
        let shown: Vec<String> = plan
            .targets
            .iter()
            .map(|at| format!("{} {} {} {}", at.peer, at.way.name(), at.from, at.to))
            .collect();
        let expected = ["n2 underlay 192.0.2.1 192.0.2.2", "n2 pods4 10.244.1.1 10.244.2.1"];
        assert_eq!(shown, expected);
        for source in ["192.0.2.1", "192.0.2.2", "10.244.1.1", "10.244.2.1", "fd00:2::1"] {
            assert!(plan.sources.contains(&source.parse().unwrap()), "{source} {plan:?}");
        }
        assert!(!plan.sources.contains(&"10.244.2.2".parse().unwrap()), "a pod is no node");
    }

    #[test]
    fn a_node_that_is_not_registered_probes_nobody_and_answers_nobody() {
        let stranger = Identity { name: "x".parse().unwrap(), machine_id: "x".to_owned() };
        assert_eq!(super::plan(&view(3), &stranger, &[]), Plan::default());
    }

    #[test]
    fn in_a_large_cluster_all_are_looked_at_by_some() {
        let names: Vec<NodeName> = (0..1000).map(|n| format!("n{n}").parse().unwrap()).collect();
        let mut seen: BTreeMap<NodeName, usize> = BTreeMap::new();
        for me in &names {
            let others = names.iter().filter(|other| *other != me).cloned();
            for other in sample(me, others, MOST) {
                *seen.entry(other).or_default() += 1;
            }
        }
        let fewest = seen.values().min().unwrap();
        assert!(seen.len() == 1000 && *fewest > MOST / 3, "{} {fewest}", seen.len());
    }

    proptest! {
        #[test]
        fn a_sample_is_no_more_than_asked_and_stays_as_nodes_come(count in 0..200usize, most in 1..80usize) {
            let names: Vec<NodeName> = (0..count).map(|n| format!("n{n}").parse().unwrap()).collect();
            let me: NodeName = "me".parse().unwrap();
            let chosen = sample(&me, names.iter().cloned(), most);
            prop_assert_eq!(chosen.len(), count.min(most));
            let more = names.iter().cloned().chain(["new".parse().unwrap()]);
            let then = sample(&me, more, most);
            prop_assert!(chosen.difference(&then).count() <= 1, "one comes, one goes at most");
        }

        #[test]
        fn probes_are_spread_over_the_round(count in 1..300usize, random in 0.0..1.0f64) {
            let interval = Duration::from_secs(10);
            let moments: Vec<Duration> = moments(count, interval, || random).collect();
            prop_assert!(moments.is_sorted() && moments[count - 1] <= interval);
            let widest = moments.windows(2).map(|pair| pair[1] - pair[0]).max();
            let even = interval.div_f64(count as f64);
            prop_assert!(widest.is_none_or(|gap| gap <= even * 2));
        }
    }
}
