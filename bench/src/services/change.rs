//! One endpoint changes: from the store's event to the kernel.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pontoon_lab::Lab;
use pontoon_store::{EtcdConfig, EtcdStore, Store, Watch};

use super::dataset::{POD_CIDR, SERVICE_CIDR, Size, spare};
use super::kernel::{Commits, Kernel};
use super::{BACKENDS, SERVICES, seed};
use crate::usage::Waits;

const ROUNDS: usize = 5;
const CHANGES: usize = 100;
const WAIT: Duration = Duration::from_secs(60);
/// Commits closer together than this belong to one change.
const QUIET: Duration = Duration::from_millis(20);
/// A daemon that has just started is left alone for so long.
const CALM: Duration = Duration::from_secs(3);
/// Any prime that divides no size: changes hit services all over.
const STRIDE: usize = 7_919;

/// What the changes of a round took, milliseconds each.
#[derive(Debug, Clone, Default)]
pub(super) struct Round {
    /// From the store's event to the commit in the kernel.
    pub event_to_kernel: Vec<f64>,
    /// The same without the time that other programs kept the daemon from a processor.
    pub without_waits: Vec<f64>,
}

/// Changes endpoints one by one, several rounds.
pub(super) fn measure(size: Size) -> Result<Vec<Round>> {
    let lab = Lab::builder()
        .hosts(1)
        .dual_stack(false)
        .configure("cluster.pod-cidrs", [POD_CIDR])
        .configure("cluster.service-cidrs", [SERVICE_CIDR])
        .configure("log.level", "info")
        .configure("mesh.enabled", false)
        .build()?;
    let host = lab.host(1);
    lab.start(WAIT)?;
    host.stop()?;
    let config = EtcdConfig { endpoints: vec![lab.etcd().endpoint()], ..EtcdConfig::default() };
    let etcd = || EtcdStore::new(config.clone());
    // A connection belongs to the namespace of the thread that makes it.
    host.netns().run(|| {
        seed::runtime()?
            .block_on(async { seed::fill(&etcd()?, host.name(), size.services()).await })
    })??;
    host.start()?;
    let mut kernel = Kernel::open(host.netns())?;
    let expected = [(SERVICES, size.services), (BACKENDS, size.services * size.endpoints)];
    let daemon = host.daemon().context("the daemon is gone")?;
    kernel
        .wait_for(&expected, WAIT, || Ok(()))
        .with_context(|| format!("the daemon's log ends:\n{}", daemon.log_tail()))?;
    host.wait_ready(WAIT)?;

    let rounds = host.netns().run(|| {
        let commits = Commits::watch(host.netns())?;
        commits.calm(CALM);
        seed::runtime()?.block_on(async {
            let store = etcd()?;
            let mut changer = Changer::new(&store, host.name(), size).await?;
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                rounds.push(changer.round(&commits, daemon.pid()).await?);
            }
            anyhow::Ok(rounds)
        })
    })??;
    let spares: Vec<_> = (0..ROUNDS * CHANGES).map(spare).collect();
    let mut found = kernel.addresses(&BACKENDS)?;
    found.retain(|address| spares.contains(address));
    ensure!(
        found.len() == spares.len(),
        "only {} of {} changed endpoints are in the kernel",
        found.len(),
        spares.len()
    );
    Ok(rounds)
}

/// Exchanges one address of one service after the other.
struct Changer<'a> {
    store: &'a EtcdStore,
    watch: Watch,
    node: &'a str,
    size: Size,
    done: usize,
}

impl<'a> Changer<'a> {
    async fn new(store: &'a EtcdStore, node: &'a str, size: Size) -> Result<Self> {
        let now = store.health().await?.revision;
        let watch = store.watch(pontoon_model::key::ENDPOINT_SLICES, now.next()).await?;
        Ok(Self { store, watch, node, size, done: 0 })
    }

    async fn round(&mut self, commits: &Commits, daemon: u32) -> Result<Round> {
        let mut round = Round::default();
        for _ in 0..CHANGES {
            let before = Waits::of(daemon)?;
            let event = self.change().await?;
            let context = || format!("change {} of an endpoint", self.done);
            let first = commits.first(WAIT).with_context(context)?;
            let waited = Waits::of(daemon)?.longest_since(&before);
            let commit = commits.settle(first, QUIET).with_context(context)?;
            let took = commit.saturating_duration_since(event);
            round.event_to_kernel.push(took.as_secs_f64() * 1e3);
            round.without_waits.push(took.saturating_sub(waited).as_secs_f64() * 1e3);
        }
        Ok(round)
    }

    /// Makes the next change. Returns when the store told of it: the writer or a watcher, whoever
    /// heard first.
    async fn change(&mut self) -> Result<Instant> {
        let mut service = self.size.service(self.done * STRIDE % self.size.services);
        let exchanged = self.done % self.size.endpoints;
        if let Some(address) = service.endpoints.get_mut(exchanged) {
            *address = spare(self.done);
        }
        self.done += 1;
        let (key, value) = (service.slice_key(), service.slice(self.node).to_string());
        let written = async {
            self.store.put(&key, value.into(), None).await?;
            anyhow::Ok(Instant::now())
        };
        let watched = async {
            loop {
                let batch = self.watch.next().await?;
                if batch.events.iter().any(|event| event.key() == key) {
                    return anyhow::Ok(Instant::now());
                }
            }
        };
        let (written, watched) = tokio::join!(written, watched);
        Ok(written?.min(watched?))
    }
}
