//! Why a service answers nobody, in words, and what to do.

use std::net::IpAddr;

use pontoon_model::endpoint::Endpoint;
use pontoon_model::name::NodeName;
use pontoon_netlink::nft::proto;
use pontoon_proxy::plan::Reach;

use crate::aim::holder;
use crate::packet::Packet;
use crate::rules::walk_words::socket;
use crate::service::{self, Met};
use crate::world::World;

/// A reason and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Why {
    pub(crate) text: String,
    pub(crate) next: Option<String>,
}

/// Why our rules end a packet on a node.
pub(crate) fn ended(world: &World, node: &NodeName, packet: &Packet) -> Why {
    let at = std::net::SocketAddr::new(packet.destination, packet.ports.1);
    let met = service::frontend(at, packet.protocol).and_then(|at| service::met(world, node, at));
    match met {
        Some(met) => of_service(world, node, packet, &met),
        None if packet.dnat => {
            let text = format!("the tables of {node} hold no endpoint for it any more");
            Why { text, next: Some("see `pontoon doctor`".to_owned()) }
        }
        None => of_nothing(world, packet),
    }
}

fn of_service(world: &World, node: &NodeName, packet: &Packet, met: &Met<'_>) -> Why {
    let id = &met.backed.service.id;
    let outsider = !met.frontend.ranges.is_empty()
        && !met.frontend.ranges.iter().any(|range| range.contains(packet.source));
    if outsider {
        let ranges: Vec<String> = met.frontend.ranges.iter().map(ToString::to_string).collect();
        return Why {
            text: format!("{} is in none of the ranges that may use service {id}", packet.source),
            next: Some(format!("spec.loadBalancerSourceRanges has {}", ranges.join(", "))),
        };
    }
    let all = met.backed.endpoints.get(met.index).map(Vec::as_slice).unwrap_or_default();
    let family: Vec<&Endpoint> =
        all.iter().filter(|e| e.address.is_ipv4() == packet.destination.is_ipv4()).collect();
    if met.stays(is_inside(world, node, packet.source)) && !met.plan.cluster.is_empty() {
        let policy = match met.frontend.to {
            Reach::Local => "internalTrafficPolicy",
            _ => "externalTrafficPolicy",
        };
        let mut nodes: Vec<String> = family
            .iter()
            .filter(|endpoint| endpoint.conditions.ready)
            .filter_map(|endpoint| endpoint.place.node.as_ref().map(ToString::to_string))
            .collect();
        nodes.sort();
        nodes.dedup();
        let here = family.iter().any(|endpoint| endpoint.place.node.as_ref() == Some(node));
        let none = if here {
            format!("none of its endpoints on node {node} is ready")
        } else {
            format!("none of its endpoints is on node {node}")
        };
        let cluster = format!("set {policy} to Cluster");
        return Why {
            text: format!("{policy} of service {id} is Local, and {none}"),
            next: Some(match nodes.as_slice() {
                [] => cluster,
                all => format!("send to a node that has one ({}), or {cluster}", all.join(", ")),
            }),
        };
    }
    if family.is_empty() {
        let next = match &met.backed.service.selector {
            Some(_) => format!(
                "no pod has the labels and the port that it selects by: compare `pontoon describe svc {} -n {}` with `pontoon get pods -n {} --show-labels`",
                id.name, id.namespace, id.namespace
            ),
            None => "it has no selector: apply an EndpointSlice for it".to_owned(),
        };
        return Why { text: format!("service {id} has no endpoints"), next: Some(next) };
    }
    let gone = family.iter().filter(|endpoint| is_gone(world, endpoint)).count();
    let text = if gone == family.len() {
        format!("all {gone} endpoints of service {id} are on nodes that are not alive")
    } else {
        format!("none of the {} endpoints of service {id} is ready", family.len())
    };
    let next = format!("`pontoon describe svc {} -n {}` says why", id.name, id.namespace);
    Why { text, next: Some(next) }
}

fn of_nothing(world: &World, packet: &Packet) -> Why {
    let at = socket(packet.destination, packet.ports.1);
    let ping = matches!(packet.protocol, proto::ICMP | proto::ICMPV6);
    match holder(world, packet.destination) {
        Some(backed) if ping => Why {
            text: format!("{at} is service {}, and services answer no pings", backed.service.id),
            next: Some("ask for one of its ports".to_owned()),
        },
        Some(backed) => {
            let service = &backed.service;
            let ports: Vec<String> = service
                .ports
                .iter()
                .map(|port| format!("{}/{}", port.port, port.protocol))
                .collect();
            Why {
                text: format!("{at} is service {}, which has no such port", service.id),
                next: Some(format!("it has {}", ports.join(", "))),
            }
        }
        None => Why {
            text: format!("no service has {at}"),
            next: Some("see `pontoon get svc -A`".to_owned()),
        },
    }
}

/// Whether rules of a node take a source for one of the cluster's inside.
pub(crate) fn is_inside(world: &World, node: &NodeName, source: IpAddr) -> bool {
    world.config.pod_cidrs.iter().any(|range| range.contains(source))
        || world.is_local(node, source)
}

/// Why an endpoint gets no new connections; `None` where it does.
pub(crate) fn unused(world: &World, endpoint: &Endpoint) -> Option<String> {
    let conditions = endpoint.conditions;
    if conditions.ready {
        return None;
    }
    if is_gone(world, endpoint) {
        let node = endpoint.place.node.as_ref().map(ToString::to_string).unwrap_or_default();
        return Some(format!("node {node} is not alive"));
    }
    Some(if conditions.terminating { "terminating" } else { "not ready" }.to_owned())
}

fn is_gone(world: &World, endpoint: &Endpoint) -> bool {
    let node = endpoint.place.node.as_ref();
    node.is_some_and(|node| world.nodes.get(node).is_none_or(|known| !known.alive))
}
