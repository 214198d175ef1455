//! Wires the parts together and runs them until somebody says stop.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::FutureExt;
use pontoon_proxy::Proxy;
use pontoon_store::{EmbeddedStore, EtcdStore, Store};
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::attach::kernel::Kernel;
use crate::attach::record::RecordFolder;
use crate::attach::{self, Attacher};
use crate::config::{Settings, StoreKind, StoreSettings};
use crate::conflist::{self, Conflist};
use crate::controller::{self, Controller};
use crate::dns::publisher::{Publisher, Serving};
use crate::dns::serve::Hindrance;
use crate::doctor::Doctor;
use crate::firewall::keeper::FirewallKeeper;
use crate::lease::Identity;
use crate::metrics::store::MeasuredStore;
use crate::metrics::{Metrics, Source};
use crate::objects::Objects;
use crate::pods::{board::PodBoard, publisher, readiness};
use crate::problems::Problems;
use crate::registrar::{self, Obstacle};
use crate::requests::Requests;
use crate::run_folder::{self, RunFolder};
use crate::services::flows::Flows;
use crate::services::health::HealthChecks;
use crate::services::inquiry;
use crate::services::intake::Intake;
use crate::services::report::Report;
use crate::services::shelf::{self, Shelf};
use crate::services::{self, Services};
use crate::situation::Situation;
use crate::snapshot::SnapshotFile;
use crate::trace::Tracer;
use crate::trace::live::Hub;
use crate::watchdog::Liveness;
use crate::{api, dns, feed, identity, mesh, metrics, monitoring, names, server, trace, watchdog};

/// How often the folder of pending DELs is looked at: a plugin writes there only when the daemon
/// did not answer.
const PENDING: Duration = Duration::from_secs(2);

/// How long a node that starts waits for its own liveness key to come back from the store.
const SEEN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a daemon that stops waits for its disk.
const SHELVE_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs the daemon until SIGTERM or SIGINT. What is in the kernel stays there.
///
/// # Errors
/// What keeps it from starting, or from going on.
pub async fn run(settings: Settings) -> Result<()> {
    let folder = RunFolder::hold(&settings.paths.run)?;
    let ended = work(settings).await;
    if let Err(error) = &ended {
        folder.leave_word(error);
    }
    ended
}

