//! Start of authority (RFC 1035, section 3.3.13): what a zone says of itself, and beside every answer
//! that says there is nothing (RFC 2308).

use crate::wire::code::{Rcode, rtype};
use crate::wire::name::Labels;
use crate::wire::question::{HEADER, Query};
use crate::wire::reply::{Reply, Section};
use crate::zone::Zone;
use crate::zone::record;

/// For servers that keep a copy of the zone, seconds: how often they look, how soon again after a
/// failure, how long they answer without hearing of us. CoreDNS says the same.
const REFRESH: u32 = 7200;
const RETRY: u32 = 1800;
const EXPIRE: u32 = 86_400;

/// A pointer to where a label of the question begins.
fn pointer_to(name: &Labels, label: usize) -> u16 {
    0xc000 | (HEADER + name.start(label)) as u16
}

/// Appends the `SOA` record of the zone that begins at a label of the question.
pub(super) fn push_soa(zone: &Zone, query: &Query<'_>, label: usize, out: &mut Vec<u8>) {
    let shape = zone.shape();
    let owner = pointer_to(&query.name, label);
    record::push_fixed(out, owner, rtype::SOA, shape.ttl, 0);
    let data = out.len();
    if query.name.from(label) == shape.origin.wire() {
        out.extend_from_slice(b"\x02ns\x03dns");
        out.extend_from_slice(&owner.to_be_bytes());
        out.extend_from_slice(b"\x0ahostmaster");
        out.extend_from_slice(&owner.to_be_bytes());
    } else {
        out.extend_from_slice(shape.server().wire());
        out.extend_from_slice(shape.mailbox().wire());
    }
    for number in [zone.serial(), REFRESH, RETRY, EXPIRE, shape.ttl] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    let length = (out.len() - data) as u16;
    out[data - 2..data].copy_from_slice(&length.to_be_bytes());
}

/// Ends an answer that has no records.
pub(super) fn finish(
    zone: &Zone,
    query: &Query<'_>,
    label: usize,
    rcode: Rcode,
    recursion_available: bool,
    mut reply: Reply<'_, '_>,
) {
    reply.append_with(Section::Authority, 1, |out| push_soa(zone, query, label, out));
    reply.finish(crate::wire::reply::Verdict { rcode, authoritative: true, recursion_available });
}
