//! Steps in words.

use std::net::SocketAddr;

use pontoon_model::cidr::Family;
use pontoon_model::cluster::BackendKind;
use pontoon_model::kernel::vxlan_overhead;
use pontoon_model::name::NodeName;
use pontoon_model::trace::{Basis, Step, StepKind};

use crate::host::Lookup;
use crate::packet::Packet;
use crate::route::Leads;
use crate::world::World;

/// Where it leads, in words.
pub(super) fn route_text(
    world: &World,
    node: &NodeName,
    packet: &Packet,
    leads: &Leads<'_>,
    from_pod: bool,
) -> String {
    let destination = packet.destination;
    let bridge = &world.devices.bridge;
    match leads {
        Leads::Here => format!("{destination} is an address of node {node} itself"),
        Leads::Pod(pod) => format!("{destination} is pod {} on this node, behind {bridge}", pod.id),
        Leads::Nobody(subnet) => format!("{destination} is in {subnet}, behind {bridge}"),
        Leads::Peer { node: peer, subnet: Some(subnet), .. } => {
            format!("{destination} is in {subnet}, which node {peer} holds")
        }
        Leads::Peer { node: peer, backend: Some(BackendKind::Vxlan), .. } if from_pod => {
            format!(
                "{destination} is node {peer} itself, and packets of pods take the overlay there"
            )
        }
        Leads::Peer { node: peer, .. } => format!("{destination} is node {peer} itself"),
        Leads::Unleased(range) => {
            format!("{destination} is in {range}, in a part that no node holds")
        }
        Leads::Away => {
            format!("{destination} is outside of the cluster: the host's own routes lead there")
        }
    }
}

/// What the kernel said, as `ip route get` would.
pub(super) fn lookup(found: &Lookup) -> String {
    if found.local {
        return "the kernel: local".to_owned();
    }
    let via = found.gateway.map(|gateway| format!("via {gateway} ")).unwrap_or_default();
    format!("the kernel: {via}dev {}", found.dev)
}

/// The endpoint that it was sent to.
pub(super) fn endpoint(world: &World, node: &NodeName, basis: Basis, to: SocketAddr) -> Step {
    let text = match world.pod_at(to.ip()) {
        Some(pod) => format!("it is sent to {to}, pod {} on node {}", pod.id, pod.node),
        None => format!("it is sent to {to}"),
    };
    let (node, details, rules) = (Some(node.clone()), Vec::new(), Vec::new());
    Step { kind: StepKind::Endpoint, node, basis, text, details, rules }
}

/// How it crosses.
pub(super) fn crossing(
    world: &World,
    node: &NodeName,
    peer: &NodeName,
    backend: BackendKind,
) -> Step {
    let underlay = |name: &NodeName| world.nodes.get(name).map(|node| node.record.underlay);
    let (from, to) = (underlay(node), underlay(peer));
    let ends = match (from, to) {
        (Some(from), Some(to)) => format!("from {from} to {to}"),
        _ => String::new(),
    };
    let config = &world.config.backend;
    let mut details = Vec::new();
    let text = match backend {
        BackendKind::Vxlan => {
            let mac = world.nodes.get(peer).map(|node| node.record.vxlan_mac.to_string());
            details.push(format!(
                "VXLAN {} by {}, UDP port {}, to {}",
                config.vxlan_vni,
                world.devices.overlay,
                config.vxlan_port,
                mac.unwrap_or_default()
            ));
            let overhead = vxlan_overhead(to.map_or(Family::V4, Family::of));
            details.push(format!(
                "packets of pods have at most {} bytes, and {overhead} more on the underlay",
                world.mtu
            ));
            format!("it crosses to node {peer} in UDP {ends}")
        }
        BackendKind::HostGw => format!("it crosses to node {peer} as it is, {ends}"),
        BackendKind::Auto => {
            details.push(format!(
                "node {node} decides by itself: as it is where both share a link, in VXLAN elsewhere"
            ));
            format!("it crosses to node {peer}, {ends}")
        }
    };
    Step {
        kind: StepKind::Crossing,
        node: Some(node.clone()),
        basis: Basis::Plan,
        text,
        details,
        rules: Vec::new(),
    }
}
