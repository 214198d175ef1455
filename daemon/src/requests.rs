//! Answers to what comes in over the socket.

use std::sync::Arc;

use pontoon_model::api::{
    Code, Failure, NodeStatus, PodStatus, Request, Response, Status, StoreStatus,
};
use pontoon_model::cluster::BackendKind;
use pontoon_model::key::{self, Key};
use pontoon_model::name::NodeName;
use pontoon_model::object::{Documents, Outcome};
use pontoon_store::{Compare, Op, Revision, Store, Txn};
use tokio::sync::watch;

use crate::attach::Attacher;
use crate::lease::Identity;
use crate::objects::Objects;
use crate::server::Handler;
use crate::services::report::Report;
use crate::situation::Situation;

/// Answers requests with what the daemon's parts know and can.
pub struct Requests {
    /// Who the node is.
    pub me: Identity,
    /// What the store is called.
    pub store_kind: String,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The pods.
    pub attacher: Arc<Attacher>,
    /// What the controller knows.
    pub situation: watch::Receiver<Situation>,
    /// What is known of services.
    pub services: watch::Receiver<Report>,
    /// Whether ADD is served.
    pub ready: watch::Receiver<bool>,
}

impl Handler for Requests {
    async fn handle(&self, request: Request) -> Response {
        let outcome = match request {
            Request::Add(spec) => {
                return answer(
                    self.attacher.add(*spec).await.map(|a| Response::Attached(Box::new(a))),
                );
            }
            Request::Status => return Response::Status(Box::new(self.status())),
            Request::Del { id } => self.attacher.del(&id).await,
            Request::Check { id, netns, addresses } => {
                self.attacher.check(&id, &netns, &addresses).await
            }
            Request::Gc { network, valid } => self.attacher.collect(&network, valid).await,
            Request::Ready => self.readiness(),
            Request::RemoveNode { name } => self.remove_node(&name).await,
            Request::SetBackend { kind } => self.set_backend(kind).await,
            Request::Apply { documents, dry_run } => {
                return answer(self.apply(documents, dry_run).await.map(Response::Outcomes));
            }
            Request::Get(selection) => {
                return answer(self.objects().get(&selection).await.map(Response::Objects));
            }
            Request::Delete(selection) => {
                return answer(self.objects().delete(&selection).await.map(Response::Outcomes));
            }
            Request::Label { objects, change } => {
                let labeled = self.objects().label(&objects, &change).await;
                return answer(labeled.map(Response::Outcomes));
            }
        };
        answer(outcome.map(|()| Response::Done))
    }
}

fn answer(outcome: Result<Response, Failure>) -> Response {
    outcome.unwrap_or_else(Response::Failed)
}

impl Requests {
    fn objects(&self) -> Objects {
        Objects::new(Arc::clone(&self.store))
    }

    async fn apply(&self, documents: Documents, dry_run: bool) -> Result<Vec<Outcome>, Failure> {
        let config = self.situation.borrow().config.clone();
        let config = config.ok_or_else(config_unknown)?;
        Ok(self.objects().apply(&config, documents, dry_run).await)
    }

    fn readiness(&self) -> Result<(), Failure> {
        if *self.ready.borrow() {
            return Ok(());
        }
        let problems = self.situation.borrow().problems.join("; ");
        let why = if problems.is_empty() { "it is still starting".to_owned() } else { problems };
        Err(Failure::new(
            Code::NotAvailable,
            format!("node {} is not ready for pods", self.me.name),
            why,
        ))
    }

    fn status(&self) -> Status {
        let now = self.situation.borrow().clone();
        let nodes = now.view.nodes.values().map(|known| {
            let record = &known.value;
            let own = record.name == self.me.name;
            let leased = now
                .view
                .subnets
                .iter()
                .filter(|(_, s)| s.value.node == record.name)
                .map(|(net, _)| *net);
            NodeStatus {
                name: record.name.clone(),
                underlay: record.underlay,
                subnets: if own { now.held.clone() } else { leased.collect() },
                backend: now.ways.get(record.name.as_str()).copied(),
                alive: now.view.alive.contains_key(&record.name),
            }
        });
        let pods = self.attacher.records().into_iter().map(|record| PodStatus {
            pod: record.pod.clone(),
            id: record.id().clone(),
            host_interface: record.attached.host_interface.name.to_string(),
            addresses: record.addresses().collect(),
        });
        Status {
            node: self.me.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ready: *self.ready.borrow(),
            problems: now
                .problems
                .iter()
                .chain(&self.services.borrow().problems)
                .cloned()
                .collect(),
            store: StoreStatus {
                kind: self.store_kind.clone(),
                connected: now.connected,
                revision: now.view.revision,
            },
            cluster: now.config.clone(),
            mtu: now.mtu,
            nodes: nodes.collect(),
            pods: pods.collect(),
        }
    }

    async fn remove_node(&self, name: &NodeName) -> Result<(), Failure> {
        let view = Arc::clone(&self.situation.borrow().view);
        let alive = Key::Alive(name.clone()).to_string();
        let mut txn = Txn::new()
            .when(Compare::Absent(alive))
            .then(Op::Delete(Key::Node(name.clone()).to_string()))
            .then(Op::DeletePrefix(format!("{}{name}/", key::PODS)));
        let subnets: Vec<String> = view
            .subnets
            .iter()
            .filter(|(_, s)| s.value.node == *name)
            .map(|(net, _)| Key::Subnet(*net).to_string())
            .collect();
        if !view.nodes.contains_key(name) && subnets.is_empty() {
            return Err(Failure::new(
                Code::Store,
                format!("there is no node {name}"),
                "see `pontoon status` for the nodes",
            ));
        }
        for subnet in subnets {
            txn = txn.then(Op::Delete(subnet));
        }
        let outcome = self.store.txn(txn).await.map_err(|e| store_failure(&e))?;
        if outcome.succeeded {
            return Ok(());
        }
        Err(Failure::new(
            Code::Store,
            format!("node {name} is alive"),
            "stop pontoond there first; its liveness key goes within 15 seconds",
        ))
    }

    async fn set_backend(&self, kind: BackendKind) -> Result<(), Failure> {
        let key = Key::Config.to_string();
        loop {
            let known = self.situation.borrow().view.config.clone();
            let Some(known) = known else {
                return Err(config_unknown());
            };
            let mut config = known.value;
            config.backend.kind = kind;
            let value = serde_json::to_vec(&config).map_err(|e| store_failure(&e))?;
            let txn = Txn::new()
                .when(Compare::ModRevision(key.clone(), Revision(known.modified)))
                .then(Op::put(key.clone(), value));
            let outcome = self.store.txn(txn).await.map_err(|e| store_failure(&e))?;
            if outcome.succeeded {
                return Ok(());
            }
            // Somebody else changed it: begin from what they wrote.
            let mut situation = self.situation.clone();
            let newer = situation
                .wait_for(|s| s.view.config.as_ref().is_none_or(|c| c.modified != known.modified));
            if tokio::time::timeout(std::time::Duration::from_secs(5), newer).await.is_err() {
                return Err(Failure::new(
                    Code::TryAgainLater,
                    "the configuration is being changed by somebody else",
                    "",
                ));
            }
        }
    }
}

fn config_unknown() -> Failure {
    Failure::new(Code::Store, "the cluster's configuration is not known", "is the store there?")
}

fn store_failure(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Code::Store, "the store did not take it", error.to_string())
}
