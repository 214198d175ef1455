//! The records of this node's pods in the store: what the attachments say, no more and no less.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pontoon_model::key::Key;
use pontoon_store::backoff::Backoff;
use pontoon_store::{Op, Store, Txn};
use tokio::sync::{Notify, watch};
use tracing::warn;

use crate::attach::record::Record;
use crate::lease::Identity;

/// Pod records by key.
pub type Pods = BTreeMap<String, Vec<u8>>;

/// The record of a pod, as other nodes see it.
///
/// # Errors
/// When it cannot be written as JSON, which none of ours is.
pub fn record_of(me: &Identity, record: &Record) -> serde_json::Result<(String, Vec<u8>)> {
    let pod = pontoon_model::pod::PodRecord {
        id: record.pod.clone(),
        node: me.name.clone(),
        container_id: record.id().container_id.as_str().to_owned(),
        addresses: record.addresses().collect(),
        labels: record.spec.labels.clone(),
        annotations: record.spec.annotations.clone(),
        ports: Vec::new(),
        generation: 0,
        ready: true,
    };
    Ok((Key::Pod(me.name.clone(), record.pod.clone()).to_string(), serde_json::to_vec(&pod)?))
}

/// The writes that turn what the store has into what it should have, at most `limit`.
#[must_use]
pub fn difference(desired: &Pods, actual: &Pods, limit: usize) -> Vec<Op> {
    let stale =
        actual.keys().filter(|key| !desired.contains_key(*key)).map(|key| Op::Delete(key.clone()));
    let missing = desired
        .iter()
        .filter(|(key, value)| actual.get(*key) != Some(*value))
        .map(|(key, value)| Op::put(key.clone(), value.clone()));
    stale.chain(missing).take(limit).collect()
}

/// Writes a transaction full at a time.
const BATCH: usize = pontoon_store::MAX_OPS;

/// The pods as they should be, for whoever publishes them.
#[derive(Debug, Default)]
pub struct PodBoard {
    pods: Mutex<Pods>,
    changed: Notify,
}

impl PodBoard {
    /// Adds or replaces a pod.
    pub fn put(&self, key: String, value: Vec<u8>) {
        self.lock().insert(key, value);
        self.changed.notify_one();
    }

    /// Takes a pod away.
    pub fn remove(&self, key: &str) {
        self.lock().remove(key);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Pods> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the store's records equal to the board's, for ever. `actual` is what the store says, or
/// `None` while it is away.
pub async fn run(
    store: Arc<dyn Store>,
    board: Arc<PodBoard>,
    mut actual: watch::Receiver<Option<Arc<Pods>>>,
) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));
    loop {
        let found = actual.borrow_and_update().clone();
        let ops = found.map(|found| difference(&board.lock(), &found, BATCH)).unwrap_or_default();
        if ops.is_empty() {
            tokio::select! {
                () = board.changed.notified() => {}
                changed = actual.changed() => if changed.is_err() { return },
            }
            continue;
        }
        let txn = ops.into_iter().fold(Txn::new(), Txn::then);
        match store.txn(txn).await {
            Ok(_) => {
                backoff.reset();
                // The mirror brings what was written; until then the difference would be written again.
                let _ = tokio::time::timeout(Duration::from_secs(5), actual.changed()).await;
            }
            Err(error) => {
                warn!(%error, "cannot publish pods");
                backoff.wait().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pods(text: &[(String, u8)]) -> Pods {
        text.iter().map(|(key, value)| (key.clone(), vec![*value])).collect()
    }

    proptest! {
        #[test]
        fn the_difference_makes_them_equal(
            desired in prop::collection::vec(("[a-e]", 0u8..3), 0..6),
            actual in prop::collection::vec(("[a-e]", 0u8..3), 0..6),
            limit in 1usize..4,
        ) {
            let (desired, mut actual) = (pods(&desired), pods(&actual));
            for _ in 0..10 {
                for op in difference(&desired, &actual, limit) {
                    match op {
                        Op::Put { key, value, .. } => drop(actual.insert(key, value)),
                        Op::Delete(key) => drop(actual.remove(&key)),
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
            }
            prop_assert_eq!(desired, actual);
        }
    }
}
