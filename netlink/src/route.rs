//! Routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use nix::libc;

use crate::address::Scope;
use crate::name::LinkName;
use crate::wire;

/// What becomes of a packet that a route matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RouteKind {
    /// It is sent to the gateway, or on the device.
    #[default]
    Unicast,
    /// It vanishes.
    Blackhole,
    /// It vanishes, and the sender is told that the host is unreachable.
    Unreachable,
    /// Any other (`RTN_*` by number): local, broadcast, prohibit, …
    Other(u8),
}

impl From<u8> for RouteKind {
    fn from(number: u8) -> Self {
        match number {
            libc::RTN_UNICAST => Self::Unicast,
            libc::RTN_BLACKHOLE => Self::Blackhole,
            libc::RTN_UNREACHABLE => Self::Unreachable,
            _ => Self::Other(number),
        }
    }
}

impl From<RouteKind> for u8 {
    fn from(kind: RouteKind) -> Self {
        match kind {
            RouteKind::Unicast => libc::RTN_UNICAST,
            RouteKind::Blackhole => libc::RTN_BLACKHOLE,
            RouteKind::Unreachable => libc::RTN_UNREACHABLE,
            RouteKind::Other(number) => number,
        }
    }
}

/// A route with at most one next hop.
///
/// A dumped route that this cannot express (several next hops, a next-hop object, an
/// encapsulation) has neither gateway nor device and the kind it has, which no planned unicast
/// route has: it is never taken for one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    /// Where to; host bits are not significant.
    pub dst: IpNetwork,
    /// The next hop; may be IPv6 for an IPv4 destination.
    pub gateway: Option<IpAddr>,
    /// The device; none for a blackhole.
    pub dev: Option<LinkName>,
    /// The source address that this host takes on such packets.
    pub src: Option<IpAddr>,
    /// The gateway is on the device's link whatever the addresses say.
    pub onlink: bool,
    /// The path's MTU in bytes, when it is lower than the device's.
    pub mtu: Option<u32>,
    /// The routing table; 254 is `main`.
    pub table: u32,
    /// Who made it (`RTPROT_*`, /etc/iproute2/rt_protos).
    pub protocol: u8,
    /// How far away the destination is; always [`Scope::Universe`] for IPv6.
    pub scope: Scope,
    /// The priority, lower first; 0 is the family's default (IPv4 0, IPv6 1024).
    pub metric: u32,
    /// What becomes of a packet.
    pub kind: RouteKind,
}

impl Route {
    /// The number of the table `main`.
    pub const MAIN: u32 = 254;
    /// `RTPROT_STATIC`: made by an administrator.
    pub const STATIC: u8 = libc::RTPROT_STATIC;

    fn empty(dst: IpNetwork, kind: RouteKind) -> Self {
        Self {
            // A network's own address with its own prefix length is always a network.
            dst: IpNetwork::new(dst.network(), dst.prefix()).unwrap_or(dst),
            gateway: None,
            dev: None,
            src: None,
            onlink: false,
            mtu: None,
            table: Self::MAIN,
            protocol: Self::STATIC,
            scope: Scope::Universe,
            metric: 0,
            kind,
        }
    }

    /// A route through a gateway.
    #[must_use]
    pub fn via(dst: IpNetwork, gateway: IpAddr, dev: LinkName) -> Self {
        Self { gateway: Some(gateway), dev: Some(dev), ..Self::empty(dst, RouteKind::Unicast) }
    }

    /// A route to what is on a device's own link.
    #[must_use]
    pub fn direct(dst: IpNetwork, dev: LinkName) -> Self {
        let scope = if dst.is_ipv4() { Scope::Link } else { Scope::Universe };
        Self { dev: Some(dev), scope, ..Self::empty(dst, RouteKind::Unicast) }
    }

    /// A route that drops: [`RouteKind::Blackhole`] or [`RouteKind::Unreachable`].
    #[must_use]
    pub fn dropping(dst: IpNetwork, kind: RouteKind) -> Self {
        // The kernel puts IPv6 drop routes on `lo`; the decoder leaves that out.
        Self::empty(dst, kind)
    }

    /// The default route of the gateway's family.
    #[must_use]
    pub fn default_via(gateway: IpAddr, dev: LinkName) -> Self {
        Self::via(any(gateway.is_ipv4()), gateway, dev)
    }

    /// Whether it is the default route of its family.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.dst.prefix() == 0
    }
}

/// 0.0.0.0/0 or ::/0.
pub(crate) fn any(ipv4: bool) -> IpNetwork {
    let ip =
        if ipv4 { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    // A prefix length of 0 is valid for either family.
    IpNetwork::new(ip, 0).unwrap_or(IpNetwork::from(ip))
}

/// Which routes a dump is to hold; what is `None` does not matter. The kernel does the
/// filtering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouteFilter {
    /// Only IPv4 (`true`) or only IPv6 (`false`).
    pub ipv4: Option<bool>,
    /// Only of this table.
    pub table: Option<u32>,
    /// Only of this protocol number.
    pub protocol: Option<u8>,
    /// Only by this device.
    pub dev: Option<LinkName>,
}

