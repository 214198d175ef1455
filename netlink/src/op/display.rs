//! Operations as the commands a person would type.

use std::fmt::{self, Display, Formatter, Result};
use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::{LinkChange, Master, NewBridge, NewVeth, NewVxlan, Op, VethPeer};
use crate::address::{Address, Scope};
use crate::link::{BridgePort, BridgeSettings, VxlanSettings};
use crate::neighbour::{FdbEntry, FdbKind, Neighbour};
use crate::route::{Route, RouteKind};
use crate::rule::{Rule, RuleAction};

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::CreateBridge(new) => new.fmt(f),
            Self::CreateVeth(new) => new.fmt(f),
            Self::CreateVxlan(new) => new.fmt(f),
            Self::SetLink { dev, change } => write!(f, "link set {dev}{change}"),
            Self::SetBridgePort { dev, port } => write!(f, "bridge link set dev {dev}{port}"),
            Self::DeleteLink { dev } => write!(f, "link del {dev}"),
            Self::DeleteLinkGroup { group } => write!(f, "link del group {group}"),
            Self::AddAddress(address) => write!(f, "addr add {address}"),
            Self::ReplaceAddress(address) => write!(f, "addr replace {address}"),
            Self::DeleteAddress(Address { dev, net, .. }) => write!(f, "addr del {net} dev {dev}"),
            Self::AddRoute(route) => write!(f, "route add {route}"),
            Self::ReplaceRoute(route) => write!(f, "route replace {route}"),
            Self::DeleteRoute(route) => write!(f, "route del {route}"),
            Self::ReplaceNeighbour(neighbour) => write!(f, "neigh replace {neighbour}"),
            Self::DeleteNeighbour { dev, ip } => write!(f, "neigh del {ip} dev {dev}"),
            Self::ReplaceFdb(entry) => write!(f, "bridge fdb replace {entry}"),
            Self::DeleteFdb(entry) => write!(f, "bridge fdb del {entry}"),
            Self::AddRule(rule) => write!(f, "rule add {rule}"),
            Self::DeleteRule(rule) => write!(f, "rule del {rule}"),
        }
    }
}

/// Writes ` name value` when there is a value.
fn option(f: &mut Formatter<'_>, name: &str, value: Option<impl Display>) -> Result {
    match value {
        Some(value) => write!(f, " {name} {value}"),
        None => Ok(()),
    }
}

fn flag(f: &mut Formatter<'_>, name: &str, set: bool) -> Result {
    if set { write!(f, " {name}") } else { Ok(()) }
}

fn up_or_down(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn generation(no_link_local: bool) -> &'static str {
    if no_link_local { "none" } else { "eui64" }
}

/// `default` for a prefix length of 0, no prefix length for a host: as `ip` writes it.
struct Destination(IpNetwork);

impl Display for Destination {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let host = if self.0.is_ipv4() { 32 } else { 128 };
        match self.0.prefix() {
            0 => f.write_str("default"),
            prefix if prefix == host => write!(f, "{}", self.0.ip()),
            _ => write!(f, "{}", self.0),
        }
    }
}

impl Display for NewBridge {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "link add {}", self.name)?;
        option(f, "address", self.mac)?;
        option(f, "mtu", self.mtu)?;
        flag(f, "up", self.up)?;
        option(f, "alias", self.alias.as_ref().map(|alias| format!("{alias:?}")))?;
        write!(f, " type bridge{}", self.settings)
    }
}

impl Display for BridgeSettings {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let ticks = |time: std::time::Duration| time.as_millis() / 10;
        option(f, "ageing_time", self.ageing.map(ticks))?;
        option(f, "stp_state", self.stp.map(u8::from))?;
        option(f, "forward_delay", self.forward_delay.map(ticks))?;
        option(f, "mcast_snooping", self.mcast_snooping.map(u8::from))?;
        option(f, "group_fwd_mask", self.group_fwd_mask)?;
        option(f, "vlan_filtering", self.vlan_filtering.map(u8::from))
    }
}

impl Display for NewVeth {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "link add {}", self.name)?;
        option(f, "address", self.mac)?;
        option(f, "mtu", self.mtu)?;
        option(f, "master", self.master)?;
        flag(f, "up", self.up)?;
        option(f, "group", self.group)?;
        option(f, "alias", self.alias.as_ref().map(|alias| format!("{alias:?}")))?;
        option(f, "addrgenmode", self.no_link_local.then_some("none"))?;
        if let Some(number) = self.queues {
            write!(f, " numtxqueues {number} numrxqueues {number}")?;
        }
        write!(f, " type veth{}", self.peer)?;
        match &self.port {
            Some(port) => write!(f, "; bridge link set dev {}{port}", self.name),
            None => Ok(()),
        }
    }
}

