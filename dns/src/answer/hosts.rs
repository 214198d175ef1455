//! Names that the configuration gives addresses, as `/etc/hosts` does.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::local::Outcome;
use crate::wire::code::{Rcode, rtype};
use crate::wire::name::{Name, Reverse, reverse};
use crate::wire::question::Query;
use crate::wire::reply::{Reply, Section, Verdict};
use crate::zone::entry::AddressBlock;
use crate::zone::pointers::Pointers;

/// How long clients may keep such an answer, seconds: as CoreDNS's `hosts` has it.
const TTL: u32 = 3600;

/// The names.
#[derive(Debug, Default)]
pub struct Hosts {
    names: HashMap<Name, AddressBlock>,
    pointers: Pointers,
}

impl Hosts {
    /// Those names with their addresses.
    #[must_use]
    pub fn new(names: &BTreeMap<Name, Vec<IpAddr>>) -> Self {
        let mut hosts = Self::default();
        for (name, addresses) in names {
            for &address in addresses {
                hosts.pointers.add(address, name.wire(), TTL);
            }
            hosts.names.insert(name.clone(), AddressBlock::encode(addresses, TTL));
        }
        hosts
    }

    /// Answers for a name that is here, and for an address that has one here.
    pub fn answer(&self, query: &Query<'_>, limit: usize, out: &mut Vec<u8>) -> Outcome {
        if self.names.is_empty() {
            return Outcome::Elsewhere;
        }
        let Some(records) = self.records(query) else { return Outcome::Elsewhere };
        let mut reply = Reply::begin(query, limit, out);
        let (count, length) = crate::zone::record::fitting(records, reply.room());
        reply.append(Section::Answer, count, &records[..length]);
        if length < records.len() {
            reply.truncate();
        }
        reply.finish(Verdict {
            rcode: Rcode::NoError,
            authoritative: true,
            recursion_available: true,
        });
        Outcome::Answered
    }

    fn records(&self, query: &Query<'_>) -> Option<&[u8]> {
        if let Some(addresses) = self.names.get(query.name.wire()) {
            return Some(match query.rtype {
                rtype::A => addresses.records().v4,
                rtype::AAAA => addresses.records().v6,
                _ => &[],
            });
        }
        let labels = query.name.count();
        if query.rtype != rtype::PTR || labels < 2 || query.name.label(labels - 1) != b"arpa" {
            return None;
        }
        let v6 = match query.name.label(labels - 2) {
            b"in-addr" => false,
            b"ip6" => true,
            _ => return None,
        };
        match reverse((0..labels - 2).map(|index| query.name.label(index)), v6)? {
            Reverse::Address(address) => self.pointers.of(address),
            Reverse::Network(..) => None,
        }
    }
}
