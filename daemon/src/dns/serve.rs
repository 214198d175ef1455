//! Listens for questions, once there is somebody who answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ipnetwork::IpNetwork;
use pontoon_dns::answer::hosts::Hosts;
use pontoon_dns::answer::responder::{Options, Responder};
use pontoon_dns::config::DnsConfig;
use pontoon_dns::forward::{Forwarder, Host, Own};
use pontoon_dns::listen::gate::Gate;
use pontoon_dns::listen::limit::{Acl, Rate};
use pontoon_dns::listen::reception::Reception;
use pontoon_dns::listen::stream::limits::Limits;
use pontoon_dns::listen::stream::{self, Protocol};
use pontoon_dns::listen::udp;
use pontoon_dns::metrics::Metrics;
use pontoon_dns::wire::name::Name;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::cluster::Cluster;
use super::publisher::{Manner, Publisher, Serving};
use super::secure::Layer;
use super::{here, sockets, told};
use crate::problems::tell;

/// The port of DNS (RFC 1035, section 4.2).
const PORT: u16 = 53;

/// How long questions wait in the sockets for the store to be read: less than any client waits. Then
/// names of the cluster fail, and others are answered.
const SYNC_PATIENCE: Duration = Duration::from_secs(2);

/// How often an address that could not be listened at is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Whose problems these are, where a node tells them.
const WHOSE: &str = "DNS";

/// How long a process that stops waits for answers that take time.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// Makes names of what the store tells; who answers with them is on that channel once the cluster's
/// domain is known.
#[must_use]
pub fn publisher(config: &DnsConfig, serving: watch::Sender<Option<Serving>>) -> Publisher {
    let manner = Manner {
        ttl: config.ttl,
        pods: config.pods,
        endpoint_pod_names: config.endpoint_pod_names,
    };
    let config = config.clone();
    // As pods are told.
    let search = told::host_search(&config.forward.resolv_conf);
    let search: Vec<Name> = search.iter().filter_map(|domain| Name::parse(domain).ok()).collect();
    let runtime = Handle::current();
    let make = move |zone, cluster: &Cluster, metrics: &Metrics| {
        let host = Host {
            own: Own {
                addresses: cluster.dns_addresses.clone(),
                sockets: config.listen.clone(),
                host: Some(here::addresses),
            },
            cache: metrics.cache.clone(),
            forward: metrics.forward.clone(),
            ..Host::default()
        };
        let forwarder = Forwarder::new(&config.forward, host, runtime.clone())?;
        let options = Options {
            autopath: config.autopath,
            search: search.clone(),
            hosts: Hosts::new(&config.hosts),
            transfer_to: config.transfer_to.clone(),
            figures: metrics.zone.clone(),
        };
        Ok(Responder::new(zone, forwarder, options))
    };
    Publisher::new(manner, Box::new(make), serving)
}

/// What comes of an address that cannot be listened at, as where another server has its port.
#[derive(Debug, Clone)]
pub enum Hindrance {
    /// It is an error: there is nothing else to do.
    Fails,
    /// It is told there and tried again: the pods of a node need more than names.
    IsTold(watch::Sender<Vec<String>>),
}

