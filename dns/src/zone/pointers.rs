//! The names of addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::record;
use crate::wire::code::rtype;

/// `PTR` records by the address that they are of, those of one address one after the other.
#[derive(Debug, Default)]
pub struct Pointers(BTreeMap<IpAddr, Box<[u8]>>);

impl Pointers {
    /// An address has this name, too. Its names are kept in order, so that they do not depend on who came
    /// first.
    pub fn add(&mut self, address: IpAddr, name: &[u8], ttl: u32) {
        let had = self.0.get(&address).map(|records| &**records).unwrap_or_default();
        let mut names: Vec<&[u8]> = record::each(had).map(record::data).collect();
        let Err(place) = names.binary_search(&name) else { return };
        names.insert(place, name);
        let mut records = Vec::with_capacity(had.len() + record::FIXED + name.len());
        for name in names {
            record::push_named(&mut records, record::TO_QUESTION, rtype::PTR, ttl, name);
        }
        self.0.insert(address, records.into());
    }

    /// An address has this name no more.
    pub fn remove(&mut self, address: IpAddr, name: &[u8]) {
        let Some(had) = self.0.get_mut(&address) else { return };
        let keep = record::each(had).filter(|record| record::data(record) != name);
        let kept = keep.collect::<Vec<_>>().concat();
        if kept.is_empty() {
            self.0.remove(&address);
        } else {
            *had = kept.into();
        }
    }

    /// The records of an address.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<&[u8]> {
        self.0.get(&address).map(|records| &**records)
    }

    /// Whether an address of that network has a name.
    #[must_use]
    pub fn any_in(&self, network: IpAddr, prefix: u8) -> bool {
        let (first, last) = bounds(network, prefix);
        self.0.range(first..=last).next().is_some()
    }
}

/// The first and the last address of a network.
fn bounds(network: IpAddr, prefix: u8) -> (IpAddr, IpAddr) {
    match network {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
            let bits = u32::from(address);
            (IpAddr::V4((bits & !host).into()), IpAddr::V4((bits | host).into()))
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
            let bits = u128::from(address);
            (IpAddr::V6((bits & !host).into()), IpAddr::V6((bits | host).into()))
        }
    }
}
