//! Follows the store and the kernel, and makes the kernel's network what the cluster says.
//!
//! Level-triggered: whatever happened, the whole is computed anew and the difference is applied. A
//! lost event costs nothing, an event twice changes nothing.

pub mod held;
mod patience;
pub mod retained;
mod sysctls;
mod watchers;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ipnetwork::IpNetwork;
use pontoon_model::api::STORE_AWAY;
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::key::Key;
use pontoon_model::mac::MacAddr;
use pontoon_model::node::{Liveness, NodeRecord};
use pontoon_netlink::Rtnl;
use pontoon_netlink::nft::Port;
use pontoon_store::{LeaseKeeper, Store, Update};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::block_in_place;
use tracing::{debug, info, warn};

use crate::attach::{Attacher, Needs};
use crate::backend::{self, Local};
use crate::config::NodeSettings;
use crate::dns::cluster::Cluster;
use crate::feed::Figures;
use crate::firewall::elements;
use crate::firewall::keeper::FirewallKeeper;
use crate::lease::Identity;
use crate::metrics::work::Work;
use crate::names::{self, to_kernel};
use crate::network::{Network, actual, plan};
use crate::pods::board::Stored;
use crate::registrar::{Input, Obstacle};
use crate::services;
use crate::situation::Situation;
use crate::snapshot::{Snapshot, SnapshotFile};
use crate::underlay::{self, Underlay};
use crate::view::{ClusterView, Peer};
use patience::Patience;
use retained::Retained;
use watchers::{Seen, Watchers};

/// How long the node's liveness key outlives its daemon: longer than a restart takes.
const LIVENESS: Duration = Duration::from_secs(15);
/// The loop turns at least this often, so that its health can be told.
const TICK: Duration = Duration::from_secs(1);
/// Before what failed in the kernel is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// The channels that the controller speaks into.
#[derive(Debug)]
pub struct Outputs {
    /// For everybody.
    pub situation: watch::Sender<Situation>,
    /// For the registrar.
    pub registrar: watch::Sender<Input>,
    /// For the pods' publisher: what the store has.
    pub pods: watch::Sender<Option<Arc<Stored>>>,
    /// For services: the node and the ranges.
    pub services: watch::Sender<Option<services::Local>>,
    /// For services: somebody else changed their table.
    pub disturbed: Arc<Notify>,
}

/// The controller.
pub struct Controller {
    me: Identity,
    node: NodeSettings,
    /// Whether the node answers DNS.
    answers_dns: bool,
    /// Whether the node tests its own table of services.
    probes: bool,
    /// An address of the store: the underlay leads there unless a person says otherwise.
    towards: Option<IpAddr>,
    store: Arc<dyn Store>,
    attacher: Arc<Attacher>,
    firewall: Arc<FirewallKeeper>,
    own_ports: Vec<Port>,
    updates: mpsc::UnboundedReceiver<Update>,
    snapshots: SnapshotFile,
    outputs: Outputs,
    needs: watch::Receiver<Needs>,
    obstacles: watch::Receiver<Obstacle>,
    feed: Arc<Figures>,
    work: Arc<Work>,
    /// Milliseconds since the start at the loop's last turn.
    pulse: Arc<AtomicU64>,
    started: Instant,

    rtnl: Rtnl,
    view: ClusterView,
    connected: bool,
    remembered: Option<ClusterConfig>,
    retained: Retained,
    peers: Vec<Peer>,
    held: Vec<IpNetwork>,
    underlay: Option<Underlay>,
    underlay_stale: bool,
    /// What the kernel holds, as far as we know; `None` when it must be read.
    actual: Option<Network>,
    /// What it is to hold.
    planned: Option<Arc<Network>>,
    firewall_stale: bool,
    /// What the bridge knew of its pods may be gone.
    pods_stale: bool,
    applied: u64,
    networked: bool,
    mtu: u32,
    ways: BTreeMap<String, pontoon_model::cluster::BackendKind>,
    lost: Option<String>,
    problems: Vec<String>,
    patience: Patience,
    /// Those of the last time that the network was computed.
    network_problems: Vec<String>,
    /// The topology, and the number of rejected keys, that it was computed from.
    reconciled: Option<(u64, usize)>,
    retry: Option<Instant>,
    saved: Option<Snapshot>,
    liveness: Option<(LeaseKeeper, u64)>,
}

