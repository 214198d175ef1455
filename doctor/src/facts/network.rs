//! Devices, addresses and routes of the host.

use std::net::IpAddr;

use pontoon_model::kernel::{BRIDGE, VXLAN};
use pontoon_netlink::ethtool::Ethtool;
use pontoon_netlink::{
    AddressInfo, Link, LinkKind, LinkName, Neighbour, Route, RouteFilter, Rtnl, RtnlError, Rule,
};

use super::gaps::Gaps;
use super::setup::{Setup, Underlay};

/// What the kernel has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// Devices.
    pub links: Vec<Link>,
    /// Addresses.
    pub addresses: Vec<AddressInfo>,
    /// Routes of all tables.
    pub routes: Vec<Route>,
    /// Rules that choose a table.
    pub rules: Vec<Rule>,
    /// Neighbours on all devices.
    pub neighbours: Vec<Neighbour>,
    /// How the kernel would send to each peer.
    pub ways: Vec<WayTo>,
    /// Who computes checksums.
    pub offloads: Vec<Offload>,
}

/// How the kernel would send to a node's underlay address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayTo {
    /// The node.
    pub node: String,
    /// Its address.
    pub address: IpAddr,
    /// The device that packets leave by.
    pub dev: LinkName,
    /// The path's MTU, when it is known to be lower than the device's.
    pub mtu: Option<u32>,
}

/// Who computes checksums of what a device sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offload {
    /// The device.
    pub dev: LinkName,
    /// Its driver.
    pub driver: Option<String>,
    /// The device does, and not the kernel.
    pub tx_checksum: Option<bool>,
}

impl Network {
    /// The device of this name.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name.as_str() == name)
    }

    /// The bridge of the pods.
    #[must_use]
    pub fn bridge(&self) -> Option<&Link> {
        self.link(BRIDGE).filter(|link| matches!(link.kind, LinkKind::Bridge(_)))
    }

    /// The overlay.
    #[must_use]
    pub fn overlay(&self) -> Option<&Link> {
        self.link(VXLAN).filter(|link| matches!(link.kind, LinkKind::Vxlan(_)))
    }

    /// The devices that are ports of the bridge.
    pub fn ports(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| link.master.is_some_and(|master| master.as_str() == BRIDGE))
    }
}

/// Reads it all; what cannot be read is noted.
pub(super) fn gather(setup: &Setup, gaps: &mut Gaps) -> Network {
    let checks = ["forwarding", "mtu", "other-cni", "cidr-overlap", "rp-filter"];
    gaps.noted("devices, addresses and routes", read(setup), &checks).unwrap_or_default()
}

fn read(setup: &Setup) -> Result<Network, RtnlError> {
    let mut rtnl = Rtnl::open()?;
    let mut network = Network {
        links: rtnl.links()?,
        addresses: rtnl.addresses()?,
        routes: rtnl.routes(RouteFilter::default())?,
        rules: rtnl.rules()?,
        ..Network::default()
    };
    for link in &network.links {
        network.neighbours.extend(rtnl.neighbours(link.name)?);
    }
    for peer in &setup.peers {
        let address = peer.record.underlay;
        // That there is no route is told by whoever lays them.
        if let Ok(way) = rtnl.route_get(address)
            && !way.local
        {
            let node = peer.record.name.to_string();
            network.ways.push(WayTo { node, address, dev: way.dev, mtu: way.mtu });
        }
    }
    network.offloads = offloads(setup, &network);
    Ok(network)
}

fn offloads(setup: &Setup, network: &Network) -> Vec<Offload> {
    let Ok(ethtool) = Ethtool::open() else { return Vec::new() };
    let underlay = setup.underlay.as_ref().map(|underlay| underlay.dev.as_str());
    let both = [Some(VXLAN), underlay].into_iter().flatten();
    both.filter_map(|name| network.link(name))
        .map(|link| Offload {
            dev: link.name,
            driver: ethtool.driver(link.name),
            tx_checksum: ethtool.tx_checksum(link.name),
        })
        .collect()
}

/// The device that has the node's address, or that packets to the outside leave by: a good guess at
/// the underlay where the daemon does not tell.
pub(super) fn underlay(own: Option<IpAddr>) -> Option<Underlay> {
    let mut rtnl = Rtnl::open().ok()?;
    let addresses = rtnl.addresses().ok()?;
    let known = addresses.into_iter().find(|info| Some(info.address.net.ip()) == own);
    if let Some(AddressInfo { address, .. }) = known {
        return Some(Underlay { dev: address.dev.to_string(), address: address.net.ip() });
    }
    let outside = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])];
    let way =
        outside.into_iter().find_map(|to| rtnl.route_get(to).ok().filter(|way| !way.local))?;
    Some(Underlay { dev: way.dev.to_string(), address: way.src? })
}
