//! What the daemon last knew of the cluster: `cluster.json` in its state folder.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::name::NodeName;
use pontoon_model::node::NodeRecord;
use pontoon_model::subnet::SubnetRecord;
use serde::Deserialize;

use super::{Peer, Setup};

/// The file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remembered {
    machine_id: String,
    config: Option<Known<ClusterConfig>>,
    nodes: Vec<Known<NodeRecord>>,
    subnets: Vec<(IpNetwork, Known<SubnetRecord>)>,
    held: Vec<IpNetwork>,
}

#[derive(Deserialize)]
struct Known<T> {
    value: T,
}

pub(super) fn parse(text: &str) -> Option<Remembered> {
    serde_json::from_str(text).ok()
}

impl Remembered {
    /// Applies it, and says where the other nodes know this one.
    pub(super) fn apply(self, setup: &mut Setup) -> Option<IpAddr> {
        let mut own = None;
        if let Some(config) = self.config {
            // The store's configuration counts, whatever the file says.
            let own = setup.config.dns_addresses();
            let beside: Vec<_> =
                setup.dns.iter().copied().filter(|at| !own.contains(&at.ip())).collect();
            let answers = !setup.dns.is_empty();
            setup.config = config.value;
            if answers {
                setup.answer_dns(&beside);
            }
        }
        let mut subnets: BTreeMap<NodeName, Vec<IpNetwork>> = BTreeMap::new();
        for (net, owner) in self.subnets {
            subnets.entry(owner.value.node).or_default().push(net);
        }
        setup.held = self.held;
        for node in self.nodes {
            let record = node.value;
            if record.machine_id == self.machine_id {
                own = Some(record.underlay);
                setup.node = setup.node.take().or(Some(record.name));
                continue;
            }
            let subnets = subnets.remove(&record.name).unwrap_or_default();
            setup.peers.push(Peer { record, subnets, way: None });
        }
        own
    }
}
