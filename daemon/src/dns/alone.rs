//! DNS by itself: a process that follows the store and answers, and touches nothing of the kernel. For
//! hosts that run no pods, and to stand in for a daemon while that is replaced.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use pontoon_model::cluster::ClusterConfig;
use pontoon_store::{Event, KeyValue, Mirror, Update};
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::cluster::Cluster;
use super::publisher::Publisher;
use super::serve::{self, Hindrance};
use crate::app;
use crate::config::{Settings, StoreKind};
use crate::metrics::register_process;
use crate::services::intake::Intake;
use crate::services::shelf::Shelf;
use crate::services::sleep_until;
use crate::snapshot::SnapshotFile;
use crate::{identity, monitoring, watchdog};

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
        shelf: match settings.store.kind() {
            // Another daemon of this host may hold it; then that one answers while the store is away.
            StoreKind::Etcd => {
                Shelf::open(&settings.paths.state).await.ok().map(|(shelf, _)| shelf)
            }
            StoreKind::Embedded => None,
        },
    };
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
        let wake = follower.intake.next_deadline();
        tokio::select! {
            update = mirror.next() => match update {
                Some(update) => follower.take(update).await,
                None => break Err(anyhow::anyhow!("the store is followed no more")),
            },
            () = sleep_until(wake), if wake.is_some() => follower.publish(),
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
    outcome
}

struct Follower {
    intake: Intake,
    names: Publisher,
    cluster: Option<Cluster>,
    shelf: Option<Shelf>,
}

impl Follower {
    async fn take(&mut self, update: Update) {
        if let Some(shelf) = &self.shelf {
            shelf.note(&update);
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
            self.set_config(config);
        }
        self.intake.take(update);
        if let Some(shelf) = self.shelf.as_ref().filter(|_| self.intake.is_waiting()) {
            match shelf.load().await {
                Ok(kept) if !kept.items.is_empty() => self.intake.begin_with(kept),
                Ok(_) => {}
                Err(error) => warn!(%error, "names of earlier runs are not known"),
            }
        }
        self.publish();
    }

    fn set_config(&mut self, item: &KeyValue) {
        match serde_json::from_slice::<ClusterConfig>(&item.value) {
            Ok(config) => self.cluster = Some(Cluster::of(&config)),
            Err(error) => warn!(%error, "the cluster's configuration cannot be read"),
        }
    }

    fn publish(&mut self) {
        self.intake.count_the_gone(Instant::now());
        let (Some(cluster), true) = (&self.cluster, self.intake.is_known()) else { return };
        self.names.set_cluster(cluster);
        let touched = self.intake.take_touched();
        self.names.publish(&mut self.intake, touched, &BTreeSet::new());
    }
}
