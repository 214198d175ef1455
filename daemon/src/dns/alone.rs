//! DNS by itself: a process that follows the store and answers, and touches nothing of the kernel. For
//! hosts that run no pods, and to stand in for a daemon while that is replaced.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pontoon_model::cluster::ClusterConfig;
use pontoon_store::{Event, Mirror, Update};
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::cluster::Cluster;
use super::publisher::Publisher;
use super::recall::{Forgotten, Recall};
use super::serve::{self, Hindrance};
use crate::app;
use crate::config::{Settings, StoreKind};
use crate::metrics::register_process;
use crate::services::intake::{Intake, Taken};
use crate::services::lost::Lost;
use crate::services::{STORE_PATIENCE, sleep_until};
use crate::snapshot::SnapshotFile;
use crate::{identity, monitoring, watchdog};

/// Between two looks at what was kept on this host: at first, and at most. A daemon has it open that may be
/// stopped at any moment, and then nobody answers meanwhile.
const RETRIES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// What keeps it from starting, or from going on.
pub async fn run(settings: Settings) -> Result<()> {
    if !settings.dns.enabled {
        bail!("DNS is all that this process is for, and dns.enabled is false");
    }
    let me = identity::find(&settings.node, &settings.paths.state)?;
    info!(node = %me.name, version = env!("CARGO_PKG_VERSION"), "starting, for DNS alone");
    let store = app::open_store(&settings.store, &settings.paths.state).await?;
    let (found, serving) = watch::channel(None);
    let stop = CancellationToken::new();
    let snapshot = SnapshotFile::new(&settings.paths.state).load(&me.machine_id).ok().flatten();
    let mut follower = Follower {
        intake: Intake::new(me.name.clone()),
        names: serve::publisher(&settings.dns, found),
        cluster: snapshot.and_then(|s| s.config).map(|config| Cluster::of(&config.value)),
        lost: Lost::default(),
        recall: match settings.store.kind() {
            StoreKind::Etcd => Some(Recall::open(&settings.paths.state).await),
            StoreKind::Embedded => None,
        },
        look_again: Some(Instant::now() + STORE_PATIENCE),
        pause: RETRIES[0],
        forgotten: None,
        serial: None,
    };
    if let Some(recall) = &follower.recall {
        follower.names.note_served(recall.serial().await);
    }
    let mut mirror = Mirror::follow(Arc::clone(&store), "");
    // A daemon of this host may have the address already; then this waits for it.
    let (problems, _) = watch::channel(Vec::new());
    let seen = monitoring::of_dns(
        vec![Box::new(register_process), super::figures(serving.clone())],
        serving.clone(),
    );
    tokio::spawn(monitoring::run(settings.metrics.listen.0, seen, problems));
    let dns = settings.dns.clone();
    let mut listening = tokio::spawn(serve::run(dns, serving, Hindrance::Fails, stop.clone()));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    watchdog::notify(&[NotifyState::Ready, NotifyState::Status("answers DNS")]);
    let outcome = loop {
        let wake = follower.wake();
        tokio::select! {
            update = mirror.next() => match update {
                Some(update) => follower.take(update).await,
                None => break Err(anyhow::anyhow!("the store is followed no more")),
            },
            () = sleep_until(wake), if wake.is_some() => follower.look().await,
            end = &mut listening => break end.context("the DNS failed; please report this")?,
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
        }
    };
    watchdog::notify(&[NotifyState::Stopping]);
    stop.cancel();
    if outcome.is_ok() {
        listening.await.context("the DNS failed; please report this")??;
    }
    if let Some(recall) = follower.recall {
        recall.close().await;
    }
    outcome
}

struct Follower {
    intake: Intake,
    names: Publisher,
    cluster: Option<Cluster>,
    lost: Lost,
    /// `None` where the store is on this host: what is known is in it.
    recall: Option<Recall>,
    /// When what was known before the start is looked for, unless the store has told.
    look_again: Option<Instant>,
    /// How long it is until then, the next time.
    pause: Duration,
    /// Why nothing was known when it was last looked for.
    forgotten: Option<Forgotten>,
    /// Of the names, as its own shelf has it.
    serial: Option<u32>,
}

impl Follower {
    async fn take(&mut self, update: Update) {
        if let Some(recall) = &self.recall {
            recall.note(&update);
        }
        let config = match &update {
            Update::Snapshot { items, .. } => items.iter().find(|item| item.key == "config"),
            Update::Changes { events, .. } => events.iter().rev().find_map(|event| match event {
                Event::Put(item) if item.key == "config" => Some(item),
                _ => None,
            }),
            Update::Progress { .. } | Update::Lost { .. } => None,
        };
        if let Some(config) = config {
            self.set_config(&config.value);
        }
        if let Taken::Wiped { lost } = self.intake.take(update) {
            self.lost.note(lost, Instant::now());
        }
        self.fall_back().await;
        self.publish();
    }

    fn wake(&self) -> Option<Instant> {
        let liveness = self.intake.next_deadline();
        [liveness, self.lost.until(), self.look_again].into_iter().flatten().min()
    }

    /// Time has passed.
    async fn look(&mut self) {
        if self.look_again.is_some_and(|at| at <= Instant::now()) {
            self.look_again = None;
            self.intake.wait_no_more();
            self.fall_back().await;
        }
        self.publish();
    }

    /// While the store is away since the start, names are what they last were.
    async fn fall_back(&mut self) {
        let Some(recall) = self.recall.as_ref().filter(|_| self.intake.is_waiting()) else {
            return;
        };
        let later = self.look_again.is_some_and(|at| Instant::now() < at);
        if later && self.forgotten.is_some() {
            return;
        }
        match recall.kept().await {
            Ok(kept) => {
                if let Some(config) = &kept.config {
                    self.set_config(config);
                }
                self.names.note_served(kept.serial);
                self.intake.begin_with(kept);
                self.look_again = None;
            }
            Err(why) => {
                if self.forgotten.as_ref() != Some(&why) {
                    info!("names of earlier runs are not known so far: {why}");
                    self.pause = RETRIES[0];
                }
                self.look_again = Some(Instant::now() + self.pause);
                self.pause = RETRIES[1].min(2 * self.pause);
                self.forgotten = Some(why);
            }
        }
    }

    /// Whether there is nobody on this host who knows the cluster's names.
    fn is_alone(&self) -> bool {
        self.intake.is_waiting()
            && (self.recall.is_none() || matches!(self.forgotten, Some(Forgotten::Nothing(_))))
    }

    fn set_config(&mut self, value: &[u8]) {
        match serde_json::from_slice::<ClusterConfig>(value) {
            Ok(config) => self.cluster = Some(Cluster::of(&config)),
            Err(error) => warn!(%error, "the cluster's configuration cannot be read"),
        }
    }

    fn publish(&mut self) {
        let now = Instant::now();
        self.intake.count_the_gone(now);
        let Some(cluster) = &self.cluster else { return };
        if !self.intake.is_known() {
            // Names outside are answered then, and those of the cluster fail.
            if self.is_alone() {
                self.names.set_cluster(cluster);
            }
            return;
        }
        self.names.set_cluster(cluster);
        let mut touched = self.intake.take_touched();
        for id in &touched.services {
            if self.intake.directory().service(id).is_some() {
                self.lost.returned(id);
            }
        }
        touched.services.extend(self.lost.take_due(now));
        self.names.publish(&mut self.intake, touched, self.lost.kept());
        let serial = self.names.serial();
        if let (Some(recall), Some(now)) = (&self.recall, serial.filter(|_| serial != self.serial))
        {
            recall.note_serial(now);
            self.serial = serial;
        }
    }
}
