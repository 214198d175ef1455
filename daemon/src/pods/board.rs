//! The records of this node's pods as they should be in the store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pontoon_model::key::Key;
use pontoon_model::named_port::{NamedPorts, PORTS};
use pontoon_model::pod::PodRecord;
use pontoon_model::readiness::{READINESS, Readiness};
use tokio::sync::Notify;
use tracing::warn;

use crate::attach::record::Record;
use crate::lease::Identity;

/// Records as the store has them, by key.
pub type Stored = BTreeMap<String, Vec<u8>>;

/// The board: attachments put pods on it, checks say whether they are ready, the publisher reads it.
#[derive(Debug, Default)]
pub struct PodBoard {
    pods: Mutex<BTreeMap<String, Posted>>,
    /// For the publisher.
    pub(super) changed: Notify,
    /// For the checks: pods have come, gone, or want another check.
    pub(super) checks_changed: Notify,
}

/// A pod on the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Its record; `ready` is of no account before `settled`.
    pub record: PodRecord,
    /// The check that it asks for.
    pub check: Option<Readiness>,
    /// Whether it is known if it is ready: with a check, not before the store said what it was when
    /// the daemon stopped, or the check found out.
    pub settled: bool,
    /// The record as it is written, made anew with every change: it is compared with the store's at
    /// every event.
    value: Vec<u8>,
}

impl Posted {
    /// A pod with this record; without a check its `ready` counts.
    #[must_use]
    pub fn new(record: PodRecord, check: Option<Readiness>) -> Self {
        let settled = check.is_none();
        let mut posted = Self { record, check, settled, value: Vec::new() };
        posted.renew();
        posted
    }

    /// The record as it is written.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        &self.value
    }

    /// Says whether it is ready.
    pub(super) fn settle(&mut self, ready: bool) {
        self.settled = true;
        self.record.ready = ready;
        self.renew();
    }

    fn renew(&mut self) {
        // None of ours cannot be written.
        self.value = serde_json::to_vec(&self.record).unwrap_or_default();
    }
}

/// The record of a pod, as other nodes see it, and the check that it asks for. A broken annotation
/// counts as none, and is reported.
#[must_use]
pub fn posted(me: &Identity, record: &Record) -> Posted {
    let annotations = &record.spec.annotations;
    let read = |name: &str, problem: &dyn std::fmt::Display| {
        warn!(pod = %record.pod, annotation = name, %problem, "is not used");
    };
    let ports = annotations.get(PORTS).map(|text| text.parse::<NamedPorts>());
    let ports = ports.and_then(|ports| ports.inspect_err(|e| read(PORTS, e)).ok());
    let check = annotations.get(READINESS).map(|text| text.parse::<Readiness>());
    let check = check.and_then(|check| check.inspect_err(|e| read(READINESS, e)).ok());
    let record = PodRecord {
        id: record.pod.clone(),
        node: me.name.clone(),
        container_id: record.id().container_id.as_str().to_owned(),
        addresses: record.addresses().collect(),
        labels: record.spec.labels.clone(),
        annotations: annotations.clone(),
        ports: ports.map(NamedPorts::into_vec).unwrap_or_default(),
        generation: record.generation,
        ready: check.is_none(),
    };
    Posted::new(record, check)
}

impl PodBoard {
    /// Adds or replaces a pod. What is known of its readiness stays, for the same container with the
    /// same check.
    pub fn put(&self, mut posted: Posted) {
        let key = key_of(&posted.record);
        let mut pods = self.lock();
        let known = pods.get(&key).filter(|known| {
            known.record.container_id == posted.record.container_id && known.check == posted.check
        });
        if let Some(known) = known.filter(|known| known.settled) {
            posted.settle(known.record.ready);
        }
        pods.insert(key, posted);
        drop(pods);
        self.changed.notify_one();
        self.checks_changed.notify_one();
    }

    /// Takes a pod away.
    pub fn remove(&self, key: &str) {
        self.lock().remove(key);
        self.changed.notify_one();
        self.checks_changed.notify_one();
    }

    /// Says whether a pod is ready, if it still is of that container.
    pub fn set_ready(&self, key: &str, container_id: &str, ready: bool) {
        let mut pods = self.lock();
        let Some(posted) = pods.get_mut(key).filter(|p| p.record.container_id == container_id)
        else {
            return;
        };
        if posted.settled && posted.record.ready == ready {
            return;
        }
        posted.settle(ready);
        drop(pods);
        self.changed.notify_one();
    }

    /// The pods that ask for a check, by key.
    #[must_use]
    pub fn checked(&self) -> BTreeMap<String, Posted> {
        let pods = self.lock();
        let checked = pods.iter().filter(|(_, posted)| posted.check.is_some());
        checked.map(|(key, posted)| (key.clone(), posted.clone())).collect()
    }

    /// Whether a pod is known to be ready.
    #[must_use]
    pub fn is_ready(&self, key: &str) -> bool {
        self.lock().get(key).is_some_and(|posted| posted.settled && posted.record.ready)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Posted>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of a pod's record.
#[must_use]
pub fn key_of(record: &PodRecord) -> String {
    Key::Pod(record.node.clone(), record.id.clone()).to_string()
}
