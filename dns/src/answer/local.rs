//! What the zone knows, at once: no waiting, and no memory but the answer's.

use rand::RngExt;

use super::negative;
use crate::wire::code::{Rcode, rtype};
use crate::wire::question::Query;
use crate::wire::reply::{Reply, Section, Verdict};
use crate::zone::Zone;
use crate::zone::entry::{AddressBlock, Addresses, Entry};
use crate::zone::located::Located;
use crate::zone::lookup::{Found, Kind};
use crate::zone::record::{self, A_LENGTH, AAAA_LENGTH, TO_QUESTION};

/// The version of the Kubernetes DNS specification that is followed, as `TXT` has it.
pub(super) const VERSION: &[u8] = b"\x051.1.0";

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is answered.
    Answered,
    /// The name is none of ours.
    Elsewhere,
    /// The name stands for another, which is to be followed.
    Alias,
}

/// An answer that is about our names.
#[derive(Debug, Clone, Copy)]
pub struct Local<'z, 'q> {
    /// All that is known.
    pub zone: &'z Zone,
    /// The question.
    pub query: &'q Query<'q>,
    /// The largest message that the client takes, bytes.
    pub limit: usize,
    /// Whether names elsewhere are asked for.
    pub recursion_available: bool,
}

/// The records that one name has of one type.
enum Records<'z> {
    /// Those of addresses, to be given in any order.
    Mixed(&'z [u8], usize),
    /// In this order.
    Fixed(&'z [u8]),
    Ports(Located<'z>),
    None,
    Alias,
}

impl<'z> Local<'z, '_> {
    /// Answers, if what was found is all that is needed.
    pub fn answer(&self, found: &Found<'z>, out: &mut Vec<u8>) -> Outcome {
        match *found {
            Found::Elsewhere => Outcome::Elsewhere,
            Found::Nothing(zone) => {
                self.nothing(zone, Rcode::NxDomain, out);
                Outcome::Answered
            }
            Found::Name(ref kind, zone) => self.name(kind, zone, out),
        }
    }

    /// There is no such name, or no such record of it.
    pub fn nothing(&self, zone: usize, rcode: Rcode, out: &mut Vec<u8>) {
        let reply = self.begin(out);
        negative::finish(self.zone, self.query, zone, rcode, self.recursion_available, reply);
    }

    /// The zone's start of authority, for a question about its apex.
    pub(super) fn authority(&self, out: &mut Vec<u8>) {
        self.one(out, |out| negative::push_soa(self.zone, self.query, 0, out));
    }

    fn begin<'a>(&'a self, out: &'a mut Vec<u8>) -> Reply<'a, 'a> {
        Reply::begin(self.query, self.limit, out)
    }

    fn finish(&self, reply: Reply<'_, '_>) -> Outcome {
        reply.finish(Verdict {
            rcode: Rcode::NoError,
            authoritative: true,
            recursion_available: self.recursion_available,
        });
        Outcome::Answered
    }

    fn name(&self, kind: &Kind<'z>, zone: usize, out: &mut Vec<u8>) -> Outcome {
        let shape = self.zone.shape();
        let query = self.query;
        if query.rtype == rtype::ANY && !matches!(kind, Kind::Empty) {
            return self.one(out, |out| {
                record::push_fixed(out, TO_QUESTION, rtype::HINFO, shape.ttl, 9);
                out.extend_from_slice(b"\x07RFC8482\x00");
            });
        }
        let records = match (kind, query.rtype) {
            (Kind::Address(address), rtype::A) if address.is_ipv4() => {
                return self.addresses_alone(&[*address], out);
            }
            (Kind::Address(address), rtype::AAAA) if address.is_ipv6() => {
                return self.addresses_alone(&[*address], out);
            }
            (Kind::Server, rtype::A | rtype::AAAA) => {
                let v4 = query.rtype == rtype::A;
                let of_type = shape.dns_addresses.iter().filter(|ip| ip.is_ipv4() == v4);
                let addresses: Vec<_> = of_type.copied().collect();
                if !addresses.is_empty() {
                    return self.addresses_alone(&addresses, out);
                }
                Records::None
            }
            (Kind::Apex, rtype::SOA) => {
                return self.one(out, |out| negative::push_soa(self.zone, query, zone, out));
            }
            (Kind::Apex, rtype::NS) => return self.name_server(out),
            (Kind::Version, rtype::TXT) => {
                return self.one(out, |out| {
                    record::push_fixed(out, TO_QUESTION, rtype::TXT, shape.ttl, 6);
                    out.extend_from_slice(VERSION);
                });
            }
            _ => records(kind, query.rtype),
        };
        match records {
            Records::None => self.nothing(zone, Rcode::NoError, out),
            Records::Alias => return Outcome::Alias,
            Records::Ports(located) => return self.ports(located, out),
            Records::Fixed(bytes) => {
                let mut reply = self.begin(out);
                append_fitting(&mut reply, bytes);
                return self.finish(reply);
            }
            Records::Mixed(bytes, length) => {
                let mut reply = self.begin(out);
                append_mixed(&mut reply, bytes, length, TO_QUESTION);
                return self.finish(reply);
            }
        }
        Outcome::Answered
    }

    fn one(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Outcome {
        let mut reply = self.begin(out);
        reply.append_with(Section::Answer, 1, write);
        self.finish(reply)
    }

    fn addresses_alone(&self, addresses: &[std::net::IpAddr], out: &mut Vec<u8>) -> Outcome {
        let mut reply = self.begin(out);
        for &address in addresses {
            reply.append_with(Section::Answer, 1, |out| {
                out.extend_from_slice(&TO_QUESTION.to_be_bytes());
                record::push_address_behind_owner(out, address, self.zone.shape().ttl);
            });
        }
        self.finish(reply)
    }

    /// The zone's name server, with its addresses.
    fn name_server(&self, out: &mut Vec<u8>) -> Outcome {
        let shape = self.zone.shape();
        let mut reply = self.begin(out);
        let server = reply.position() + record::FIXED;
        reply.append_with(Section::Answer, 1, |out| {
            record::push_named(out, TO_QUESTION, rtype::NS, shape.ttl, shape.server().wire());
        });
        for &address in &shape.dns_addresses {
            reply.append_with(Section::Additional, 1, |out| {
                out.extend_from_slice(&(0xc000 | server as u16).to_be_bytes());
                record::push_address_behind_owner(out, address, shape.ttl);
            });
        }
        self.finish(reply)
    }

    fn ports(&self, located: Located<'_>, out: &mut Vec<u8>) -> Outcome {
        let mut reply = self.begin(out);
        let whole = append_fitting(&mut reply, located.answers());
        if located.cut {
            reply.truncate();
        } else if whole {
            // What will be asked for next may be left out (RFC 2181, section 9).
            reply.append(Section::Additional, located.additional, located.addresses());
        }
        self.finish(reply)
    }

    /// Answers with another name of ours: by a `CNAME`, and what that has.
    pub(super) fn through(
        &self,
        target: &[u8],
        kind: &Kind<'z>,
        zone: usize,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let ttl = self.zone.shape().ttl;
        let owned;
        let (bytes, length) = match (records(kind, self.query.rtype), kind) {
            (Records::Mixed(bytes, length), _) => (bytes, length),
            (Records::None, Kind::Address(address)) => {
                owned = AddressBlock::encode(&[*address], ttl);
                match self.query.rtype {
                    rtype::A => (owned.records().v4, A_LENGTH),
                    _ => (owned.records().v6, AAAA_LENGTH),
                }
            }
            (Records::None, Kind::Server) => {
                owned = AddressBlock::encode(&self.zone.shape().dns_addresses, ttl);
                match self.query.rtype {
                    rtype::A => (owned.records().v4, A_LENGTH),
                    _ => (owned.records().v6, AAAA_LENGTH),
                }
            }
            (Records::None, _) => (&[][..], 1),
            _ => return Outcome::Alias,
        };
        if bytes.is_empty() {
            self.nothing(zone, Rcode::NoError, out);
            return Outcome::Answered;
        }
        let mut reply = self.begin(out);
        let at = reply.position() + record::FIXED;
        let fits = reply.append_with(Section::Answer, 1, |out| {
            record::push_named(out, TO_QUESTION, rtype::CNAME, ttl, target);
        });
        if fits {
            append_mixed(&mut reply, bytes, length, 0xc000 | at as u16);
        } else {
            reply.truncate();
        }
        self.finish(reply)
    }
}

/// The encoded records of a name that are of that type.
fn records<'z>(kind: &Kind<'z>, wanted: u16) -> Records<'z> {
    match *kind {
        Kind::Service(entry) => service(entry, wanted),
        Kind::Addresses(addresses) => of_addresses(addresses, wanted),
        Kind::Port(located) if wanted == rtype::SRV => Records::Ports(located),
        Kind::Pointers(bytes) if wanted == rtype::PTR => Records::Fixed(bytes),
        _ => Records::None,
    }
}

