//! The records of this node's pods as they should be in the store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pontoon_model::key::Key;
use pontoon_model::manifest::{HOSTNAME, SUBDOMAIN};
use pontoon_model::name::DnsLabel;
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
    let label =
        |name: &str, text: &str| text.parse::<DnsLabel>().inspect_err(|e| read(name, e)).ok();
    let annotated = |name: &str| annotations.get(name).and_then(|text| label(name, text));
    let record = PodRecord {
        id: record.pod.clone(),
        node: me.name.clone(),
        container_id: record.id().container_id.as_str().to_owned(),
        addresses: record.addresses().collect(),
        labels: record.spec.labels.clone(),
        annotations: annotations.clone(),
        ports: ports.map(NamedPorts::into_vec).unwrap_or_default(),
        hostname: annotated(HOSTNAME),
        subdomain: annotated(SUBDOMAIN),
        aliases: aliases(record),
        generation: record.generation,
        ready: check.is_none(),
    };
    Posted::new(record, check)
}

/// What the runtime calls a pod. One that gives aliases means its containers to be found by their
/// names too, as podman's own DNS does.
fn aliases(record: &Record) -> Vec<DnsLabel> {
    let given = &record.spec.aliases;
    let name = record.pod.name.as_str().parse().ok().filter(|_| !given.is_empty());
    let mut aliases: Vec<DnsLabel> = name.into_iter().collect();
    for alias in given {
        // DNS knows no case.
        match alias.to_ascii_lowercase().parse() {
            Ok(alias) if aliases.contains(&alias) => {}
            Ok(alias) => aliases.push(alias),
            Err(problem) => warn!(pod = %record.pod, alias, %problem, "is not used"),
        }
    }
    aliases
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attach::record::tests::sample;

    fn names(record: &Record) -> (Option<String>, Option<String>, Vec<String>) {
        let me = Identity { name: "me".parse().unwrap(), machine_id: "m".to_owned() };
        let PodRecord { hostname, subdomain, aliases, .. } = posted(&me, record).record;
        let plain = String::from;
        (hostname.map(plain), subdomain.map(plain), aliases.into_iter().map(plain).collect())
    }

    #[test]
    fn what_is_no_label_is_left_out_of_a_pods_names() {
        let mut record = sample("web", "10.244.1.2/32");
        assert_eq!(names(&record), (None, None, vec![]));
        for (key, value) in [(HOSTNAME, "web-0"), (SUBDOMAIN, "Web")] {
            record.spec.annotations.insert(key.to_owned(), value.to_owned());
        }
        record.spec.aliases =
            ["Cache", "cache", "db_1", "", "a.b", "5cee6aa7d0d2"].map(str::to_owned).into();
        let aliases = ["web", "cache", "5cee6aa7d0d2"].map(str::to_owned).into();
        assert_eq!(names(&record), (Some("web-0".to_owned()), None, aliases));
    }
}
