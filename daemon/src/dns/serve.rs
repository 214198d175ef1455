//! Listens for questions, once there is somebody who answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ipnetwork::IpNetwork;
use pontoon_dns::answer::hosts::Hosts;
use pontoon_dns::answer::responder::{Options, Responder};
use pontoon_dns::config::DnsConfig;
use pontoon_dns::forward::{Forwarder, Host};
use pontoon_dns::listen::gate::Gate;
use pontoon_dns::listen::limit::{Acl, Rate};
use pontoon_dns::listen::reception::Reception;
use pontoon_dns::listen::sockets::Sockets;
use pontoon_dns::listen::stream::limits::Limits;
use pontoon_dns::listen::stream::{self, Protocol};
use pontoon_dns::listen::tls::Certificate;
use pontoon_dns::listen::udp;
use pontoon_dns::metrics::Metrics;
use pontoon_dns::wire::name::Name;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::cluster::Cluster;
use super::publisher::{Manner, Publisher, Serving};
use super::{sockets, told};
use crate::problems::tell;

/// The ports of DNS (RFC 1035, section 4.2), of DNS over TLS (RFC 7858, section 3.1) and over HTTPS.
const PORT: u16 = 53;
const TLS_PORT: u16 = 853;
const HTTPS_PORT: u16 = 443;

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
            own: cluster.dns_addresses.clone(),
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
    let at = |port| cluster.dns_addresses.iter().map(move |ip| SocketAddr::new(*ip, port));
    let addresses: Vec<SocketAddr> = at(PORT).chain(config.listen.iter().copied()).collect();
    let open =
        || -> Result<_> { Ok((sockets::open(&addresses, config.workers)?, secure(&config, at)?)) };
    let listening = tokio::select! {
        opened = opened(open, &hindrance) => opened?,
        () = stop.cancelled() => return Ok(()),
    };
    let (sockets, secure) = listening;
    // What is asked meanwhile waits in the sockets.
    if tokio::time::timeout(SYNC_PATIENCE, server.wait_synced()).await.is_err() {
        warn!("the store has not been read yet: names of the cluster cannot be answered so far");
    }
    let gate = Gate::new(clients(&config, &cluster), Rate::per_second(config.rate_limit));
    let reception = Arc::new(Reception { answers: server, gate, metrics });
    let (datagrams, origin) = (udp::Settings::default(), sockets.origin);
    let runtime = Handle::current();
    let datagrams = udp::Listener::start(&reception, sockets.udp, origin, datagrams, &runtime)
        .context("cannot answer questions")?;
    let mut streams = Vec::new();
    for (protocol, sockets) in [(Protocol::Tcp, sockets.tcp)].into_iter().chain(secure) {
        let listener = stream::Listener::start(&reception, sockets, &protocol, Limits::default());
        streams.push(listener.context("cannot take connections")?);
    }
    info!(?addresses, "answering DNS");
    stop.cancelled().await;
    let streams = streams.into_iter().map(|listener| listener.stop(STOP_PATIENCE));
    futures::join!(datagrams.stop(STOP_PATIENCE), futures::future::join_all(streams));
    Ok(())
}

/// What could be opened, at once or later.
async fn opened<T>(open: impl Fn() -> Result<T>, hindrance: &Hindrance) -> Result<T> {
    loop {
        let outcome = open();
        let Hindrance::IsTold(problems) = hindrance else { return outcome };
        let problem = outcome.as_ref().err().map(|error| {
            format!("pods get no names from this node, and it is tried again: {error:#}")
        });
        tell(problems, WHOSE, problem);
        if outcome.is_ok() {
            return outcome;
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Sockets for TLS and HTTPS, where they are asked for.
fn secure<A: Iterator<Item = SocketAddr>>(
    config: &DnsConfig,
    at: impl Fn(u16) -> A,
) -> Result<Vec<(Protocol, Vec<TcpListener>)>> {
    let Some(tls) = &config.tls else { return Ok(Vec::new()) };
    let certificate = Certificate::load(&tls.cert, &tls.key)?;
    let bind = |listen: &[SocketAddr], port| {
        let usual = at(port).filter(|_| listen.is_empty());
        let addresses: Vec<SocketAddr> = usual.chain(listen.iter().copied()).collect();
        Sockets::bind_streams(&addresses).map(|sockets| sockets.tcp)
    };
    let mut secure = vec![(Protocol::Tls(certificate.clone()), bind(&tls.listen, TLS_PORT)?)];
    if let Some(https) = &config.https {
        secure.push((Protocol::Https(certificate), bind(&https.listen, HTTPS_PORT)?));
    }
    Ok(secure)
}

/// Who may ask: pods, this host, and whom the configuration names.
fn clients(config: &DnsConfig, cluster: &Cluster) -> Acl {
    let host = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
    // A host that asks itself does so from the address that it asks.
    let own = cluster.dns_addresses.iter().copied().chain(config.listen.iter().map(SocketAddr::ip));
    let single = host.into_iter().chain(own).map(IpNetwork::from);
    Acl::new(single.chain(cluster.pods.iter().copied()).chain(config.allow.iter().copied()))
}
