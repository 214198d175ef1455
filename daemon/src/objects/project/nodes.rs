//! A node is its record, its subnets, its sign of life, and what people say of it.

use std::collections::{BTreeMap, BTreeSet};

use ipnetwork::IpNetwork;
use pontoon_model::key::Key;
use pontoon_model::name::NodeName;
use pontoon_model::node::{NodeMarks, NodeRecord};
use pontoon_model::object::Kind;
use pontoon_model::subnet::SubnetRecord;
use pontoon_store::{Event, KeyValue};
use serde_json::{Value, json};

use super::{Change, Item, version_of};

/// Kubernetes' label for the zone of a node.
const ZONE: &str = "topology.kubernetes.io/zone";

/// All nodes, and what is known of those that have no record yet or any more.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    parts: BTreeMap<NodeName, Parts>,
    owners: BTreeMap<IpNetwork, NodeName>,
}

/// What a node is made of.
#[derive(Debug, Default)]
struct Parts {
    /// Whether it has a record, and the record where it can be read.
    record: Option<Option<NodeRecord>>,
    marks: NodeMarks,
    alive: bool,
    subnets: BTreeSet<IpNetwork>,
    /// The last revision that changed any of it.
    revision: u64,
}

impl Nodes {
    pub(super) fn replace(&mut self, items: &[KeyValue]) -> Vec<Item> {
        *self = Self::default();
        for item in items {
            if let Ok(key) = item.key.parse() {
                self.put(key, item);
            }
        }
        self.parts.iter().filter_map(|(name, parts)| parts.item(name)).collect()
    }

    pub(super) fn change(&mut self, event: &Event) -> Vec<Change> {
        let Ok(key) = event.key().parse::<Key>() else { return Vec::new() };
        if let (Event::Delete { revision, .. }, Key::Node(name)) = (event, &key) {
            let Some(last) = self.parts.get(name).and_then(|parts| parts.item(name)) else {
                return Vec::new();
            };
            self.forget(&key, revision.0);
            return vec![Change::Gone { key, last: Some(Box::new(last)) }];
        }
        let owner = match &key {
            Key::Subnet(net) => self.owners.get(net).cloned(),
            _ => None,
        };
        let name = match event {
            Event::Put(item) => self.put(key, item),
            Event::Delete { revision, .. } => self.forget(&key, revision.0),
        };
        // A subnet that changes hands changes two nodes.
        let owner = owner.filter(|owner| name.as_ref() != Some(owner));
        let changed = owner.into_iter().chain(name);
        let items = changed.filter_map(|name| self.parts.get(&name)?.item(&name));
        items.map(|item| Change::Is(Box::new(item))).collect()
    }

    fn part(&mut self, name: &NodeName, revision: u64) -> &mut Parts {
        let parts = self.parts.entry(name.clone()).or_default();
        parts.revision = parts.revision.max(revision);
        parts
    }

    /// Takes in a key, and says which node it is of.
    fn put(&mut self, key: Key, item: &KeyValue) -> Option<NodeName> {
        let revision = item.mod_revision.0;
        let name = match key {
            Key::Node(name) => {
                let record = serde_json::from_slice(&item.value).ok();
                self.part(&name, revision).record = Some(record);
                name
            }
            Key::Marks(name) => {
                self.part(&name, revision).marks =
                    serde_json::from_slice(&item.value).unwrap_or_default();
                name
            }
            Key::Alive(name) => {
                self.part(&name, revision).alive = true;
                name
            }
            Key::Subnet(net) => {
                self.forget(&Key::Subnet(net), revision);
                let owner: SubnetRecord = serde_json::from_slice(&item.value).ok()?;
                self.part(&owner.node, revision).subnets.insert(net);
                self.owners.insert(net, owner.node.clone());
                owner.node
            }
            _ => return None,
        };
        Some(name)
    }

    /// Forgets a key, and says which node it was of.
    fn forget(&mut self, key: &Key, revision: u64) -> Option<NodeName> {
        let name = match key {
            Key::Node(name) | Key::Marks(name) | Key::Alive(name) => name.clone(),
            Key::Subnet(net) => self.owners.remove(net)?,
            _ => return None,
        };
        let parts = self.part(&name, revision);
        match key {
            Key::Node(_) => parts.record = None,
            Key::Marks(_) => parts.marks = NodeMarks::default(),
            Key::Subnet(net) => drop(parts.subnets.remove(net)),
            _ => parts.alive = false,
        }
        if parts.is_empty() {
            self.parts.remove(&name);
        }
        Some(name)
    }
}

impl Parts {
    fn is_empty(&self) -> bool {
        let nothing = self.record.is_none() && !self.alive && self.subnets.is_empty();
        nothing && self.marks == NodeMarks::default()
    }

    fn item(&self, name: &NodeName) -> Option<Item> {
        let mut document = self.document(name, self.record.as_ref()?.as_ref());
        let version = version_of(&document);
        document["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let key = Key::Node(name.clone());
        Some(Item { key, namespace: None, name: name.to_string(), document, version })
    }

    fn document(&self, name: &NodeName, record: Option<&NodeRecord>) -> Value {
        let names = Kind::Node.names();
        let (status, reason) = match self.alive {
            true => ("True", "DaemonAlive"),
            false => ("Unknown", "NoSignOfLife"),
        };
        let mut document = json!({
            "apiVersion": names.api_version,
            "kind": names.kind,
            "metadata": {"name": name},
            "spec": {"podCIDRs": self.subnets},
            "status": {"conditions": [{"type": "Ready", "status": status, "reason": reason}]},
        });
        let mut labels = self.marks.labels.clone();
        if let Some(zone) = record.and_then(|record| record.zone.clone()) {
            labels.insert(ZONE.to_owned(), zone);
        }
        for (key, map) in [("labels", &labels), ("annotations", &self.marks.annotations)] {
            if !map.is_empty() {
                document["metadata"][key] = json!(map);
            }
        }
        if let Some(cordon) = &self.marks.cordon {
            document["spec"]["unschedulable"] = true.into();
            document["spec"]["cordon"] = json!(cordon);
        }
        if let Some(record) = record {
            // The address that packets are sent to comes first.
            let others = record.addresses.iter().filter(|ip| **ip != record.underlay);
            let addresses = std::iter::once(&record.underlay).chain(others);
            let addresses = addresses.map(|ip| json!({"type": "InternalIP", "address": ip}));
            document["status"]["addresses"] = addresses.collect();
            document["status"]["nodeInfo"] =
                json!({"pontoonVersion": record.version, "vxlanMAC": record.vxlan_mac});
        }
        document
    }
}
