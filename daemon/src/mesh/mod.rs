//! How well this node reaches its peers: probes at a low rate, from host to host and over the pod
//! network, and what it checks of itself.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`plan`] | whom to probe, from where, and when |
//! | [`wire`] | what probes say |
//! | [`sockets`] | sockets; who is answered |
//! | [`own`] | this node's DNS, and a virtual address |
//! | [`board`], [`window`] | what came of it |
//! | [`publish`] | when the others hear of it |

pub mod board;
pub mod own;
pub mod plan;
pub mod publish;
pub mod sockets;
pub mod window;
pub mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use ipnetwork::IpNetwork;
use pontoon_model::key::Key;
use pontoon_model::mesh::{Mesh, MeshRow};
use pontoon_store::{LeaseKeeper, Store};
use rand::seq::SliceRandom;
use tokio::sync::watch;

use crate::config::MeshSettings;
use crate::lease::Identity;
use crate::problems::tell;
use crate::situation::Situation;
use board::{Board, Check};
use plan::{Plan, Target, Way};
use publish::Difference;
use sockets::{Shared, Sockets};
use wire::Probe;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a row outlives its node's daemon.
const LEASE: Duration = Duration::from_secs(90);
/// How the problems of this part begin.
const WHOSE: &str = "connectivity mesh";

/// What the task is made of.
pub struct Parts {
    /// Who this node is.
    pub me: Identity,
    /// Whether and how often.
    pub settings: MeshSettings,
    /// Where rows are told.
    pub store: Arc<dyn Store>,
    /// What the controller knows.
    pub situation: watch::Receiver<Situation>,
    /// Whether the node is ready.
    pub ready: watch::Receiver<bool>,
    /// Where results are noted.
    pub board: Arc<Board>,
    /// Whom to tell what is wrong.
    pub problems: watch::Sender<Vec<String>>,
}

/// All that is known: this node's row as it is now, the others' as they last told.
#[must_use]
pub fn whole(me: &Identity, settings: &MeshSettings, now: &Situation, board: &Board) -> Mesh {
    let mut rows: BTreeMap<_, MeshRow> =
        now.view.mesh.iter().map(|(name, row)| (name.clone(), MeshRow::clone(row))).collect();
    rows.retain(|name, _| now.view.nodes.contains_key(name) && now.view.alive.contains_key(name));
    if settings.enabled {
        rows.insert(me.name.clone(), board.row());
    }
    Mesh {
        enabled: settings.enabled,
        interval_ms: u64::try_from(settings.interval.as_millis()).unwrap_or(u64::MAX),
        nodes: now.view.nodes.keys().cloned().collect(),
        rows,
    }
}

/// Probes for ever, if it is asked to.
pub async fn run(mut parts: Parts) {
    if !parts.settings.enabled || parts.ready.wait_for(|ready| *ready).await.is_err() {
        return;
    }
    let interval = parts.settings.interval;
    let shared =
        Shared { board: Arc::clone(&parts.board), patience: PATIENCE, sources: RwLock::default() };
    let mut sockets = Sockets::new(Arc::new(shared));
    let mut planned = Planned::default();
    let mut teller = Teller::default();
    loop {
        let began = Instant::now();
        let now = parts.situation.borrow_and_update().clone();
        if planned.follow(&now, &parts.me) {
            sockets.answer_only(&planned.plan.sources);
            parts.board.keep(&planned.plan.peers, &planned.plan.targets);
        }
        let addresses: BTreeSet<IpAddr> = planned.plan.own.values().copied().collect();
        tell(&parts.problems, WHOSE, sockets.listen_at(&addresses).await.err());
        tokio::join!(
            probe(&sockets, &parts.board, &planned.plan.targets, interval),
            check(&parts.board, &now, &planned.plan, interval),
        );
        tokio::time::sleep_until((began + interval).into()).await;
        parts.board.give_up(Instant::now(), PATIENCE);
        teller.tell(&parts);
    }
}

/// The plan, and what it was made of.
#[derive(Default)]
struct Planned {
    plan: Plan,
    of: Option<(u64, usize, Vec<IpNetwork>)>,
}

impl Planned {
    /// Plans anew if something of it has changed.
    fn follow(&mut self, now: &Situation, me: &Identity) -> bool {
        let of = Some((now.view.topology, now.view.nodes.len(), now.held.clone()));
        let changed = self.of != of;
        if changed {
            self.plan = plan::plan(&now.view, me, &now.held);
            self.of = of;
        }
        changed
    }
}

/// A round of probes.
async fn probe(sockets: &Sockets, board: &Board, targets: &[Target], interval: Duration) {
    let began = Instant::now();
    let mut targets: Vec<&Target> = targets.iter().collect();
    targets.shuffle(&mut rand::rng());
    let moments: Vec<Duration> = plan::moments(targets.len(), interval, rand::random).collect();
    for (target, moment) in targets.into_iter().zip(moments) {
        tokio::time::sleep_until((began + moment).into()).await;
        let now = Instant::now();
        board.give_up(now, PATIENCE);
        let number = rand::random();
        board.asked(number, target, now);
        sockets.send(target.from, target.to, Probe::Asked(number)).await;
    }
}

/// A round of what the node checks of itself.
async fn check(board: &Board, now: &Situation, plan: &Plan, interval: Duration) {
    let Some(config) = &now.config else { return };
    tokio::time::sleep(interval.saturating_sub(PATIENCE).mul_f64(rand::random())).await;
    let dns =
        now.dns.iter().map(|ip| own::ask_dns((*ip, 53).into(), &config.cluster_domain, PATIENCE));
    let services = vips(&config.dns_addresses(), plan);
    let services = services.into_iter().map(|(from, vip)| own::ask_service(from, vip, PATIENCE));
    let (dns, services) =
        tokio::join!(futures::future::join_all(dns), futures::future::join_all(services));
    board.checked(Check::Dns, own::worst(dns));
    board.checked(Check::Service, own::worst(services));
}

/// The virtual addresses that lead to this node's own gateways, with the latter.
fn vips(addresses: &[IpAddr], plan: &Plan) -> Vec<(IpAddr, IpAddr)> {
    let gateway = |vip: &IpAddr| {
        let way = if vip.is_ipv4() { Way::Pods4 } else { Way::Pods6 };
        plan.own.get(&way).copied()
    };
    addresses.iter().filter_map(|vip| Some((gateway(vip)?, *vip))).collect()
}

/// Tells the others.
#[derive(Default)]
struct Teller {
    keeper: Option<LeaseKeeper>,
    told: MeshRow,
    rounds: u32,
}

impl Teller {
    fn tell(&mut self, parts: &Parts) {
        let row = publish::told(&parts.board.row());
        self.rounds = self.rounds.saturating_add(1);
        let tells = match publish::difference(&self.told, &row) {
            Difference::None => false,
            Difference::Times => self.rounds >= publish::PATIENCE,
            Difference::Grades => true,
        };
        let (true, Ok(value)) = (tells, serde_json::to_vec(&row)) else { return };
        (self.told, self.rounds) = (row, 0);
        let key = Key::Mesh(parts.me.name.clone()).to_string();
        match &self.keeper {
            Some(keeper) => keeper.set(key, value),
            None => {
                let keys = BTreeMap::from([(key, value)]);
                self.keeper = Some(LeaseKeeper::start(Arc::clone(&parts.store), LEASE, keys));
            }
        }
    }
}
