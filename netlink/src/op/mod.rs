//! Changes to the kernel's network, as data.
//!
//! Devices are named, never numbered: the executor looks the numbers up in the namespace it
//! works in. `Display` writes an operation as the `ip` or `bridge` command that does the same.

mod display;
pub(crate) mod encode;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::address::Address;
use crate::link::{BridgePort, BridgeSettings, VxlanSettings};
use crate::mac::MacAddr;
use crate::name::LinkName;
use crate::neighbour::{FdbEntry, Neighbour};
use crate::netns::Netns;
use crate::route::Route;
use crate::rule::Rule;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Makes a bridge.
    CreateBridge(NewBridge),
    /// Makes a veth pair.
    CreateVeth(NewVeth),
    /// Makes a VXLAN device.
    CreateVxlan(NewVxlan),
    /// Changes a device.
    SetLink {
        /// The device.
        dev: LinkName,
        /// What is to change.
        change: LinkChange,
    },
    /// Changes how a bridge treats one of its ports.
    SetBridgePort {
        /// The port.
        dev: LinkName,
        /// What is to change.
        port: BridgePort,
    },
    /// Deletes a device; the kernel makes the caller wait for a grace period (about 20 ms).
    DeleteLink {
        /// The device.
        dev: LinkName,
    },
    /// Deletes every device of an interface group; all share one grace period.
    DeleteLinkGroup {
        /// The group, not 0 (the kernel refuses to delete the default group).
        group: u32,
    },
    /// Adds an address; an error when it is there.
    AddAddress(Address),
    /// Adds an address, or changes the flags of the one that is there.
    ReplaceAddress(Address),
    /// Removes an address.
    DeleteAddress(Address),
    /// Adds a route; an error when there is one with the same destination and metric.
    AddRoute(Route),
    /// Adds a route in the place of the one with the same destination and metric.
    ReplaceRoute(Route),
    /// Removes a route: the one that matches in every field but `mtu`, `onlink` and `scope`.
    DeleteRoute(Route),
    /// Sets a neighbour's link-layer address.
    ReplaceNeighbour(Neighbour),
    /// Removes a neighbour.
    DeleteNeighbour {
        /// The device.
        dev: LinkName,
        /// Its address.
        ip: IpAddr,
    },
    /// Sets where frames for an address go.
    ReplaceFdb(FdbEntry),
    /// Removes a forwarding-database entry.
    DeleteFdb(FdbEntry),
    /// Adds a policy-routing rule; an error when it is there.
    AddRule(Rule),
    /// Removes the rule that matches in every field.
    DeleteRule(Rule),
}

/// A bridge to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBridge {
    /// Its name.
    pub name: LinkName,
    /// Its address; without one it takes the lowest of its ports' and changes with them.
    pub mac: Option<MacAddr>,
    /// In bytes; without one it follows the lowest of its ports'.
    pub mtu: Option<u32>,
    /// Whether it is set up at once.
    pub up: bool,
    /// A free text of up to 255 bytes.
    pub alias: Option<String>,
    /// How it works.
    pub settings: BridgeSettings,
}

impl NewBridge {
    /// A bridge that is up, with the kernel's defaults.
    #[must_use]
    pub fn new(name: LinkName) -> Self {
        Self {
            name,
            mac: None,
            mtu: None,
            up: true,
            alias: None,
            settings: BridgeSettings::default(),
        }
    }
}

/// A veth pair to be made.
///
/// It costs one request, and one more when `alias`, `port` or `no_link_local` are set, which the
/// kernel takes only for a device that exists. Both go in one batch, but are not one
/// transaction: when the second fails the pair stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVeth {
    /// The name of this end.
    pub name: LinkName,
    /// The address of this end; random without one.
    pub mac: Option<MacAddr>,
    /// In bytes.
    pub mtu: Option<u32>,
    /// The bridge that this end becomes a port of.
    pub master: Option<LinkName>,
    /// Whether this end is set up at once.
    pub up: bool,
    /// The interface group of this end.
    pub group: Option<u32>,
    /// A free text of up to 255 bytes on this end.
    pub alias: Option<String>,
    /// How the bridge treats this end.
    pub port: Option<BridgePort>,
    /// Gives this end no IPv6 link-local address: a bridge port needs none, and each costs
    /// duplicate-address detection and multicast joins.
    pub no_link_local: bool,
    /// Queues for sending and for receiving of each end, 1 to 4096; without a number, one for
    /// each CPU that the machine may have.
    pub queues: Option<u32>,
    /// The other end.
    pub peer: VethPeer,
}

