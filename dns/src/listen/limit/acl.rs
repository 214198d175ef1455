//! Who may ask: networks, as ranges that are searched in halves.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

/// The networks whose hosts may ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acl {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl Acl {
    /// Those networks, in any order; they may overlap.
    pub fn new(networks: impl IntoIterator<Item = IpNetwork>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNetwork::V4(n) => v4.push((n.network().to_bits(), n.broadcast().to_bits())),
                IpNetwork::V6(n) => v6.push((n.network().to_bits(), n.broadcast().to_bits())),
            }
        }
        Self { v4: disjoint(v4), v6: disjoint(v6) }
    }

    /// Whether that client may ask. IPv4 inside IPv6 is IPv4.
    #[must_use]
    pub fn admits(&self, client: IpAddr) -> bool {
        match client.to_canonical() {
            IpAddr::V4(address) => within(&self.v4, address.to_bits()),
            IpAddr::V6(address) => within(&self.v6, address.to_bits()),
        }
    }
}

/// The ranges in their order, those inside others left out: networks are apart or one inside the other.
fn disjoint<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Box<[(T, T)]> {
    ranges.sort_unstable_by(|(a, a_end), (b, b_end)| a.cmp(b).then(b_end.cmp(a_end)));
    ranges.dedup_by(|inner, outer| inner.1 <= outer.1);
    ranges.into()
}

fn within<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= address);
    behind.checked_sub(1).is_some_and(|index| address <= ranges[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn acl(networks: &[&str]) -> Acl {
        Acl::new(networks.iter().map(|network| network.parse().unwrap()))
    }

    fn admits(acl: &Acl, client: &str) -> bool {
        acl.admits(client.parse().unwrap())
    }

    #[test]
    fn an_empty_list_admits_nobody() {
        assert!(!admits(&acl(&[]), "127.0.0.1"));
        assert!(!admits(&acl(&[]), "::1"));
    }

    #[test]
    fn a_network_admits_its_first_and_last_address_and_none_beside() {
        let acl = acl(&["10.42.0.0/16", "fd00:42::/64", "192.168.1.7/32"]);
        for client in ["10.42.0.0", "10.42.255.255", "fd00:42::1", "::ffff:10.42.7.7"] {
            assert!(admits(&acl, client), "{client}");
        }
        for client in ["10.41.255.255", "10.43.0.0", "fd00:42:0:1::", "192.168.1.8", "::10.42.7.7"]
        {
            assert!(!admits(&acl, client), "{client}");
        }
    }

    #[test]
    fn everything_is_a_network_too() {
        let acl = acl(&["0.0.0.0/0", "::/0", "10.0.0.0/8"]);
        assert!(admits(&acl, "255.255.255.255") && admits(&acl, "ff02::1"));
    }

    fn network() -> impl Strategy<Value = IpNetwork> {
        // Few bits differ, so that networks meet.
        prop_oneof![
            (0_u32..64, 26_u8..=32).prop_map(|(bits, prefix)| {
                IpNetwork::new(Ipv4Addr::from_bits(bits).into(), prefix).unwrap()
            }),
            (0_u128..64, 122_u8..=128).prop_map(|(bits, prefix)| {
                IpNetwork::new(Ipv6Addr::from_bits(bits).into(), prefix).unwrap()
            }),
        ]
    }

    proptest! {
        #[test]
        fn it_admits_whom_one_of_its_networks_holds(networks in prop::collection::vec(network(), 0..12)) {
            let acl = Acl::new(networks.iter().copied());
            for bits in 0..80_u8 {
                for client in [
                    IpAddr::from(Ipv4Addr::from_bits(bits.into())),
                    IpAddr::from(Ipv6Addr::from_bits(bits.into())),
                ] {
                    let expected = networks.iter().any(|network| network.contains(client));
                    prop_assert_eq!(acl.admits(client), expected, "{}", client);
                }
            }
        }
    }
}
