//! Makes the kernel's table of services follow the store. A task of its own, so that nothing that
//! takes time elsewhere delays a change of an endpoint.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`intake`] | what the store tells becomes services, slices, pods and nodes |
//! | [`shelf`] | what the store last told, on disk, for a boot while the store is away |
//! | [`flows`] | forgets tracked UDP flows to endpoints that are gone |
//! | [`health`] | answers load balancers that ask whether this node has endpoints |
//! | [`lost`] | what a wiped store has lost, for a while |
//! | [`inquiry`] | who stands behind services, for whoever asks |
//! | [`probe`] | a service of the daemon's own, to find out whether the table works |
//! | [`report`] | what the other parts are told |

pub mod flows;
pub mod health;
pub mod inquiry;
pub mod intake;
pub mod lost;
pub mod probe;
pub mod report;
pub mod shelf;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::FutureExt;
use pontoon_model::service::ServiceId;
use pontoon_proxy::{Arrangement, Changes, Frontend, Node, Proxy, ProxyError, Ranges, plan};
use pontoon_store::Update;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::block_in_place;
use tracing::{debug, info, warn};

use crate::dns::cluster::Cluster;
use crate::dns::publisher::Publisher;
use crate::feed::Figures;
use crate::metrics::work::Work;
use flows::Flows;
use health::{Health, HealthChecks};
use inquiry::Inbox;
use intake::{Intake, Taken, Touched};
use lost::Lost;
use report::Report;
use shelf::Shelf;

/// How long the store may say nothing behind a start, before what was known earlier counts: one that
/// is frozen says for as long as ten seconds not even that it is away. Questions wait that long.
pub const STORE_PATIENCE: Duration = Duration::from_secs(2);
/// Before what failed in the kernel is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// Between two repairs of what somebody else changed.
const PATIENCE: Duration = Duration::from_millis(200);

/// The node and its cluster, as far as services depend on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// The cluster's ranges.
    pub ranges: Ranges,
    /// This node.
    pub node: Node,
    /// What names depend on.
    pub cluster: Cluster,
    /// Virtual addresses by which the node tests its own table, and where they lead.
    pub probes: Vec<(IpAddr, IpAddr)>,
}

/// What the task is made of.
pub struct Parts {
    /// What the store tells.
    pub updates: mpsc::UnboundedReceiver<Update>,
    /// What the controller knows of the node; `None` until it does.
    pub local: watch::Receiver<Option<Local>>,
    /// Somebody else changed the table, or changes were missed.
    pub disturbed: Arc<Notify>,
    /// The table.
    pub proxy: Proxy,
    /// Whom to tell.
    pub report: watch::Sender<Report>,
    /// Where load balancers ask.
    pub health: watch::Sender<HealthChecks>,
    /// Tracked flows.
    pub flows: Flows,
    /// What the store has told.
    pub intake: Intake,
    /// Names; `None` where this node answers no DNS.
    pub names: Option<Publisher>,
    /// What it told before this start; `None` where the store is on this host.
    pub shelf: Option<Shelf>,
    /// What others ask.
    pub inquiries: Inbox,
    /// What was heard of the store and waits here.
    pub feed: Arc<Figures>,
    /// What is counted of the kernel.
    pub work: Arc<Work>,
}

/// The task.
pub struct Services {
    parts: Parts,
    /// What is in the kernel; `None` before the kernel was read for the first time.
    arrangement: Option<Arrangement>,
    local: Option<Local>,
    /// Our own service is in the arrangement.
    probing: bool,
    lost: Lost,
    /// Until when the store is waited for.
    patience: Option<Instant>,
    health: BTreeMap<ServiceId, (u16, Health)>,
    /// What is known is from the shelf, and the kernel holds what was true later.
    kernel_knows_better: bool,
    stale: bool,
    mended: Option<Instant>,
    retry: Option<Instant>,
    problem: Option<String>,
    /// Of the names, as the shelf has it.
    serial: Option<u32>,
}

