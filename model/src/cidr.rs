//! Pod CIDRs and node subnets, and the arithmetic on them, for both families alike.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

/// The two address families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    #[serde(rename = "IPv4")]
    V4,
    /// IPv6.
    #[serde(rename = "IPv6")]
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The family of a network.
    #[must_use]
    pub fn of_network(net: IpNetwork) -> Self {
        Self::of(net.ip())
    }

    /// Bits in an address: 32 or 128.
    #[must_use]
    pub fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// An address as a number; IPv4 addresses are below 2³².
#[must_use]
pub fn to_bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(a) => u128::from(u32::from(a)),
        IpAddr::V6(a) => u128::from(a),
    }
}

/// The address of a family with this number; for IPv4 the low 32 bits count.
#[must_use]
pub fn from_bits(family: Family, bits: u128) -> IpAddr {
    match family {
        #[allow(clippy::cast_possible_truncation, reason = "an IPv4 address is the low 32 bits")]
        Family::V4 => IpAddr::V4(Ipv4Addr::from(bits as u32)),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(bits)),
    }
}

/// The network that holds one address: /32 or /128.
#[must_use]
pub fn host(ip: IpAddr) -> IpNetwork {
    match ip {
        IpAddr::V4(a) => IpNetwork::V4(a.into()),
        IpAddr::V6(a) => IpNetwork::V6(a.into()),
    }
}

/// The address `offset` steps behind a network's first, or `None` outside it.
#[must_use]
pub fn nth(net: IpNetwork, offset: u128) -> Option<IpAddr> {
    if offset > size_less_one(net) {
        return None;
    }
    Some(from_bits(Family::of_network(net), to_bits(net.network()) + offset))
}

/// How many steps an address is behind its network's first, or `None` outside it.
#[must_use]
pub fn offset(net: IpNetwork, ip: IpAddr) -> Option<u128> {
    net.contains(ip).then(|| to_bits(ip) - to_bits(net.network()))
}

/// The number of addresses less one (so that ::/0 fits).
#[must_use]
pub fn size_less_one(net: IpNetwork) -> u128 {
    let host_bits = u32::from(Family::of_network(net).bits() - net.prefix());
    if host_bits == 128 { u128::MAX } else { (1u128 << host_bits) - 1 }
}

/// Whether two networks share an address.
#[must_use]
pub fn overlap(a: IpNetwork, b: IpNetwork) -> bool {
    Family::of_network(a) == Family::of_network(b)
        && (a.contains(b.network()) || b.contains(a.network()))
}

/// Whether `outer` holds every address of `inner`.
#[must_use]
pub fn contains(outer: IpNetwork, inner: IpNetwork) -> bool {
    Family::of_network(outer) == Family::of_network(inner)
        && outer.prefix() <= inner.prefix()
        && outer.contains(inner.network())
}

/// Whether the network's own address is its first, as `10.244.1.0/24` is and `10.244.1.7/24` is not.
#[must_use]
pub fn is_canonical(net: IpNetwork) -> bool {
    net.ip() == net.network()
}

/// The number of subnets of length `prefix` in `net`; 0 when `prefix` is shorter than the net's own.
/// Capped at 2⁶³, which no cluster reaches.
#[must_use]
pub fn subnet_count(net: IpNetwork, prefix: u8) -> u64 {
    match prefix.checked_sub(net.prefix()) {
        None => 0,
        Some(bits) => 1u64 << u32::from(bits).min(63),
    }
}

/// The `index`th subnet of length `prefix` in `net`, or `None` past the last.
#[must_use]
pub fn subnet(net: IpNetwork, prefix: u8, index: u64) -> Option<IpNetwork> {
    let family = Family::of_network(net);
    if prefix > family.bits() || index >= subnet_count(net, prefix) {
        return None;
    }
    let step = u32::from(family.bits() - prefix);
    let first = to_bits(net.network()) + u128::from(index).checked_shl(step)?;
    IpNetwork::new(from_bits(family, first), prefix).ok()
}

/// A node subnet's gateway: its second address, held by the bridge on that node.
#[must_use]
pub fn gateway(subnet: IpNetwork) -> IpAddr {
    nth(subnet, 1).unwrap_or(subnet.network())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> IpNetwork {
        text.parse().unwrap()
    }

    #[test]
    fn subnets_of_a_cluster_range() {
        let range = net("10.244.0.0/16");
        assert_eq!(subnet_count(range, 24), 256);
        assert_eq!(subnet(range, 24, 255), Some(net("10.244.255.0/24")));
        assert_eq!(subnet(range, 24, 256), None);
        assert_eq!(subnet(range, 15, 0), None);
        let v6 = net("fd00:10:244::/48");
        assert_eq!(subnet(v6, 64, 0xabcd), Some(net("fd00:10:244:abcd::/64")));
        assert_eq!(subnet(net("::/0"), 128, 5), Some(net("::5/128")));
    }

    #[test]
    fn edges_do_not_overflow() {
        assert_eq!(size_less_one(net("::/0")), u128::MAX);
        assert_eq!(nth(net("255.255.255.0/24"), 255), Some("255.255.255.255".parse().unwrap()));
        assert_eq!(nth(net("255.255.255.0/24"), 256), None);
        assert_eq!(gateway(net("10.0.0.1/32")), "10.0.0.1".parse::<IpAddr>().unwrap());
    }

    proptest! {
        #[test]
        fn offsets_and_addresses_are_inverse(bits: u32, prefix in 0u8..=32, step: u32) {
            let net = IpNetwork::new(from_bits(Family::V4, bits.into()), prefix).unwrap();
            if let Some(ip) = nth(net, step.into()) {
                prop_assert_eq!(offset(net, ip), Some(u128::from(step)));
            } else {
                prop_assert!(u128::from(step) > size_less_one(net));
            }
        }

        #[test]
        fn subnets_are_distinct_and_inside(bits: u128, prefix in 40u8..64, a: u16, b: u16) {
            let range = IpNetwork::new(from_bits(Family::V6, bits), prefix).unwrap();
            let (a, b) = (subnet(range, 64, a.into()), subnet(range, 64, b.into()));
            if let (Some(a), Some(b)) = (a, b) {
                prop_assert!(contains(range, a) && is_canonical(a));
                prop_assert_eq!(overlap(a, b), a == b);
            }
        }
    }
}
