//! Whether a packet is what a rule tests for. What cannot be read may be so or not.

use pontoon_netlink::filter::{Element, Field, Table, Test};
use pontoon_netlink::nft::{CmpOp, lies_between};

use super::packet::Packet;

/// An answer that need not be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    Maybe,
}

impl Answer {
    fn of(known: bool) -> Self {
        if known { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
        }
    }

    fn inverted(self, inverted: bool) -> Self {
        if inverted { self.not() } else { self }
    }
}

/// Whether the packet passes all tests.
pub(super) fn all(tests: &[Test], packet: &Packet, table: &Table) -> Answer {
    let mut answer = Answer::Yes;
    for test in tests {
        match passes(test, packet, table) {
            Answer::No => return Answer::No,
            Answer::Maybe => answer = Answer::Maybe,
            Answer::Yes => {}
        }
    }
    answer
}

fn passes(test: &Test, packet: &Packet, table: &Table) -> Answer {
    match test {
        Test::Compare { field, mask, op, value } => {
            let found =
                packet.field(field).and_then(|bytes| masked(bytes, mask.as_deref(), value.len()));
            found.map_or(Answer::Maybe, |bytes| Answer::of(holds(*op, &bytes, value)))
        }
        Test::Between { field, from, to, negated } => match packet.field(field) {
            Some(bytes) => Answer::of(from <= &bytes && &bytes <= to).inverted(*negated),
            None => Answer::Maybe,
        },
        Test::Among { key, set, negated } => {
            let Some(key) = key_of(key, packet) else { return Answer::Maybe };
            match table.set(set).and_then(|set| set.elements.as_ref()) {
                Some(elements) => Answer::of(find(elements, &key).is_some()).inverted(*negated),
                None => Answer::Maybe,
            }
        }
        Test::Unreadable(_) => Answer::Maybe,
    }
}

/// As many bytes as are compared.
fn masked(bytes: Vec<u8>, mask: Option<&[u8]>, length: usize) -> Option<Vec<u8>> {
    let mut bytes = bytes.get(..length)?.to_vec();
    for (byte, mask) in bytes.iter_mut().zip(mask.unwrap_or_default()) {
        *byte &= mask;
    }
    Some(bytes)
}

fn holds(op: CmpOp, found: &[u8], value: &[u8]) -> bool {
    match op {
        CmpOp::Eq => found == value,
        CmpOp::Ne => found != value,
        CmpOp::Lt => found < value,
        CmpOp::Le => found <= value,
        CmpOp::Gt => found > value,
        CmpOp::Ge => found >= value,
    }
}

/// The fields one by one, as a key of a set has them.
pub(super) fn key_of(fields: &[Field], packet: &Packet) -> Option<Vec<Vec<u8>>> {
    fields.iter().map(|field| packet.field(field)).collect()
}

/// The element that has a key.
pub(super) fn find<'e>(elements: &'e [Element], key: &[Vec<u8>]) -> Option<&'e Element> {
    let has = |element: &&Element| {
        let fields = || key.iter().map(Vec::as_slice);
        element.keys.as_ref().is_some_and(|(from, to)| lies_between(fields(), from, to))
    };
    elements.iter().find(has).or_else(|| elements.iter().find(|element| element.keys.is_none()))
}
