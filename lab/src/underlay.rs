//! The network below the nodes: who has which address on which segment, and the `ip` commands
//! that build it. Pure: the lab carries them out.
//!
//! ```text
//!  host-1  host-2  etcd     host-3  host-4      outside
//!    │       │      │         │       │            │        all ports are in the netns "switch",
//!  ──┴───────┴──────┴──     ──┴───────┴──      ────┴────    a bridge for each segment
//!       segment 1 └──── router ───┘ segment 2      │
//!                          └───────────────────────┘ segment 0
//! ```

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;

/// The router's number on every segment.
const ROUTER: u16 = 1;
/// etcd's number on segment 1, the outside host's on segment 0.
pub(crate) const SERVER: u16 = 2;
/// Host `n` has number `FIRST_HOST + n`.
pub(crate) const FIRST_HOST: u16 = 10;
/// As many as a segment's IPv4 range has room for.
pub(crate) const MAX_HOSTS: u16 = 1000;
/// As many as 172.30.0.0/16 has room for, less the outside's.
pub(crate) const MAX_SEGMENTS: u16 = 60;

/// The segment where hosts are that are no nodes.
pub(crate) const OUTSIDE: u16 = 0;

/// What all places of an underlay share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnderlayOptions {
    /// L2 segments that nodes are spread over, joined by a router.
    pub segments: u16,
    /// Whether there is IPv6.
    pub dual_stack: bool,
    /// MTU of every link, bytes.
    pub mtu: u32,
    /// Whether hosts have a default route, or one to the underlay's ranges only.
    pub default_route: bool,
}

/// One plug in the underlay: a namespace's `eth0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The host's name, which is the port's name in the switch too.
    pub name: String,
    /// The segment.
    pub segment: u16,
    /// Number on the segment.
    pub number: u16,
}

/// The IPv4 range of a segment, 172.30.(4·segment).0/22.
fn range_v4(segment: u16) -> u32 {
    u32::from(Ipv4Addr::new(172, 30, 0, 0)) + (u32::from(segment) << 10)
}

/// The addresses of a number on a segment, IPv4 first, with the segment's prefix lengths.
pub(crate) fn addresses(segment: u16, number: u16, dual_stack: bool) -> Vec<IpNetwork> {
    let v4 = Ipv4Addr::from(range_v4(segment) + u32::from(number));
    let v6 = Ipv6Addr::new(0xfd00, 0x30, segment, 0, 0, 0, 0, number);
    let all = [(IpAddr::from(v4), 22), (IpAddr::from(v6), 64)];
    all.into_iter()
        .take(if dual_stack { 2 } else { 1 })
        .filter_map(|(address, prefix)| IpNetwork::new(address, prefix).ok())
        .collect()
}

impl Place {
    /// Its addresses, IPv4 first.
    #[must_use]
    pub fn addresses(&self, options: &UnderlayOptions) -> Vec<IpNetwork> {
        addresses(self.segment, self.number, options.dual_stack)
    }

    /// `ip` commands in the switch that make the port and the namespace's `eth0`.
    pub(crate) fn plug(&self, netns: &str, options: &UnderlayOptions) -> String {
        let (port, mtu, segment) = (&self.name, options.mtu, self.segment);
        format!(
            "link add {port} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {netns}\n\
             link set {port} master br{segment} up\n"
        )
    }

    /// `ip` commands in the namespace that configure `eth0`.
    pub(crate) fn configure(&self, options: &UnderlayOptions) -> String {
        let mut lines = String::from("link set lo up\nlink set eth0 up\n");
        lines.push_str(&address_lines("eth0", &self.addresses(options)));
        lines.push_str(&self.routes(options));
        lines
    }

    /// `ip` commands that give the namespace its routes.
    pub(crate) fn routes(&self, options: &UnderlayOptions) -> String {
        let mut lines = String::new();
        for router in addresses(self.segment, ROUTER, options.dual_stack) {
            let target = match (options.default_route, router) {
                (true, _) => "default",
                (false, IpNetwork::V4(_)) => "172.30.0.0/16",
                (false, IpNetwork::V6(_)) => "fd00:30::/32",
            };
            let _infallible = writeln!(lines, "route add {target} via {}", router.ip());
        }
        lines
    }
}

/// `ip` commands in the switch that make a bridge for each segment and the router's ports.
pub(crate) fn switch(router_netns: &str, options: &UnderlayOptions) -> String {
    let mut lines = String::from("link set lo up\n");
    let mtu = options.mtu;
    for segment in 0..=options.segments {
        let _infallible = write!(
            lines,
            "link add br{segment} mtu {mtu} type bridge mcast_snooping 0\n\
             link set br{segment} up\n\
             link add router-{segment} mtu {mtu} type veth peer name segment-{segment} mtu {mtu} netns {router_netns}\n\
             link set router-{segment} master br{segment} up\n"
        );
    }
    lines
}

/// `ip` commands in the router that configure its interfaces.
pub(crate) fn router(options: &UnderlayOptions) -> String {
    let mut lines = String::from("link set lo up\n");
    for segment in 0..=options.segments {
        let device = format!("segment-{segment}");
        let _infallible = writeln!(lines, "link set {device} up");
        lines.push_str(&address_lines(&device, &addresses(segment, ROUTER, options.dual_stack)));
    }
    lines
}

/// `ip` commands that add addresses, usable at once.
pub(crate) fn address_lines(device: &str, addresses: &[IpNetwork]) -> String {
    let mut lines = String::new();
    for address in addresses {
        let nodad = if address.is_ipv6() { " nodad" } else { "" };
        let _infallible = writeln!(lines, "address add {address} dev {device}{nodad}");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: UnderlayOptions =
        UnderlayOptions { segments: 2, dual_stack: true, mtu: 1500, default_route: true };

    #[test]
    fn a_hosts_number_can_be_read_off_its_addresses() {
        let place = Place { name: "host-3".into(), segment: 2, number: FIRST_HOST + 3 };
        let text: Vec<_> = place.addresses(&OPTIONS).iter().map(ToString::to_string).collect();
        assert_eq!(text, ["172.30.8.13/22", "fd00:30:2::d/64"]);
    }

    #[test]
    fn no_two_places_share_an_address() {
        let mut seen = std::collections::HashSet::new();
        for segment in 0..=MAX_SEGMENTS {
            for number in 1..=FIRST_HOST + MAX_HOSTS {
                for address in addresses(segment, number, true) {
                    assert!(seen.insert(address.ip()), "{address} twice");
                }
            }
        }
    }

    #[test]
    fn a_host_without_default_route_still_reaches_the_other_segments() {
        let place = Place { name: "host-1".into(), segment: 1, number: 11 };
        let options = UnderlayOptions { default_route: false, dual_stack: true, ..OPTIONS };
        assert_eq!(
            place.routes(&options),
            "route add 172.30.0.0/16 via 172.30.4.1\nroute add fd00:30::/32 via fd00:30:1::1\n"
        );
    }
}