/// What a controller is made of.
pub struct Parts {
    /// Who the node is.
    pub me: Identity,
    /// What a person said of it.
    pub node: NodeSettings,
    /// Whether the node answers DNS.
    pub answers_dns: bool,
    /// Whether the node tests its own table of services.
    pub probes: bool,
    /// An address of the store.
    pub towards: Option<IpAddr>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The pods.
    pub attacher: Arc<Attacher>,
    /// The tables.
    pub firewall: Arc<FirewallKeeper>,
    /// Connections whose changes of nf_tables are our own.
    pub own_ports: Vec<Port>,
    /// What the store tells.
    pub updates: mpsc::UnboundedReceiver<Update>,
    /// Where the last view is kept.
    pub snapshots: SnapshotFile,
    /// The last view.
    pub snapshot: Option<Snapshot>,
    /// Whom to tell.
    pub outputs: Outputs,
    /// How many subnets are needed.
    pub needs: watch::Receiver<Needs>,
    /// What stands in the registrar's way.
    pub obstacles: watch::Receiver<Obstacle>,
    /// What was heard of the store and waits here.
    pub feed: Arc<Figures>,
    /// What is counted of the kernel.
    pub work: Arc<Work>,
    /// Where the loop shows that it turns.
    pub pulse: Arc<AtomicU64>,
    /// When the daemon started.
    pub started: Instant,
}

impl Controller {
    /// A controller that begins with the last snapshot.
    ///
    /// # Errors
    /// When there can be no connection to the kernel.
    pub fn new(parts: Parts) -> Result<Self, pontoon_netlink::RtnlError> {
        let held = parts.snapshot.as_ref().map(|s| s.held.clone()).unwrap_or_default();
        let view = parts.snapshot.clone().map(Snapshot::into_view).unwrap_or_default();
        Ok(Self {
            me: parts.me,
            node: parts.node,
            answers_dns: parts.answers_dns,
            probes: parts.probes,
            towards: parts.towards,
            store: parts.store,
            attacher: parts.attacher,
            firewall: parts.firewall,
            own_ports: parts.own_ports,
            updates: parts.updates,
            snapshots: parts.snapshots,
            outputs: parts.outputs,
            needs: parts.needs,
            obstacles: parts.obstacles,
            feed: parts.feed,
            work: parts.work,
            pulse: parts.pulse,
            started: parts.started,
            rtnl: Rtnl::open()?,
            remembered: view.config.as_ref().map(|known| known.value.clone()),
            view,
            connected: false,
            retained: Retained::default(),
            peers: Vec::new(),
            held,
            underlay: None,
            underlay_stale: true,
            actual: None,
            planned: None,
            firewall_stale: true,
            pods_stale: false,
            applied: 0,
            networked: false,
            mtu: 0,
            ways: BTreeMap::new(),
            lost: None,
            problems: Vec::new(),
            patience: Patience::new(parts.started),
            network_problems: Vec::new(),
            reconciled: None,
            retry: None,
            saved: parts.snapshot,
            liveness: None,
        })
    }

    /// Runs for ever.
    pub async fn run(mut self) {
        let mut watchers = Watchers::open(std::mem::take(&mut self.own_ports));
        let mut tick = tokio::time::interval(TICK);
        self.reconcile();
        loop {
            tokio::select! {
                update = self.updates.recv() => match update {
                    Some(update) => self.take(update),
                    None => return,
                },
                seen = watchers.next() => self.notice(seen),
                changed = self.needs.changed() => if changed.is_err() { return },
                changed = self.obstacles.changed() => if changed.is_err() { return },
                _ = tick.tick() => {
                    self.beat();
                    if self.retry.is_none_or(|at| at > Instant::now()) {
                        continue;
                    }
                }
            }
            // What is there already is taken in together: fifty nodes that join are one plan.
            while let Some(Some(update)) = futures::FutureExt::now_or_never(self.updates.recv()) {
                self.take(update);
            }
            while let Some(seen) = futures::FutureExt::now_or_never(watchers.next()) {
                self.notice(seen);
            }
            self.reconcile();
        }
    }

