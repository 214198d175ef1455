//! Pods on this node: what happens on CNI ADD, DEL, CHECK and GC, and when a pod vanishes without
//! anybody saying so.

pub mod kernel;
pub mod ledger;
mod locks;
pub mod pending;
pub mod plumb;
mod reaper;
pub mod record;
mod rest;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnetwork::IpNetwork;
use pontoon_model::api::{Code, Failure};
use pontoon_model::attachment::{Attached, AttachmentId, AttachmentSpec, NetworkName};
use pontoon_model::cidr::Family;
use pontoon_model::key::Key;
use pontoon_model::mac::MacAddr;
use pontoon_model::pod::PodRecord;
use pontoon_netlink::{LinkName, Netns};
use tokio::sync::watch;
use tracing::{debug, info, warn};

use crate::dns::told::Resolver;
use crate::firewall::keeper::FirewallKeeper;
use crate::ipam::IpamError;
use crate::lease::Identity;
use crate::metrics::cluster::AddressUse;
use crate::pods::board::{self, PodBoard};
use crate::pods::publisher::Keeper;
use crate::situation::Situation;
use kernel::Kernel;
use ledger::{Grant, GrantError, Ledger, Terms};
use locks::Locks;
use plumb::Devices;
use record::{Record, RecordFolder};
use rest::Rest;

/// How many subnets of each family the node needs; raised when one is full.
pub type Needs = BTreeMap<Family, usize>;

/// The longest that an ADD waits for the node, for its peers or for a further subnet. Runtimes give
/// a plugin much longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pods on this node.
#[derive(Debug)]
pub struct Attacher {
    me: Identity,
    bridge_mac: MacAddr,
    host_search: Vec<String>,
    ledger: Arc<Mutex<Ledger>>,
    rest: Rest,
    folder: RecordFolder,
    pending: PathBuf,
    kernel: Kernel,
    firewall: Arc<FirewallKeeper>,
    locks: Locks,
    situation: watch::Receiver<Situation>,
    needs: watch::Sender<Needs>,
    board: Arc<PodBoard>,
}

/// What an attacher is made of.
#[derive(Debug)]
pub struct Parts {
    /// Who the node is.
    pub me: Identity,
    /// MAC of the bridge.
    pub bridge_mac: MacAddr,
    /// The host's own search list.
    pub host_search: Vec<String>,
    /// Its records.
    pub folder: RecordFolder,
    /// Where the plugin leaves DELs that it cannot hand over.
    pub pending: PathBuf,
    /// The kernel.
    pub kernel: Kernel,
    /// The tables.
    pub firewall: Arc<FirewallKeeper>,
    /// What the controller knows.
    pub situation: watch::Receiver<Situation>,
    /// Where more subnets are asked for.
    pub needs: watch::Sender<Needs>,
    /// Where pods are told to the cluster.
    pub board: Arc<PodBoard>,
}

impl Attacher {
    /// Takes in the records of earlier runs. Nothing is done to the kernel yet: see
    /// [`Self::mend_all`].
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn open(parts: Parts, held: &[IpNetwork]) -> std::io::Result<Self> {
        let mut ledger = Ledger::default();
        for subnet in held {
            ledger.ipam().add_subnet(*subnet);
        }
        let (records, bad) = parts.folder.load()?;
        for file in bad {
            warn!(path = %file.path.display(), problem = file.problem, "not a record of an attachment; removed");
            record::ignore_missing(std::fs::remove_file(&file.path))?;
        }
        for record in records {
            if let Err(error) = ledger.adopt(record.clone()) {
                warn!(id = %record.id(), %error, "two records claim one address; this one is dropped");
                parts.folder.remove(record.id())?;
            }
        }
        match parts.folder.released() {
            Ok(released) => ledger.ipam().replay_released(released),
            Err(error) => {
                warn!(%error, "released addresses of earlier runs are not known; they may be reused early")
            }
        }
        parts.firewall.expect_pods(ledger.records());
        for record in ledger.records() {
            publish(&parts.board, &parts.me, record);
        }
        let ledger = Arc::new(Mutex::new(ledger));
        Ok(Self {
            rest: Rest::start(Arc::clone(&ledger), parts.folder.clone())?,
            me: parts.me,
            bridge_mac: parts.bridge_mac,
            host_search: parts.host_search,
            ledger,
            folder: parts.folder,
            pending: parts.pending,
            kernel: parts.kernel,
            firewall: parts.firewall,
            locks: Locks::default(),
            situation: parts.situation,
            needs: parts.needs,
            board: parts.board,
        })
    }