impl Services {
    /// A task that has done nothing yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            arrangement: None,
            local: None,
            probing: false,
            lost: Lost::default(),
            patience: Some(Instant::now() + STORE_PATIENCE),
            health: BTreeMap::new(),
            kernel_knows_better: false,
            stale: false,
            mended: None,
            retry: None,
            problem: None,
            serial: None,
        }
    }

    /// Runs until the store is followed no more.
    pub async fn run(mut self) {
        if let (Some(names), Some(shelf)) = (&mut self.parts.names, &self.parts.shelf) {
            names.note_served(shelf.serial().await);
        }
        loop {
            let wake = self.wake();
            tokio::select! {
                update = self.parts.updates.recv() => match update {
                    Some(update) => self.take(update),
                    None => return,
                },
                changed = self.parts.local.changed() => if changed.is_err() { return },
                () = self.parts.disturbed.notified() => self.stale = true,
                question = self.parts.inquiries.next() => {
                    // Unanswered, it says that nothing is known.
                    if self.parts.intake.is_known() {
                        question.answer(self.parts.intake.directory());
                    }
                    continue;
                }
                () = sleep_until(wake), if wake.is_some() => {}
            }
            // What is there already is one transaction.
            while let Some(Some(update)) = self.parts.updates.recv().now_or_never() {
                self.take(update);
            }
            if self.patience.is_some_and(|until| until <= Instant::now()) {
                self.patience = None;
                self.parts.intake.wait_no_more();
            }
            if let Err(error) = self.fall_back().await {
                warn!(%error, "services of earlier runs are not known");
            }
            block_in_place(|| self.act());
        }
    }

    /// While the store is away since the start: names are what they last were, and so are services
    /// after a boot, when the kernel holds none. Where it does, it knows better than the shelf.
    async fn fall_back(&mut self) -> Result<(), String> {
        let Some(shelf) = self.parts.shelf.as_ref().filter(|_| self.parts.intake.is_waiting())
        else {
            return Ok(());
        };
        let intact = block_in_place(|| self.parts.proxy.is_there()).map_err(|e| e.to_string())?;
        if intact && self.parts.names.is_none() {
            return Ok(());
        }
        let kept = shelf.load().await.map_err(|e| e.to_string())?;
        if !kept.items.is_empty() {
            info!(
                objects = kept.items.len(),
                "the store is away; services are what they last were"
            );
            self.parts.intake.begin_with(kept);
            self.kernel_knows_better = intact;
        }
        Ok(())
    }

    /// When to look again although nothing is told.
    fn wake(&self) -> Option<Instant> {
        let liveness = self.parts.intake.next_deadline();
        [liveness, self.lost.until(), self.retry, self.patience].into_iter().flatten().min()
    }

    fn take(&mut self, update: Update) {
        self.parts.feed.services.fetch_sub(1, Ordering::Relaxed);
        if let Some(shelf) = &self.parts.shelf {
            shelf.note(&update);
        }
        match self.parts.intake.take(update) {
            Taken::Changes => {}
            Taken::Wiped { lost } => {
                if !lost.is_empty() {
                    warn!(
                        services = lost.len(),
                        "the store has lost its services; they are kept for a while"
                    );
                }
                self.lost.note(lost, Instant::now());
            }
        }
    }

    fn act(&mut self) {
        let now = Instant::now();
        self.parts.intake.count_the_gone(now);
        let local = self.parts.local.borrow_and_update().clone();
        let Some(local) = local else { return };
        if !self.parts.intake.is_known() {
            self.answer_without_store(&local);
            return;
        }
        if self.kernel_knows_better {
            if !self.parts.intake.is_listed() {
                self.local = Some(local);
                let touched = self.parts.intake.take_touched();
                self.parts.inquiries.note(&touched.services);
                self.publish(touched);
                return;
            }
            self.kernel_knows_better = false;
        }
        let everything = self.arrangement.is_none() || self.local.as_ref() != Some(&local);
        self.local = Some(local);
        if self.retry.is_some_and(|at| at <= now) {
            self.retry = None;
            self.stale = true;
        }
        let mut touched = self.parts.intake.take_touched();
        self.parts.inquiries.note(&touched.services);
        touched.services.extend(self.lost.take_due(now));
        let began = Instant::now();
        let outcome = if self.arrangement.is_none() {
            self.adopt()
        } else {
            self.plan(touched.services.clone(), everything);
            self.follow(now)
        };
        self.parts.work.done(began.elapsed(), outcome.is_err());
        // Behind the kernel: who finds the name finds the address working.
        self.publish(touched);
        let problem = outcome.err().map(|error| error.to_string());
        if let Some(problem) = &problem {
            self.stale = true;
            self.retry = Some(now + RETRY);
            if self.problem.as_ref() != Some(problem) {
                warn!(problem, "services are not as they should be");
            }
        }
        self.problem = problem;
        self.tell();
    }

    /// The first time: what is in the kernel keeps its numbers and slots.
    fn adopt(&mut self) -> Result<(), ProxyError> {
        let began = Instant::now();
        let actual = self.parts.proxy.read()?;
        self.arrangement = Some(Arrangement::adopting(Proxy::found(&actual)));
        self.plan(Vec::new(), true);
        let Some(arrangement) = &mut self.arrangement else { return Ok(()) };
        let (wrote, mut changes) = match self.parts.proxy.restore(arrangement, actual) {
            Ok(done) => done,
            Err(error) => {
                self.arrangement = None;
                return Err(error);
            }
        };
        // Whatever went to an endpoint that left while nobody looked.
        changes.touched.extend(arrangement.udp_frontends());
        let services = arrangement.len() - usize::from(self.probing);
        self.parts.work.changed(changes.len());
        self.after(&changes);
        info!(services, wrote, took = ?began.elapsed(), "services are in the kernel");
        Ok(())
    }

    /// Brings the arrangement up to date with what is known.
    fn plan(&mut self, mut dirty: Vec<ServiceId>, everything: bool) {
        let (Some(arrangement), Some(local)) = (&mut self.arrangement, &self.local) else { return };
        let intake = &self.parts.intake;
        if everything {
            arrangement.set_ranges(local.ranges.clone());
            dirty.extend(intake.directory().services().map(|service| service.id.clone()));
            dirty.sort();
            dirty.dedup();
        }
        let directory = intake.directory();
        if let Ok(own) = probe::id()
            && (everything || dirty.contains(&own))
        {
            // Whoever gives a service this name has it.
            self.probing = !local.probes.is_empty() && directory.service(&own).is_none();
            let plan = self.probing.then(|| probe::plan(&local.probes));
            dirty.retain(|id| *id != *own || !self.probing);
            arrangement.set(&own, plan);
        }
        for id in dirty {
            let service = directory.service(&id);
            if service.is_some() {
                self.lost.returned(&id);
            } else if self.lost.kept().contains(&id) {
                continue;
            }
            let planned = service.map(|service| {
                let endpoints = directory.endpoints(&id);
                match health::of(service, &endpoints, &local.node) {
                    Some(health) => drop(self.health.insert(id.clone(), health)),
                    None => drop(self.health.remove(&id)),
                }
                plan::service(service, &endpoints, &local.node)
            });
            if planned.is_none() {
                self.health.remove(&id);
            }
            arrangement.set(&Arc::new(id), planned);
        }
    }

    /// While the store is away and nothing is known of earlier, names outside are answered, and those of
    /// the cluster fail: silence would keep pods from both. Not before that is sure, since another process
    /// with the same sockets may know the names.
    fn answer_without_store(&mut self, local: &Local) {
        if let Some(names) = self.parts.names.as_mut().filter(|_| self.parts.intake.is_waiting()) {
            names.set_cluster(&local.cluster);
        }
    }

    fn publish(&mut self, touched: Touched) {
        let (Some(names), Some(local)) = (&mut self.parts.names, &self.local) else { return };
        names.set_cluster(&local.cluster);
        names.publish(&mut self.parts.intake, touched, self.lost.kept());
        let serial = names.serial();
        if let (Some(shelf), Some(now)) =
            (&self.parts.shelf, serial.filter(|_| serial != self.serial))
        {
            shelf.note_serial(now);
            self.serial = serial;
        }
    }

    /// Makes the kernel follow the arrangement.
    fn follow(&mut self, now: Instant) -> Result<(), ProxyError> {
        let Some(arrangement) = &mut self.arrangement else { return Ok(()) };
        if self.stale {
            if let Some(mended) = self.mended.filter(|at| now.duration_since(*at) < PATIENCE) {
                // Somebody fights us for the table; we do not make it a race.
                self.retry.get_or_insert(mended + PATIENCE);
                self.stale = false;
                return Ok(());
            }
            self.stale = false;
            self.mended = Some(now);
            let actual = self.parts.proxy.read()?;
            let (_, changes) = self.parts.proxy.restore(arrangement, actual)?;
            self.parts.work.changed(changes.len());
            self.after(&changes);
            return Ok(());
        }
        let changes = arrangement.take_changes();
        if changes.is_empty() && changes.forget.is_empty() && changes.touched.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        self.parts.proxy.apply(&changes)?;
        self.parts.work.changed(changes.len());
        debug!(elements = changes.len(), took = ?began.elapsed(), "services changed");
        self.after(&changes);
        Ok(())
    }

    /// What a change leaves to do outside of the table.
    fn after(&self, changes: &Changes) {
        let Some(arrangement) = &self.arrangement else { return };
        let live: HashMap<Frontend, HashSet<SocketAddr>> = changes
            .touched
            .iter()
            .map(|at| (*at, arrangement.endpoints_of(*at).into_iter().collect()))
            .collect();
        self.parts.flows.check(live);
    }

    fn tell(&self) {
        let Some(arrangement) = &self.arrangement else { return };
        let mut problems: Vec<String> = self.parts.intake.problems().collect();
        problems.extend(self.problem.clone());
        problems.extend(arrangement.conflicts().map(|(at, services)| {
            let names: Vec<String> = services.iter().map(ToString::to_string).collect();
            format!("{at} is asked for by {}: the first has it", names.join(" and "))
        }));
        if !self.lost.kept().is_empty() {
            problems.push(format!(
                "the store has lost {} services; they are kept for ten minutes: apply them again",
                self.lost.kept().len()
            ));
        }
        let report = Report {
            services: arrangement.len() - usize::from(self.probing),
            elements: arrangement.sizes().into_iter().collect(),
            revision: self.parts.intake.revision(),
            problems,
        };
        self.parts.report.send_if_modified(|current| {
            let changed = *current != report;
            *current = report;
            changed
        });
        let checks: HealthChecks =
            self.health.iter().map(|(id, (port, health))| (*port, (id.clone(), *health))).collect();
        self.parts.health.send_if_modified(|current| {
            let changed = *current != checks;
            *current = checks;
            changed
        });
    }
}

/// Waits until then; does not wait when there is nothing to wait for.
pub(crate) async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at.into()).await;
    }
}
