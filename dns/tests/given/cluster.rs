//! A cluster, and the server that answers for it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnetwork::IpNetwork;
use pontoon_dns::answer::hosts::Hosts;
use pontoon_dns::answer::responder::{Options, Responder};
use pontoon_dns::exchange::{Answers, AtOnce};
use pontoon_dns::metrics::zone::Figures;
use pontoon_dns::wire::name::Name;
use pontoon_dns::zone::Zone;
use pontoon_dns::zone::shape::{PodNames, Settings, Shape};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::feed::Feed;
use super::objects::{Step, parse, pod, service, slice};
use super::world::World;
use crate::asked::{Question, Reply};

/// What a cluster is to be like.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) settings: Settings,
    pub(crate) autopath: bool,
    search: Vec<Name>,
    hosts: BTreeMap<Name, Vec<IpAddr>>,
    transfer_to: Vec<IpNetwork>,
    steps: Vec<Step>,
    pub(crate) world: World,
}

impl Cluster {
    /// One of both families with the namespaces `default` and `kube-system`.
    pub(crate) fn new() -> Self {
        Self::empty().namespace("default").namespace("kube-system")
    }

    /// One of both families without any objects.
    pub(crate) fn empty() -> Self {
        let settings = Settings {
            domain: "cluster.local".to_owned(),
            ttl: 5,
            dns_addresses: vec![parse("10.96.0.10"), parse("fd00:96::a")],
            ranges: ["10.96.0.0/12", "10.244.0.0/16", "fd00:96::/112", "fd00:244::/56"]
                .map(parse)
                .into(),
            pods: PodNames::Verified,
            endpoint_pod_names: false,
        };
        Self {
            settings,
            autopath: true,
            search: Vec::new(),
            hosts: BTreeMap::new(),
            transfer_to: Vec::new(),
            steps: Vec::new(),
            world: World::default(),
        }
    }

    pub(crate) fn with(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    pub(crate) fn namespace(self, name: &str) -> Self {
        self.with(Step::PutNamespace(parse(name)))
    }

    pub(crate) fn service(self, id: &str, spec: Value) -> Self {
        self.with(Step::PutService(service(id, spec)))
    }

    /// With the unnamed TCP port 80 and one cluster IP, without a selector.
    pub(crate) fn plain_service(self, id: &str, cluster_ip: &str) -> Self {
        self.service(id, json!({"clusterIP": cluster_ip, "ports": [{"port": 80}]}))
    }

    /// With the port `http` of TCP at 80 and no selector.
    pub(crate) fn headless(self, id: &str) -> Self {
        let ports = json!([{"name": "http", "port": 80}]);
        self.service(id, json!({"clusterIP": "None", "ports": ports}))
    }

    pub(crate) fn slice(self, id: &str, of: &str, endpoints: Value, ports: Value) -> Self {
        self.with(Step::PutSlice(slice(id, of, endpoints, ports)))
    }

    /// A slice with the port `http` of TCP at 8080.
    pub(crate) fn listed(self, id: &str, of: &str, endpoints: Value) -> Self {
        self.slice(id, of, endpoints, json!([{"name": "http", "port": 8080}]))
    }

    /// The type ExternalName.
    pub(crate) fn external(self, id: &str, target: &str) -> Self {
        self.service(id, json!({"type": "ExternalName", "externalName": target}))
    }

    pub(crate) fn pod(self, id: &str, addresses: &[&str]) -> Self {
        self.pod_with(id, addresses, json!({}))
    }

    pub(crate) fn pod_with(self, id: &str, addresses: &[&str], more: Value) -> Self {
        self.with(Step::PutPod(pod(id, addresses, more)))
    }

    pub(crate) fn outside(mut self, records: &[&str]) -> Self {
        records.iter().for_each(|record| self.world.add(record));
        self
    }

    pub(crate) fn host(mut self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|address| parse(address)).collect();
        self.hosts.insert(parse(name), addresses);
        self
    }

    pub(crate) fn searching(mut self, domains: &[&str]) -> Self {
        self.search = domains.iter().map(|domain| parse(domain)).collect();
        self
    }

    pub(crate) fn transfers_to(mut self, range: &str) -> Self {
        self.transfer_to.push(parse(range));
        self
    }

    pub(crate) fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// The server, which has read the store.
    pub(crate) fn start(self) -> Server {
        let server = self.start_without_store();
        server.responder.set_synced();
        server
    }

    /// The server, which has not read the store to its end.
    pub(crate) fn start_without_store(self) -> Server {
        let Self { settings, autopath, search, hosts, transfer_to, steps, world } = self;
        let shape = Arc::new(Shape::new(settings).unwrap());
        let (hosts, figures) = (Hosts::new(&hosts), Figures::default());
        let options = Options { autopath, search, hosts, transfer_to, figures };
        let responder = Responder::new(Zone::new(Arc::clone(&shape)), world, options);
        let mut server = Server { responder, shape, feed: Feed::new(), revision: 0 };
        steps.into_iter().for_each(|step| server.apply(step));
        server
    }
}

/// Whoever answers for a cluster.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) responder: Responder<World>,
    shape: Arc<Shape>,
    feed: Feed,
    revision: u64,
}

impl Server {
    /// The store has changed.
    pub(crate) fn apply(&mut self, step: Step) {
        self.revision += 1;
        let changes = self.feed.take(step, &self.shape);
        self.responder.apply(changes, self.revision);
    }

    #[track_caller]
    pub(crate) fn ask(&self, name: &str, rtype: u16) -> Reply {
        self.send(&Question::new(name, rtype))
    }

    #[track_caller]
    pub(crate) fn send(&self, question: &Question) -> Reply {
        let mut messages = self.exchange(&question.packet(), question);
        assert_eq!(messages.len(), 1, "one answer to {question:?}");
        Reply::read(question, messages.remove(0))
    }

    /// Sends any bytes, as the client of the question; returns what comes back.
    #[track_caller]
    pub(crate) fn exchange(&self, packet: &[u8], from: &Question) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        match self.responder.at_once(packet, from.client, from.transport, &mut out) {
            AtOnce::Answered => vec![out],
            AtOnce::Dropped => {
                assert_eq!(out.capacity(), 0, "memory for what is dropped");
                Vec::new()
            }
            AtOnce::Later => {
                assert!(out.is_empty(), "half an answer: {out:02x?}");
                let later = self.responder.later(packet.to_vec(), from.client, from.transport);
                clock().block_on(later)
            }
        }
    }
}

/// A runtime in which time passes, but nothing else does.
fn clock() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}