    /// CNI ADD.
    ///
    /// # Errors
    /// The failure that the runtime is told; the attachment does not exist then.
    pub async fn add(self: &Arc<Self>, spec: AttachmentSpec) -> Result<Attached, Failure> {
        let _one_at_a_time = self.locks.lock(&spec.id).await;
        // A DEL that is still to be carried out came before this ADD.
        self.carry_out(&spec.id).await?;
        if self.ledger().get(&spec.id).is_none() {
            self.refuse_if_cordoned()?;
        }
        let record = loop {
            let terms = self.terms().await?;
            let (this, asked) = (Arc::clone(self), spec.clone());
            match blocking(move || this.add_blocking(asked, &terms)).await? {
                Ok(record) => break record,
                Err(GrantError::Refused(failure)) => return Err(failure),
                Err(GrantError::Exhausted(error)) => self.lease_more(&error).await?,
            }
        };
        if let Err(failure) = self.wait_for_peers(&record).await {
            let this = Arc::clone(self);
            blocking(move || this.remove(&record)).await?;
            return Err(failure);
        }
        info!(pod = %record.pod, id = %record.id(), addresses = ?record.addresses().collect::<Vec<_>>(), "attached");
        Ok(record.attached)
    }

    /// CNI DEL; success when there is nothing to do.
    ///
    /// # Errors
    /// What could not be removed; calling again goes on where this stopped.
    pub async fn del(self: &Arc<Self>, id: &AttachmentId) -> Result<(), Failure> {
        let _one_at_a_time = self.locks.lock(id).await;
        self.del_locked(id).await
    }

    async fn del_locked(self: &Arc<Self>, id: &AttachmentId) -> Result<(), Failure> {
        let this = Arc::clone(self);
        let known = self.ledger().get(id).cloned();
        let Some(record) = known else {
            debug!(%id, "nothing is attached under this id");
            return Ok(());
        };
        let faults = blocking(move || this.remove(&record)).await?;
        if faults.is_empty() {
            return Ok(());
        }
        let what = format!("attachment {id} is not wholly removed");
        Err(Failure::new(Code::Kernel, what, faults.join("; ")))
    }

    /// Carries out the pending DEL of an attachment, if there is one. Its lock is held, so that
    /// what is removed is never a later attachment under the same id.
    async fn carry_out(self: &Arc<Self>, id: &AttachmentId) -> Result<(), Failure> {
        let Some(path) = pending::of(&self.pending, id) else { return Ok(()) };
        self.del_locked(id).await?;
        info!(%id, "carried out a DEL that had been left for us");
        std::fs::remove_file(path).map_err(|e| not_written(&e))
    }

    /// CNI CHECK.
    ///
    /// # Errors
    /// Everything that is not as ADD left it.
    pub async fn check(
        self: &Arc<Self>,
        id: &AttachmentId,
        path: &Path,
        expected: &[IpNetwork],
    ) -> Result<(), Failure> {
        let _one_at_a_time = self.locks.lock(id).await;
        let known = self.ledger().get(id).cloned();
        let Some(record) = known else {
            return Err(Failure::new(
                Code::UnknownContainer,
                format!("{id} is not attached"),
                "call ADD first",
            ));
        };
        let (this, path, expected) = (Arc::clone(self), path.to_owned(), expected.to_vec());
        let faults = blocking(move || this.inspect(&record, &path, &expected)).await??;
        if faults.is_empty() {
            return Ok(());
        }
        Err(Failure::new(
            Code::CheckFailed,
            format!("{id} is not as it was attached"),
            faults.join("; "),
        ))
    }

