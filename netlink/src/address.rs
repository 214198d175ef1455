//! Addresses of network devices.

use std::fmt;
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use nix::libc;

use crate::name::LinkName;
use crate::wire;

/// How far an address or an IPv4 route is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// Everywhere; `global` in `ip`'s words.
    #[default]
    Universe,
    /// On the device's link.
    Link,
    /// Inside the host.
    Host,
    /// Any other, by number (0–255).
    Other(u8),
}

impl From<u8> for Scope {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Universe,
            253 => Self::Link,
            254 => Self::Host,
            _ => Self::Other(number),
        }
    }
}

impl From<Scope> for u8 {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Universe => 0,
            Scope::Link => 253,
            Scope::Host => 254,
            Scope::Other(number) => number,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Universe => f.write_str("global"),
            Self::Link => f.write_str("link"),
            Self::Host => f.write_str("host"),
            Self::Other(number) => write!(f, "{number}"),
        }
    }
}

/// An address on a device.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// The device.
    pub dev: LinkName,
    /// The address itself with its prefix length (not the network's address).
    pub net: IpNetwork,
    /// How far it is valid; the kernel finds it by itself for IPv6.
    pub scope: Scope,
    /// Leaves out the route to the address's prefix.
    pub noprefixroute: bool,
    /// No duplicate-address detection: an IPv6 address is usable at once. Nothing for IPv4.
    pub nodad: bool,
    /// Never chosen as a source where there is another: its preferred lifetime is 0, its valid one for
    /// ever. For IPv6; in IPv4 the scope says it.
    pub deprecated: bool,
}

impl Address {
    /// An address of global scope, usable at once.
    #[must_use]
    pub fn new(dev: LinkName, net: IpNetwork) -> Self {
        let (scope, nodad) = (Scope::Universe, net.is_ipv6());
        Self { dev, net, scope, noprefixroute: false, nodad, deprecated: false }
    }
}

/// An address as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressInfo {
    /// The address, in the form in which an operation would make it.
    pub address: Address,
    /// Duplicate-address detection still runs: it cannot be used yet.
    pub tentative: bool,
    /// Duplicate-address detection found another owner: it cannot be used.
    pub dad_failed: bool,
    /// It has no lifetime; addresses from router advertisements have one.
    pub permanent: bool,
}

/// `struct ifaddrmsg`
const HEADER: usize = 8;

impl AddressInfo {
    pub(crate) fn decode(payload: &[u8], name_of: &mut dyn FnMut(u32) -> LinkName) -> Option<Self> {
        let prefix = wire::u8_at(payload, 1)?;
        let mut flags = u32::from(wire::u8_at(payload, 2)?);
        let scope = Scope::from(wire::u8_at(payload, 3)?);
        let index = wire::u32_at(payload, 4)?;
        let (mut local, mut address): (Option<IpAddr>, Option<IpAddr>) = (None, None);
        for attribute in wire::attributes(payload, HEADER) {
            match attribute.kind {
                libc::IFA_LOCAL => local = attribute.ip(),
                libc::IFA_ADDRESS => address = attribute.ip(),
                libc::IFA_FLAGS => flags = attribute.u32().unwrap_or(flags),
                _ => {}
            }
        }
        // On a point-to-point device IFA_ADDRESS is the peer's, IFA_LOCAL ours.
        let net = IpNetwork::new(local.or(address)?, prefix).ok()?;
        Some(Self {
            address: Address {
                dev: name_of(index),
                net,
                scope,
                noprefixroute: flags & libc::IFA_F_NOPREFIXROUTE != 0,
                nodad: flags & libc::IFA_F_NODAD != 0,
                deprecated: flags & libc::IFA_F_DEPRECATED != 0,
            },
            tentative: flags & libc::IFA_F_TENTATIVE != 0,
            dad_failed: flags & libc::IFA_F_DADFAILED != 0,
            permanent: flags & libc::IFA_F_PERMANENT != 0,
        })
    }
}