    fn beat(&self) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.pulse.store(millis, Ordering::Relaxed);
    }

    fn take(&mut self, update: Update) {
        self.feed.topology.fetch_sub(1, Ordering::Relaxed);
        match update {
            Update::Lost { error } => {
                warn!(%error, "the store is away; going on with what is known");
                self.lost = Some(error.to_string());
                self.connected = false;
                return;
            }
            Update::Snapshot { revision, items } => {
                let older = revision.0 < self.view.revision;
                let founded = self.view.config.as_ref().map(|known| known.created);
                let mut fresh = ClusterView::default();
                fresh.replace(&self.me.name, revision.0, &items);
                let refounded =
                    fresh.config.as_ref().is_some_and(|known| Some(known.created) != founded);
                if founded.is_some() && (older || refounded) {
                    self.wiped();
                }
                let had_config = self.view.config.is_some();
                self.view = fresh;
                self.check_config(had_config);
            }
            Update::Changes { revision, events } => {
                let had_config = self.view.config.is_some();
                self.view.apply(&self.me.name, revision.0, &events);
                self.check_config(had_config);
            }
            Update::Progress { revision } => self.view.progress(revision.0),
        }
        if self.lost.take().is_some() {
            info!("the store is back");
        }
        self.connected = true;
    }

    /// A configuration that is simply gone was not taken away by any daemon: the store was wiped.
    fn check_config(&mut self, had_config: bool) {
        if had_config && self.view.config.is_none() && !self.view.rejected.contains_key("config") {
            self.wiped();
        }
        if let Some(known) = &self.view.config {
            self.remembered = Some(known.value.clone());
        }
    }

    fn wiped(&mut self) {
        warn!(
            peers = self.peers.len(),
            "the store has lost the cluster; packets keep their ways while nodes register anew"
        );
        // Told twice it must not forget them: the peers stay until the next plan.
        self.retained.keep(self.peers.clone(), Instant::now());
    }

    /// Notes what must be looked at again. Our own changes come back as events too; they differ from
    /// a stranger's in that what we know agrees with them already.
    fn notice(&mut self, seen: Seen) {
        let known = self.actual.as_ref();
        match seen {
            Seen::Foreign(dev) => {
                self.underlay_stale = true;
                // With an interface go its routes, and the kernel does not always say so.
                if self.underlay.as_ref().is_some_and(|underlay| underlay.dev == dev) {
                    self.actual = None;
                }
            }
            Seen::DefaultRoute => self.underlay_stale = true,
            Seen::OurLink(link) => {
                let wanted = known.and_then(|known| known.links.get(&link.name));
                let same = wanted.is_some_and(|wanted| {
                    wanted.up == link.up && wanted.mtu == link.mtu && Some(wanted.mac) == link.mac
                });
                if !same {
                    self.actual = None;
                    self.pods_stale = true;
                }
            }
            Seen::RouteGone(key) => {
                if known.is_some_and(|known| known.routes.contains_key(&key)) {
                    self.actual = None;
                }
            }
            Seen::OursGone => {
                self.actual = None;
                self.pods_stale = true;
            }
            Seen::Everything => {
                self.underlay_stale = true;
                self.actual = None;
                self.firewall_stale = true;
                self.pods_stale = true;
                self.outputs.disturbed.notify_one();
            }
            Seen::Firewall => self.firewall_stale = true,
            Seen::Services => self.outputs.disturbed.notify_one(),
            Seen::HostEndGone(name) => {
                let attacher = Arc::clone(&self.attacher);
                tokio::spawn(async move { attacher.host_end_vanished(name.as_str()).await });
            }
            Seen::Nothing => {}
        }
    }

    /// Makes everything as it should be, as far as is known and possible now. What did not change
    /// is not computed again: most of what the store tells is of pods and of who is alive.
    fn reconcile(&mut self) {
        let due = self.retry.is_some_and(|at| at <= Instant::now());
        let stale = self.underlay_stale || self.firewall_stale || self.actual.is_none();
        let changed = self.reconciled != Some((self.view.topology, self.view.rejected.len()));
        if stale && !changed && !due && !self.patience.allows(Instant::now()) {
            self.retry.get_or_insert(Instant::now());
        } else if due || stale || changed {
            self.reconciled = Some((self.view.topology, self.view.rejected.len()));
            self.retry = None;
            let began = Instant::now();
            let (problems, done) = self.reconcile_network();
            self.network_problems = problems;
            self.work.done(began.elapsed(), !done);
        }
        let mut problems = Vec::new();
        if let Some(lost) = &self.lost {
            problems.push(format!("{STORE_AWAY}: {lost}"));
        }
        if let Some(problem) = &self.obstacles.borrow_and_update().problem {
            problems.push(problem.clone());
        }
        problems.extend(self.network_problems.iter().cloned());
        self.tell(problems);
        self.show_alive();
    }

    /// What is wrong afterwards, and whether the kernel took all that it was asked.
    fn reconcile_network(&mut self) -> (Vec<String>, bool) {
        let mut problems = Vec::new();
        self.find_underlay(&mut problems);
        self.held = held::held(&self.held, &self.view, &self.me);
        self.attacher.set_subnets(&self.held);
        let mut done = true;
        if let (Some(config), Some(underlay)) = (self.remembered.clone(), self.underlay.clone()) {
            done = self.apply(&config, &underlay, &mut problems);
            self.tell_services(&config, &underlay);
        }
        self.save_snapshot(&mut problems);
        (problems, done)
    }

    fn tell_services(&self, config: &ClusterConfig, underlay: &Underlay) {
        let local = services::Local {
            ranges: pontoon_proxy::Ranges {
                services: config.service_cidrs.clone(),
                pods: config.pod_cidrs.clone(),
            },
            node: pontoon_proxy::Node {
                name: self.me.name.clone(),
                zone: self.node.zone.clone(),
                node_port_addresses: self
                    .node
                    .node_port_addresses(&underlay.addresses, &underlay.host_addresses),
            },
            cluster: Cluster::of(config),
            probes: if self.probes { self.probes(config) } else { Vec::new() },
        };
        self.outputs.services.send_if_modified(|current| {
            let changed = current.as_ref() != Some(&local);
            *current = Some(local);
            changed
        });
    }

    /// The cluster's DNS addresses and this node's gateways of their families.
    fn probes(&self, config: &ClusterConfig) -> Vec<(IpAddr, IpAddr)> {
        let gateway = |vip: &IpAddr| {
            let subnet = self.held.iter().find(|net| net.is_ipv4() == vip.is_ipv4());
            subnet.map(|net| pontoon_model::cidr::gateway(*net))
        };
        let addresses = config.dns_addresses();
        addresses.iter().filter_map(|vip| Some((*vip, gateway(vip)?))).collect()
    }

    fn find_underlay(&mut self, problems: &mut Vec<String>) {
        if !self.underlay_stale && self.underlay.is_some() {
            return;
        }
        let found = block_in_place(|| {
            underlay::find(&mut self.rtnl, self.node.underlay.as_ref(), self.towards)
        });
        match found {
            Ok(found) => {
                if self.underlay.as_ref() != Some(&found) {
                    info!(dev = %found.dev, address = %found.address, mtu = found.mtu, "underlay");
                    self.actual = None;
                }
                self.underlay = Some(found);
                self.underlay_stale = false;
            }
            Err(error) => {
                problems.push(error.to_string());
                self.try_again();
            }
        }
    }

    /// Says whether the kernel took it.
    fn apply(
        &mut self,
        config: &ClusterConfig,
        underlay: &Underlay,
        problems: &mut Vec<String>,
    ) -> bool {
        let own: BTreeSet<IpAddr> = underlay.addresses.iter().copied().collect();
        let (present, contradictions) = self.view.peers(&self.me, &own);
        problems.extend(contradictions);
        self.peers = self.retained.complete(present, Instant::now());
        if self.retained.count() > 0 {
            self.try_again();
            let count = self.retained.count();
            problems.push(format!("{count} nodes have not registered again since the store lost them; their ways are kept"));
        }
        let bridge_mac = names::bridge_mac(&self.me.machine_id);
        let local = Local {
            underlay: underlay.clone(),
            subnets: self.held.clone(),
            dns: self.dns(),
            bridge_mac: to_kernel(bridge_mac),
            vxlan_mac: to_kernel(self.vxlan_mac()),
            mtu: self.node.mtu,
        };
        let desired = match backend::desired(config, &local, &self.peers) {
            Ok(desired) => desired,
            Err(error) => {
                problems.push(error.to_string());
                return true;
            }
        };
        if self.planned.as_deref() != Some(&desired.network) {
            self.planned = Some(Arc::new(desired.network.clone()));
        }
        self.ways.clear();
        for (node, way) in desired.ways {
            match way {
                Ok(kind) => drop(self.ways.insert(node, kind)),
                Err(unreachable) => problems.push(unreachable.to_string()),
            }
        }
        let done = self.apply_network(&desired.network, problems)
            & self.apply_firewall(config, underlay, bridge_mac, problems);
        if desired.mtu != self.mtu {
            info!(mtu = desired.mtu, "MTU of pods");
            self.mtu = desired.mtu;
            let (attacher, mtu) = (Arc::clone(&self.attacher), desired.mtu);
            tokio::spawn(async move { attacher.set_mtu(mtu).await });
        }
        let families_held = config
            .pod_cidrs
            .iter()
            .all(|range| self.held.iter().any(|net| net.is_ipv4() == range.is_ipv4()));
        if done {
            self.applied = self.view.topology;
        } else {
            self.try_again();
        }
        self.networked = done && families_held;
        if done && std::mem::take(&mut self.pods_stale) {
            let attacher = Arc::clone(&self.attacher);
            tokio::spawn(async move { attacher.mend_all().await });
        }
        done
    }

    fn apply_network(&mut self, desired: &Network, problems: &mut Vec<String>) -> bool {
        if self.actual.as_ref() == Some(desired) {
            return true;
        }
        let (rtnl, work) = (&mut self.rtnl, &self.work);
        let known = self.actual.take();
        let outcome: Result<(), String> = block_in_place(|| {
            let found = match known {
                Some(known) => known,
                None => actual::read(rtnl).map_err(|e| e.to_string())?,
            };
            let ops = plan::plan(desired, &found).map_err(|e| e.to_string())?;
            for op in &ops {
                debug!(%op, "apply");
            }
            let failed: Vec<String> = rtnl
                .execute_each(&ops)
                .into_iter()
                .filter_map(Result::err)
                .filter(|e| !(e.is_not_found() && is_deletion(&e.op)))
                .map(|e| e.to_string())
                .collect();
            work.changed(ops.len());
            if !ops.is_empty() {
                info!(operations = ops.len(), failed = failed.len(), "network changed");
            }
            sysctls::set(desired).map_err(|e| e.to_string())?;
            if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
        });
        match outcome {
            Ok(()) => {
                self.actual = Some(desired.clone());
                true
            }
            Err(problem) => {
                problems.push(problem);
                false
            }
        }
    }

    fn apply_firewall(
        &mut self,
        config: &ClusterConfig,
        underlay: &Underlay,
        gateway: MacAddr,
        problems: &mut Vec<String>,
    ) -> bool {
        let nodes: BTreeSet<IpAddr> = self
            .peers
            .iter()
            .flat_map(|peer| peer.record.addresses.iter().copied().chain([peer.record.underlay]))
            .chain(underlay.addresses.iter().copied())
            .collect();
        let list = elements::of_cluster(&config.pod_cidrs, nodes, &self.dns(), gateway);
        let stale = std::mem::take(&mut self.firewall_stale);
        let outcome = block_in_place(|| {
            self.firewall.set_cluster(list)?;
            if stale { self.firewall.resync().map(|_| ()) } else { Ok(()) }
        });
        if let Err(error) = &outcome {
            problems.push(error.to_string());
            self.firewall_stale = true;
        }
        outcome.is_ok()
    }

    /// Where the node answers DNS: at the cluster's addresses in the families that pods have.
    fn dns(&self) -> Vec<IpAddr> {
        let config = self.remembered.as_ref().filter(|_| self.answers_dns);
        config.map(ClusterConfig::dns_addresses_of_pods).unwrap_or_default()
    }

    fn try_again(&mut self) {
        self.retry = Some(Instant::now() + RETRY);
    }

    fn vxlan_mac(&self) -> MacAddr {
        names::vxlan_mac(self.me.name.as_str(), &self.me.machine_id)
    }

    fn record(&self) -> Option<NodeRecord> {
        let underlay = self.underlay.as_ref()?;
        Some(NodeRecord {
            name: self.me.name.clone(),
            machine_id: self.me.machine_id.clone(),
            underlay: underlay.address,
            addresses: underlay.addresses.clone(),
            vxlan_mac: self.vxlan_mac(),
            zone: self.node.zone.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    fn save_snapshot(&mut self, problems: &mut Vec<String>) {
        // A store that has lost the cluster must not make this node forget it.
        if self.view.config.is_none() || self.retained.count() > 0 {
            return;
        }
        let snapshot = Snapshot::of(&self.view, &self.me.machine_id, &self.held);
        if self.saved.as_ref() == Some(&snapshot) {
            return;
        }
        match block_in_place(|| self.snapshots.store(&snapshot)) {
            Ok(()) => self.saved = Some(snapshot),
            Err(error) => {
                problems.push(format!("the cluster's snapshot cannot be written, so a restart needs the store: {error}"));
                self.try_again();
            }
        }
    }

    fn tell(&mut self, problems: Vec<String>) {
        for problem in problems.iter().filter(|p| !self.problems.contains(p)) {
            warn!("{problem}");
        }
        self.problems = problems;
        let view = Arc::new(self.view.clone());
        let input = Input {
            view: Arc::clone(&view),
            connected: self.connected,
            node: self.record(),
            held: self.held.clone(),
            needed: self.needs.borrow_and_update().clone(),
            remembered: self.remembered.clone(),
        };
        self.outputs.registrar.send_replace(input);
        self.outputs.pods.send_if_modified(|current| {
            let now = self.connected.then(|| Arc::clone(&view.own_pods));
            let same = match (&*current, &now) {
                (Some(old), Some(new)) => Arc::ptr_eq(old, new),
                (None, None) => true,
                _ => false,
            };
            let changed = !same;
            *current = now;
            changed
        });
        self.outputs.situation.send_replace(Situation {
            networked: self.networked,
            problems: self.problems.clone(),
            connected: self.connected,
            view,
            config: self.remembered.clone(),
            mtu: self.mtu,
            held: self.held.clone(),
            dns: self.dns(),
            ways: self.ways.clone(),
            applied: self.applied,
            underlay: self.underlay.clone(),
            planned: self.planned.clone(),
        });
    }

    /// Tells the others up to where this node's kernel follows.
    fn show_alive(&mut self) {
        let registered = self
            .view
            .nodes
            .get(&self.me.name)
            .is_some_and(|n| n.value.machine_id == self.me.machine_id);
        if !self.connected || !self.networked || !registered {
            return;
        }
        if self.liveness.as_ref().is_some_and(|(_, told)| *told == self.applied) {
            return;
        }
        let Ok(value) = serde_json::to_vec(&Liveness { applied: self.applied }) else { return };
        let key = Key::Alive(self.me.name.clone()).to_string();
        match &mut self.liveness {
            Some((keeper, told)) => {
                keeper.set(key, value);
                *told = self.applied;
            }
            None => {
                let keeper = LeaseKeeper::start(
                    Arc::clone(&self.store),
                    LIVENESS,
                    BTreeMap::from([(key, value)]),
                );
                self.liveness = Some((keeper, self.applied));
            }
        }
    }
}

fn is_deletion(op: &pontoon_netlink::Op) -> bool {
    use pontoon_netlink::Op;
    matches!(
        op,
        Op::DeleteLink { .. }
            | Op::DeleteAddress(_)
            | Op::DeleteRoute(_)
            | Op::DeleteNeighbour { .. }
            | Op::DeleteFdb(_)
            | Op::DeleteRule(_)
    )
}
