//! The addresses of pods.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Deref;

use super::pods::Pod;
use crate::slab::Key;

/// The addresses of a pod; without a heap for the one that most have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Addresses {
    One(IpAddr),
    /// None or several.
    Other(Box<[IpAddr]>),
}

impl Default for Addresses {
    fn default() -> Self {
        Self::Other(Box::default())
    }
}

impl From<Vec<IpAddr>> for Addresses {
    fn from(addresses: Vec<IpAddr>) -> Self {
        match *addresses {
            [address] => Self::One(address),
            _ => Self::Other(addresses.into()),
        }
    }
}

impl Deref for Addresses {
    type Target = [IpAddr];
    fn deref(&self) -> &[IpAddr] {
        match self {
            Self::One(address) => std::slice::from_ref(address),
            Self::Other(addresses) => addresses,
        }
    }
}

/// Pods by address; the families apart, since an entry of IPv4 is a third of one for both.
#[derive(Debug, Default)]
pub(super) struct ByAddress {
    v4: BTreeSet<(Ipv4Addr, Key<Pod>)>,
    v6: BTreeSet<(Ipv6Addr, Key<Pod>)>,
}

impl ByAddress {
    pub(super) fn insert(&mut self, address: IpAddr, pod: Key<Pod>) {
        match address {
            IpAddr::V4(address) => self.v4.insert((address, pod)),
            IpAddr::V6(address) => self.v6.insert((address, pod)),
        };
    }

    pub(super) fn remove(&mut self, address: IpAddr, pod: Key<Pod>) {
        match address {
            IpAddr::V4(address) => self.v4.remove(&(address, pod)),
            IpAddr::V6(address) => self.v6.remove(&(address, pod)),
        };
    }

    pub(super) fn at(&self, address: IpAddr) -> impl Iterator<Item = Key<Pod>> {
        let (v4, v6) = match address {
            IpAddr::V4(address) => (Some(range(&self.v4, address)), None),
            IpAddr::V6(address) => (None, Some(range(&self.v6, address))),
        };
        v4.into_iter().flatten().chain(v6.into_iter().flatten())
    }

    /// All addresses that pods have, one for each pod that has it.
    pub(super) fn iter(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.iter().map(|(address, _)| IpAddr::V4(*address));
        v4.chain(self.v6.iter().map(|(address, _)| IpAddr::V6(*address)))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }
}

fn range<A: Ord + Copy>(
    set: &BTreeSet<(A, Key<Pod>)>,
    address: A,
) -> impl Iterator<Item = Key<Pod>> {
    set.range((address, Key::FIRST)..=(address, Key::LAST)).map(|(_, pod)| *pod)
}
