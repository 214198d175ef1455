//! What the daemon's parts must know of each other: published by the controller, read by all.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnetwork::IpNetwork;
use pontoon_model::cidr::Family;
use pontoon_model::cluster::{BackendKind, ClusterConfig};
use pontoon_model::name::NodeName;

use crate::network::Network;
use crate::underlay::Underlay;
use crate::view::ClusterView;

/// The node and its cluster at one moment.
#[derive(Debug, Clone, Default)]
pub struct Situation {
    /// Bridge, routes and rules are in the kernel for everything that is known of the cluster, and
    /// the node has a subnet of each family.
    pub networked: bool,
    /// What is wrong, in words.
    pub problems: Vec<String>,
    /// Whether the store answers.
    pub connected: bool,
    /// The cluster as it was last told.
    pub view: Arc<ClusterView>,
    /// The cluster's configuration as last known.
    pub config: Option<ClusterConfig>,
    /// MTU of pods, bytes.
    pub mtu: u32,
    /// The subnets that the node holds, in the order in which they were leased.
    pub held: Vec<IpNetwork>,
    /// Where the node answers DNS.
    pub dns: Vec<IpAddr>,
    /// How each peer is reached, by name.
    pub ways: BTreeMap<String, BackendKind>,
    /// The last topology change that the kernel holds.
    pub applied: u64,
    /// The way to other nodes.
    pub underlay: Option<Underlay>,
    /// What the kernel's network is to be.
    pub planned: Option<Arc<Network>>,
}

impl Situation {
    /// The families in which pods get addresses, the preferred one first.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        self.config
            .iter()
            .flat_map(|c| &c.pod_cidrs)
            .map(|range| Family::of_network(*range))
            .collect()
    }

    /// The live nodes that do not yet lead to one of these subnets of ours. Empty when everybody
    /// does, and when the store is away: nobody could tell.
    #[must_use]
    pub fn laggards(&self, me: &NodeName, subnets: &[IpNetwork]) -> Vec<NodeName> {
        if !self.connected {
            return Vec::new();
        }
        let node = self.view.nodes.get(me).map_or(u64::MAX, |known| known.modified);
        let leased = subnets
            .iter()
            .map(|net| self.view.subnets.get(net).map_or(u64::MAX, |known| known.modified))
            .max();
        let since = node.max(leased.unwrap_or(0));
        let behind = self.view.alive.iter().filter(|(name, alive)| {
            *name != me && self.view.nodes.contains_key(*name) && alive.applied < since
        });
        behind.map(|(name, _)| name.clone()).collect()
    }

    /// Whether the kernel holds everything that is known at this moment.
    #[must_use]
    pub fn up_to_date(&self) -> bool {
        self.networked && self.applied >= self.view.topology
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Known;
    use pontoon_model::node::{Liveness, NodeRecord};
    use pontoon_model::subnet::SubnetRecord;

    fn name(text: &str) -> NodeName {
        text.parse().unwrap()
    }

    fn situation(applied: &[(&str, u64)]) -> Situation {
        let mut view = ClusterView::default();
        for node in ["me", "a", "b"] {
            let record = NodeRecord {
                name: name(node),
                machine_id: node.into(),
                underlay: "192.0.2.1".parse().unwrap(),
                addresses: Vec::new(),
                vxlan_mac: "02:00:00:00:00:01".parse().unwrap(),
                zone: None,
                version: "0".into(),
            };
            view.nodes.insert(name(node), Known { value: record, created: 3, modified: 5 });
        }
        let record = SubnetRecord { node: name("me"), machine_id: "me".into() };
        view.subnets.insert(
            "10.244.1.0/24".parse().unwrap(),
            Known { value: record, created: 8, modified: 8 },
        );
        view.alive =
            applied.iter().map(|(node, at)| (name(node), Liveness { applied: *at })).collect();
        Situation { connected: true, view: Arc::new(view), ..Situation::default() }
    }

    #[test]
    fn live_nodes_are_waited_for_until_they_lead_here() {
        let subnet = ["10.244.1.0/24".parse().unwrap()];
        let behind = |applied: &[(&str, u64)]| situation(applied).laggards(&name("me"), &subnet);
        assert_eq!(behind(&[("me", 0), ("a", 7), ("b", 8)]), [name("a")]);
        assert!(behind(&[("a", 8), ("b", 9)]).is_empty());
        assert!(behind(&[]).is_empty(), "the dead are not waited for");
        assert!(behind(&[("stranger", 0)]).is_empty(), "a liveness key without a node is nobody");
    }

    #[test]
    fn nobody_is_waited_for_while_the_store_is_away() {
        let mut situation = situation(&[("a", 0)]);
        situation.connected = false;
        assert!(situation.laggards(&name("me"), &["10.244.1.0/24".parse().unwrap()]).is_empty());
    }
}
