//! Requests about addresses, routes, neighbours and rules.

use std::net::IpAddr;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, CacheInfo};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteProtocol, RouteScope,
    RouteType, RouteVia,
};
use netlink_packet_route::rule::{RuleAction as WireAction, RuleAttribute, RuleMessage};

use super::Devices;
use crate::address::Address;
use crate::name::LinkName;
use crate::neighbour::{FdbEntry, FdbKind, Neighbour};
use crate::route::Route;
use crate::rule::{Rule, RuleAction};

fn family(ipv4: bool) -> AddressFamily {
    if ipv4 { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// The low byte of a table's number for the header; a larger number goes into an attribute.
fn short_table(table: u32) -> Option<u8> {
    u8::try_from(table).ok()
}

pub(super) fn address<D: Devices>(
    address: &Address,
    devices: &mut D,
) -> Result<AddressMessage, D::Error> {
    let mut message = AddressMessage::default();
    message.header.family = family(address.net.is_ipv4());
    message.header.prefix_len = address.net.prefix();
    message.header.scope = u8::from(address.scope).into();
    message.header.index = devices.index(address.dev)?;
    message.attributes.push(AddressAttribute::Local(address.net.ip()));
    message.attributes.push(AddressAttribute::Address(address.net.ip()));
    let mut flags = AddressFlags::empty();
    flags.set(AddressFlags::Noprefixroute, address.noprefixroute);
    flags.set(AddressFlags::Nodad, address.nodad);
    if !flags.is_empty() {
        message.attributes.push(AddressAttribute::Flags(flags));
    }
    if address.deprecated {
        let mut lifetimes = CacheInfo::default();
        lifetimes.ifa_valid = u32::MAX;
        message.attributes.push(AddressAttribute::CacheInfo(lifetimes));
    }
    Ok(message)
}

fn route_address(ip: IpAddr) -> RouteAddress {
    match ip {
        IpAddr::V4(ip) => RouteAddress::Inet(ip),
        IpAddr::V6(ip) => RouteAddress::Inet6(ip),
    }
}

fn gateway(dst_is_ipv4: bool, gateway: IpAddr) -> RouteAttribute {
    match gateway {
        IpAddr::V6(ip) if dst_is_ipv4 => RouteAttribute::Via(RouteVia::Inet6(ip)),
        // The kernel refuses it, and says so better than we could.
        IpAddr::V4(ip) if !dst_is_ipv4 => RouteAttribute::Via(RouteVia::Inet(ip)),
        ip => RouteAttribute::Gateway(route_address(ip)),
    }
}

/// What identifies a route, for adding and deleting alike.
fn route_key<D: Devices>(route: &Route, devices: &mut D) -> Result<RouteMessage, D::Error> {
    let ipv4 = route.dst.is_ipv4();
    let mut message = RouteMessage::default();
    let header = &mut message.header;
    header.address_family = family(ipv4);
    header.destination_prefix_length = route.dst.prefix();
    header.protocol = RouteProtocol::from(route.protocol);
    header.kind = RouteType::from(u8::from(route.kind));
    let attributes = &mut message.attributes;
    match short_table(route.table) {
        Some(table) => header.table = table,
        None => attributes.push(RouteAttribute::Table(route.table)),
    }
    if route.dst.prefix() != 0 {
        attributes.push(RouteAttribute::Destination(route_address(route.dst.network())));
    }
    attributes.extend(route.gateway.map(|ip| gateway(ipv4, ip)));
    if let Some(dev) = route.dev {
        attributes.push(RouteAttribute::Oif(devices.index(dev)?));
    }
    if route.metric != 0 {
        attributes.push(RouteAttribute::Priority(route.metric));
    }
    attributes.extend(route.src.map(|src| RouteAttribute::PrefSource(route_address(src))));
    Ok(message)
}

pub(super) fn route<D: Devices>(route: &Route, devices: &mut D) -> Result<RouteMessage, D::Error> {
    let mut message = route_key(route, devices)?;
    if route.dst.is_ipv4() {
        message.header.scope = RouteScope::from(u8::from(route.scope));
    }
    if route.onlink {
        message.header.flags |= RouteFlags::Onlink;
    }
    message
        .attributes
        .extend(route.mtu.map(|mtu| RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu)])));
    Ok(message)
}