fn service(entry: &Entry, wanted: u16) -> Records<'_> {
    match (entry.cname(), wanted) {
        (Some(record), rtype::CNAME) => Records::Fixed(record),
        (Some(_), _) => Records::Alias,
        (None, rtype::SRV) => entry.ports().map_or(Records::None, Records::Ports),
        (None, _) => of_addresses(entry.addresses(), wanted),
    }
}

fn of_addresses(addresses: Addresses<'_>, wanted: u16) -> Records<'_> {
    match wanted {
        rtype::A if !addresses.v4.is_empty() => Records::Mixed(addresses.v4, A_LENGTH),
        rtype::AAAA if !addresses.v6.is_empty() => Records::Mixed(addresses.v6, AAAA_LENGTH),
        _ => Records::None,
    }
}

/// Appends as many of these answers as fit; says whether all did.
fn append_fitting(reply: &mut Reply<'_, '_>, bytes: &[u8]) -> bool {
    let (count, length) = record::fitting(bytes, reply.room());
    reply.append(Section::Answer, count, &bytes[..length]);
    let whole = length == bytes.len();
    if !whole {
        reply.truncate();
    }
    whole
}

/// Appends records of one length each, as many as fit, any of them first: clients take the first.
fn append_mixed(reply: &mut Reply<'_, '_>, bytes: &[u8], length: usize, owner: u16) {
    let count = bytes.len() / length;
    let fitting = count.min(reply.room() / length);
    let from = reply.position();
    if count == 1 && fitting == 1 {
        reply.append(Section::Answer, 1, bytes);
    } else {
        let mut random = rand::rng();
        // Those that do not fit are others each time.
        let first = random.random_range(0..count);
        for index in 0..fitting {
            let at = (first + index) % count * length;
            reply.append(Section::Answer, 1, &bytes[at..at + length]);
        }
        let records = reply.patch(from);
        for index in (1..fitting).rev() {
            swap(records, length, index, random.random_range(0..=index));
        }
        if fitting < count {
            reply.truncate();
        }
    }
    if owner != TO_QUESTION {
        for record in reply.patch(from).chunks_exact_mut(length) {
            record[..2].copy_from_slice(&owner.to_be_bytes());
        }
    }
}

/// Swaps two records of one length each, the second not behind the first.
fn swap(records: &mut [u8], length: usize, a: usize, b: usize) {
    let (head, tail) = records.split_at_mut(a * length);
    if a != b {
        head[b * length..][..length].swap_with_slice(&mut tail[..length]);
    }
}
