//! The service that the stages about services share: its document, its servers, and who asks for it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail, ensure};
use pontoon_model::api::{Request, Response};
use pontoon_model::object::{Kind, OutcomeResult, Selection};
use pontoon_model::rest::LabelSelector;
use serde_json::{Value, json};

use super::Scene;
use crate::host::Host;
use crate::netns::Netns;
use crate::probe::http::{self, HttpServer};

/// The service's name.
pub(super) const NAME: &str = "web";
/// The label that tells one release from the other.
pub(super) const TRACK: &str = "track";
/// The release that is served at first.
pub(super) const BLUE: &str = "blue";
/// The release that is served in the end.
pub(super) const GREEN: &str = "green";
/// The service's port.
pub(super) const PORT: u16 = 80;
/// The port that its servers listen on.
const TARGET: u16 = 8080;

/// The service and who takes part in it.
#[derive(Debug)]
pub(super) struct Web {
    /// Its document, as the cluster has it.
    pub service: Value,
    /// When the first host said that it was applied.
    pub applied: Instant,
    /// Who asks for it.
    pub clients: Vec<Client>,
    _servers: Vec<HttpServer>,
}

/// Somebody who asks for the service.
#[derive(Debug)]
pub(super) struct Client {
    /// `pod b-3`
    pub name: String,
    pub netns: Netns,
    /// Where it asks, an address of each family.
    pub targets: Vec<SocketAddr>,
}

impl Web {
    /// Lets every pod say its name over HTTP, and makes a service of those of a track.
    pub(super) fn open(scene: &Scene, track: &str) -> Result<Self> {
        let servers = scene.pods.iter().map(|p| HttpServer::start(p.netns(), p.name(), TARGET));
        let servers = servers.collect::<Result<_>>()?;
        let (pod, (host, last)) = (scene.pods.last(), (first(scene)?, scene.lab.hosts().last()));
        apply(host, track)?;
        let applied = Instant::now();
        let service = get(host, Kind::Service, LabelSelector::default())?
            .into_iter()
            .find(|s| name_of(s) == NAME);
        let service = service.context("the service is not there behind its apply")?;

        let port = service.pointer("/spec/ports/0/nodePort").and_then(Value::as_u64);
        let port = port.and_then(|port| u16::try_from(port).ok()).context("no node port")?;
        let virtual_ips = cluster_ips(&service);
        ensure!(!virtual_ips.is_empty(), "the service has no cluster IP: {service}");
        let at = |ips: Vec<IpAddr>, port| ips.into_iter().map(|ip| (ip, port).into()).collect();
        let (pod, last) = (pod.context("no pod")?, last.context("no host")?);
        let outside = scene.lab.outside();
        let clients = vec![
            Client {
                name: format!("pod {}", pod.name()),
                netns: pod.netns().clone(),
                targets: at(virtual_ips.clone(), PORT),
            },
            Client {
                name: host.name().to_owned(),
                netns: host.netns().clone(),
                targets: at(virtual_ips, PORT),
            },
            Client {
                name: format!("outside, through {}", last.name()),
                netns: outside.netns().clone(),
                targets: at(last.addresses(), port),
            },
        ];
        Ok(Self { service, applied, clients, _servers: servers })
    }
}

impl Client {
    /// Asks once; who answered.
    pub(super) fn ask(&self, to: SocketAddr, patience: Duration) -> Result<String> {
        match http::get(&self.netns, to, "/", patience)? {
            (200, page) => Ok(page.trim_end().to_owned()),
            (status, _) => bail!("http://{to}/ answered with status {status}"),
        }
    }

    /// Asks each target until it answers.
    pub(super) fn wait(&self, patience: Duration) -> Result<()> {
        let began = Instant::now();
        for to in &self.targets {
            while let Err(error) = self.ask(*to, Duration::from_millis(500)) {
                if began.elapsed() > patience {
                    return Err(error.context(format!(
                        "{} did not reach the service {NAME} at {to} within {patience:?}; \
                         hint: `pontoon get services` and `nft list ruleset` there",
                        self.name
                    )));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(())
    }
}

/// The host through which things are asked.
pub(super) fn first(scene: &Scene) -> Result<&Host> {
    scene.lab.hosts().first().context("the lab has no host")
}

/// Lets the service select a track, by way of a host's daemon.
pub(super) fn apply(host: &Host, track: &str) -> Result<()> {
    let document = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": "default"},
        "spec": {
            "type": "NodePort",
            "ipFamilyPolicy": "PreferDualStack",
            "selector": {"app": NAME, TRACK: track},
            "ports": [{"name": "http", "port": PORT, "targetPort": TARGET}],
        },
    });
    match host.request(&Request::Apply { documents: vec![document], dry_run: false })? {
        Response::Outcomes(outcomes) => {
            for outcome in outcomes {
                if let OutcomeResult::Failed(failure) = outcome.result {
                    return Err(failure).with_context(|| format!("{} refused it", host.name()));
                }
            }
            Ok(())
        }
        other => bail!("{} answered {other:?} to apply", host.name()),
    }
}

/// The pods of a track, as a host knows them.
pub(super) fn pods(host: &Host, track: &str) -> Result<Vec<Value>> {
    let labels = format!("app={NAME},{TRACK}={track}").parse().map_err(Error::msg)?;
    get(host, Kind::Pod, labels)
}

/// The objects of namespace `default` with these labels.
fn get(host: &Host, kind: Kind, labels: LabelSelector) -> Result<Vec<Value>> {
    let namespace = Some(Default::default());
    let selection = Selection { kind, namespace, names: Vec::new(), labels };
    match host.request(&Request::Get(selection))? {
        Response::Objects(objects) => Ok(objects),
        other => bail!("{} answered {other:?} to get", host.name()),
    }
}

pub(super) fn name_of(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn names(objects: &[Value]) -> Vec<String> {
    objects.iter().map(|object| name_of(object).to_owned()).collect()
}

pub(super) fn cluster_ips(service: &Value) -> Vec<IpAddr> {
    let ips = service.pointer("/spec/clusterIPs").and_then(Value::as_array);
    ips.into_iter().flatten().filter_map(|ip| ip.as_str()?.parse().ok()).collect()
}
