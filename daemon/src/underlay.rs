//! The way to other nodes: which interface and address, and how large a packet may be.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_model::kernel::is_ours;
use pontoon_netlink::{AddressInfo, Link, LinkName, Rtnl, RtnlError};

use crate::config::UnderlaySelector;

/// The way to other nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Underlay {
    /// The interface.
    pub dev: LinkName,
    /// The address that backends send from.
    pub address: IpAddr,
    /// All addresses of the interface that other hosts can use, this one first.
    pub addresses: Vec<IpAddr>,
    /// All addresses of the host that other hosts can use, whatever the interface, sorted.
    pub host_addresses: Vec<IpAddr>,
    /// The networks on the interface's link.
    pub networks: Vec<IpNetwork>,
    /// MTU of the interface, bytes.
    pub mtu: u32,
}

/// Why the underlay cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum UnderlayError {
    /// Nothing on this host matches the selector.
    #[error("underlay {selector}: {why}; this host has {have}")]
    NoMatch {
        /// What was asked for.
        selector: String,
        /// Why nothing matches.
        why: String,
        /// What there is.
        have: String,
    },
    /// The kernel did not answer.
    #[error("cannot read interfaces and addresses: {0}")]
    Kernel(#[from] RtnlError),
}

const ETHERNET_MTU: u32 = 1500;

/// What the host has to choose from.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    links: Vec<Link>,
    addresses: Vec<AddressInfo>,
}

/// Finds the underlay. Without a selector it is the way to `towards` (the store), or else to the
/// outside, or else the first address that is not the loopback's.
///
/// # Errors
/// When nothing matches.
pub fn find(
    rtnl: &mut Rtnl,
    selector: Option<&UnderlaySelector>,
    towards: Option<IpAddr>,
) -> Result<Underlay, UnderlayError> {
    let candidates = Candidates { links: rtnl.links()?, addresses: rtnl.addresses()? };
    let mut source_to =
        |target: IpAddr| rtnl.route_get(target).ok().filter(|r| !r.local).and_then(|r| r.src);
    match selector {
        Some(UnderlaySelector::Reach(target)) => match source_to(*target) {
            Some(source) => candidates.with_address(source, selector),
            None => Err(candidates.none(selector, format!("there is no route to {target}"))),
        },
        Some(selector) => candidates.choose(selector),
        None => {
            let outside =
                [IpAddr::from([192, 0, 2, 1]), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])];
            let found = towards.into_iter().chain(outside).find_map(|target| {
                source_to(target).and_then(|source| candidates.with_address(source, None).ok())
            });
            found.map_or_else(|| candidates.first(), Ok)
        }
    }
}

impl Candidates {
    /// Addresses that other hosts may use, on interfaces that are not ours.
    fn usable(&self) -> impl Iterator<Item = (&Link, &AddressInfo)> {
        self.addresses.iter().filter_map(|info| {
            let link = self.links.iter().find(|link| link.name == info.address.dev)?;
            (!is_ours(link.name.as_str()) && is_usable(info.address.net.ip()) && !info.dad_failed)
                .then_some((link, info))
        })
    }

    /// Chooses by what is on the host alone.
    fn choose(&self, selector: &UnderlaySelector) -> Result<Underlay, UnderlayError> {
        let matches = |link: &Link, ip: IpAddr| match selector {
            UnderlaySelector::Interface(name) => link.name.as_str() == name,
            UnderlaySelector::Range(range) => range.contains(ip),
            UnderlaySelector::Address(address) => *address == ip,
            UnderlaySelector::Reach(_) => false,
        };
        let mut found: Vec<_> =
            self.usable().filter(|(link, info)| matches(link, info.address.net.ip())).collect();
        found.sort_by_key(|(_, info)| info.address.net.is_ipv6());
        match found.first() {
            Some((link, info)) => Ok(self.underlay(link, info.address.net.ip())),
            None => Err(self.none(Some(selector), "no interface or address matches".to_owned())),
        }
    }

    fn with_address(
        &self,
        source: IpAddr,
        selector: Option<&UnderlaySelector>,
    ) -> Result<Underlay, UnderlayError> {
        match self.usable().find(|(_, info)| info.address.net.ip() == source) {
            Some((link, _)) => Ok(self.underlay(link, source)),
            None => {
                Err(self.none(selector, format!("{source} is on no interface that can be used")))
            }
        }
    }

    fn first(&self) -> Result<Underlay, UnderlayError> {
        let mut usable: Vec<_> = self.usable().collect();
        usable.sort_by_key(|(link, info)| (info.address.net.is_ipv6(), link.index));
        match usable.first() {
            Some((link, info)) => Ok(self.underlay(link, info.address.net.ip())),
            None => self.loopback(),
        }
    }

    /// A host with no network at all still has pods that talk to each other.
    fn loopback(&self) -> Result<Underlay, UnderlayError> {
        let lo = self.links.iter().find(|link| link.name.as_str() == "lo");
        match lo {
            Some(lo) => {
                let found = self.underlay(lo, IpAddr::from([127, 0, 0, 1]));
                // The loopback's packets are larger than any that a pod should get used to.
                Ok(Underlay { mtu: found.mtu.min(ETHERNET_MTU), ..found })
            }
            None => Err(self.none(None, "there is no interface".to_owned())),
        }
    }

    fn underlay(&self, link: &Link, address: IpAddr) -> Underlay {
        let on_link = || {
            self.usable()
                .filter(|(other, _)| other.name == link.name)
                .map(|(_, info)| info.address.net)
        };
        let mut addresses = vec![address];
        for net in on_link() {
            if !addresses.contains(&net.ip()) {
                addresses.push(net.ip());
            }
        }
        addresses[1..].sort_unstable();
        let mut networks: Vec<IpNetwork> =
            on_link().filter_map(|net| IpNetwork::new(net.network(), net.prefix()).ok()).collect();
        networks.sort_unstable();
        networks.dedup();
        let mut host_addresses: Vec<IpAddr> =
            self.usable().map(|(_, info)| info.address.net.ip()).collect();
        host_addresses.sort_unstable();
        host_addresses.dedup();
        Underlay { dev: link.name, address, addresses, host_addresses, networks, mtu: link.mtu }
    }

    fn none(&self, selector: Option<&UnderlaySelector>, why: String) -> UnderlayError {
        let have: Vec<String> = self
            .usable()
            .map(|(link, info)| format!("{} on {}", info.address.net, link.name))
            .collect();
        UnderlayError::NoMatch {
            selector: selector.map_or_else(|| "(default)".to_owned(), ToString::to_string),
            why,
            have: if have.is_empty() { "no address".to_owned() } else { have.join(", ") },
        }
    }
}

fn is_usable(ip: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast() && !link_local
}
