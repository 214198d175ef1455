//! Reading what the kernel sends, leniently.
//!
//! `netlink-packet-route` encodes our requests. It is not used to decode: it refuses a whole
//! message for one attribute it does not understand, and reads dozens that we do not need.
//! Here an attribute that is unknown, short or malformed is passed over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::mac::MacAddr;

const MESSAGE_HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
/// `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER` share the attribute's type field.
const ATTRIBUTE_TYPE: u16 = 0x3fff;

const fn aligned(len: usize) -> usize {
    (len + 3) & !3
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The `u8` at an offset of a message's fixed header.
pub(crate) fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The host-endian `u16` at an offset of a message's fixed header.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_ne_bytes)
}

/// The host-endian `u32` at an offset of a message's fixed header.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_ne_bytes)
}

/// The host-endian `i32` at an offset of a message's fixed header.
pub(crate) fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    array(bytes, at).map(i32::from_ne_bytes)
}

/// One netlink message of a datagram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    pub(crate) payload: &'a [u8],
}

/// The messages of a datagram; a malformed length ends them.
pub(crate) fn frames(mut datagram: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    std::iter::from_fn(move || {
        let len = usize::try_from(u32_at(datagram, 0)?).ok()?;
        let frame = Frame {
            kind: u16_at(datagram, 4)?,
            flags: u16_at(datagram, 6)?,
            sequence: u32_at(datagram, 8)?,
            payload: datagram.get(MESSAGE_HEADER..len)?,
        };
        datagram = datagram.get(aligned(len)..).unwrap_or_default();
        Some(frame)
    })
}

/// One attribute of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute<'a> {
    pub(crate) kind: u16,
    pub(crate) value: &'a [u8],
}

/// The attributes that begin at an offset; a malformed length ends them.
pub(crate) fn attributes(bytes: &[u8], at: usize) -> impl Iterator<Item = Attribute<'_>> {
    let mut rest = bytes.get(at..).unwrap_or_default();
    std::iter::from_fn(move || {
        let len = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & ATTRIBUTE_TYPE;
        let value = rest.get(ATTRIBUTE_HEADER..len)?;
        rest = rest.get(aligned(len)..).unwrap_or_default();
        Some(Attribute { kind, value })
    })
}

impl<'a> Attribute<'a> {
    pub(crate) fn u8(self) -> Option<u8> {
        u8_at(self.value, 0)
    }

    pub(crate) fn flag(self) -> Option<bool> {
        self.u8().map(|v| v != 0)
    }

    pub(crate) fn u16(self) -> Option<u16> {
        u16_at(self.value, 0)
    }

    pub(crate) fn u16_be(self) -> Option<u16> {
        array(self.value, 0).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(self) -> Option<u32> {
        u32_at(self.value, 0)
    }

    pub(crate) fn i32(self) -> Option<i32> {
        i32_at(self.value, 0)
    }

    pub(crate) fn mac(self) -> Option<MacAddr> {
        <[u8; 6]>::try_from(self.value).ok().map(MacAddr)
    }

    pub(crate) fn ip(self) -> Option<IpAddr> {
        match self.value.len() {
            4 => array(self.value, 0).map(|b: [u8; 4]| IpAddr::V4(Ipv4Addr::from(b))),
            16 => array(self.value, 0).map(|b: [u8; 16]| IpAddr::V6(Ipv6Addr::from(b))),
            _ => None,
        }
    }

    /// The text up to its NUL; bytes that are not UTF-8 are replaced.
    pub(crate) fn text(self) -> String {
        String::from_utf8_lossy(self.bytes_to_nul()).into_owned()
    }

    pub(crate) fn bytes_to_nul(self) -> &'a [u8] {
        self.value.split(|b| *b == 0).next().unwrap_or_default()
    }

    pub(crate) fn nested(self) -> impl Iterator<Item = Attribute<'a>> {
        attributes(self.value, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_length_ends_the_list_and_keeps_what_came_before() {
        let good = [6u16.to_ne_bytes(), 1u16.to_ne_bytes(), [7, 8], [0, 0]].concat();
        for bad in [[0u8, 0, 1, 0].as_slice(), &[3, 0, 1, 0], &[200, 0, 1, 0], &[9], &[]] {
            let bytes = [good.as_slice(), bad].concat();
            let kinds: Vec<_> = attributes(&bytes, 0).map(|a| (a.kind, a.value)).collect();
            assert_eq!(kinds, [(1, [7u8, 8].as_slice())]);
        }
    }

    #[test]
    fn a_zero_length_does_not_loop() {
        assert_eq!(frames(&[0; 64]).count(), 0);
        assert_eq!(attributes(&[0; 64], 0).count(), 0);
        assert_eq!(attributes(&[1; 3], 9).count(), 0);
    }
}
