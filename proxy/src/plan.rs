//! A service as frontends and endpoints: what should be, without a thought to what is.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnetwork::IpNetwork;
use pontoon_model::cidr::Family;
use pontoon_model::endpoint::Endpoint;
use pontoon_model::name::NodeName;
use pontoon_model::service::{Protocol, Service, ServiceKind, ServicePort, TrafficPolicy};

use crate::frontend::Frontend;
use crate::{usable, weights};

#[cfg(test)]
mod tests;

/// The node that the plan is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// The zone that it is in.
    pub zone: Option<String>,
    /// Its addresses at which it answers on node ports.
    pub node_port_addresses: Vec<IpAddr>,
}

/// What a service comes to on a node: its ports, one for each family.
pub type ServicePlan = Vec<PortPlan>;

/// One port of a service in one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortPlan {
    /// What tells it from the service's others.
    pub key: PortKey,
    /// `namespace/service:port`, for whoever lists the table.
    pub label: Arc<str>,
    /// Endpoints for traffic that may go anywhere, each as often as it has slots.
    pub cluster: Vec<SocketAddr>,
    /// Endpoints for traffic that must stay on this node.
    pub local: Vec<SocketAddr>,
    /// Where it is reached, sorted.
    pub frontends: Vec<FrontendPlan>,
    /// How long a client stays with its endpoint, in seconds.
    pub affinity: Option<u32>,
}

/// What tells the ports of a service apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortKey {
    /// The family.
    pub family: Family,
    /// The protocol.
    pub protocol: Protocol,
    /// The port at the service's own addresses.
    pub port: u16,
}

/// A frontend and what becomes of its packets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FrontendPlan {
    /// Where.
    pub at: Frontend,
    /// To which endpoints.
    pub to: Reach,
    /// Who may come; empty is everybody.
    pub ranges: Vec<IpNetwork>,
}

/// Which endpoints a frontend leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Those for traffic that may go anywhere.
    Cluster,
    /// Those on this node.
    Local,
    /// Those on this node for who comes from outside, all for pods and for this node itself
    /// (`externalTrafficPolicy: Local`).
    LocalFromOutside,
}

/// Plans a service. `endpoints` are those of its ports, in the same order.
#[must_use]
pub fn service(service: &Service, endpoints: &[Vec<Endpoint>], node: &Node) -> ServicePlan {
    if service.headless || service.kind == ServiceKind::ExternalName {
        return ServicePlan::new();
    }
    let mut plans = ServicePlan::new();
    for (port, all) in service.ports.iter().zip(endpoints) {
        for family in [Family::V4, Family::V6] {
            let frontends = frontends(service, port, family, node);
            if frontends.is_empty() {
                continue;
            }
            let all: Vec<Endpoint> =
                all.iter().filter(|e| Family::of(e.address) == family).cloned().collect();
            let needs_local = frontends.iter().any(|f| f.to != Reach::Cluster);
            let local = if needs_local { usable::local(&all, node) } else { Vec::new() };
            plans.push(PortPlan {
                key: PortKey { family, protocol: port.protocol, port: port.port },
                label: label(service, port),
                cluster: weighted(service, &usable::cluster(service, &all, node)),
                local: weighted(service, &local),
                frontends,
                affinity: service.affinity.map(|time| u32::try_from(time.as_secs()).unwrap_or(1)),
            });
        }
    }
    plans
}

fn label(service: &Service, port: &ServicePort) -> Arc<str> {
    if port.name.is_empty() {
        format!("{}:{}", service.id, port.port).into()
    } else {
        format!("{}:{}", service.id, port.name).into()
    }
}

fn weighted(service: &Service, endpoints: &[&Endpoint]) -> Vec<SocketAddr> {
    weights::slots(&service.weights, endpoints)
        .into_iter()
        .zip(endpoints)
        .flat_map(|(slots, endpoint)| {
            std::iter::repeat_n(SocketAddr::new(endpoint.address, endpoint.port), slots as usize)
        })
        .collect()
}

fn frontends(
    service: &Service,
    port: &ServicePort,
    family: Family,
    node: &Node,
) -> Vec<FrontendPlan> {
    let inside = match service.internal_policy {
        TrafficPolicy::Cluster => Reach::Cluster,
        TrafficPolicy::Local => Reach::Local,
    };
    let outside = match service.external_policy {
        TrafficPolicy::Cluster => Reach::Cluster,
        TrafficPolicy::Local => Reach::LocalFromOutside,
    };
    let at = |addresses: &[IpAddr], number: u16, to: Reach, ranges: &[IpNetwork]| {
        let of_family = addresses.iter().filter(|address| Family::of(**address) == family);
        let ranges = widest(ranges, family);
        let plan = |address: &IpAddr| FrontendPlan {
            at: Frontend { address: *address, protocol: port.protocol, port: number },
            to,
            ranges: ranges.clone(),
        };
        of_family.map(plan).collect::<Vec<_>>()
    };
    let mut all = at(&service.cluster_ips, port.port, inside, &[]);
    all.extend(at(&service.external_ips, port.port, outside, &[]));
    // Ranges of the other family alone shut everybody of this one out.
    let shut = !service.source_ranges.is_empty()
        && !service.source_ranges.iter().any(|r| Family::of_network(*r) == family);
    if !shut {
        all.extend(at(&service.ingress_ips, port.port, outside, &service.source_ranges));
    }
    if let Some(number) = port.node_port {
        all.extend(at(&node.node_port_addresses, number, outside, &[]));
    }
    // Of two ways to one frontend the first stands: the cluster IP's, then the external.
    let mut seen = std::collections::HashSet::new();
    all.retain(|frontend| seen.insert(frontend.at));
    all.sort_by_key(|frontend| frontend.at);
    all
}

/// The ranges of a family without those that lie within others: the kernel takes no range twice.
fn widest(ranges: &[IpNetwork], family: Family) -> Vec<IpNetwork> {
    let of_family = ranges.iter().filter(|range| Family::of_network(**range) == family);
    let canonical =
        of_family.filter_map(|range| IpNetwork::new(range.network(), range.prefix()).ok());
    let mut sorted: Vec<IpNetwork> = canonical.collect();
    sorted.sort_by_key(|range| (range.prefix(), range.network()));
    let mut widest: Vec<IpNetwork> = Vec::new();
    for range in sorted {
        if !widest.iter().any(|wider| pontoon_model::cidr::contains(*wider, range)) {
            widest.push(range);
        }
    }
    widest
}
