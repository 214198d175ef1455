//! Packets that are really sent, and looked for by every node on their way.
//!
//! Nodes meet in the store: a key under a lease of seconds asks, each node answers by a key of its own,
//! and with the lease all of it goes. Where the packet stays on this node, nothing is written.
//!
//! | module | its one job |
//! | --- | --- |
//! | `look` | what one node does: looks, sends if it is the sender, tells |
//! | `mark` | the table that has the kernel tell of the packet; it goes with its connection |
//! | `sights` | what the kernel tells, in words |
//! | `send` | the packet itself |

mod look;
mod mark;
mod send;
mod sights;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pontoon_model::api::{Code, Failure};
use pontoon_model::key::Key;
use pontoon_model::name::{NodeName, TraceId};
use pontoon_model::trace::live::{Probe, Report, Stage};
use pontoon_store::{KeyValue, LeaseId, Store};
use pontoon_trace::live::Reports;
use serde::Serialize;
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, warn};

use crate::attach::Attacher;

pub use mark::sweep;

/// How long the keys of a trace live that nobody takes away.
const LEASE: Duration = Duration::from_secs(20);
/// The longest that all nodes together take.
const PATIENCE: Duration = Duration::from_secs(14);
/// How long others are waited for once the sender has told.
const REST: Duration = Duration::from_secs(6);
/// Packets that a node looks for at one time.
const AT_ONCE: usize = 8;
/// Reports that wait for whoever is slow.
const WAITING: usize = 256;
/// Traces that are remembered, lest a listing of the store begin them again.
const REMEMBERED: usize = 64;

/// A report, of which trace and by whom.
type Heard = (TraceId, NodeName, Report);

/// Looks for packets that others ask for, and has others look for ours.
pub struct Hub {
    me: NodeName,
    store: Arc<dyn Store>,
    attacher: Arc<Attacher>,
    heard: broadcast::Sender<Heard>,
    begun: Mutex<VecDeque<TraceId>>,
    places: Arc<Semaphore>,
}

impl Hub {
    /// One that looks for nothing yet.
    #[must_use]
    pub fn new(me: NodeName, store: Arc<dyn Store>, attacher: Arc<Attacher>) -> Self {
        Self {
            me,
            store,
            attacher,
            heard: broadcast::Sender::new(WAITING),
            begun: Mutex::default(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Takes part in what others ask for, until the store is followed no more.
    pub async fn run(self: Arc<Self>, mut traces: mpsc::UnboundedReceiver<KeyValue>) {
        while let Some(item) = traces.recv().await {
            match item.key.parse() {
                Ok(Key::Trace(id)) => match serde_json::from_slice::<Probe>(&item.value) {
                    // Without a lease it was asked by none of us, and would be asked again for ever.
                    Ok(probe)
                        if item.lease.is_some()
                            && probe.nodes.contains(&self.me)
                            && self.begins(&id) =>
                    {
                        tokio::spawn(look::look(Arc::clone(&self), id, probe, item.lease));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        warn!(key = item.key, %error, "a packet to look for cannot be read")
                    }
                },
                Ok(Key::Sights(id, node)) => match serde_json::from_slice::<Report>(&item.value) {
                    // Nobody may be waiting for it.
                    Ok(report) => drop(self.heard.send((id, node, report))),
                    Err(error) => warn!(key = item.key, %error, "what a node saw cannot be read"),
                },
                _ => {}
            }
        }
    }

    /// Has a packet sent and looked for.
    ///
    /// # Errors
    /// When several nodes are to look for it and the store does not answer.
    pub async fn ask(self: &Arc<Self>, probe: &Probe) -> Result<Reports, Failure> {
        let id = TraceId::try_from(format!("t{:08x}", rand::random::<u32>()))
            .map_err(|error| Failure::new(Code::Internal, error.to_string(), ""))?;
        let mut heard = self.heard.subscribe();
        self.begins(&id);
        let alone = probe.nodes == [self.me.clone()];
        let lease = if alone { None } else { Some(self.tell_all(&id, probe).await?) };
        if probe.nodes.contains(&self.me) {
            tokio::spawn(look::look(Arc::clone(self), id.clone(), probe.clone(), lease));
        }
        let mut reports = Reports::new();
        let mut deadline = Instant::now() + PATIENCE;
        let is_done = |reports: &Reports, node: &NodeName| {
            reports.get(node).is_some_and(|report: &Report| report.stage == Stage::Done)
        };
        while !probe.nodes.iter().all(|node| is_done(&reports, node)) {
            let (of, node, report) = match timeout_at(deadline, heard.recv()).await {
                Ok(Ok(heard)) => heard,
                Ok(Err(broadcast::error::RecvError::Lagged(_))) => continue,
                _ => break,
            };
            // What a node told here comes from the store as well, later.
            if of != id || is_done(&reports, &node) {
                continue;
            }
            if node == probe.sender && report.stage == Stage::Done {
                deadline = deadline.min(Instant::now() + REST);
            }
            reports.insert(node, report);
        }
        // That it looks is no word of what it saw.
        for report in reports.values_mut().filter(|report| report.stage != Stage::Done) {
            report.problem = Some("it has not told in time what it saw".to_owned());
        }
        if let Some(lease) = lease
            && let Err(error) = self.store.revoke(lease).await
        {
            debug!(%error, "what was told of a packet goes with its lease");
        }
        Ok(reports)
    }

    /// Asks the nodes.
    async fn tell_all(&self, id: &TraceId, probe: &Probe) -> Result<LeaseId, Failure> {
        let away = |error: pontoon_store::Error| {
            Failure::new(
                Code::Store,
                "nodes cannot be asked to look for a packet",
                format!("{error}; without --live nothing is asked of them"),
            )
        };
        let lease = self.store.grant(LEASE).await.map_err(away)?.id;
        let key = Key::Trace(id.clone()).to_string();
        self.store.put(&key, json(probe), Some(lease)).await.map_err(away)?;
        Ok(lease)
    }

    /// Notes that a packet is looked for; whether that is new.
    fn begins(&self, id: &TraceId) -> bool {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.contains(id) {
            return false;
        }
        if begun.len() == REMEMBERED {
            begun.pop_front();
        }
        begun.push_back(id.clone());
        true
    }

    /// Tells what this node sees, to whoever asked; whether that could be told.
    async fn tell(&self, id: &TraceId, report: Report, lease: Option<LeaseId>) -> bool {
        let mut told = true;
        if let Some(lease) = lease {
            let key = Key::Sights(id.clone(), self.me.clone()).to_string();
            let put = self.store.put(&key, json(&report), Some(lease));
            told = match timeout(REST, put).await {
                Ok(Ok(_)) => true,
                Ok(Err(error)) => {
                    debug!(%error, "nobody hears what was seen of a packet");
                    false
                }
                Err(_) => {
                    debug!("the store is too slow to hear what was seen of a packet");
                    false
                }
            };
        }
        // Who asked may be here as well; nobody may be.
        let _ = self.heard.send((id.clone(), self.me.clone(), report));
        told
    }
}

/// None of what is told cannot be written.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
