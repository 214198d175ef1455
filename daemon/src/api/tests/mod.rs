//! The API over its socket, on an embedded store.

mod doctor;
mod document;
mod limits;
mod objects;
mod page;
mod tls;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pontoon_model::api::{NodeStatus, PodStatus, StoreStatus};
use pontoon_model::cluster::{BackendKind, ClusterConfig};
use pontoon_model::doctor::{Examiner, Finding, Severity, Unexamined};
use pontoon_model::mesh::{MeshRow, MeshWays, Quality};
use pontoon_model::name::NodeName;
use pontoon_store::{EmbeddedStore, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

use super::*;
use crate::config::ApiSettings;
use crate::feed;
use crate::objects::Objects;
use crate::services::inquiry;
use crate::services::intake::Intake;

/// A daemon's API and nothing else of it.
struct Stage {
    folder: Arc<TempDir>,
    store: Arc<dyn Store>,
    tasks: Vec<JoinHandle<()>>,
    problems: channel::Receiver<Vec<String>>,
    _situation: channel::Sender<Situation>,
}

impl Stage {
    async fn new() -> Self {
        Self::with(ApiSettings::default()).await
    }

    async fn with(settings: ApiSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let store = EmbeddedStore::open(path, Default::default()).await.unwrap();
        let config = serde_json::to_vec(&ClusterConfig::default()).unwrap();
        store.put("config", config, None).await.unwrap();
        Self::on(Arc::new(folder), Arc::new(store), settings).await
    }

    async fn on(folder: Arc<TempDir>, store: Arc<dyn Store>, settings: ApiSettings) -> Self {
        let me: NodeName = "host-1".parse().unwrap();
        let feeds = feed::follow(Arc::clone(&store), &me);
        let (inquiries, inbox) = inquiry::channel(rand::random());
        let answering = inquiry::answer_from(feeds.services, Intake::new(me), inbox);
        let config = Some(ClusterConfig::default());
        let (situation_tx, situation) =
            channel::channel(Situation { config, ..Situation::default() });
        let router = router(Parts {
            objects: Objects::new(Arc::clone(&store), inquiries),
            situation,
            changes: feeds.changes,
            status: Box::new(status),
            doctor: Box::new(|| Box::pin(async { report() })),
            mesh: Box::new(mesh),
            trace: Box::new(|question| Box::pin(async { Ok(trace(question)) })),
        });
        let (problems_tx, problems) = channel::channel(Vec::new());
        let socket = folder.path().join("api.sock");
        let serving = listen::run(socket.clone(), settings, router, problems_tx);
        let tasks = vec![tokio::spawn(answering), tokio::spawn(serving)];
        while UnixStream::connect(&socket).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { folder, store, tasks, problems, _situation: situation_tx }
    }

    /// The daemon is started anew.
    async fn again(mut self) -> Self {
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
        Self::on(Arc::clone(&self.folder), Arc::clone(&self.store), ApiSettings::default()).await
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("api.sock")
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> hyper::Response<Incoming> {
        let stream = UnixStream::connect(self.socket()).await.unwrap();
        exchange(stream, request).await.unwrap()
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(ToString::to_string).unwrap_or_default();
        self.ask_as(method, path, "application/json", body.into_bytes()).await
    }

    async fn ask_as(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Answer {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        Answer::read(self.send(request.body(Full::new(body.into())).unwrap()).await).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    async fn apply(&self, document: Value) {
        let answer = self.ask(Method::POST, "/v1/apply", Some(&document)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }

    async fn put(&self, key: &str, value: Value) {
        self.store.put(key, value.to_string().into_bytes(), None).await.unwrap();
    }

    /// A host with a subnet and a pod, as their daemon writes them.
    async fn host(&self, name: &str, number: u8) {
        let record = json!({"name": name, "machineId": "m", "underlay": format!("192.0.2.{number}"),
            "addresses": [format!("192.0.2.{number}")], "vxlanMac": "02:00:00:00:00:01",
            "zone": "z", "version": "0.1.0"});
        self.put(&format!("nodes/{name}"), record).await;
        let subnet = format!("subnets/10.244.{number}.0-24");
        self.put(&subnet, json!({"node": name, "machineId": "m"})).await;
        self.put(&format!("alive/{name}"), json!({"applied": 1})).await;
    }

    async fn pod(&self, node: &str, id: &str, ip: &str, labels: Value) {
        let (namespace, name) = id.split_once('/').unwrap();
        let record = json!({"namespace": namespace, "name": name, "node": node, "containerId": "c",
            "addresses": [ip], "labels": labels, "annotations": {"from": "runtime"}, "ready": true});
        self.put(&format!("pods/{node}/{id}"), record).await;
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> hyper::Result<hyper::Response<Incoming>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    sender.send_request(request).await
}

/// What was answered.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    async fn read(response: hyper::Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let text = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&text)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)));
        Self { status: head.status, headers: head.headers, body }
    }

    fn said(&self) -> String {
        format!("{}: {}", self.body["message"].as_str().unwrap(), self.body["details"])
    }
}

fn service(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}})
}

/// With everything in it that there can be.
fn report() -> Report {
    let finding = |check: &str, severity| Finding {
        check: check.to_owned(),
        severity,
        what: "the setting is 0".to_owned(),
        why: "nothing passes".to_owned(),
        mend: "sysctl -w setting=1".to_owned(),
    };
    Report {
        node: "host-1".parse().ok(),
        version: "0.1.0".to_owned(),
        examiner: Examiner::Daemon,
        checks: vec!["forwarding".to_owned(), "mtu".to_owned()],
        findings: vec![finding("forwarding", Severity::Fault), finding("mtu", Severity::Warning)],
        unexamined: vec![Unexamined {
            what: "rules in nf_tables".to_owned(),
            why: "not allowed".to_owned(),
            checks: vec!["firewall".to_owned()],
        }],
    }
}

/// With everything in it that there can be, whatever is asked.
fn trace(_: Question) -> Trace {
    let document = json!({
        "node": "host-1",
        "packet": {"source": "10.244.1.2", "destination": "10.96.0.1", "protocol": "TCP", "port": 80},
        "steps": [{
            "kind": "rules", "node": "host-1", "basis": "kernel", "text": "rules",
            "details": ["and more"],
            "rules": [{"table": "inet pontoon", "chain": "guard", "rule": "drop", "verdict": "drop",
                "comment": "why"}],
        }],
        "verdict": {"outcome": "dropped", "node": "host-1", "text": "it ends", "next": "look"},
        "endpoints": [{
            "address": "10.244.2.2", "port": 8080, "pod": {"namespace": "shop", "name": "api-0"},
            "node": "host-2", "slots": [0, 2],
            "verdict": {"outcome": "delivered", "text": "it arrives"},
        }],
    });
    serde_json::from_value(document).unwrap()
}

/// With everything in it that there can be.
fn status() -> Status {
    let id = pontoon_model::attachment::AttachmentId {
        container_id: "c".parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    };
    Status {
        node: "host-1".parse().unwrap(),
        version: "0.1.0".to_owned(),
        ready: true,
        problems: vec!["none worth a word".to_owned()],
        store: StoreStatus { kind: "embedded".to_owned(), connected: true, revision: 7 },
        cluster: Some(ClusterConfig::default()),
        mtu: 1450,
        nodes: vec![NodeStatus {
            name: "host-2".parse().unwrap(),
            underlay: "192.0.2.2".parse().unwrap(),
            subnets: vec!["10.244.2.0/24".parse().unwrap()],
            backend: Some(BackendKind::Vxlan),
            alive: true,
        }],
        pods: vec![PodStatus {
            pod: pontoon_model::name::PodId {
                namespace: "shop".parse().unwrap(),
                name: "web-0".parse().unwrap(),
            },
            id,
            host_interface: "ptn0".to_owned(),
            addresses: vec!["10.244.1.2".parse().unwrap()],
        }],
    }
}

/// The same.
fn mesh() -> Mesh {
    let quality = |loss_percent| Some(Quality { loss_percent, rtt_us: Some(300) });
    let ways = MeshWays { underlay: quality(0), pods4: quality(10), pods6: quality(20) };
    let [one, two]: [NodeName; 2] = ["host-1", "host-2"].map(|name| name.parse().unwrap());
    let row = MeshRow {
        probed: 1,
        dns: quality(0),
        service: Some(Quality { loss_percent: 100, rtt_us: None }),
        peers: [(two.clone(), ways)].into(),
    };
    let rows = [(one.clone(), row)].into();
    Mesh { enabled: true, interval_ms: 10_000, nodes: vec![one, two], rows }
}