impl Display for VethPeer {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, " peer {}", self.name)?;
        option(f, "address", self.mac)?;
        option(f, "mtu", self.mtu)?;
        option(f, "netns", self.netns.as_ref())
    }
}

impl Display for NewVxlan {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "link add {}", self.name)?;
        option(f, "address", self.mac)?;
        option(f, "mtu", self.mtu)?;
        flag(f, "up", self.up)?;
        option(f, "alias", self.alias.as_ref().map(|alias| format!("{alias:?}")))?;
        option(f, "addrgenmode", self.no_link_local.then_some("none"))?;
        write!(f, " type vxlan{}", self.settings)
    }
}

impl Display for VxlanSettings {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.external {
            f.write_str(" external")?;
        } else {
            write!(f, " id {}", self.vni)?;
        }
        write!(f, " dstport {}", self.port)?;
        option(f, "local", self.local)?;
        option(f, "dev", self.dev)?;
        flag(f, "gpe", self.gpe)?;
        flag(f, if self.learning { "learning" } else { "nolearning" }, true)
    }
}

impl Display for LinkChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        option(f, "name", self.name)?;
        option(f, "netns", self.netns.as_ref())?;
        option(f, "address", self.mac)?;
        option(f, "mtu", self.mtu)?;
        match self.master {
            Some(Master::Join(master)) => write!(f, " master {master}")?,
            Some(Master::Leave) => f.write_str(" nomaster")?,
            None => {}
        }
        option(f, "group", self.group)?;
        option(f, "alias", self.alias.as_ref().map(|alias| format!("{alias:?}")))?;
        option(f, "addrgenmode", self.no_link_local.map(generation))?;
        match self.up {
            Some(up) => write!(f, " {}", up_or_down(up)),
            None => Ok(()),
        }
    }
}

impl Display for BridgePort {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (name, value) in self.named() {
            option(f, name, value.map(on_or_off))?;
        }
        Ok(())
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} dev {}", self.net, self.dev)?;
        option(f, "scope", (self.scope != Scope::Universe).then_some(self.scope))?;
        flag(f, "noprefixroute", self.noprefixroute)?;
        flag(f, "nodad", self.nodad)?;
        flag(f, "preferred_lft 0", self.deprecated)
    }
}

impl Display for Route {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.kind {
            RouteKind::Unicast => {}
            RouteKind::Blackhole => f.write_str("blackhole ")?,
            RouteKind::Unreachable => f.write_str("unreachable ")?,
            RouteKind::Other(number) => write!(f, "type {number} ")?,
        }
        // `default` alone does not tell the family.
        if self.dst.prefix() == 0 && self.dst.is_ipv6() && self.gateway.is_none() {
            f.write_str("::/0")?;
        } else {
            Destination(self.dst).fmt(f)?;
        }
        match self.gateway {
            Some(gateway @ IpAddr::V6(_)) if self.dst.is_ipv4() => {
                write!(f, " via inet6 {gateway}")?
            }
            gateway => option(f, "via", gateway)?,
        }
        option(f, "dev", self.dev)?;
        option(f, "src", self.src)?;
        flag(f, "onlink", self.onlink)?;
        option(f, "mtu", self.mtu)?;
        option(f, "table", (self.table != Self::MAIN).then_some(self.table))?;
        option(f, "metric", (self.metric != 0).then_some(self.metric))?;
        write!(f, " proto {}", self.protocol)
    }
}

impl Display for Neighbour {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} lladdr {} dev {}", self.ip, self.mac, self.dev)?;
        flag(f, "nud permanent", self.permanent)
    }
}

impl Display for FdbEntry {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} dev {}", self.mac, self.dev)?;
        match self.kind {
            FdbKind::Remote(dst) => write!(f, " self permanent dst {dst}"),
            FdbKind::Static => f.write_str(" master static"),
            FdbKind::Local => f.write_str(" master permanent"),
            FdbKind::Learned => f.write_str(" master dynamic"),
        }
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> Result {
        f.write_str(if self.ipv4 { "inet" } else { "inet6" })?;
        write!(f, " pref {}", self.priority)?;
        option(f, "iif", self.iif)?;
        option(f, "from", self.from.map(Destination))?;
        option(f, "to", self.to.map(Destination))?;
        option(f, "fwmark", self.mark.map(|(mark, mask)| format!("{mark:#x}/{mask:#x}")))?;
        match self.action {
            RuleAction::Table(table) => write!(f, " table {table}")?,
            RuleAction::Other(action) => write!(f, " action {action}")?,
        }
        write!(f, " proto {}", self.protocol)
    }
}