/// Listens until it is told to stop, and answers what has arrived by then.
///
/// # Errors
/// When an address cannot be listened at, unless that is told, and when threads cannot be started.
pub async fn run(
    config: DnsConfig,
    mut serving: watch::Receiver<Option<Serving>>,
    hindrance: Hindrance,
    stop: CancellationToken,
) -> Result<()> {
    let found = tokio::select! {
        found = serving.wait_for(Option::is_some) => found.ok().and_then(|found| found.clone()),
        () = stop.cancelled() => None,
    };
    let Some(Serving { server, cluster, metrics }) = found else { return Ok(()) };
    let own = cluster.dns_addresses.iter().map(|ip| SocketAddr::new(*ip, PORT));
    let addresses: Vec<SocketAddr> = own.chain(config.listen.iter().copied()).collect();
    let open = || sockets::open(&addresses, config.workers);
    let sockets = tokio::select! {
        opened = opened(open, WHOSE, "pods get no names from this node", &hindrance) => opened?,
        () = stop.cancelled() => return Ok(()),
    };
    let mut layers = Vec::new();
    for layer in Layer::of(&config, &cluster.dns_addresses) {
        // A process that answers and does nothing else says at once that it cannot.
        let at_once = match hindrance {
            Hindrance::Fails => Some(layer.open()?),
            Hindrance::IsTold(_) => None,
        };
        layers.push((layer, at_once));
    }
    // What is asked meanwhile waits in the sockets.
    if tokio::time::timeout(SYNC_PATIENCE, server.wait_synced()).await.is_err() {
        warn!("the store has not been read yet: names of the cluster cannot be answered so far");
    }
    let reception = Arc::new(Reception { gate: gate(&config, &cluster), answers: server, metrics });
    let (datagrams, origin) = (udp::Settings::default(), sockets.origin);
    let runtime = Handle::current();
    let datagrams = udp::Listener::start(&reception, sockets.udp, origin, datagrams, &runtime)
        .context("cannot answer questions")?;
    let streams =
        stream::Listener::start(&reception, sockets.tcp, &Protocol::Tcp, Limits::default())
            .context("cannot take connections")?;
    info!(?addresses, "answering DNS");
    // What is wrong with these takes nothing from the others.
    let beside = layers.into_iter().map(async |(layer, at_once)| -> Result<()> {
        let open = async {
            match at_once {
                Some(opened) => Ok(opened),
                None => opened(|| layer.open(), layer.whose(), "nobody gets it", &hindrance).await,
            }
        };
        let (protocol, sockets) = tokio::select! {
            opened = open => opened?,
            () = stop.cancelled() => return Ok(()),
        };
        let listener = stream::Listener::start(&reception, sockets, &protocol, Limits::default());
        let listener = listener.context("cannot take connections")?;
        info!("answering {}", layer.whose());
        stop.cancelled().await;
        listener.stop(STOP_PATIENCE).await;
        Ok(())
    });
    let plain = async {
        stop.cancelled().await;
        futures::join!(datagrams.stop(STOP_PATIENCE), streams.stop(STOP_PATIENCE));
        Ok(())
    };
    futures::try_join!(futures::future::try_join_all(beside), plain)?;
    Ok(())
}

/// What could be opened, at once or later.
async fn opened<T>(
    open: impl Fn() -> Result<T>,
    whose: &str,
    harm: &str,
    hindrance: &Hindrance,
) -> Result<T> {
    loop {
        let outcome = open();
        let Hindrance::IsTold(problems) = hindrance else { return outcome };
        let problem = outcome.as_ref().err();
        let problem = problem.map(|error| format!("{harm}, and it is tried again: {error:#}"));
        tell(problems, whose, problem);
        if outcome.is_ok() {
            return outcome;
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Who may ask: pods, this host, and whom the configuration names; and how often.
fn gate(config: &DnsConfig, cluster: &Cluster) -> Gate {
    let host = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
    // A host that asks itself does so from the address that it asks.
    let own = cluster.dns_addresses.iter().copied().chain(config.listen.iter().map(SocketAddr::ip));
    let single = host.into_iter().chain(own).map(IpNetwork::from);
    let pods = || cluster.pods.iter().copied();
    let clients = Acl::new(single.chain(pods()).chain(config.allow.iter().copied()));
    let mut gate = Gate::new(clients, Rate::per_second(config.rate_limit));
    // A pod has one address, and shares its network of 64 bits with all others of the node.
    gate = gate.with_single(Acl::new(pods()));
    if let Ok(zone) = Name::parse(&cluster.domain) {
        gate = gate.with_copies(Acl::new(config.transfer_to.iter().copied()), zone);
    }
    match config.listen.iter().any(|at| at.ip().is_unspecified()) {
        true => gate.with_host(here::addresses),
        false => gate,
    }
}
