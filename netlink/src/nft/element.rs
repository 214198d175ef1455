//! Elements of sets and maps.

use std::time::Duration;

use super::{Name, Value, Verdict};

/// One element of a set or a map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Element {
    /// Its key, or the first of its range.
    pub key: ElementKey,
    /// What the map gives for it.
    pub data: Option<ElementData>,
    /// When it expires after it was added, in a set whose elements expire. Milliseconds count. The
    /// set's own timeout stands in where there is none.
    pub timeout: Option<Duration>,
    /// What `nft list` shows as its comment; at most 127 bytes.
    pub comment: Option<Name>,
}

/// What an element matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ElementKey {
    /// One key.
    Single(Value),
    /// From the first to the last, both included; in a concatenation each field has a range of its
    /// own.
    Range(Value, Value),
    /// Every key that no other element matches (needs Linux 5.13).
    CatchAll,
}

/// What a map gives for a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ElementData {
    /// A value.
    Value(Value),
    /// A decision.
    Verdict(Verdict),
}

impl Element {
    /// An element of a set.
    pub const fn new(key: Value) -> Self {
        Self { key: ElementKey::Single(key), data: None, timeout: None, comment: None }
    }

    /// An element of an interval set: from `first` to `last`, both included.
    pub const fn range(first: Value, last: Value) -> Self {
        Self { key: ElementKey::Range(first, last), data: None, timeout: None, comment: None }
    }

    /// The addresses of a network, in an interval set of one field.
    pub fn network(network: ipnetwork::IpNetwork) -> Self {
        let (first, last) = match network {
            ipnetwork::IpNetwork::V4(network) => {
                (Value::new().ipv4(network.network()), Value::new().ipv4(network.broadcast()))
            }
            ipnetwork::IpNetwork::V6(network) => {
                (Value::new().ipv6(network.network()), Value::new().ipv6(network.broadcast()))
            }
        };
        Self::range(first, last)
    }

    /// The element that matches what no other does.
    pub const fn catch_all() -> Self {
        Self { key: ElementKey::CatchAll, data: None, timeout: None, comment: None }
    }

    /// The same in a map, giving `value`.
    #[must_use]
    pub fn to_value(mut self, value: Value) -> Self {
        self.data = Some(ElementData::Value(value));
        self
    }

    /// The same in a map, giving `verdict`.
    #[must_use]
    pub fn to_verdict(mut self, verdict: Verdict) -> Self {
        self.data = Some(ElementData::Verdict(verdict));
        self
    }

    /// The same, expiring after `timeout`.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The same with a comment.
    #[must_use]
    pub fn with_comment(mut self, comment: impl Into<Name>) -> Self {
        self.comment = Some(comment.into());
        self
    }
}

/// Whether each field of a key lies between those of a range's ends. In a concatenation each field begins
/// at a multiple of four bytes.
#[must_use]
pub fn lies_between<'f>(
    fields: impl IntoIterator<Item = &'f [u8]>,
    from: &[u8],
    to: &[u8],
) -> bool {
    let mut at = 0;
    fields.into_iter().all(|field| {
        let place = at..at + field.len();
        at += field.len().next_multiple_of(4);
        match (from.get(place.clone()), to.get(place)) {
            (Some(from), Some(to)) => from <= field && field <= to,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::lies_between;

    #[test]
    fn each_field_of_a_concatenation_has_a_range_of_its_own() {
        let (from, to) = ([1, 0, 0, 0, 5, 5], [2, 0, 0, 0, 9, 9]);
        let within = |first: u8, second: u8| lies_between([&[first][..], &[second; 2]], &from, &to);
        assert!(within(1, 5) && within(2, 9));
        assert!(!within(0, 7) && !within(3, 7) && !within(1, 4) && !within(2, 10));
        assert!(
            !lies_between([&[1][..], &[7; 2], &[0]], &from, &to),
            "a field more than the ends have"
        );
    }
}
