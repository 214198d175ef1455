//! Reading back what of ours is in the kernel.

use pontoon_netlink::{Link, LinkKind, LinkName, MacAddr, RouteFilter, Rtnl, RtnlError};

use super::{Device, DeviceKind, Network};
use crate::names::{BRIDGE, PROTOCOL, VXLAN};

/// Reads everything that [`Network`] holds, and nothing that is a stranger's.
///
/// # Errors
/// When the kernel does not answer a dump.
pub fn read(rtnl: &mut Rtnl) -> Result<Network, RtnlError> {
    let mut network = Network::default();
    for link in rtnl.links()? {
        if let Some(device) = device_of(&link) {
            network.links.insert(link.name, device);
        }
    }
    let ours = |dev: &LinkName| network.links.contains_key(dev);
    let addresses: Vec<_> = rtnl
        .addresses()?
        .into_iter()
        .map(|info| info.address)
        .filter(|a| ours(&a.dev) && !is_link_local(a.net.ip()))
        .collect();
    let overlays: Vec<LinkName> = network
        .links
        .iter()
        .filter(|(_, device)| matches!(device.kind, DeviceKind::Vxlan(_)))
        .map(|(name, _)| *name)
        .collect();
    for address in addresses {
        network.address(address);
    }
    for route in rtnl.routes(RouteFilter { protocol: Some(PROTOCOL), ..RouteFilter::default() })? {
        network.route(route);
    }
    for overlay in overlays {
        for neighbour in rtnl.neighbours(overlay)?.into_iter().filter(|n| n.permanent) {
            network.neighbour(neighbour);
        }
        for entry in rtnl.fdb(overlay)? {
            if matches!(entry.kind, pontoon_netlink::FdbKind::Remote(_)) {
                network.forward(entry);
            }
        }
    }
    network.rules = rtnl.rules()?.into_iter().filter(|rule| rule.protocol == PROTOCOL).collect();
    Ok(network)
}

/// The device as one of ours, judged by its name.
#[must_use]
pub fn device_of(link: &Link) -> Option<Device> {
    let name = link.name.as_str();
    let overlay = name == VXLAN;
    if name != BRIDGE && !overlay {
        return None;
    }
    let kind = match &link.kind {
        LinkKind::Bridge(settings) if name == BRIDGE => DeviceKind::Bridge(settings.clone()),
        LinkKind::Vxlan(settings) if overlay => DeviceKind::Vxlan(settings.clone()),
        other => DeviceKind::Foreign(other.name().to_owned()),
    };
    let mac = link.mac.unwrap_or(MacAddr([0; 6]));
    Some(Device { kind, mac, mtu: link.mtu, up: link.up })
}

fn is_link_local(ip: std::net::IpAddr) -> bool {
    matches!(ip, std::net::IpAddr::V6(ip) if ip.is_unicast_link_local())
}
