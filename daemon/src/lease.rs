//! Which node subnets are ours: decided from what the store holds, carried out by transaction.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use ipnetwork::IpNetwork;
use pontoon_model::cidr::{self, Family};
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::name::NodeName;
use pontoon_model::subnet::SubnetRecord;

/// Who leases.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The node's name.
    pub name: NodeName,
    /// The host's machine id.
    pub machine_id: String,
}

impl Identity {
    /// The record that claims a subnet.
    #[must_use]
    pub fn subnet_record(&self) -> SubnetRecord {
        SubnetRecord { node: self.name.clone(), machine_id: self.machine_id.clone() }
    }

    fn owns(&self, record: &SubnetRecord) -> bool {
        record.node == self.name && record.machine_id == self.machine_id
    }
}

/// What a lease needs of the world.
#[derive(Debug)]
pub struct LeaseView<'a> {
    /// The cluster.
    pub config: &'a ClusterConfig,
    /// Every subnet in the store.
    pub taken: &'a BTreeMap<IpNetwork, SubnetRecord>,
    /// Subnets that this node held when it last saw the store: they come first when free.
    pub held: &'a [IpNetwork],
}

/// Why no subnet can be leased.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LeaseError {
    /// The cluster CIDR has no free block left.
    #[error(
        "no free /{prefix} left in pod CIDR {range}: {taken} node subnets are leased; remove dead nodes with `pontoon node remove`, or plan a larger pod CIDR"
    )]
    Exhausted {
        /// The range.
        range: IpNetwork,
        /// The node prefix length.
        prefix: u8,
        /// Subnets leased in it.
        taken: usize,
    },
}

/// The subnets of a node that the store confirms, sorted.
#[must_use]
pub fn owned(view: &LeaseView<'_>, me: &Identity) -> Vec<IpNetwork> {
    let in_cluster =
        |net: IpNetwork| view.config.pod_cidrs.iter().any(|range| cidr::contains(*range, net));
    view.taken
        .iter()
        .filter(|(net, record)| me.owns(record) && in_cluster(**net))
        .map(|(net, _)| *net)
        .collect()
}

/// The families of the cluster in which the node has no subnet yet.
#[must_use]
pub fn missing(view: &LeaseView<'_>, me: &Identity) -> Vec<Family> {
    let have: HashSet<Family> = owned(view, me).into_iter().map(Family::of_network).collect();
    view.config
        .pod_cidrs
        .iter()
        .map(|r| Family::of_network(*r))
        .filter(|f| !have.contains(f))
        .collect()
}

/// The subnet to claim next in a family: one that the node held before, when it is free, or else
/// the first free one behind a place that depends on the node's name, so that nodes that start
/// together seldom want the same.
///
/// # Errors
/// When the range has no free block.
pub fn candidate(
    view: &LeaseView<'_>,
    me: &Identity,
    family: Family,
) -> Result<Option<IpNetwork>, LeaseError> {
    let Some(range) = view.config.pod_cidr(family) else { return Ok(None) };
    let prefix = view.config.node_prefix(family);
    let is_free = |net: IpNetwork| !overlaps_any(view.taken, net);
    let held = view.held.iter().copied().find(|net| {
        cidr::contains(range, *net) && is_free(*net) && Family::of_network(*net) == family
    });
    if held.is_some() {
        return Ok(held);
    }
    let count = cidr::subnet_count(range, prefix);
    let start = start(me, count);
    // Every taken block hides at most as many places as it overlaps; looking further than that
    // many places beyond the taken ones cannot find more.
    for step in 0..count {
        let index = (start + step) % count;
        let Some(net) = cidr::subnet(range, prefix, index) else { continue };
        if is_free(net) {
            return Ok(Some(net));
        }
    }
    let taken = view.taken.keys().filter(|net| cidr::overlap(range, **net)).count();
    Err(LeaseError::Exhausted { range, prefix, taken })
}

fn start(me: &Identity, count: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    me.name.hash(&mut hasher);
    hasher.finish() % count.max(1)
}

/// Whether a block overlaps one that is taken. Taken blocks need not be of today's prefix length,
/// nor well-behaved: the store may hold anything.
fn overlaps_any(taken: &BTreeMap<IpNetwork, SubnetRecord>, net: IpNetwork) -> bool {
    taken.contains_key(&net) || taken.keys().any(|other| cidr::overlap(*other, net))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me(name: &str) -> Identity {
        Identity { name: name.parse().unwrap(), machine_id: format!("machine-{name}") }
    }

    fn config(range: &str, prefix: u8) -> ClusterConfig {
        ClusterConfig {
            pod_cidrs: vec![range.parse().unwrap()],
            node_prefix_v4: prefix,
            ..ClusterConfig::default()
        }
    }

    fn take(taken: &mut BTreeMap<IpNetwork, SubnetRecord>, net: &str, who: &Identity) {
        taken.insert(net.parse().unwrap(), who.subnet_record());
    }

    #[test]
    fn every_node_finds_a_block_until_the_range_is_full() {
        let config = config("10.0.0.0/22", 24);
        let mut taken = BTreeMap::new();
        for n in 0..4 {
            let view = LeaseView { config: &config, taken: &taken, held: &[] };
            let who = me(&format!("n{n}"));
            let net = candidate(&view, &who, Family::V4).unwrap().unwrap();
            assert!(taken.insert(net, who.subnet_record()).is_none(), "{net} twice");
        }
        let view = LeaseView { config: &config, taken: &taken, held: &[] };
        let said = candidate(&view, &me("n4"), Family::V4).unwrap_err().to_string();
        assert!(
            said.starts_with("no free /24 left in pod CIDR 10.0.0.0/22: 4 node subnets"),
            "{said}"
        );
    }

    #[test]
    fn a_subnet_held_before_comes_first_unless_it_was_given_away() {
        let config = config("10.0.0.0/16", 24);
        let held = ["10.0.77.0/24".parse().unwrap()];
        let mut taken = BTreeMap::new();
        let view = LeaseView { config: &config, taken: &taken, held: &held };
        assert_eq!(candidate(&view, &me("a"), Family::V4).unwrap(), Some(held[0]));
        take(&mut taken, "10.0.77.0/24", &me("b"));
        let view = LeaseView { config: &config, taken: &taken, held: &held };
        assert_ne!(candidate(&view, &me("a"), Family::V4).unwrap(), Some(held[0]));
    }

    #[test]
    fn blocks_of_another_size_are_respected() {
        let config = config("10.0.0.0/22", 24);
        let mut taken = BTreeMap::new();
        take(&mut taken, "10.0.0.0/23", &me("old"));
        take(&mut taken, "10.0.2.128/25", &me("old"));
        let view = LeaseView { config: &config, taken: &taken, held: &[] };
        assert_eq!(
            candidate(&view, &me("a"), Family::V4).unwrap().unwrap().to_string(),
            "10.0.3.0/24"
        );
    }

    #[test]
    fn a_name_on_another_machine_owns_nothing() {
        let config = config("10.0.0.0/16", 24);
        let mut taken = BTreeMap::new();
        take(&mut taken, "10.0.1.0/24", &me("a"));
        take(&mut taken, "192.168.0.0/24", &me("a"));
        let view = LeaseView { config: &config, taken: &taken, held: &[] };
        assert_eq!(
            owned(&view, &me("a")),
            ["10.0.1.0/24".parse().unwrap()],
            "in the cluster's range only"
        );
        let imposter = Identity { machine_id: "other".into(), ..me("a") };
        assert!(owned(&view, &imposter).is_empty());
        assert_eq!(missing(&view, &imposter), [Family::V4]);
    }
}