    /// CNI GC: removes every attachment of a network that the runtime does not know. One that
    /// cannot be removed does not stop the others.
    ///
    /// # Errors
    /// What could not be removed.
    pub async fn collect(
        self: &Arc<Self>,
        network: &NetworkName,
        valid: Vec<AttachmentId>,
    ) -> Result<(), Failure> {
        let valid: HashSet<AttachmentId> = valid.into_iter().collect();
        let stale: Vec<AttachmentId> = self
            .ledger()
            .records()
            .filter(|record| record.spec.network == *network && !valid.contains(record.id()))
            .map(|record| record.id().clone())
            .collect();
        let removals = stale.iter().map(|id| self.del(id));
        let faults: Vec<String> = futures::future::join_all(removals)
            .await
            .into_iter()
            .filter_map(|r| r.err().map(|f| f.to_string()))
            .collect();
        if faults.is_empty() {
            return Ok(());
        }
        Err(Failure::new(Code::Kernel, "not everything could be collected", faults.join("; ")))
    }

    /// Makes every attachment as its record says, collects those whose namespace is gone, and
    /// deletes host ends that belong to none. What an interrupted ADD or DEL left is mended so.
    pub async fn mend_all(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let ends = blocking(move || this.kernel.host_ends()).await;
        match ends {
            Ok(Ok(ends)) => self.delete_strays(ends).await,
            Ok(Err(error)) => warn!(%error, "cannot list interfaces"),
            Err(failure) => warn!(%failure, "cannot list interfaces"),
        }
        let records: Vec<Record> = self.ledger().records().cloned().collect();
        let ids: Vec<AttachmentId> = records.iter().map(|record| record.id().clone()).collect();
        let this = Arc::clone(self);
        match blocking(move || this.kernel.remind(&records)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "the host may have forgotten where pods are"),
            Err(failure) => warn!(%failure, "the host may have forgotten where pods are"),
        }
        futures::future::join_all(ids.iter().map(|id| self.mend(id))).await;
    }

    async fn delete_strays(self: &Arc<Self>, ends: Vec<LinkName>) {
        let known: HashSet<String> =
            self.ledger().records().map(|r| r.attached.host_interface.name.to_string()).collect();
        for end in ends.into_iter().filter(|end| !known.contains(end.as_str())) {
            info!(interface = %end, "belongs to no attachment; deleted");
            let this = Arc::clone(self);
            if let Ok(Err(error)) = blocking(move || this.kernel.delete(end)).await {
                warn!(interface = %end, error, "cannot delete");
            }
        }
    }

    /// Makes one attachment as its record says, or collects it when its namespace is gone.
    async fn mend(self: &Arc<Self>, id: &AttachmentId) {
        let _one_at_a_time = self.locks.lock(id).await;
        let Some(record) = self.ledger().get(id).cloned() else { return };
        let (this, work) = (Arc::clone(self), record.clone());
        match blocking(move || this.mend_blocking(&work)).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) | Err(failure) => warn!(pod = %record.pod, %failure, "cannot mend"),
        }
    }

    /// A host end has vanished: its pod is gone, or somebody deleted the interface.
    pub async fn host_end_vanished(self: &Arc<Self>, name: &str) {
        let id = {
            let ledger = self.ledger();
            ledger
                .records()
                .find(|r| r.attached.host_interface.name.as_str() == name)
                .map(|r| r.id().clone())
        };
        if let Some(id) = id {
            self.mend(&id).await;
        }
    }

    /// Carries out the DELs that the plugin could not hand over.
    pub async fn carry_out_pending(self: &Arc<Self>) {
        let (pending, bad) = match pending::scan(&self.pending) {
            Ok(found) => found,
            Err(error) => {
                return warn!(path = %self.pending.display(), %error, "cannot read pending DELs");
            }
        };
        for (path, problem) in bad {
            warn!(path = %path.display(), problem, "not a pending DEL; removed");
            let _ = std::fs::remove_file(path);
        }
        for del in pending {
            let _one_at_a_time = self.locks.lock(&del.id).await;
            if let Err(failure) = self.carry_out(&del.id).await {
                warn!(id = %del.id, %failure, "a pending DEL failed; it stays");
            }
        }
    }

    /// Tells which subnets pods get addresses from.
    pub fn set_subnets(&self, held: &[IpNetwork]) {
        let mut ledger = self.ledger();
        let gone: Vec<IpNetwork> =
            ledger.addresses().subnets().filter(|net| !held.contains(net)).collect();
        for net in gone {
            ledger.ipam().remove_subnet(net);
        }
        for net in held {
            ledger.ipam().add_subnet(*net);
        }
    }

    /// Follows a new MTU with every pod.
    pub async fn set_mtu(self: &Arc<Self>, mtu: u32) {
        let ids: Vec<AttachmentId> = {
            let ledger = self.ledger();
            ledger.records().filter(|r| r.attached.mtu != mtu).map(|r| r.id().clone()).collect()
        };
        for id in ids {
            let _one_at_a_time = self.locks.lock(&id).await;
            let (this, id) = (Arc::clone(self), id.clone());
            if let Ok(Err(failure)) = blocking(move || this.set_mtu_blocking(&id, mtu)).await {
                warn!(%failure, "cannot change a pod's MTU");
            }
        }
    }

    /// What is used of this node's addresses.
    #[must_use]
    pub fn address_use(&self) -> AddressUse {
        let ledger = self.ledger();
        AddressUse { pods: ledger.records().count(), subnets: ledger.addresses().usage() }
    }

    /// All attachments, by pod.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let mut all: Vec<Record> = self.ledger().records().cloned().collect();
        all.sort_by(|a, b| (&a.pod, a.id()).cmp(&(&b.pod, b.id())));
        all
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A cordoned node gets no new pods. What it has is served on, also when it is asked for again.
    fn refuse_if_cordoned(&self) -> Result<(), Failure> {
        let now = self.situation.borrow();
        let marks = now.view.marks.get(&self.me.name);
        let Some(cordon) = marks.and_then(|marks| marks.cordon.as_ref()) else { return Ok(()) };
        Err(Failure::new(
            Code::Cordoned,
            format!("node {} takes no new pods: {cordon}", self.me.name),
            format!(
                "start the pod on another node, or run `pontoon node uncordon {}`",
                self.me.name
            ),
        ))
    }

    /// Waits until the node itself can take a pod.
    async fn terms(&self) -> Result<Terms, Failure> {
        let mut situation = self.situation.clone();
        let waited =
            tokio::time::timeout(PATIENCE, situation.wait_for(Situation::up_to_date)).await;
        let Ok(Ok(now)) = waited else {
            let problems = self.situation.borrow().problems.join("; ");
            let why = if problems.is_empty() {
                "its network is not set up yet".to_owned()
            } else {
                problems
            };
            return Err(Failure::new(
                Code::TryAgainLater,
                format!("node {} is not ready", self.me.name),
                why,
            ));
        };
        let config = now.config.as_ref().filter(|_| !now.dns.is_empty());
        let resolver = config.map(|config| Resolver {
            servers: now.dns.clone(),
            domain: config.cluster_domain.clone(),
            host_search: self.host_search.clone(),
        });
        let (families, bridge_mac) = (now.families(), self.bridge_mac);
        Ok(Terms { families, mtu: now.mtu, bridge_mac, resolver })
    }

    /// Waits until every live node that is known leads to the pod.
    async fn wait_for_peers(&self, record: &Record) -> Result<(), Failure> {
        let subnets = self.ledger().subnets_of(record);
        let mut situation = self.situation.clone();
        let all_lead_here = |now: &Situation| now.laggards(&self.me.name, &subnets).is_empty();
        if tokio::time::timeout(PATIENCE, situation.wait_for(all_lead_here))
            .await
            .is_ok_and(|r| r.is_ok())
        {
            return Ok(());
        }
        let behind: Vec<String> = self
            .situation
            .borrow()
            .laggards(&self.me.name, &subnets)
            .iter()
            .map(ToString::to_string)
            .collect();
        Err(Failure::new(
            Code::TryAgainLater,
            "other nodes do not lead to this node's subnet yet",
            format!("waiting for {}; if this lasts, look at pontoond there", behind.join(", ")),
        ))
    }

    /// Asks for a further subnet and waits until it can be used.
    async fn lease_more(&self, error: &IpamError) -> Result<(), Failure> {
        let IpamError::Exhausted { family, .. } = error else {
            return Err(Failure::new(
                Code::TryAgainLater,
                "the node has no subnet yet",
                error.to_string(),
            ));
        };
        let have = self
            .ledger()
            .addresses()
            .subnets()
            .filter(|net| Family::of_network(*net) == *family)
            .count();
        self.needs.send_if_modified(|needs| {
            let place = needs.entry(*family).or_insert(1);
            let raised = *place < have + 1;
            *place = (*place).max(have + 1);
            raised
        });
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut situation = self.situation.clone();
        loop {
            if self.ledger().addresses().has_free(*family) {
                return Ok(());
            }
            if tokio::time::timeout_at(deadline, situation.changed()).await.is_err() {
                let problems = self.situation.borrow().problems.join("; ");
                return Err(Failure::new(Code::AddressesExhausted, error.to_string(), problems));
            }
        }
    }

    fn add_blocking(&self, spec: AttachmentSpec, terms: &Terms) -> Result<Record, GrantError> {
        let netns = self.kernel.pod_netns(&spec.netns)?;
        let identity = kernel::identity(netns.id());
        if !spec.addresses.is_empty() {
            // One of them may have been released a moment ago.
            self.rest.settle();
        }
        let mut grant = self.ledger().grant(spec.clone(), identity, terms);
        if matches!(grant, Err(GrantError::Exhausted(_))) {
            self.rest.settle();
            grant = self.ledger().grant(spec.clone(), identity, terms);
        }
        match grant? {
            Grant::Again(record) => {
                self.mend_blocking(&record)?;
                Ok(record)
            }
            Grant::Superseded(old) => {
                let faults = self.remove(&old);
                if !faults.is_empty() {
                    let what = "the attachment's earlier namespace is not cleaned up";
                    return Err(Failure::new(Code::Kernel, what, faults.join("; ")).into());
                }
                self.add_blocking(spec, terms)
            }
            Grant::New(record) => {
                if let Err(failure) = self.establish(&record, &netns) {
                    let faults = self.remove(&record);
                    if !faults.is_empty() {
                        warn!(id = %record.id(), faults = faults.join("; "), "a failed ADD left something behind");
                    }
                    return Err(failure.into());
                }
                Ok(record)
            }
        }
    }

    /// Record, interfaces, permission to send, addresses: in the order in which an interruption is
    /// mended by the next start.
    fn establish(&self, record: &Record, netns: &Netns) -> Result<(), Failure> {
        self.folder.write(record).map_err(|e| not_written(&e))?;
        self.plumb(record, netns)?;
        publish(&self.board, &self.me, record);
        Ok(())
    }

    fn plumb(&self, record: &Record, netns: &Netns) -> Result<(), Failure> {
        let devices = devices(record)?;
        self.kernel.connect(record, &devices, netns)?;
        self.firewall.add_pod(record).map_err(|e| {
            Failure::new(Code::Kernel, "the pod cannot be let through", e.to_string())
        })?;
        self.kernel.configure(record, &devices, netns)
    }

    /// Undoes an attachment, whatever of it there is. What fails is told, and its record stays.
    fn remove(&self, record: &Record) -> Vec<String> {
        let mut faults = Vec::new();
        // First of all services must send nobody there any more.
        self.board.remove(&Key::Pod(self.me.name.clone(), record.pod.clone()).to_string());
        if let Err(error) = self.firewall.remove_pod(record) {
            faults.push(error.to_string());
        }
        self.kernel.disconnect(record, &mut faults);
        if !faults.is_empty() {
            return faults;
        }
        if let Err(error) = self.folder.remove(record.id()) {
            faults.push(format!("its record stays: {error}"));
            return faults;
        }
        let addresses = self.ledger().strike(record.id());
        self.rest.lay((record.id().clone(), addresses));
        info!(pod = %record.pod, id = %record.id(), "detached");
        faults
    }

    fn mend_blocking(&self, record: &Record) -> Result<(), Failure> {
        let devices = devices(record)?;
        if !Kernel::is_alive(record) {
            let ends = self
                .kernel
                .host_ends()
                .map_err(|e| Failure::new(Code::Kernel, "cannot list interfaces", e.to_string()))?;
            if ends.contains(&devices.host) {
                // Its path is gone, but a process still lives in it.
                return Ok(());
            }
            info!(pod = %record.pod, id = %record.id(), "the pod is gone and nobody said so; collecting it");
            let faults = self.remove(record);
            return if faults.is_empty() {
                Ok(())
            } else {
                Err(Failure::new(Code::Kernel, "not wholly collected", faults.join("; ")))
            };
        }
        let netns = self.kernel.pod_netns(&record.spec.netns)?;
        let faults = self
            .kernel
            .inspect(record, &devices, &netns)
            .map_err(|e| Failure::new(Code::Kernel, "cannot look at the pod", e.to_string()))?;
        if faults.is_empty() {
            return Ok(());
        }
        info!(pod = %record.pod, faults = faults.join("; "), "connecting the pod anew");
        self.kernel
            .delete(devices.host)
            .map_err(|e| Failure::new(Code::Kernel, "cannot reconnect the pod", e))?;
        self.plumb(record, &netns)
    }

    fn inspect(
        &self,
        record: &Record,
        path: &Path,
        expected: &[IpNetwork],
    ) -> Result<Vec<String>, Failure> {
        let netns = self.kernel.pod_netns(path)?;
        let mut faults = Vec::new();
        if kernel::identity(netns.id()) != record.netns {
            faults.push(format!(
                "{} is another namespace than the one that was attached",
                path.display()
            ));
        }
        faults.extend(
            expected
                .iter()
                .filter(|net| !record.addresses().any(|ip| ip == net.ip()))
                .map(|net| format!("{} was never this attachment's", net.ip())),
        );
        let devices = devices(record)?;
        let found = self.kernel.inspect(record, &devices, &netns);
        faults
            .extend(found.map_err(|e| {
                Failure::new(Code::Kernel, "cannot look at the pod", e.to_string())
            })?);
        Ok(faults)
    }

    fn set_mtu_blocking(&self, id: &AttachmentId, mtu: u32) -> Result<(), Failure> {
        let Some(mut record) = self.ledger().get(id).cloned() else { return Ok(()) };
        let netns = self.kernel.pod_netns(&record.spec.netns)?;
        let refused = |e: &dyn std::fmt::Display| {
            Failure::new(Code::Kernel, format!("{id}: MTU {mtu}"), e.to_string())
        };
        self.kernel.set_mtu(&devices(&record)?, &netns, mtu).map_err(|e| refused(&e))?;
        record.attached.mtu = mtu;
        self.folder.write(&record).map_err(|e| not_written(&e))?;
        self.ledger().update(record);
        Ok(())
    }
}

