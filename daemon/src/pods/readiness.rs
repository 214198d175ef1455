//! Finds out whether pods that ask for it take connections: a task for each, from this node.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tracing::{debug, info};

use super::board::{PodBoard, Posted};
use super::probe;

/// Runs for ever.
pub async fn run(board: Arc<PodBoard>) {
    let mut tasks: BTreeMap<String, (Posted, JoinHandle<()>)> = BTreeMap::new();
    loop {
        let wanted = board.checked();
        tasks.retain(|key, (checked, task)| {
            let same = wanted.get(key).is_some_and(|posted| is_same(posted, checked));
            if !same {
                task.abort();
            }
            same
        });
        for (key, posted) in wanted {
            tasks.entry(key.clone()).or_insert_with(|| {
                let task = tokio::spawn(check(Arc::clone(&board), key, posted.clone()));
                (posted, task)
            });
        }
        board.checks_changed.notified().await;
    }
}

fn is_same(a: &Posted, b: &Posted) -> bool {
    a.check == b.check
        && a.record.container_id == b.record.container_id
        && a.record.addresses == b.record.addresses
        && a.record.ports == b.record.ports
}

/// Checks one pod for as long as it is there. So many in a row count, whichever way.
async fn check(board: Arc<PodBoard>, key: String, posted: Posted) {
    let (Some(readiness), Some(address)) = (posted.check, posted.record.addresses.first()) else {
        return;
    };
    let record = &posted.record;
    tokio::time::sleep(readiness.delay).await;
    let mut timer = tokio::time::interval(readiness.period);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut good, mut bad) = (0, 0);
    loop {
        timer.tick().await;
        let ready = board.is_ready(&key);
        match probe::check(&readiness.probe, *address, &record.ports, readiness.timeout).await {
            Ok(()) => (good, bad) = (good + 1, 0),
            Err(error) => {
                (good, bad) = (0, bad + 1);
                debug!(pod = %record.id, %error, "check failed");
                if ready && bad == readiness.failure {
                    info!(pod = %record.id, %error, "is not ready any more");
                }
            }
        }
        if good >= readiness.success {
            if !ready {
                info!(pod = %record.id, "is ready");
            }
            board.set_ready(&key, &record.container_id, true);
        } else if bad >= readiness.failure {
            board.set_ready(&key, &record.container_id, false);
        }
    }
}
