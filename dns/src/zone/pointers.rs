//! The names of addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::record;
use crate::wire::code::rtype;

/// `PTR` records by the address that they are of, those of one address one after the other; the
/// families apart, since most addresses are of IPv4 and a quarter as long.
#[derive(Debug, Default)]
pub struct Pointers {
    v4: BTreeMap<Ipv4Addr, Box<[u8]>>,
    v6: BTreeMap<Ipv6Addr, Box<[u8]>>,
}

impl Pointers {
    /// An address has this name, too. Its names are kept in order, so that they do not depend on who came
    /// first.
    pub fn add(&mut self, address: IpAddr, name: &[u8], ttl: u32) {
        let had = self.of(address).unwrap_or_default();
        let mut names: Vec<&[u8]> = record::each(had).map(record::data).collect();
        let Err(place) = names.binary_search(&name) else { return };
        names.insert(place, name);
        let mut records = Vec::with_capacity(had.len() + record::FIXED + name.len());
        for name in names {
            record::push_named(&mut records, record::TO_QUESTION, rtype::PTR, ttl, name);
        }
        self.set(address, records);
    }

    /// An address has this name no more.
    pub fn remove(&mut self, address: IpAddr, name: &[u8]) {
        let Some(had) = self.of(address) else { return };
        let keep = record::each(had).filter(|record| record::data(record) != name);
        let kept = keep.collect::<Vec<_>>().concat();
        self.set(address, kept);
    }

    fn set(&mut self, address: IpAddr, records: Vec<u8>) {
        match (address, records.is_empty()) {
            (IpAddr::V4(address), false) => drop(self.v4.insert(address, records.into())),
            (IpAddr::V4(address), true) => drop(self.v4.remove(&address)),
            (IpAddr::V6(address), false) => drop(self.v6.insert(address, records.into())),
            (IpAddr::V6(address), true) => drop(self.v6.remove(&address)),
        }
    }

    /// The records of an address.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<&[u8]> {
        let records = match address {
            IpAddr::V4(address) => self.v4.get(&address),
            IpAddr::V6(address) => self.v6.get(&address),
        };
        records.map(|records| &**records)
    }

    /// Whether an address of that network has a name.
    #[must_use]
    pub fn any_in(&self, network: IpAddr, prefix: u8) -> bool {
        match network {
            IpAddr::V4(address) => {
                let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                let bits = u32::from(address);
                self.v4.range(Ipv4Addr::from(bits & !host)..=(bits | host).into()).next().is_some()
            }
            IpAddr::V6(address) => {
                let host = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
                let bits = u128::from(address);
                self.v6.range(Ipv6Addr::from(bits & !host)..=(bits | host).into()).next().is_some()
            }
        }
    }
}
