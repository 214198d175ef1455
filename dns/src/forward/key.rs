//! What tells one question from another, for answers that are kept.

use crate::wire::name::LONGEST;
use crate::wire::question::Query;

/// Bytes behind the name: type and flags.
const BEHIND: usize = 3;

/// A question: name in lower case, type, and the flags that change what an upstream answers. The
/// class is always `IN`.
#[derive(Debug, Clone)]
pub struct Key {
    bytes: [u8; LONGEST + BEHIND],
    length: usize,
}

impl Key {
    /// A query's.
    #[must_use]
    pub fn of(query: &Query<'_>) -> Self {
        let name = query.name.wire();
        let [high, low] = query.rtype.to_be_bytes();
        let flags = [
            query.edns.is_some_and(|edns| edns.dnssec_ok),
            query.checking_disabled(),
            // Without RD an upstream tells only what it has.
            query.recursion_desired(),
        ];
        let flags = flags.into_iter().fold(0, |all, flag| all << 1 | u8::from(flag));
        let mut bytes = [0; LONGEST + BEHIND];
        let length = name.len() + BEHIND;
        bytes[..name.len()].copy_from_slice(name);
        bytes[name.len()..length].copy_from_slice(&[high, low, flags]);
        Self { bytes, length }
    }

    /// The bytes: two questions are the same when theirs are.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::asks;
    use super::*;

    fn key(message: &[u8]) -> Vec<u8> {
        Key::of(&Query::parse(message).unwrap()).bytes().to_vec()
    }

    #[test]
    fn questions_that_are_answered_differently_differ() {
        let plain = asks("a.b", 1, None);
        assert_eq!(key(&plain), key(&asks("A.B", 1, Some(512))), "case and size do not count");
        let mut keys = vec![key(&plain), key(&asks("a.b", 28, None)), key(&asks("a.c", 1, None))];
        let changed = |at: usize, byte: u8| {
            let mut message = asks("a.b", 1, Some(512));
            message[at] = byte;
            key(&message)
        };
        let edns_flags = plain.len() + 7;
        keys.extend([changed(2, 0), changed(3, 0x10), changed(edns_flags, 0x80)]);
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 6);
    }
}
