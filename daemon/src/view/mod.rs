//! The cluster as the store tells it: typed, checked against itself, and what is wrong set aside.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnetwork::IpNetwork;
use pontoon_model::cidr;
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::key::{Key, KeyError};
use pontoon_model::mesh::MeshRow;
use pontoon_model::name::NodeName;
use pontoon_model::node::{Liveness, NodeMarks, NodeRecord};
use pontoon_model::subnet::SubnetRecord;
use pontoon_store::{Event, KeyValue};
use serde::de::DeserializeOwned;

use crate::lease::Identity;

#[cfg(test)]
mod tests;

/// A value with the revisions that made it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Known<T> {
    /// The value.
    pub value: T,
    /// The revision that created its key.
    pub created: u64,
    /// The revision that last wrote it.
    pub modified: u64,
}

/// Everything below the cluster's prefix that routing needs, and this node's own pods.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterView {
    /// The cluster's configuration.
    pub config: Option<Known<ClusterConfig>>,
    /// Nodes by name.
    pub nodes: BTreeMap<NodeName, Known<NodeRecord>>,
    /// Owners by subnet.
    pub subnets: BTreeMap<IpNetwork, Known<SubnetRecord>>,
    /// Nodes whose daemons are alive.
    pub alive: BTreeMap<NodeName, Liveness>,
    /// What people say of nodes.
    pub marks: BTreeMap<NodeName, NodeMarks>,
    /// How well nodes reach their peers, as they told; shared, like the next.
    pub mesh: Arc<BTreeMap<NodeName, Arc<MeshRow>>>,
    /// The raw records of this node's own pods; shared, since views are copied often and pods many.
    pub own_pods: Arc<BTreeMap<String, Vec<u8>>>,
    /// Keys whose value cannot be used, and why.
    pub rejected: BTreeMap<String, String>,
    /// The last revision that was taken in.
    pub revision: u64,
    /// The last revision that changed the configuration, a node or a subnet.
    pub topology: u64,
}

/// A node that packets are to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its record.
    pub record: NodeRecord,
    /// The subnets behind it, sorted; at least one.
    pub subnets: Vec<IpNetwork>,
}

impl ClusterView {
    /// Takes in a full listing. What it does not hold is gone.
    pub fn replace(&mut self, me: &NodeName, revision: u64, items: &[KeyValue]) {
        let mut fresh = Self { topology: revision, ..Self::default() };
        for item in items {
            fresh.put(me, item);
        }
        fresh.revision = revision;
        *self = fresh;
    }

    /// Takes in changes, in order.
    pub fn apply(&mut self, me: &NodeName, revision: u64, events: &[Event]) {
        for event in events {
            match event {
                Event::Put(item) => self.put(me, item),
                Event::Delete { key, .. } => self.delete(me, key, revision),
            }
        }
        self.revision = self.revision.max(revision);
    }

    /// Notes that the store has moved on without changing anything here.
    pub fn progress(&mut self, revision: u64) {
        self.revision = self.revision.max(revision);
    }

    fn put(&mut self, me: &NodeName, item: &KeyValue) {
        self.rejected.remove(&item.key);
        let modified = item.mod_revision.0;
        let key = match item.key.parse::<Key>() {
            Ok(key) => key,
            // A later version's kinds are none of our business; a wrong name is.
            Err(KeyError::UnknownKind(_)) => return,
            Err(error) => return self.reject(&item.key, error.to_string()),
        };
        let topology = matches!(key, Key::Config | Key::Node(_) | Key::Subnet(_));
        if let Err(problem) = self.put_typed(me, key.clone(), item) {
            // A value that cannot be read is no value: what it was before is no longer true.
            self.forget(me, &key);
            self.reject(&item.key, problem);
        }
        if topology {
            self.topology = self.topology.max(modified);
        }
    }

    fn put_typed(&mut self, me: &NodeName, key: Key, item: &KeyValue) -> Result<(), String> {
        match key {
            Key::Config => {
                let config: Known<ClusterConfig> = known(item)?;
                config.value.validate().map_err(|e| e.to_string())?;
                self.config = Some(config);
            }
            Key::Node(name) => {
                let node: Known<NodeRecord> = known(item)?;
                if node.value.name != name {
                    return Err(format!("name: {} is not the key's {name}", node.value.name));
                }
                if !node.value.vxlan_mac.is_unicast() {
                    return Err(format!(
                        "vxlanMac: {} is no interface's address",
                        node.value.vxlan_mac
                    ));
                }
                self.nodes.insert(name, node);
            }
            Key::Subnet(net) => {
                self.subnets.insert(net, known(item)?);
            }
            Key::Alive(name) => {
                self.alive.insert(name, known::<Liveness>(item)?.value);
            }
            Key::Marks(name) => {
                self.marks.insert(name, known::<NodeMarks>(item)?.value);
            }
            Key::Mesh(name) => {
                let row = Arc::new(known::<MeshRow>(item)?.value);
                Arc::make_mut(&mut self.mesh).insert(name, row);
            }
            Key::Pod(node, _) => {
                if node == *me {
                    Arc::make_mut(&mut self.own_pods).insert(item.key.clone(), item.value.clone());
                }
            }
            // Routes do not depend on them.
            Key::Service(_)
            | Key::EndpointSlice(_)
            | Key::Namespace(_)
            | Key::ClusterIp(_)
            | Key::NodePort(_)
            | Key::Trace(_)
            | Key::Sights(..) => {}
        }
        Ok(())
    }

