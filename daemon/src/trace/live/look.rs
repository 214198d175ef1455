//! What one node does: it looks, sends if it is the sender, and tells.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pontoon_model::name::{NodeName, TraceId};
use pontoon_model::trace::live::{Echo, Probe, Report, Stage};
use pontoon_store::LeaseId;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep, timeout_at};

use super::mark::{Capture, Seen};
use super::{Heard, Hub, PATIENCE, send};

/// How long the sender waits for others to look: under load the kernel takes seconds to take a table.
const READY: Duration = Duration::from_secs(6);
/// How long packets may be on their way once their sender has given up.
const SETTLE: Duration = Duration::from_millis(150);

/// Looks for a packet, and tells what was seen.
pub(super) async fn look(hub: Arc<Hub>, id: TraceId, probe: Probe, lease: Option<LeaseId>) {
    let mut heard = hub.heard.subscribe();
    let Ok(_place) = hub.places.try_acquire() else {
        hub.tell(&id, failed("too many packets are looked for at once"), lease).await;
        return;
    };
    let capture = match Capture::open(&id, &probe).await {
        Ok(capture) => capture,
        Err(problem) => {
            hub.tell(&id, failed(&problem), lease).await;
            return;
        }
    };
    let ready = Report { stage: Stage::Ready, echo: None, sights: Vec::new(), problem: None };
    if !hub.tell(&id, ready, lease).await {
        // Nobody waits for it, as behind an outage that outlived whoever asked; or nobody can hear.
        let _ = capture.close().await;
        hub.tell(&id, failed("the store does not take what it sees"), None).await;
        return;
    }
    let mut stages = BTreeMap::new();
    let mut late = None;
    let echo = if probe.sender == hub.me {
        let all = |stages: &Stages| probe.nodes.iter().all(|node| stages.contains_key(node));
        wait(&mut heard, &id, &mut stages, READY, all).await;
        let missing = probe.nodes.iter().find(|node| !stages.contains_key(*node));
        late = missing.map(|node| format!("node {node} may not have looked yet when it was sent"));
        Some(sent(&hub, &probe).await)
    } else {
        let done = |stages: &Stages| stages.get(&probe.sender) == Some(&Stage::Done);
        wait(&mut heard, &id, &mut stages, PATIENCE, done).await;
        None
    };
    sleep(SETTLE).await;
    let report = match capture.close().await {
        Ok(Seen { sights, problem }) => {
            Report { stage: Stage::Done, echo, sights, problem: problem.or(late) }
        }
        Err(problem) => Report { echo, ..failed(&problem) },
    };
    hub.tell(&id, report, lease).await;
}

type Stages = BTreeMap<NodeName, Stage>;

/// Listens until it is so, or that long.
async fn wait(
    heard: &mut broadcast::Receiver<Heard>,
    id: &TraceId,
    stages: &mut Stages,
    patience: Duration,
    until: impl Fn(&Stages) -> bool,
) {
    let deadline = Instant::now() + patience;
    while !until(stages) {
        match timeout_at(deadline, heard.recv()).await {
            Ok(Ok((of, node, report))) if of == *id => drop(stages.insert(node, report.stage)),
            Ok(Ok(_) | Err(broadcast::error::RecvError::Lagged(_))) => {}
            Ok(Err(broadcast::error::RecvError::Closed)) | Err(_) => return,
        }
    }
}

async fn sent(hub: &Hub, probe: &Probe) -> Echo {
    let netns = match &probe.pod {
        None => None,
        Some(pod) => {
            let records = hub.attacher.records();
            let Some(record) = records.into_iter().find(|record| record.pod == *pod) else {
                return Echo::Unsent(format!("there is no pod {pod} on node {}", hub.me));
            };
            Some(record.spec.netns)
        }
    };
    let probe = probe.clone();
    let sending = tokio::task::spawn_blocking(move || send::send(netns.as_deref(), &probe));
    sending.await.unwrap_or_else(|error| Echo::Unsent(error.to_string()))
}

fn failed(problem: &str) -> Report {
    let problem = Some(problem.to_owned());
    Report { stage: Stage::Done, echo: None, sights: Vec::new(), problem }
}