pub(super) fn route_to_delete<D: Devices>(
    route: &Route,
    devices: &mut D,
) -> Result<RouteMessage, D::Error> {
    let mut message = route_key(route, devices)?;
    // Any scope.
    message.header.scope = RouteScope::NoWhere;
    Ok(message)
}

fn neighbour_address(ip: IpAddr) -> NeighbourAttribute {
    NeighbourAttribute::Destination(match ip {
        IpAddr::V4(ip) => NeighbourAddress::Inet(ip),
        IpAddr::V6(ip) => NeighbourAddress::Inet6(ip),
    })
}

pub(super) fn neighbour_to_delete<D: Devices>(
    dev: LinkName,
    ip: IpAddr,
    devices: &mut D,
) -> Result<NeighbourMessage, D::Error> {
    let mut message = NeighbourMessage::default();
    message.header.family = family(ip.is_ipv4());
    message.header.ifindex = devices.index(dev)?;
    message.attributes.push(neighbour_address(ip));
    Ok(message)
}

pub(super) fn neighbour<D: Devices>(
    neighbour: &Neighbour,
    devices: &mut D,
) -> Result<NeighbourMessage, D::Error> {
    let mut message = neighbour_to_delete(neighbour.dev, neighbour.ip, devices)?;
    message.header.state =
        if neighbour.permanent { NeighbourState::Permanent } else { NeighbourState::Reachable };
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(neighbour.mac.0.to_vec()));
    Ok(message)
}

pub(super) fn fdb<D: Devices>(
    entry: &FdbEntry,
    devices: &mut D,
) -> Result<NeighbourMessage, D::Error> {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = devices.index(entry.dev)?;
    (message.header.state, message.header.flags) = match entry.kind {
        FdbKind::Remote(_) => (NeighbourState::Permanent, NeighbourFlags::Own),
        FdbKind::Static => (NeighbourState::Noarp, NeighbourFlags::Controller),
        FdbKind::Local => (NeighbourState::Permanent, NeighbourFlags::Controller),
        FdbKind::Learned => (NeighbourState::Reachable, NeighbourFlags::Controller),
    };
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(entry.mac.0.to_vec()));
    if let FdbKind::Remote(dst) = entry.kind {
        message.attributes.push(neighbour_address(dst));
    }
    Ok(message)
}

pub(super) fn rule(rule: &Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = family(rule.ipv4);
    let attributes = &mut message.attributes;
    attributes.push(RuleAttribute::Priority(rule.priority));
    attributes.push(RuleAttribute::Protocol(RouteProtocol::from(rule.protocol)));
    attributes.extend(rule.iif.map(|iif| RuleAttribute::Iifname(iif.to_string())));
    if let Some(from) = rule.from {
        message.header.src_len = from.prefix();
        attributes.push(RuleAttribute::Source(from.network()));
    }
    if let Some(to) = rule.to {
        message.header.dst_len = to.prefix();
        attributes.push(RuleAttribute::Destination(to.network()));
    }
    if let Some((mark, mask)) = rule.mark {
        attributes.push(RuleAttribute::FwMark(mark));
        attributes.push(RuleAttribute::FwMask(mask));
    }
    match rule.action {
        RuleAction::Table(table) => {
            message.header.action = WireAction::ToTable;
            match short_table(table) {
                Some(table) => message.header.table = table,
                None => attributes.push(RuleAttribute::Table(table)),
            }
        }
        RuleAction::Other(action) => message.header.action = WireAction::from(action),
    }
    message
}
