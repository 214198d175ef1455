//! Where a node leads a packet, as its daemon plans it.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_model::cluster::BackendKind;
use pontoon_model::name::NodeName;

use crate::world::{Pod, World};

/// Where a node leads packets to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leads<'w> {
    /// To itself.
    Here,
    /// To a pod of its own.
    Pod(&'w Pod),
    /// Into its bridge, where nobody has the address.
    Nobody(IpNetwork),
    /// To another node, which has the pod or is meant itself.
    Peer {
        /// Which.
        node: &'w NodeName,
        /// The subnet of the pod; none when the node is meant.
        subnet: Option<IpNetwork>,
        /// How; `None` where it cannot be reached.
        backend: Option<BackendKind>,
    },
    /// To a part of the pod CIDR that no node holds.
    Unleased(IpNetwork),
    /// Away, by whatever route the host has.
    Away,
}

/// Where a node leads packets to an address. Those of pods reach other nodes' own addresses through the
/// overlay, where there is one; those of the node itself go as the host's routes say.
pub(crate) fn leads<'w>(
    world: &'w World,
    node: &NodeName,
    destination: IpAddr,
    from_pod: bool,
) -> Leads<'w> {
    if world.is_local(node, destination) {
        return Leads::Here;
    }
    if let Some((owner, subnet)) = world.subnet_owner(destination) {
        if owner == node {
            let pod = world.pod_at(destination).filter(|pod| pod.node == *node);
            return pod.map_or(Leads::Nobody(subnet), Leads::Pod);
        }
        let backend = world.backend(node, owner);
        return Leads::Peer { node: owner, subnet: Some(subnet), backend };
    }
    if let Some(range) = world.config.pod_cidrs.iter().find(|range| range.contains(destination)) {
        return Leads::Unleased(*range);
    }
    match world.node_at(destination) {
        Some(peer) => {
            let backend = world.backend(node, peer).filter(|_| from_pod);
            Leads::Peer { node: peer, subnet: None, backend: backend.or(Some(BackendKind::HostGw)) }
        }
        None => Leads::Away,
    }
}

/// The address that a node sends from itself.
pub(crate) fn source(world: &World, node: &NodeName, destination: IpAddr) -> Option<IpAddr> {
    use pontoon_model::cidr::{Family, gateway};
    let family = Family::of(destination);
    let known = world.nodes.get(node)?;
    let mut subnets = known.subnets.iter().filter(|net| Family::of_network(**net) == family);
    let in_services = world.config.service_cidrs.iter().any(|range| range.contains(destination));
    match leads(world, node, destination, false) {
        Leads::Here => Some(destination),
        Leads::Pod(_) | Leads::Nobody(_) => {
            known.subnets.iter().find(|net| net.contains(destination)).map(|net| gateway(*net))
        }
        // The overlay's device has that address.
        Leads::Peer {
            subnet: Some(_),
            backend: Some(BackendKind::Vxlan | BackendKind::Auto),
            ..
        } => subnets.next().map(IpNetwork::network),
        Leads::Away if in_services => subnets.next().map(|net| gateway(*net)),
        _ => known.address(family),
    }
}
