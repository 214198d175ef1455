//! The whole zone, for a server that keeps a copy (RFC 5936).

use crate::wire::code::{Rcode, rtype};
use crate::wire::question::Query;
use crate::wire::reply::{Reply, Section, Verdict};
use crate::zone::Zone;
use crate::zone::entry::Under;
use crate::zone::located::Located;
use crate::zone::names::dashed;
use crate::zone::record::{self, TO_QUESTION};
use crate::zone::shape::PodNames;

/// Where a message of the transfer ends and the next begins, bytes.
const FULL: usize = 32 * 1024;

/// All records of the zone in messages, its `SOA` first and last, for a question about its apex.
#[must_use]
pub(super) fn whole(zone: &Zone, query: &Query<'_>) -> Vec<Vec<u8>> {
    let mut messages = Messages { query, done: Vec::new(), records: Vec::new(), count: 0 };
    let shape = zone.shape();
    let origin = shape.origin.wire();
    let mut soa = Vec::new();
    super::negative::push_soa(zone, query, 0, &mut soa);
    messages.add_encoded(origin, &soa);
    let mut own = Vec::new();
    record::push_named(&mut own, TO_QUESTION, rtype::NS, shape.ttl, shape.server().wire());
    messages.add_encoded(origin, &own);
    for &address in &shape.dns_addresses {
        messages.add_address(shape.server().wire(), address, shape.ttl);
    }
    own.clear();
    record::push_fixed(&mut own, TO_QUESTION, rtype::TXT, shape.ttl, 6);
    own.extend_from_slice(super::local::VERSION);
    messages.add_encoded(&[b"\x0bdns-version", origin].concat(), &own);
    for (key, entry) in zone.entries().filter(|(_, entry)| entry.exists()) {
        let bare = [key, b"\x03svc", origin].concat();
        entry.each_name(|labels, under| {
            let mut owner = Vec::with_capacity(bare.len() + 16);
            labels.iter().for_each(|label| record::push_label(&mut owner, label));
            owner.extend_from_slice(&bare);
            match under {
                Under::Bare(entry) => {
                    for records in [entry.addresses().v4, entry.addresses().v6] {
                        messages.add_encoded(&owner, records);
                    }
                    messages.add_encoded(&owner, entry.cname().unwrap_or_default());
                    let ports = entry.ports().map(Located::answers);
                    messages.add_encoded(&owner, ports.unwrap_or_default());
                }
                Under::Endpoint(addresses) => {
                    messages.add_encoded(&owner, addresses.v4);
                    messages.add_encoded(&owner, addresses.v6);
                }
                Under::Port(located) => messages.add_encoded(&owner, located.answers()),
            }
        });
    }
    if shape.pods == PodNames::Verified {
        for (address, namespace) in zone.pods() {
            let mut owner = Vec::new();
            record::push_label(&mut owner, dashed(address).as_bytes());
            owner.extend_from_slice(&[namespace, b"\x03pod", origin].concat());
            messages.add_address(&owner, address, shape.ttl);
        }
    }
    messages.add_encoded(origin, &soa);
    messages.end()
}

struct Messages<'q> {
    query: &'q Query<'q>,
    done: Vec<Vec<u8>>,
    records: Vec<u8>,
    count: u16,
}

impl Messages<'_> {
    /// Adds records that have a pointer as owner, with this one instead. Names in their data are whole,
    /// or point at the question, which every message has.
    fn add_encoded(&mut self, owner: &[u8], records: &[u8]) {
        for record in record::each(records) {
            self.begin_record(owner);
            self.records.extend_from_slice(&record[2..]);
        }
    }

    fn add_address(&mut self, owner: &[u8], address: std::net::IpAddr, ttl: u32) {
        self.begin_record(owner);
        record::push_address_behind_owner(&mut self.records, address, ttl);
    }

    fn begin_record(&mut self, owner: &[u8]) {
        if self.records.len() > FULL {
            self.flush();
        }
        self.records.extend_from_slice(owner);
        self.count += 1;
    }

    fn flush(&mut self) {
        let mut out = Vec::with_capacity(self.records.len() + 300);
        let mut reply = Reply::begin(self.query, usize::from(u16::MAX), &mut out);
        reply.append(Section::Answer, self.count, &self.records);
        reply.finish(Verdict {
            rcode: Rcode::NoError,
            authoritative: true,
            recursion_available: false,
        });
        self.done.push(out);
        self.records.clear();
        self.count = 0;
    }

    fn end(mut self) -> Vec<Vec<u8>> {
        self.flush();
        self.done
    }
}