async fn work(settings: Settings) -> Result<()> {
    let started = Instant::now();
    let paths = &settings.paths;
    run_folder::make(&paths.state)?;
    let me = identity::find(&settings.node, &paths.state)?;
    info!(node = %me.name, machine = me.machine_id, version = env!("CARGO_PKG_VERSION"), "starting");

    let snapshots = SnapshotFile::new(&paths.state);
    let snapshot = snapshots.load(&me.machine_id).unwrap_or_else(|problem| {
        warn!(problem, "the last snapshot is not used");
        None
    });
    let metrics = Metrics::default();
    let store = open_store(&settings.store, &paths.state).await?;
    let store: Arc<dyn Store> = Arc::new(MeasuredStore::new(store, Arc::clone(&metrics.store)));
    let firewall = Arc::new(FirewallKeeper::open()?);
    let board = Arc::new(PodBoard::default());
    let (situation_tx, situation) = watch::channel(Situation::default());
    let (needs_tx, needs) = watch::channel(BTreeMap::new());
    let (input_tx, input) = watch::channel(registrar::Input::default());
    let (obstacle_tx, mut obstacles) = watch::channel(Obstacle::default());
    let (own_pods_tx, own_pods) = watch::channel(None);
    let (ready_tx, ready) = watch::channel(false);
    let (local_tx, local) = watch::channel(None);
    let (report_tx, report) = watch::channel(Report::default());
    let (health_tx, health) = watch::channel(HealthChecks::default());
    let disturbed = Arc::new(Notify::new());
    let proxy = Proxy::open(names::BRIDGE)?;
    let own_ports = vec![firewall.port(), proxy.port()];
    let feeds = feed::follow(Arc::clone(&store), &me.name);
    let pulse = Arc::new(AtomicU64::new(0));
    let stop = CancellationToken::new();

    let held = snapshot.as_ref().map(|s| s.held.clone()).unwrap_or_default();
    let parts = attach::Parts {
        me: me.clone(),
        bridge_mac: names::bridge_mac(&me.machine_id),
        host_search: dns::told::host_search(&settings.dns.forward.resolv_conf),
        folder: RecordFolder::open(&paths.state).context("cannot open the attachments' records")?,
        pending: paths.pending(),
        kernel: Kernel::open()?,
        firewall: Arc::clone(&firewall),
        situation: situation.clone(),
        needs: needs_tx,
        board: Arc::clone(&board),
    };
    let attacher =
        Arc::new(Attacher::open(parts, &held).context("cannot read the attachments' records")?);
    let controller = Controller::new(controller::Parts {
        me: me.clone(),
        node: settings.node.clone(),
        answers_dns: settings.dns.enabled,
        probes: settings.mesh.enabled,
        towards: store_address(&settings.store),
        store: Arc::clone(&store),
        attacher: Arc::clone(&attacher),
        firewall: Arc::clone(&firewall),
        own_ports,
        updates: feeds.topology,
        snapshots,
        snapshot,
        outputs: controller::Outputs {
            situation: situation_tx,
            registrar: input_tx,
            pods: own_pods_tx,
            services: local_tx,
            disturbed: Arc::clone(&disturbed),
        },
        needs,
        obstacles: obstacles.clone(),
        feed: Arc::clone(&feeds.figures),
        work: Arc::clone(&metrics.controller),
        pulse: Arc::clone(&pulse),
        started,
    })?;

    let listener = server::listen(&paths.socket())
        .with_context(|| format!("cannot listen on {}", paths.socket().display()))?;
    let (inquiries, inbox) = inquiry::channel(rand::random());
    let (listeners_tx, listeners) = watch::channel(Vec::new());
    let problems = Problems { situation: situation.clone(), services: report.clone(), listeners };
    let requests = Arc::new(Requests {
        me: me.clone(),
        store_kind: settings.store.kind().to_string(),
        objects: Objects::new(Arc::clone(&store), inquiries),
        attacher: Arc::clone(&attacher),
        situation: situation.clone(),
        calls: Arc::clone(&metrics.cni),
        problems: problems.clone(),
        ready: ready.clone(),
    });
    let (shelf, shelved) = match settings.store.kind() {
        StoreKind::Etcd => {
            let opened = Shelf::open(&paths.state.join(shelf::FILE)).await;
            let (shelf, written) = opened.context("cannot open the services' shelf")?;
            (Some(shelf), Some(written))
        }
        StoreKind::Embedded => (None, None),
    };
    let Names { publisher: names, mut listening, figures: dns, serving } =
        start_dns(&settings, &listeners_tx, &stop);
    let known = local.clone();
    let services = Services::new(services::Parts {
        updates: feeds.services,
        local,
        disturbed,
        proxy,
        report: report_tx,
        health: health_tx,
        flows: Flows::start()?,
        intake: Intake::new(me.name.clone()),
        names,
        inquiries: inbox,
        feed: Arc::clone(&feeds.figures),
        work: Arc::clone(&metrics.services),
        shelf,
    });
    let mut balancing = tokio::spawn(services.run());
    tokio::spawn(services::health::run(health));
    let mut controlling = tokio::spawn(controller.run());
    let mut registering = tokio::spawn(registrar::run(
        Arc::clone(&store),
        me.clone(),
        settings.cluster.clone(),
        input,
        obstacle_tx,
    ));
    tokio::spawn(readiness::run(Arc::clone(&board)));
    let for_doctor = Arc::clone(&store);
    let for_traces = Arc::clone(&store);
    let measured = Arc::new(mesh::board::Board::default());
    tokio::spawn(mesh::run(mesh::Parts {
        me: me.clone(),
        settings: settings.mesh.clone(),
        store: Arc::clone(&store),
        situation: situation.clone(),
        ready: ready.clone(),
        board: Arc::clone(&measured),
        problems: listeners_tx.clone(),
    }));
    let mut publishing =
        tokio::spawn(publisher::run(store, board, Arc::clone(&attacher), own_pods));
    let doctor = Arc::new(Doctor {
        me: me.clone(),
        settings: settings.clone(),
        store: for_doctor,
        attacher: Arc::clone(&attacher),
        firewall,
        situation: situation.clone(),
        problems: {
            let problems = problems.clone();
            Box::new(move || problems.lines())
        },
        turn: Mutex::default(),
    });
    if let Err(error) = trace::live::sweep() {
        warn!(error, "tables of packets that were followed are left");
    }
    let hub = Arc::new(Hub::new(me.name.clone(), for_traces, Arc::clone(&attacher)));
    let tracer = Arc::new(Tracer {
        me: me.clone(),
        attacher: Arc::clone(&attacher),
        situation: situation.clone(),
        local: known,
        inquiries: requests.objects.endpoints().clone(),
        dns: serving,
        resolv_conf: settings.dns.forward.resolv_conf.clone(),
        hub: Arc::clone(&hub),
    });
    tokio::spawn(hub.run(feeds.traces));
    let people = api::router(api::Parts {
        trace: Box::new(move |question| {
            let tracer = Arc::clone(&tracer);
            Box::pin(async move { tracer.answer(question).await })
        }),
        objects: requests.objects.clone(),
        situation: situation.clone(),
        changes: feeds.changes,
        status: {
            let requests = Arc::clone(&requests);
            Box::new(move || requests.status())
        },
        doctor: Box::new(move || {
            let doctor = Arc::clone(&doctor);
            Box::pin(async move { doctor.examine().await })
        }),
        mesh: {
            let (me, settings) = (me.clone(), settings.mesh.clone());
            let (situation, board) = (situation.clone(), Arc::clone(&measured));
            Box::new(move || mesh::whole(&me, &settings, &situation.borrow(), &board))
        },
    });
    let for_people = tokio::spawn(api::listen::run(
        paths.api_socket(),
        settings.api.clone(),
        people,
        listeners_tx.clone(),
    ));
    let known = metrics::cluster::Parts {
        me: me.clone(),
        situation: situation.clone(),
        services: report,
        problems,
        obstacles: obstacles.clone(),
        ready,
        feed: feeds.figures,
        addresses: {
            let attacher = Arc::clone(&attacher);
            metrics::cluster::Addresses(Arc::new(move || attacher.address_use()))
        },
    };
    let meshed = metrics::mesh::Parts { me: me.name.clone(), board: measured };
    let sources: Vec<Source> = vec![
        Box::new(move |registry| registry.register_collector(Box::new(meshed.clone()))),
        Box::new(move |registry| metrics.register(registry)),
        Box::new(move |registry| registry.register_collector(Box::new(known.clone()))),
        dns,
    ];
    let liveness = Liveness { socket: paths.socket(), pulse, started };
    let seen = monitoring::of_node(sources, liveness.clone(), Arc::clone(&requests));
    tokio::spawn(monitoring::run(settings.metrics.listen.0, seen, listeners_tx));
    let mut serving = tokio::spawn(server::serve(listener, requests));
    tokio::spawn(watchdog::run(liveness));
    let mut preparing = tokio::spawn(prepare(settings.clone(), me, attacher, situation, ready_tx));

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut prepared = false;
    let ended = loop {
        tokio::select! {
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            changed = obstacles.changed(), if !prepared => {
                let obstacle = obstacles.borrow_and_update().clone();
                if changed.is_ok() && obstacle.fatal {
                    break Err(anyhow::anyhow!(obstacle.problem.unwrap_or_default()));
                }
            }
            end = &mut preparing, if !prepared => match end {
                Ok(()) => prepared = true,
                Err(error) => break Err(error.into()),
            },
            end = &mut balancing => break died("services", end),
            end = &mut controlling => break died("controller", end),
            end = &mut registering => break died("registrar", end),
            end = &mut publishing => break died("publisher", end),
            end = &mut serving => break died("server", end),
            end = &mut listening => break end.context("the DNS failed; please report this").flatten(),
        }
    };
    watchdog::notify(&[NotifyState::Stopping]);
    stop.cancel();
    balancing.abort();
    // It takes its socket away.
    for_people.abort();
    let _ = for_people.await;
    if let Some(shelved) = shelved {
        // Only a disk that hangs takes longer.
        let _ = tokio::time::timeout(SHELVE_TIMEOUT, shelved).await;
    }
    if ended.is_ok() {
        let _ = listening.await;
    }
    let _ = fs::remove_file(settings.paths.socket());
    info!("stopping; pods keep their network");
    ended
}

