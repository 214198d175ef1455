//! Answers to what comes in over the socket.

use std::sync::Arc;
use std::time::Instant;

use pontoon_model::api::{
    Code, Failure, NodeStatus, PodStatus, Request, Response, Status, StoreStatus,
};
use pontoon_model::cni::call::Verb;
use pontoon_model::object::{Documents, Outcome};
use tokio::sync::watch;

use crate::attach::Attacher;
use crate::lease::Identity;
use crate::metrics::cni::Cni;
use crate::objects::{self, Objects};
use crate::problems::Problems;
use crate::server::Handler;
use crate::situation::Situation;

/// Answers requests with what the daemon's parts know and can.
pub struct Requests {
    /// Who the node is.
    pub me: Identity,
    /// What the store is called.
    pub store_kind: String,
    /// The cluster's objects.
    pub objects: Objects,
    /// The pods.
    pub attacher: Arc<Attacher>,
    /// What the controller knows.
    pub situation: watch::Receiver<Situation>,
    /// What is counted of the calls of container runtimes.
    pub calls: Arc<Cni>,
    /// What is wrong.
    pub problems: Problems,
    /// Whether ADD is served.
    pub ready: watch::Receiver<bool>,
}

impl Handler for Requests {
    async fn handle(&self, request: Request) -> Response {
        let (verb, began) = (verb(&request), Instant::now());
        let response = self.carry_out(request).await;
        if let Some(verb) = verb {
            let failed = match &response {
                Response::Failed(failure) => Some(failure.code),
                _ => None,
            };
            self.calls.called(verb, began.elapsed(), failed);
        }
        response
    }
}

/// What a container runtime asks; `None` for what people ask.
const fn verb(request: &Request) -> Option<Verb> {
    match request {
        Request::Add(_) => Some(Verb::Add),
        Request::Del { .. } => Some(Verb::Del),
        Request::Check { .. } => Some(Verb::Check),
        Request::Gc { .. } => Some(Verb::Gc),
        Request::Ready => Some(Verb::Status),
        _ => None,
    }
}

impl Requests {
    async fn carry_out(&self, request: Request) -> Response {
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
            Request::Ping => Ok(()),
            Request::RemoveNode { name } => {
                let view = Arc::clone(&self.situation.borrow().view);
                self.objects.remove_node(&view, &name).await
            }
            Request::SetBackend { kind } => self.objects.set_backend(kind).await,
            Request::Apply { documents, dry_run } => {
                return answer(self.apply(documents, dry_run).await.map(Response::Outcomes));
            }
            Request::Get(selection) => {
                return answer(self.objects.get(&selection).await.map(Response::Objects));
            }
            Request::Delete(selection) => {
                return answer(self.objects.delete(&selection).await.map(Response::Outcomes));
            }
            Request::Label { objects, change } => {
                let labeled = self.objects.label(&objects, &change).await;
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
    /// Creates objects, or makes those of their names like them.
    ///
    /// # Errors
    /// When the cluster's configuration is not known; what else goes wrong is said of each object.
    pub async fn apply(
        &self,
        documents: Documents,
        dry_run: bool,
    ) -> Result<Vec<Outcome>, Failure> {
        let config = self.situation.borrow().config.clone();
        let config = config.ok_or_else(objects::config_unknown)?;
        Ok(self.objects.apply(&config, documents, dry_run).await)
    }

    /// Whether ADD is served.
    ///
    /// # Errors
    /// Why it is not.
    pub fn readiness(&self) -> Result<(), Failure> {
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

    /// Whether ADD is served, and what else is to be said of it, a line each.
    ///
    /// # Errors
    /// Why it is not.
    pub fn look(&self) -> Result<Vec<String>, Vec<String>> {
        let problems =
            || self.problems.lines().into_iter().map(|problem| format!("problem: {problem}"));
        if let Err(failure) = self.readiness() {
            return Err([failure.msg].into_iter().chain(problems()).collect());
        }
        let now = self.situation.borrow();
        let marks = now.view.marks.get(&self.me.name);
        let cordon = marks.and_then(|marks| marks.cordon.as_ref());
        let cordon = cordon.map(|cordon| format!("note: {cordon}; new pods are refused"));
        drop(now);
        Ok(cordon.into_iter().chain(problems()).collect())
    }

    /// What the daemon knows of itself and its cluster.
    #[must_use]
    pub fn status(&self) -> Status {
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
            problems: self.problems.lines(),
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
}
