//! Keeps the store's records of this node's pods equal to the board's. What a person changed of a pod
//! in the store, labels or annotations, is taken over: it has a higher generation.

use std::sync::Arc;
use std::time::Duration;

use pontoon_model::pod::PodRecord;
use pontoon_store::backoff::Backoff;
use pontoon_store::{Op, Store, Txn};
use tokio::sync::watch;
use tracing::warn;

use super::board::{PodBoard, Posted, Stored};

/// Who remembers what a person changed of a pod.
pub trait Keeper: Send + Sync + 'static {
    /// Takes over labels, annotations and generation of a record, and puts the pod on the board anew.
    fn take_over(&self, record: PodRecord);
}

/// What there is to do.
#[derive(Debug, Default, PartialEq)]
pub struct Difference {
    /// Writes to the store.
    pub ops: Vec<Op>,
    /// Records that were changed in the store since they were written from here.
    pub newer: Vec<PodRecord>,
}

impl PodBoard {
    /// What makes the store's records the board's, at most `limit` writes. A pod of which it is not yet
    /// known whether it is ready is what the store says that it was.
    #[must_use]
    pub fn difference(&self, actual: &Stored, limit: usize) -> Difference {
        let mut pods = self.lock();
        let stale = actual.keys().filter(|key| !pods.contains_key(*key));
        let mut found = Difference {
            ops: stale.take(limit).map(|key| Op::Delete(key.clone())).collect(),
            newer: Vec::new(),
        };
        for (key, posted) in pods.iter_mut() {
            if found.ops.len() >= limit {
                break;
            }
            let there = actual.get(key);
            let is_right = |posted: &Posted| {
                posted.settled && there.is_some_and(|value| value == posted.written())
            };
            if is_right(posted) {
                continue;
            }
            let theirs = there.and_then(|value| serde_json::from_slice::<PodRecord>(value).ok());
            let theirs = theirs.filter(|t| t.container_id == posted.record.container_id);
            if !posted.settled {
                posted.settle(theirs.as_ref().is_some_and(|theirs| theirs.ready));
            }
            match theirs {
                Some(theirs) if theirs.generation > posted.record.generation => {
                    found.newer.push(theirs);
                }
                _ if is_right(posted) => {}
                _ => found.ops.push(Op::put(key.clone(), posted.written())),
            }
        }
        found
    }
}

/// Writes a transaction full at a time.
const BATCH: usize = pontoon_store::MAX_OPS;

/// Runs for ever. `actual` is what the store says, or `None` while it is away.
pub async fn run(
    store: Arc<dyn Store>,
    board: Arc<PodBoard>,
    keeper: Arc<impl Keeper>,
    mut actual: watch::Receiver<Option<Arc<Stored>>>,
) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));
    loop {
        let found = actual.borrow_and_update().clone();
        let Difference { ops, newer } =
            found.map(|found| board.difference(&found, BATCH)).unwrap_or_default();
        newer.into_iter().for_each(|record| keeper.take_over(record));
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
    use crate::pods::board::key_of;
    use proptest::prelude::*;

    fn posted(name: &str, ready: bool, settled: bool, generation: u64) -> Posted {
        let text = format!(
            r#"{{"namespace":"default","name":"{name}","node":"me","containerId":"c","addresses":[],"ready":{ready},"generation":{generation}}}"#
        );
        let mut posted = Posted::new(serde_json::from_str(&text).unwrap(), None);
        posted.settled = settled;
        posted
    }

    fn board(pods: Vec<Posted>) -> PodBoard {
        let board = PodBoard::default();
        board.lock().extend(pods.into_iter().map(|pod| (key_of(&pod.record), pod)));
        board
    }

    fn stored(pods: &[Posted]) -> Stored {
        pods.iter().map(|pod| (key_of(&pod.record), pod.written().to_vec())).collect()
    }

    #[test]
    fn a_restart_takes_a_pod_to_be_as_ready_as_it_was() {
        for ready in [true, false] {
            let board = board(vec![posted("a", false, false, 0)]);
            let found = board.difference(&stored(&[posted("a", ready, true, 0)]), 9);
            assert_eq!(found, Difference::default());
            assert_eq!(board.is_ready("pods/me/default/a"), ready);
        }
    }

    #[test]
    fn a_new_pod_with_a_check_is_not_ready_before_it_was_checked() {
        let board = board(vec![posted("a", false, false, 0)]);
        assert_eq!(board.difference(&Stored::new(), 9).ops.len(), 1);
        assert!(!board.is_ready("pods/me/default/a"));
    }

    #[test]
    fn what_a_person_changed_in_the_store_is_taken_over_not_overwritten() {
        let mut theirs = posted("a", true, true, 2);
        theirs.record.labels.insert("track".into(), "canary".into());
        theirs.settle(true);
        let found =
            board(vec![posted("a", true, true, 1)]).difference(&stored(&[theirs.clone()]), 9);
        assert_eq!(found, Difference { ops: Vec::new(), newer: vec![theirs.record.clone()] });
        let found = board(vec![posted("a", true, true, 3)]).difference(&stored(&[theirs]), 9);
        assert_eq!((found.ops.len(), found.newer.len()), (1, 0));
    }

    proptest! {
        #[test]
        fn the_difference_makes_them_equal(
            desired in prop::collection::vec(("[a-e]", any::<bool>()), 0..6),
            actual in prop::collection::vec(("[a-e]", any::<bool>()), 0..6),
            limit in 1usize..4,
        ) {
            let pods = |pods: &[(String, bool)]| -> Vec<Posted> {
                pods.iter().map(|(name, ready)| posted(name, *ready, true, 0)).collect()
            };
            let board = board(pods(&desired));
            let mut actual = stored(&pods(&actual));
            for _ in 0..10 {
                for op in board.difference(&actual, limit).ops {
                    match op {
                        Op::Put { key, value, .. } => drop(actual.insert(key, value)),
                        Op::Delete(key) => drop(actual.remove(&key)),
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
            }
            let wanted: Vec<Posted> = board.lock().values().cloned().collect();
            prop_assert_eq!(stored(&wanted), actual);
        }
    }
}