/// The DNS of this node.
struct Names {
    /// Who makes names of what the store tells; nobody where the DNS is switched off.
    publisher: Option<Publisher>,
    listening: JoinHandle<Result<()>>,
    figures: Source,
    /// Who answers, once the cluster is known.
    serving: watch::Receiver<Option<Serving>>,
}

/// Starts the DNS, which listens once the cluster is known; does nothing where it is switched off.
fn start_dns(
    settings: &Settings,
    problems: &watch::Sender<Vec<String>>,
    stop: &CancellationToken,
) -> Names {
    let (found, serving) = watch::channel(None);
    let figures = dns::figures(serving.clone());
    let stop = stop.clone();
    if !settings.dns.enabled {
        let listening = tokio::spawn(async move { stop.cancelled().await }.map(Ok));
        return Names { publisher: None, listening, figures, serving };
    }
    let (config, hindrance) = (settings.dns.clone(), Hindrance::IsTold(problems.clone()));
    let listening = tokio::spawn(dns::serve::run(config, serving.clone(), hindrance, stop));
    let publisher = Some(dns::serve::publisher(&settings.dns, found));
    Names { publisher, listening, figures, serving }
}

/// Brings the pods of earlier runs up to date, then says that the node is ready, then looks after
/// pending DELs for ever, in the background.
async fn prepare(
    settings: Settings,
    me: Identity,
    attacher: Arc<Attacher>,
    mut situation: watch::Receiver<Situation>,
    ready: watch::Sender<bool>,
) {
    if situation.wait_for(Situation::up_to_date).await.is_err() {
        return;
    }
    // Once it says that it is ready, others wait for this node before they call a pod attached.
    let seen = situation.wait_for(|now| !now.connected || now.view.alive.contains_key(&me.name));
    let _ = tokio::time::timeout(SEEN_TIMEOUT, seen).await;
    attacher.carry_out_pending().await;
    attacher.mend_all().await;
    match conflist::install(&settings.paths) {
        Ok(Conflist::Written) => {
            info!(path = %settings.paths.conflist().display(), "runtimes can find the network")
        }
        Ok(Conflist::Unchanged) => {}
        Ok(Conflist::Foreign) => warn!(
            path = %settings.paths.conflist().display(),
            "a file of this name is not Pontoon's and was left alone; runtimes will not find the network until it is moved away"
        ),
        Err(error) => {
            warn!(path = %settings.paths.conflist().display(), %error, "cannot tell runtimes of the network")
        }
    }
    ready.send_replace(true);
    info!("ready");
    watchdog::notify(&[NotifyState::Ready, NotifyState::Status("ready for pods")]);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(PENDING).await;
            attacher.carry_out_pending().await;
        }
    });
}

