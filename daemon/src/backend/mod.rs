//! How packets cross hosts. A backend says what the kernel must hold so that they do; it touches
//! nothing itself.

mod auto;
mod host_gw;
mod vxlan;

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_model::cidr::{self, Family};
use pontoon_model::cluster::{BackendKind, ClusterConfig};
use pontoon_netlink::{
    Address, BridgeSettings, LinkName, LinkNameError, MacAddr, Route, RouteKind, Scope,
};

pub use auto::Auto;
pub use host_gw::HostGw;
pub use vxlan::Vxlan;

use crate::names::{self, PROTOCOL};
use crate::network::{Device, DeviceKind, Network};
use crate::underlay::Underlay;
use crate::view::Peer;

#[cfg(test)]
mod tests;

/// What a backend knows of its own node.
#[derive(Debug, Clone)]
pub struct Local {
    /// The way to other nodes.
    pub underlay: Underlay,
    /// The node's subnets, in the order in which they were leased.
    pub subnets: Vec<IpNetwork>,
    /// Where the node answers DNS.
    pub dns: Vec<IpAddr>,
    /// MAC of the bridge.
    pub bridge_mac: MacAddr,
    /// MAC of the VXLAN device.
    pub vxlan_mac: MacAddr,
    /// MTU of pods, when a person set it.
    pub mtu: Option<u32>,
}

/// Why a peer cannot be reached by a backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node {node} at {underlay}: {why}")]
pub struct Unreachable {
    /// The peer.
    pub node: String,
    /// Its address.
    pub underlay: IpAddr,
    /// The cause and what to do.
    pub why: String,
}

/// A way for packets to cross hosts.
pub trait Backend {
    /// Bytes that it adds to a packet.
    fn overhead(&self, underlay: &Underlay) -> u32;

    /// Adds what the node needs before there is any peer.
    fn base(&self, local: &Local, mtu: u32, network: &mut Network);

    /// Adds what leads to one peer, and says by which kind.
    ///
    /// # Errors
    /// When the peer cannot be reached this way.
    fn peer(
        &self,
        local: &Local,
        peer: &Peer,
        network: &mut Network,
    ) -> Result<BackendKind, Unreachable>;
}

/// The backend of a cluster.
///
/// # Errors
/// Never: our devices' names are valid.
pub fn of(config: &ClusterConfig) -> Result<Box<dyn Backend + Send>, LinkNameError> {
    let vxlan = Vxlan::new(&config.backend)?;
    Ok(match config.backend.kind {
        BackendKind::Vxlan => Box::new(vxlan),
        BackendKind::HostGw => Box::new(HostGw),
        BackendKind::Auto => Box::new(Auto { vxlan }),
    })
}

/// The whole of a node's network, and the peers that it does not lead to.
#[derive(Debug)]
pub struct Desired {
    /// What the kernel must hold.
    pub network: Network,
    /// MTU of bridge and pods, bytes.
    pub mtu: u32,
    /// How each peer is reached.
    pub ways: Vec<(String, Result<BackendKind, Unreachable>)>,
}

/// Puts it together: the bridge with the gateways, the backend's part, and a dead end for pod
/// addresses that no node has leased, so that they do not leave by the default route.
///
/// # Errors
/// Never: our devices' names are valid.
pub fn desired(
    config: &ClusterConfig,
    local: &Local,
    peers: &[Peer],
) -> Result<Desired, LinkNameError> {
    let backend = of(config)?;
    let mtu =
        local.mtu.unwrap_or(local.underlay.mtu.saturating_sub(backend.overhead(&local.underlay)));
    let mut network = Network::default();
    let bridge = names::bridge()?;
    let settings = BridgeSettings { mcast_snooping: Some(false), ..BridgeSettings::default() };
    let device =
        Device { kind: DeviceKind::Bridge(settings), mac: local.bridge_mac, mtu, up: true };
    network.links.insert(bridge, device);
    for subnet in &local.subnets {
        if let Ok(gateway) = IpNetwork::new(cidr::gateway(*subnet), subnet.prefix()) {
            network.address(Address::new(bridge, gateway));
        }
    }
    for ip in &local.dns {
        network.address(dns_address(bridge, *ip));
    }
    for range in &config.pod_cidrs {
        network.route(Route {
            metric: DEAD_END_METRIC,
            ..ours(Route::dropping(*range, RouteKind::Unreachable))
        });
    }
    for range in &config.service_cidrs {
        // This host's own packets to services need a way, or they fail before their destination is
        // rewritten, and a source that pods can answer to.
        let own = first_of(&local.subnets, Family::of_network(*range)).map(cidr::gateway);
        if let Some(gateway) = own {
            let route = Route { src: Some(gateway), ..Route::direct(*range, bridge) };
            network.route(Route { metric: DEAD_END_METRIC, ..ours(route) });
        }
    }
    backend.base(local, mtu, &mut network);
    let ways = peers
        .iter()
        .map(|peer| (peer.record.name.to_string(), backend.peer(local, peer, &mut network)))
        .collect();
    Ok(Desired { network, mtu, ways })
}

/// An address that the node only answers at: never a source for what it sends otherwise.
fn dns_address(bridge: LinkName, ip: IpAddr) -> Address {
    let address = Address::new(bridge, cidr::host(ip));
    match ip {
        IpAddr::V4(_) => Address { scope: Scope::Host, ..address },
        // IPv6 has no such scope.
        IpAddr::V6(_) => Address { deprecated: true, ..address },
    }
}

/// Behind every route that a person would write for the same range.
const DEAD_END_METRIC: u32 = 1 << 20;

fn ours(route: Route) -> Route {
    Route { protocol: PROTOCOL, ..route }
}

fn first_of(subnets: &[IpNetwork], family: Family) -> Option<IpNetwork> {
    subnets.iter().copied().find(|net| Family::of_network(*net) == family)
}

fn unreachable(peer: &Peer, why: impl Into<String>) -> Unreachable {
    Unreachable {
        node: peer.record.name.to_string(),
        underlay: peer.record.underlay,
        why: why.into(),
    }
}

/// The address of a peer on our own link, for a family, if it has one there.
fn on_link(underlay: &Underlay, peer: &Peer, family: Family) -> Option<(LinkName, IpAddr)> {
    let reachable = |ip: &IpAddr| {
        Family::of(*ip) == family && underlay.networks.iter().any(|net| net.contains(*ip))
    };
    let addresses = std::iter::once(&peer.record.underlay).chain(&peer.record.addresses);
    addresses.copied().find(reachable).map(|ip| (underlay.dev, ip))
}
