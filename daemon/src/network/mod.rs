//! The node's part of the pod network in the kernel, but for the pods' own interfaces: bridge,
//! overlay device, addresses, routes, neighbours, forwarding entries, rules.

pub mod actual;
pub mod plan;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_netlink::{
    Address, BridgeSettings, FdbEntry, LinkName, MacAddr, Neighbour, Route, Rule, VxlanSettings,
};

/// What is, or is to be, in the kernel. Two of these make a plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// Devices by name.
    pub links: BTreeMap<LinkName, Device>,
    /// Addresses on those devices.
    pub addresses: HashMap<(LinkName, IpNetwork), Address>,
    /// Routes of our protocol number.
    pub routes: HashMap<RouteKey, Route>,
    /// Permanent neighbours on the overlay device.
    pub neighbours: HashMap<(LinkName, IpAddr), Neighbour>,
    /// Forwarding entries of the overlay device.
    pub fdb: HashMap<(LinkName, MacAddr), FdbEntry>,
    /// Rules of our protocol number.
    pub rules: HashSet<Rule>,
}

/// What the kernel tells routes apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteKey {
    /// Where to.
    pub dst: IpNetwork,
    /// The table.
    pub table: u32,
    /// The metric.
    pub metric: u32,
}

/// A device of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// What it is.
    pub kind: DeviceKind,
    /// Its MAC.
    pub mac: MacAddr,
    /// Its MTU, bytes.
    pub mtu: u32,
    /// Whether it is up.
    pub up: bool,
}

/// What a device is.
#[derive(Debug, Clone, PartialEq)]
pub enum DeviceKind {
    /// The bridge that the pods are in.
    Bridge(BridgeSettings),
    /// The overlay.
    Vxlan(VxlanSettings),
    /// Something else of that name, which is in the way.
    Foreign(String),
}

impl Network {
    /// Adds or replaces a route.
    pub fn route(&mut self, route: Route) {
        let key = RouteKey { dst: route.dst, table: route.table, metric: route.metric };
        self.routes.insert(key, route);
    }

    /// Adds an address.
    pub fn address(&mut self, address: Address) {
        self.addresses.insert((address.dev, address.net), address);
    }

    /// Adds a neighbour.
    pub fn neighbour(&mut self, neighbour: Neighbour) {
        self.neighbours.insert((neighbour.dev, neighbour.ip), neighbour);
    }

    /// Adds a forwarding entry.
    pub fn forward(&mut self, entry: FdbEntry) {
        self.fdb.insert((entry.dev, entry.mac), entry);
    }
}
