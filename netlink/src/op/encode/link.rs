//! Requests about devices. They name the device (`IFLA_IFNAME`), so that nothing has to be
//! looked up first, and a device of the same batch can be meant.

use std::os::fd::AsRawFd;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoKind, InfoPortData, InfoPortKind,
    InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::{CREATE, Devices, Request};
use crate::link::BridgePort;
use crate::name::LinkName;
use crate::netns::Netns;
use crate::op::{LinkChange, Master, NewBridge, NewVeth, NewVxlan};

/// `IFALIASZ` less the closing NUL; the attribute's own length field must not overflow.
const ALIAS_LEN: usize = 255;

fn named(name: LinkName) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_string()));
    message
}

fn set_up(message: &mut LinkMessage, up: bool) {
    message.header.change_mask |= LinkFlags::Up;
    message.header.flags.set(LinkFlags::Up, up);
}

fn alias(text: &str) -> LinkAttribute {
    let mut end = text.len().min(ALIAS_LEN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    LinkAttribute::IfAlias(text.get(..end).unwrap_or_default().to_owned())
}

fn link_local(none: bool) -> LinkAttribute {
    let mode = if none { In6AddrGenMode::None } else { In6AddrGenMode::Eui64 };
    LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(mode)])])
}

fn port_info(port: &BridgePort) -> LinkAttribute {
    LinkAttribute::LinkInfo(vec![
        LinkInfo::PortKind(InfoPortKind::Bridge),
        LinkInfo::PortData(InfoPortData::BridgePort(port.encode())),
    ])
}

fn netns(netns: &Netns) -> LinkAttribute {
    LinkAttribute::NetNsFd(netns.as_raw_fd())
}

fn queues(number: Option<u32>) -> impl Iterator<Item = LinkAttribute> {
    let both = number.map(|n| [LinkAttribute::NumTxQueues(n), LinkAttribute::NumRxQueues(n)]);
    both.into_iter().flatten()
}

fn create(message: LinkMessage, after: LinkMessage) -> Vec<Request> {
    let mut requests =
        vec![Request { message: RouteNetlinkMessage::NewLink(message), flags: CREATE }];
    // More than the name, or flags.
    if after.attributes.len() > 1 || !after.header.change_mask.is_empty() {
        requests.push(Request { message: RouteNetlinkMessage::NewLink(after), flags: 0 });
    }
    requests
}

pub(super) fn create_bridge(new: &NewBridge) -> Vec<Request> {
    let mut message = named(new.name);
    message.attributes.extend(new.mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Bridge),
        LinkInfo::Data(InfoData::Bridge(new.settings.encode())),
    ]));
    let mut after = named(new.name);
    // Set on a bridge that exists, an MTU stays; set at its creation, it follows the ports'.
    after.attributes.extend(new.mtu.map(LinkAttribute::Mtu));
    after.attributes.extend(new.alias.as_deref().map(alias));
    if new.up {
        set_up(&mut after, true);
    }
    create(message, after)
}

pub(super) fn create_veth<D: Devices>(
    new: &NewVeth,
    devices: &mut D,
) -> Result<Vec<Request>, D::Error> {
    let mut peer = named(new.peer.name);
    peer.attributes.extend(new.peer.mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
    peer.attributes.extend(new.peer.mtu.map(LinkAttribute::Mtu));
    peer.attributes.extend(new.peer.netns.as_ref().map(netns));
    peer.attributes.extend(queues(new.queues));

    let mut message = named(new.name);
    message.attributes.extend(new.mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
    message.attributes.extend(new.mtu.map(LinkAttribute::Mtu));
    message.attributes.extend(new.group.map(LinkAttribute::Group));
    message.attributes.extend(queues(new.queues));
    if let Some(master) = new.master {
        message.attributes.push(LinkAttribute::Controller(devices.index(master)?));
    }
    if new.up {
        set_up(&mut message, true);
    }
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
    ]));

    let mut after = named(new.name);
    after.attributes.extend(new.alias.as_deref().map(alias));
    after.attributes.extend(new.no_link_local.then(|| link_local(true)));
    after.attributes.extend(new.port.as_ref().map(port_info));
    Ok(create(message, after))
}

pub(super) fn create_vxlan<D: Devices>(
    new: &NewVxlan,
    devices: &mut D,
) -> Result<Vec<Request>, D::Error> {
    let dev = new.settings.dev.map(|dev| devices.index(dev)).transpose()?;
    let mut message = named(new.name);
    message.attributes.extend(new.mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
    message.attributes.extend(new.mtu.map(LinkAttribute::Mtu));
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Vxlan),
        LinkInfo::Data(InfoData::Vxlan(new.settings.encode(dev))),
    ]));
    let mut after = named(new.name);
    after.attributes.extend(new.alias.as_deref().map(alias));
    after.attributes.extend(new.no_link_local.then(|| link_local(true)));
    let mut requests = create(message, after);
    if new.up {
        requests.push(set_up_alone(new.name));
    }
    Ok(requests)
}

/// The kernel sets a device up before it looks at the address generation mode of the same
/// request, and generates an address right away.
fn set_up_alone(dev: LinkName) -> Request {
    let mut message = named(dev);
    set_up(&mut message, true);
    Request { message: RouteNetlinkMessage::NewLink(message), flags: 0 }
}

pub(super) fn set<D: Devices>(
    dev: LinkName,
    change: &LinkChange,
    devices: &mut D,
) -> Result<Vec<Request>, D::Error> {
    let mut message = match change.name {
        None => named(dev),
        // The name in the request is the new one: the device must be numbered.
        Some(name) => {
            let mut message = named(name);
            message.header.index = devices.index(dev)?;
            message
        }
    };
    let attributes = &mut message.attributes;
    attributes.extend(change.mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
    attributes.extend(change.mtu.map(LinkAttribute::Mtu));
    match change.master {
        Some(Master::Join(master)) => {
            attributes.push(LinkAttribute::Controller(devices.index(master)?));
        }
        Some(Master::Leave) => attributes.push(LinkAttribute::Controller(0)),
        None => {}
    }
    attributes.extend(change.group.map(LinkAttribute::Group));
    attributes.extend(change.alias.as_deref().map(alias));
    attributes.extend(change.netns.as_ref().map(netns));
    attributes.extend(change.no_link_local.map(link_local));
    let up_later = change.up == Some(true) && change.no_link_local.is_some();
    if let Some(up) = change.up
        && !up_later
    {
        set_up(&mut message, up);
    }
    let mut requests = vec![Request { message: RouteNetlinkMessage::NewLink(message), flags: 0 }];
    if up_later {
        requests.push(set_up_alone(change.name.unwrap_or(dev)));
    }
    Ok(requests)
}

pub(super) fn set_port(dev: LinkName, port: &BridgePort) -> RouteNetlinkMessage {
    let mut message = named(dev);
    message.attributes.push(port_info(port));
    RouteNetlinkMessage::NewLink(message)
}

pub(super) fn delete(dev: LinkName) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelLink(named(dev))
}

pub(super) fn delete_group(group: u32) -> RouteNetlinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::Group(group));
    RouteNetlinkMessage::DelLink(message)
}
