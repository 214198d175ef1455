//! What the store tells becomes services, slices, pods and nodes; what is wrong is set aside.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use pontoon_endpoints::{Directory, DirtyPods, Liveness};
use pontoon_model::key::Key;
use pontoon_model::manifest;
use pontoon_model::name::{Namespace, NodeName};
use pontoon_model::node::NodeRecord;
use pontoon_model::pod::PodRecord;
use pontoon_model::service::ServiceId;
use pontoon_store::{Event, KeyValue, Update};

use super::shelf::Kept;

/// What came of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Nothing out of the ordinary.
    Changes,
    /// The store is another, or has lost everything.
    Wiped {
        /// Services that it had and has no more.
        lost: Vec<ServiceId>,
    },
}

/// What changed since somebody last asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Services that are to be planned anew, sorted, those that are gone among them.
    pub services: Vec<ServiceId>,
    /// Namespaces whose objects came or went.
    pub namespaces: BTreeSet<Namespace>,
    /// Addresses and aliases whose pods may be others.
    pub pods: DirtyPods,
    /// The store was listed: pods that were there before may be gone.
    pub relisted: bool,
}

/// The store's content as far as services depend on it.
#[derive(Debug)]
pub struct Intake {
    directory: Directory,
    liveness: Liveness,
    nodes: BTreeSet<NodeName>,
    alive: BTreeSet<NodeName>,
    namespaces: BTreeSet<Namespace>,
    /// Namespaces whose objects came or went.
    touched: BTreeSet<Namespace>,
    relisted: bool,
    /// Nodes or signs of life have changed since they were counted.
    recount: bool,
    rejected: BTreeMap<String, String>,
    /// The revision that created the cluster's configuration: another store has another.
    founded: Option<u64>,
    revision: u64,
    known: bool,
    /// The store is away.
    away: bool,
    /// Signs of life were listed at least once since the start.
    signs: bool,
    /// Services that were there before the last listing and are not in it.
    removed: Vec<ServiceId>,
}

impl Intake {
    /// Nothing known yet.
    #[must_use]
    pub fn new(me: NodeName) -> Self {
        Self {
            directory: followed(),
            liveness: Liveness::new(me),
            nodes: BTreeSet::new(),
            alive: BTreeSet::new(),
            namespaces: BTreeSet::new(),
            touched: BTreeSet::new(),
            relisted: false,
            recount: false,
            rejected: BTreeMap::new(),
            founded: None,
            revision: 0,
            known: false,
            away: false,
            signs: false,
            removed: Vec::new(),
        }
    }