fn died(what: &str, end: Result<(), tokio::task::JoinError>) -> Result<()> {
    match end {
        Ok(()) => bail!("the {what} stopped"),
        Err(error) => bail!("the {what} failed: {error}; please report this"),
    }
}

/// Opens the store that the settings name.
///
/// # Errors
/// When its file cannot be opened, or what it needs is not set.
pub async fn open_store(settings: &StoreSettings, state: &Path) -> Result<Arc<dyn Store>> {
    match (settings.kind(), &settings.etcd) {
        (StoreKind::Etcd, Some(config)) => Ok(Arc::new(EtcdStore::new(config.clone())?)),
        (StoreKind::Etcd, None) => {
            bail!("store.kind is etcd, but there is no [store.etcd] section")
        }
        (StoreKind::Embedded, _) => {
            Ok(Arc::new(EmbeddedStore::open(state.join("store.redb"), Default::default()).await?))
        }
    }
}

/// An address of the store, when it is on another host: the way there is a good guess at the
/// underlay.
fn store_address(settings: &StoreSettings) -> Option<IpAddr> {
    let endpoints =
        &settings.etcd.as_ref().filter(|_| settings.kind() == StoreKind::Etcd)?.endpoints;
    endpoints
        .iter()
        .filter_map(|endpoint| {
            let authority = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, rest)| rest);
            let authority = authority.trim_end_matches('/');
            let resolved =
                authority.to_socket_addrs().or_else(|_| (authority, 2379).to_socket_addrs());
            resolved.ok()?.next().map(|address| address.ip())
        })
        .find(|ip| !ip.is_loopback())
}
