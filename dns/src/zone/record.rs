//! Records as bytes (RFC 1035, section 3.2.1). All of ours begin with a pointer as owner, two bytes,
//! so that they can be counted and moved.

use std::net::IpAddr;

use crate::wire::code::{IN, rtype};
use crate::wire::question::HEADER;

/// A pointer to the question's name.
pub const TO_QUESTION: u16 = 0xc000 | HEADER as u16;
/// The first offset that no pointer reaches (RFC 1035, section 4.1.4).
pub const BEYOND_POINTERS: usize = 0x4000;
/// Bytes of a record before its data, with a pointer as owner.
pub const FIXED: usize = 12;
/// Bytes of an `A` record.
pub const A_LENGTH: usize = FIXED + 4;
/// Bytes of an `AAAA` record.
pub const AAAA_LENGTH: usize = FIXED + 16;

/// Writes owner, type, class, TTL and the length of the data.
pub fn push_fixed(out: &mut Vec<u8>, owner: u16, rtype: u16, ttl: u32, length: u16) {
    out.extend_from_slice(&owner.to_be_bytes());
    push_behind_owner(out, rtype, ttl, length);
}

/// Writes the same without the owner, which is there already.
pub fn push_behind_owner(out: &mut Vec<u8>, rtype: u16, ttl: u32, length: u16) {
    out.extend_from_slice(&rtype.to_be_bytes());
    out.extend_from_slice(&IN.to_be_bytes());
    out.extend_from_slice(&ttl.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
}

/// Writes an address as its record, without the owner.
pub fn push_address_behind_owner(out: &mut Vec<u8>, address: IpAddr, ttl: u32) {
    match address {
        IpAddr::V4(address) => {
            push_behind_owner(out, rtype::A, ttl, 4);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            push_behind_owner(out, rtype::AAAA, ttl, 16);
            out.extend_from_slice(&address.octets());
        }
    }
}

/// Writes a record whose data are one name, written whole.
pub fn push_named(out: &mut Vec<u8>, owner: u16, rtype: u16, ttl: u32, name: &[u8]) {
    push_fixed(out, owner, rtype, ttl, name.len() as u16);
    out.extend_from_slice(name);
}

/// Writes a label with its length.
pub fn push_label(out: &mut Vec<u8>, label: &[u8]) {
    debug_assert!(label.len() <= crate::wire::name::LONGEST_LABEL, "labels are checked before");
    out.push(label.len() as u8);
    out.extend_from_slice(label);
}

/// The first of these records, whole; nothing when there is none.
pub fn first(records: &[u8]) -> Option<&[u8]> {
    let length = records.get(FIXED - 2..FIXED)?;
    records.get(..FIXED + usize::from(u16::from_be_bytes([length[0], length[1]])))
}

/// The records one by one.
pub fn each(mut records: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let record = first(records)?;
        records = &records[record.len()..];
        Some(record)
    })
}

/// How many of these records fit into so many bytes, and how many bytes those are.
#[must_use]
pub fn fitting(records: &[u8], room: usize) -> (u16, usize) {
    let mut count = 0;
    let mut length = 0;
    for record in each(records) {
        if length + record.len() > room {
            break;
        }
        count += 1;
        length += record.len();
    }
    (count, length)
}

/// A record's data.
#[must_use]
pub fn data(record: &[u8]) -> &[u8] {
    record.get(FIXED..).unwrap_or_default()
}
