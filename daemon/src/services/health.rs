//! Answers load balancers that ask whether this node has endpoints of a service
//! (`healthCheckNodePort`, with `externalTrafficPolicy: Local`): 200 while there are any, 503
//! otherwise, with the body that Kubernetes' own proxies give.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use pontoon_model::endpoint::Endpoint;
use pontoon_model::service::{Service, ServiceId, ServiceKind, TrafficPolicy};
use pontoon_proxy::{Node, usable};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::warn;

/// What is asked for at each port.
pub type HealthChecks = BTreeMap<u16, (ServiceId, Health)>;

/// A service's health on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Endpoints on this node that take connections.
    pub local_endpoints: usize,
}

/// Before a port that was taken is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Where a service is asked for, and what the answer is; `None` for services that nobody asks for.
#[must_use]
pub fn of(service: &Service, endpoints: &[Vec<Endpoint>], node: &Node) -> Option<(u16, Health)> {
    let asked = service.kind == ServiceKind::LoadBalancer
        && service.external_policy == TrafficPolicy::Local;
    let port = service.health_check_node_port.filter(|_| asked)?;
    let local: HashSet<IpAddr> = endpoints
        .iter()
        .flat_map(|all| usable::local(all, node))
        .map(|endpoint| endpoint.address)
        .collect();
    // An endpoint of both families has two addresses, and is one.
    let (v4, v6): (Vec<&IpAddr>, Vec<&IpAddr>) = local.iter().partition(|ip| ip.is_ipv4());
    Some((port, Health { local_endpoints: v4.len().max(v6.len()) }))
}

/// Answers for ever.
pub async fn run(mut checks: watch::Receiver<HealthChecks>) {
    let mut servers: BTreeMap<u16, Vec<JoinHandle<()>>> = BTreeMap::new();
    loop {
        let wanted: Vec<u16> = checks.borrow_and_update().keys().copied().collect();
        servers.retain(|port, tasks| {
            let stays = wanted.contains(port);
            if !stays {
                tasks.iter().for_each(JoinHandle::abort);
            }
            stays
        });
        let mut failed = false;
        for port in wanted {
            if servers.contains_key(&port) {
                continue;
            }
            match serve(port, &checks) {
                Ok(tasks) => drop(servers.insert(port, tasks)),
                Err(error) => {
                    failed = true;
                    warn!(port, %error, "load balancers cannot ask for a service's health here");
                }
            }
        }
        tokio::select! {
            changed = checks.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(RETRY), if failed => {}
        }
    }
}

fn serve(
    port: u16,
    checks: &watch::Receiver<HealthChecks>,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let all = [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)];
    let mut tasks = Vec::new();
    for address in all {
        let listener = match listen(SocketAddr::new(address, port)) {
            Ok(listener) => listener,
            // A host without IPv6 has nobody who would ask over it.
            Err(error) if address.is_ipv6() && !tasks.is_empty() => {
                warn!(port, %error, "no health checks over IPv6");
                continue;
            }
            Err(error) => return Err(error),
        };
        let router = Router::new().fallback(answer).with_state((port, checks.clone()));
        tasks.push(tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                warn!(port, %error, "health checks are not answered any more");
            }
        }));
    }
    Ok(tasks)
}

fn listen(at: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    socket.listen(128)?;
    TcpListener::from_std(socket.into())
}

async fn answer(
    State((port, checks)): State<(u16, watch::Receiver<HealthChecks>)>,
) -> impl IntoResponse {
    let Some((service, health)) = checks.borrow().get(&port).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let count = health.local_endpoints;
    let status = if count > 0 { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({
        "service": { "namespace": service.namespace, "name": service.name },
        "localEndpoints": count,
        "serviceProxyHealthy": true,
    });
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        // Load balancers that know it spread by it.
        (header::HeaderName::from_static("x-load-balancing-endpoint-weight"), count.to_string()),
    ];
    (status, headers, body.to_string()).into_response()
}