impl Keeper for Attacher {
    fn take_over(&self, theirs: PodRecord) {
        let known = self
            .ledger()
            .records()
            .find(|record| {
                record.pod == theirs.id && record.id().container_id.as_str() == theirs.container_id
            })
            .cloned();
        let Some(mut record) = known else { return };
        record.spec.labels = theirs.labels;
        record.spec.annotations = theirs.annotations;
        record.generation = theirs.generation;
        info!(pod = %record.pod, "labels or annotations were changed");
        if let Err(error) = self.folder.write(&record) {
            // The store has them; a restart takes them over from there once more.
            warn!(pod = %record.pod, %error, "changed labels are not recorded on this node");
        }
        self.ledger().update(record.clone());
        publish(&self.board, &self.me, &record);
    }
}

fn devices(record: &Record) -> Result<Devices, Failure> {
    Devices::of(record)
        .map_err(|e| Failure::new(Code::Internal, "an interface has no usable name", e.to_string()))
}

fn not_written(error: &std::io::Error) -> Failure {
    Failure::new(
        Code::StateNotWritten,
        "the attachment cannot be recorded",
        format!("{error}; is the disk with pontoond's state folder full or read-only?"),
    )
}

fn publish(board: &PodBoard, me: &Identity, record: &Record) {
    board.put(board::posted(me, record));
}

async fn blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(f).await.map_err(|error| {
        Failure::new(
            Code::Internal,
            "a fault of Pontoon's own",
            format!("{error}; please report this"),
        )
    })
}
