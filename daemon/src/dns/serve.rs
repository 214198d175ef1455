//! Listens for questions, once there is somebody who answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ipnetwork::IpNetwork;
use pontoon_dns::answer::hosts::Hosts;
use pontoon_dns::answer::outside::Nobody;
use pontoon_dns::answer::responder::{Options, Responder};
use pontoon_dns::config::DnsConfig;
use pontoon_dns::listen::gate::Gate;
use pontoon_dns::listen::limit::{Acl, Rate};
use pontoon_dns::listen::reception::Reception;
use pontoon_dns::listen::udp;
use pontoon_dns::metrics::Metrics;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::cluster::Cluster;
use super::publisher::{Manner, Publisher, Serving};
use super::sockets;

/// The port of DNS.
const PORT: u16 = 53;

/// How long questions wait in the sockets for the store to be read: less than any client waits. Then
/// names of the cluster fail, and others are answered.
const SYNC_PATIENCE: Duration = Duration::from_secs(2);

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
    let make = move |zone, _: &_| {
        let options = Options {
            autopath: config.autopath,
            search: Vec::new(),
            hosts: Hosts::new(&config.hosts),
            transfer_to: config.transfer_to.clone(),
        };
        Responder::new(zone, Nobody, options)
    };
    Publisher::new(manner, Box::new(make), serving)
}

/// Listens until it is told to stop, and answers what has arrived by then.
///
/// # Errors
/// When an address cannot be listened at.
pub async fn run(
    config: DnsConfig,
    mut serving: watch::Receiver<Option<Serving>>,
    stop: CancellationToken,
) -> Result<()> {
    let found = tokio::select! {
        found = serving.wait_for(Option::is_some) => found.ok().and_then(|found| found.clone()),
        () = stop.cancelled() => None,
    };
    let Some(Serving { server, cluster }) = found else { return Ok(()) };
    let own = cluster.dns_addresses.iter().map(|ip| SocketAddr::new(*ip, PORT));
    let addresses: Vec<SocketAddr> = own.chain(config.listen.iter().copied()).collect();
    let sockets = sockets::open(&addresses, config.workers)?;
    // What is asked meanwhile waits in the sockets.
    if tokio::time::timeout(SYNC_PATIENCE, server.wait_synced()).await.is_err() {
        warn!("the store has not been read yet: names of the cluster cannot be answered so far");
    }
    let domain = server.zone().shape().origin.clone();
    let gate = Gate::new(clients(&config, &cluster), Rate::per_second(config.rate_limit));
    let metrics = Arc::new(Metrics::new(&domain));
    let reception = Arc::new(Reception { answers: server, gate, metrics });
    let datagrams = udp::Listener::start(
        &reception,
        sockets.udp,
        sockets.origin,
        udp::Settings::default(),
        &Handle::current(),
    )
    .context("cannot answer questions")?;
    info!(?addresses, "answering DNS");
    stop.cancelled().await;
    datagrams.stop(STOP_PATIENCE).await;
    Ok(())
}

/// Who may ask: pods, this host, and whom the configuration names.
fn clients(config: &DnsConfig, cluster: &Cluster) -> Acl {
    let host = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
    // A host that asks itself does so from the address that it asks.
    let own = cluster.dns_addresses.iter().copied().chain(config.listen.iter().map(SocketAddr::ip));
    let single = host.into_iter().chain(own).map(IpNetwork::from);
    Acl::new(single.chain(cluster.pods.iter().copied()).chain(config.allow.iter().copied()))
}