/// The other end of a veth pair to be made. It cannot be made up: the kernel refuses that
/// (`ENOTCONN`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VethPeer {
    /// Its name, in its namespace.
    pub name: LinkName,
    /// Its address; random without one.
    pub mac: Option<MacAddr>,
    /// In bytes; a peer without one has the default of 1500, whatever this end has.
    pub mtu: Option<u32>,
    /// Where it is made; without one, in the namespace of the connection.
    pub netns: Option<Netns>,
}

impl NewVeth {
    /// A pair whose ends are in one namespace, both down.
    #[must_use]
    pub fn new(name: LinkName, peer: LinkName) -> Self {
        Self {
            name,
            mac: None,
            mtu: None,
            master: None,
            up: false,
            group: None,
            alias: None,
            port: None,
            no_link_local: false,
            queues: None,
            peer: VethPeer { name: peer, mac: None, mtu: None, netns: None },
        }
    }
}

/// A VXLAN device to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVxlan {
    /// Its name.
    pub name: LinkName,
    /// Its address; random without one. A packet that arrives with it as its source is dropped,
    /// so no two hosts may have the same.
    pub mac: Option<MacAddr>,
    /// In bytes; without one, the underlay's less 50 (IPv4) or 70 (IPv6).
    pub mtu: Option<u32>,
    /// Whether it is set up at once.
    pub up: bool,
    /// A free text of up to 255 bytes.
    pub alias: Option<String>,
    /// Gives it no IPv6 link-local address.
    pub no_link_local: bool,
    /// How it works.
    pub settings: VxlanSettings,
}

impl NewVxlan {
    /// A device that is up.
    #[must_use]
    pub fn new(name: LinkName, settings: VxlanSettings) -> Self {
        Self { name, mac: None, mtu: None, up: true, alias: None, no_link_local: false, settings }
    }
}

/// What is to change on a device; `None` leaves what is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkChange {
    /// Sets it up or down.
    pub up: Option<bool>,
    /// In bytes.
    pub mtu: Option<u32>,
    /// Its Ethernet address.
    pub mac: Option<MacAddr>,
    /// Its bridge.
    pub master: Option<Master>,
    /// Its interface group.
    pub group: Option<u32>,
    /// A free text of up to 255 bytes; an empty one takes it away.
    pub alias: Option<String>,
    /// A new name.
    pub name: Option<LinkName>,
    /// The namespace that it moves to.
    pub netns: Option<Netns>,
    /// `true` for no IPv6 link-local address, `false` for one made from the Ethernet address.
    pub no_link_local: Option<bool>,
}

impl LinkChange {
    /// Sets a device up.
    #[must_use]
    pub fn up() -> Self {
        Self { up: Some(true), ..Self::default() }
    }
}

/// The bridge of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Master {
    /// It becomes a port of this one.
    Join(LinkName),
    /// It is no port any more.
    Leave,
}

impl Op {
    /// The names whose meaning this operation changes: what they stand for must be looked up
    /// anew afterwards.
    pub(crate) fn renames(&self) -> impl Iterator<Item = LinkName> {
        let names = match self {
            Self::CreateBridge(new) => [Some(new.name), None],
            Self::CreateVeth(new) => {
                [Some(new.name), new.peer.netns.is_none().then_some(new.peer.name)]
            }
            Self::CreateVxlan(new) => [Some(new.name), None],
            Self::SetLink { dev, change } if change.name.is_some() || change.netns.is_some() => {
                [Some(*dev), change.name]
            }
            Self::DeleteLink { dev } => [Some(*dev), None],
            _ => [None, None],
        };
        names.into_iter().flatten()
    }

    /// Whether it may change the meaning of any name.
    pub(crate) fn renames_unknown(&self) -> bool {
        // A deleted veth takes its peer along.
        matches!(self, Self::DeleteLinkGroup { .. } | Self::DeleteLink { .. })
    }
}