/// How the kernel would send a packet to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteLookup {
    /// The device it would leave by.
    pub dev: LinkName,
    /// The source address it would have.
    pub src: Option<IpAddr>,
    /// The next hop, when the address is not on the link itself.
    pub gateway: Option<IpAddr>,
    /// The path's MTU in bytes, when one is set on the route.
    pub mtu: Option<u32>,
    /// Whether the address is one of this host's own.
    pub local: bool,
}

/// `struct rtmsg`
pub(crate) const HEADER: usize = 12;
const RTA_PREF_SRC: u16 = libc::RTA_PREFSRC;
const RTA_NH_ID: u16 = 30;
const RTA_ENCAP: u16 = 22;
const RTAX_MTU: u16 = 2;
const RTNH_F_ONLINK: u32 = 4;
const RTM_F_CLONED: u32 = 0x200;
/// `IP6_RT_PRIO_USER`
const IPV6_DEFAULT_METRIC: u32 = 1024;

impl Route {
    /// Reads the payload of an `RTM_NEWROUTE` or `RTM_DELROUTE`; `None` for what is no IPv4 or
    /// IPv6 route.
    pub(crate) fn decode(payload: &[u8], name_of: &mut dyn FnMut(u32) -> LinkName) -> Option<Self> {
        let ipv4 = match i32::from(wire::u8_at(payload, 0)?) {
            libc::AF_INET => true,
            libc::AF_INET6 => false,
            _ => return None,
        };
        let prefix = wire::u8_at(payload, 1)?;
        let flags = wire::u32_at(payload, 8)?;
        if flags & RTM_F_CLONED != 0 {
            return None;
        }
        let kind = RouteKind::from(wire::u8_at(payload, 7)?);
        let mut route = Self::empty(any(ipv4), kind);
        route.table = u32::from(wire::u8_at(payload, 4)?);
        route.protocol = wire::u8_at(payload, 5)?;
        route.scope = if ipv4 { Scope::from(wire::u8_at(payload, 6)?) } else { Scope::Universe };
        route.onlink = flags & RTNH_F_ONLINK != 0;
        let mut dst = any(ipv4).ip();
        let mut inexpressible = false;
        for attribute in wire::attributes(payload, HEADER) {
            match attribute.kind {
                libc::RTA_DST => dst = attribute.ip()?,
                libc::RTA_GATEWAY => route.gateway = attribute.ip(),
                libc::RTA_VIA => route.gateway = via(attribute),
                libc::RTA_OIF => route.dev = attribute.u32().map(&mut *name_of),
                RTA_PREF_SRC => route.src = attribute.ip(),
                libc::RTA_TABLE => route.table = attribute.u32()?,
                libc::RTA_PRIORITY => route.metric = attribute.u32()?,
                libc::RTA_METRICS => route.mtu = metric_mtu(attribute),
                libc::RTA_MULTIPATH | RTA_NH_ID | RTA_ENCAP => inexpressible = true,
                _ => {}
            }
        }
        route.dst = IpNetwork::new(dst, prefix).ok()?;
        if !ipv4 && route.metric == IPV6_DEFAULT_METRIC {
            route.metric = 0;
        }
        if inexpressible || matches!(kind, RouteKind::Blackhole | RouteKind::Unreachable) {
            (route.gateway, route.dev) = (None, None);
        }
        Some(route)
    }
}

impl RouteLookup {
    pub(crate) fn decode(payload: &[u8], name_of: &mut dyn FnMut(u32) -> LinkName) -> Option<Self> {
        let local = wire::u8_at(payload, 7)? == libc::RTN_LOCAL;
        let (mut dev, mut src, mut gateway, mut mtu) = (None, None, None, None);
        for attribute in wire::attributes(payload, HEADER) {
            match attribute.kind {
                libc::RTA_OIF => dev = attribute.u32(),
                RTA_PREF_SRC => src = attribute.ip(),
                libc::RTA_GATEWAY => gateway = attribute.ip(),
                libc::RTA_VIA => gateway = via(attribute),
                libc::RTA_METRICS => mtu = metric_mtu(attribute),
                _ => {}
            }
        }
        Some(Self { dev: name_of(dev?), src, gateway, mtu, local })
    }
}

fn metric_mtu(metrics: wire::Attribute<'_>) -> Option<u32> {
    metrics.nested().find(|metric| metric.kind == RTAX_MTU)?.u32()
}

/// `struct rtvia`: a family and an address of it.
fn via(attribute: wire::Attribute<'_>) -> Option<IpAddr> {
    wire::Attribute { kind: attribute.kind, value: attribute.value.get(2..)? }.ip()
}