    fn delete(&mut self, me: &NodeName, key: &str, revision: u64) {
        self.rejected.remove(key);
        if let Ok(key) = key.parse::<Key>() {
            if matches!(key, Key::Config | Key::Node(_) | Key::Subnet(_)) {
                self.topology = self.topology.max(revision);
            }
            self.forget(me, &key);
        }
    }

    fn forget(&mut self, me: &NodeName, key: &Key) {
        match key {
            Key::Config => self.config = None,
            Key::Node(name) => drop(self.nodes.remove(name)),
            Key::Subnet(net) => drop(self.subnets.remove(net)),
            Key::Alive(name) => drop(self.alive.remove(name)),
            Key::Marks(name) => drop(self.marks.remove(name)),
            Key::Mesh(name) => drop(Arc::make_mut(&mut self.mesh).remove(name)),
            Key::Pod(node, _) if node == me => {
                Arc::make_mut(&mut self.own_pods).remove(&key.to_string());
            }
            Key::Pod(..)
            | Key::Service(_)
            | Key::EndpointSlice(_)
            | Key::Namespace(_)
            | Key::ClusterIp(_)
            | Key::NodePort(_)
            | Key::Trace(_)
            | Key::Sights(..) => {}
        }
    }

    fn reject(&mut self, key: &str, problem: String) {
        self.rejected.insert(key.to_owned(), problem);
    }

    /// Subnet owners without their revisions, as leasing wants them.
    #[must_use]
    pub fn taken(&self) -> BTreeMap<IpNetwork, SubnetRecord> {
        self.subnets.iter().map(|(net, known)| (*net, known.value.clone())).collect()
    }

    /// The nodes to reach, and what in the store contradicts itself or us. Of two subnets that
    /// overlap the older stands; what is said of this node's own addresses by others is refused.
    #[must_use]
    pub fn peers(
        &self,
        me: &Identity,
        own_addresses: &BTreeSet<IpAddr>,
    ) -> (Vec<Peer>, Vec<String>) {
        let mut problems: Vec<String> =
            self.rejected.iter().map(|(key, why)| format!("{key}: {why}")).collect();
        let mut subnets_of: BTreeMap<&NodeName, Vec<IpNetwork>> = BTreeMap::new();
        for (net, owner) in &self.subnets {
            match self.subnet_fault(*net, owner) {
                Some(fault) => problems.push(format!("{}: {fault}", Key::Subnet(*net))),
                None => subnets_of.entry(&owner.value.node).or_default().push(*net),
            }
        }
        let mut peers = Vec::new();
        for (name, node) in self.nodes.iter().filter(|(name, _)| **name != me.name) {
            let record = &node.value;
            if own_addresses.contains(&record.underlay) {
                problems.push(format!(
                    "{}: underlay {} is an address of this node; give each host an address of its own, or remove the stale record with `pontoon node remove {name}`",
                    Key::Node(name.clone()),
                    record.underlay
                ));
                continue;
            }
            if let Err(problem) = check_underlay(record.underlay) {
                problems.push(format!("{}: {problem}", Key::Node(name.clone())));
                continue;
            }
            let mut record = record.clone();
            record.addresses.retain(|ip| !own_addresses.contains(ip));
            if let Some(subnets) = subnets_of.remove(name) {
                peers.push(Peer { record, subnets });
            }
        }
        (peers, problems)
    }

    /// Whose a block of addresses is: of all that overlap it, the oldest stands.
    #[must_use]
    pub fn owner(&self, net: IpNetwork) -> Option<&SubnetRecord> {
        let overlapping = self.subnets.iter().filter(|(other, _)| cidr::overlap(**other, net));
        overlapping
            .min_by_key(|(other, known)| (known.created, **other))
            .map(|(_, known)| &known.value)
    }

    fn subnet_fault(&self, net: IpNetwork, owner: &Known<SubnetRecord>) -> Option<String> {
        let config = &self.config.as_ref()?.value;
        if !config.pod_cidrs.iter().any(|range| cidr::contains(*range, net)) {
            return Some("it lies outside the cluster's pod CIDRs and is not routed".to_owned());
        }
        let older = self.subnets.iter().find(|(other, theirs)| {
            **other != net
                && cidr::overlap(**other, net)
                && (theirs.created, **other) < (owner.created, net)
        });
        older.map(|(other, theirs)| {
            format!(
                "it overlaps {other} of node {}, which is older, and is not routed",
                theirs.value.node
            )
        })
    }
}

fn known<T: DeserializeOwned>(item: &KeyValue) -> Result<Known<T>, String> {
    let value = serde_json::from_slice(&item.value).map_err(|e| e.to_string())?;
    Ok(Known { value, created: item.create_revision.0, modified: item.mod_revision.0 })
}

fn check_underlay(ip: IpAddr) -> Result<(), String> {
    if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() {
        return Err(format!("underlay: {ip} cannot be reached from another host"));
    }
    Ok(())
}