    /// Whether the store's content was told at least once.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// The last revision that was taken in.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What is in the store and cannot be used.
    pub fn problems(&self) -> impl Iterator<Item = String> + '_ {
        self.rejected.iter().map(|(key, why)| format!("{key}: {why}"))
    }

    /// Services and their endpoints.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Whether nothing is known, and the store does not answer.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.away && !self.known
    }

    /// The store has said nothing for long: until it does, it counts as away.
    pub fn wait_no_more(&mut self) {
        self.away |= !self.known;
    }

    /// Begins with what was known before the start. Who is alive is not known then, and nobody counts
    /// as gone before the store says.
    pub fn begin_with(&mut self, kept: Kept) {
        kept.items.iter().for_each(|item| self.put(item));
        self.founded = kept.founded;
        self.known = true;
    }

    /// Takes in an update.
    pub fn take(&mut self, update: Update) -> Taken {
        self.away = matches!(update, Update::Lost { .. });
        self.signs |= matches!(update, Update::Snapshot { .. });
        match update {
            Update::Snapshot { revision, items } => self.replace(revision.0, &items),
            Update::Changes { revision, events } => self.change(revision.0, &events),
            Update::Progress { revision } => {
                self.revision = self.revision.max(revision.0);
                Taken::Changes
            }
            Update::Lost { .. } => Taken::Changes,
        }
    }

    /// Says which nodes are gone, when that may have changed.
    pub fn count_the_gone(&mut self, now: Instant) {
        if !self.signs {
            return;
        }
        let due = self.liveness.next_deadline().is_some_and(|at| at <= now);
        if std::mem::take(&mut self.recount) || due {
            let gone = self.liveness.update(&self.nodes, &self.alive, now).clone();
            self.directory.set_gone(gone);
        }
    }

    /// When nodes are to be counted again although nothing is told.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.liveness.next_deadline()
    }

    fn replace(&mut self, revision: u64, items: &[KeyValue]) -> Taken {
        let before = self.founded;
        let older = revision < self.revision;
        let had: BTreeSet<ServiceId> =
            self.directory.services().map(|service| service.id.clone()).collect();
        let known = std::mem::replace(&mut self.known, true);
        // Made anew: what the listing does not hold is gone, and comparing costs more.
        self.directory = followed();
        self.nodes.clear();
        self.alive.clear();
        self.touched.append(&mut self.namespaces);
        self.relisted = true;
        self.rejected.clear();
        self.founded = None;
        self.recount = true;
        for item in items {
            self.put(item);
        }
        self.revision = revision;
        let lost: Vec<ServiceId> =
            had.into_iter().filter(|id| self.directory.service(id).is_none()).collect();
        if known && before.is_some() && (older || self.founded != before) {
            return Taken::Wiped { lost };
        }
        self.removed.extend(lost);
        Taken::Changes
    }

    fn change(&mut self, revision: u64, events: &[Event]) -> Taken {
        let is_end = |event: &Event| matches!(event, Event::Delete { key, .. } if key == "config");
        let wiped = events.iter().any(is_end);
        let mut lost = Vec::new();
        for event in events {
            match event {
                Event::Put(item) => self.put(item),
                Event::Delete { key, .. } => {
                    self.rejected.remove(key);
                    let Ok(key) = key.parse::<Key>() else { continue };
                    if let Key::Service(id) = &key
                        && wiped
                    {
                        lost.push(id.clone());
                    }
                    self.forget(&key);
                }
            }
        }
        self.revision = self.revision.max(revision);
        if wiped { Taken::Wiped { lost } } else { Taken::Changes }
    }

    fn put(&mut self, item: &KeyValue) {
        // Wrong keys are the controller's to report.
        let Ok(key) = item.key.parse::<Key>() else { return };
        self.rejected.remove(&item.key);
        if let Err(problem) = self.put_typed(&key, item) {
            // A value that cannot be read is no value: what it was before is no longer true.
            self.forget(&key);
            // What is wrong with nodes is the controller's to report.
            if !matches!(key, Key::Node(_)) {
                self.rejected.insert(item.key.clone(), problem);
            }
        }
    }

    fn put_typed(&mut self, key: &Key, item: &KeyValue) -> Result<(), String> {
        match key {
            Key::Service(id) => {
                let service = manifest::stored_service(&item.value).map_err(|e| e.to_string())?;
                same_name(&service.id, id)?;
                self.directory.put_service(service);
            }
            Key::EndpointSlice(id) => {
                let slice = manifest::stored_slice(&item.value).map_err(|e| e.to_string())?;
                same_name(&slice.id, id)?;
                self.directory.put_slice(slice);
            }
            Key::Pod(node, id) => {
                let pod: PodRecord = parse(item)?;
                same_name(&pod.id, id)?;
                same_name(&pod.node, node)?;
                self.directory.put_pod(pod);
            }
            Key::Node(name) => {
                let node: NodeRecord = parse(item)?;
                self.recount |= self.nodes.insert(name.clone());
                self.directory.put_node(name.clone(), node.zone);
            }
            Key::Alive(name) => self.recount |= self.alive.insert(name.clone()),
            Key::Namespace(name) => {
                self.namespaces.insert(name.clone());
                self.touched.insert(name.clone());
            }
            Key::Config => self.founded = Some(item.create_revision.0),
            Key::Subnet(_)
            | Key::Marks(_)
            | Key::Mesh(_)
            | Key::ClusterIp(_)
            | Key::NodePort(_)
            | Key::Trace(_)
            | Key::Sights(..) => {}
        }
        Ok(())
    }

    fn forget(&mut self, key: &Key) {
        match key {
            Key::Service(id) => self.directory.remove_service(id),
            Key::EndpointSlice(id) => self.directory.remove_slice(id),
            Key::Pod(node, id) => self.directory.remove_pod(node, id),
            Key::Node(name) => {
                self.recount |= self.nodes.remove(name);
                self.directory.remove_node(name);
            }
            Key::Alive(name) => self.recount |= self.alive.remove(name),
            Key::Namespace(name) => {
                self.namespaces.remove(name);
                self.touched.insert(name.clone());
            }
            Key::Config => self.founded = None,
            Key::Subnet(_)
            | Key::Marks(_)
            | Key::Mesh(_)
            | Key::ClusterIp(_)
            | Key::NodePort(_)
            | Key::Trace(_)
            | Key::Sights(..) => {}
        }
    }

    /// Whether there is an object for that namespace.
    #[must_use]
    pub fn has_namespace(&self, namespace: &Namespace) -> bool {
        self.namespaces.contains(namespace)
    }

    /// Whether the store was listed since the start: what is known before that is from the shelf.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.signs
    }

    /// What changed since the last call.
    pub fn take_touched(&mut self) -> Touched {
        let mut services = self.directory.take_dirty();
        if !self.removed.is_empty() {
            services.append(&mut self.removed);
            services.sort();
            services.dedup();
        }
        Touched {
            services,
            namespaces: std::mem::take(&mut self.touched),
            pods: self.directory.take_dirty_pods(),
            relisted: std::mem::take(&mut self.relisted),
        }
    }

    /// All that is known, as if it had come just now.
    pub fn everything(&mut self) -> Touched {
        // A directory tells of all its pods when it is asked to follow them.
        self.directory.follow_pods();
        Touched {
            services: self.directory.services().map(|service| service.id.clone()).collect(),
            namespaces: self.namespaces.clone(),
            pods: self.directory.take_dirty_pods(),
            relisted: false,
        }
    }
}

/// A directory that tells which pods change.
fn followed() -> Directory {
    let mut directory = Directory::new();
    directory.follow_pods();
    directory
}

fn parse<T: serde::de::DeserializeOwned>(item: &KeyValue) -> Result<T, String> {
    serde_json::from_slice(&item.value).map_err(|error| error.to_string())
}

fn same_name<T: PartialEq + std::fmt::Display>(said: &T, key: &T) -> Result<(), String> {
    if said == key { Ok(()) } else { Err(format!("the object calls itself {said}")) }
}

#[cfg(test)]
mod tests;
