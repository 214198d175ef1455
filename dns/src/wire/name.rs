//! Names as they are on the wire: labels, each with its length before it, ended by an empty one
//! (RFC 1035, section 3.1).

use std::borrow::Borrow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name, bytes, with all lengths and the end (RFC 1035, section 2.3.4).
pub const LONGEST: usize = 255;
/// The longest label, bytes.
pub const LONGEST_LABEL: usize = 63;

/// A name in lower case, ended by the root.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<[u8]>);

/// A text that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no domain name: labels of 1 to 63 bytes between dots, 253 bytes in all")]
pub struct NameError(String);

impl NameError {
    /// Says that a text is no name.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Name {
    /// The root.
    #[must_use]
    pub fn root() -> Self {
        Self(Box::new([0]))
    }

    /// Reads a name as people write it, with or without a final dot. Any bytes may be in its labels but
    /// dots.
    ///
    /// # Errors
    /// When a label is empty or too long, or the whole is.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let bare = text.strip_suffix('.').unwrap_or(text);
        if bare.is_empty() && text == "." {
            return Ok(Self::root());
        }
        Self::of(bare.split('.').map(str::as_bytes)).ok_or_else(|| NameError(text.to_owned()))
    }

    /// A name made of labels; `None` where one is empty or too long, or the whole is.
    pub fn of<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut bytes = Vec::with_capacity(64);
        for label in labels {
            let length = u8::try_from(label.len()).ok()?;
            if length == 0 || label.len() > LONGEST_LABEL {
                return None;
            }
            bytes.push(length);
            bytes.extend(label.iter().map(u8::to_ascii_lowercase));
        }
        bytes.push(0);
        (bytes.len() <= LONGEST).then(|| Self(bytes.into()))
    }

    /// These labels before that name; `None` where the whole would be too long.
    pub fn below<'a>(labels: impl IntoIterator<Item = &'a [u8]>, parent: &'a Self) -> Option<Self> {
        Self::of(labels.into_iter().chain(parent.labels()))
    }

    /// The whole name at the beginning of these bytes.
    #[must_use]
    pub fn read(wire: &[u8]) -> Option<Self> {
        Labels::read(wire).map(|name| Self(name.wire().into()))
    }

    /// The name of an address in `in-addr.arpa` or `ip6.arpa` (RFC 1035, section 3.5; RFC 3596,
    /// section 2.5).
    #[must_use]
    pub fn reverse(address: IpAddr) -> Self {
        let text = match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(address) => {
                let nibbles = address.octets().into_iter().rev().flat_map(|b| [b & 15, b >> 4]);
                nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
            }
        };
        Self::parse(&text).unwrap_or_else(|_| Self::root())
    }

    /// The bytes, lower case, the root among them.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.0
    }

    /// The labels, from the left.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        labels(&self.0)
    }

    /// Whether it is that name, or below it.
    #[must_use]
    pub fn is_within(&self, parent: &Self) -> bool {
        let mut rest = &*self.0;
        loop {
            if rest == &*parent.0 {
                return true;
            }
            match rest.split_first() {
                Some((&length, after)) if length > 0 => {
                    rest = after.get(usize::from(length)..).unwrap_or_default();
                }
                _ => return false,
            }
        }
    }
}

impl fmt::Display for Name {
    /// As people write it, without a final dot; the root is a dot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(&self.0, f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl std::str::FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

fn display(wire: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut first = true;
    for label in labels(wire) {
        if !std::mem::take(&mut first) {
            f.write_str(".")?;
        }
        for &byte in label {
            match byte {
                b'.' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                0x21..=0x7e => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\{byte:03}")?,
            }
        }
    }
    if first { f.write_str(".") } else { Ok(()) }
}

/// The labels of a name on the wire, as far as it is whole.
pub fn labels(mut wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&length, rest) = wire.split_first()?;
        let label = rest.get(..usize::from(length)).filter(|label| !label.is_empty())?;
        wire = &rest[label.len()..];
        Some(label)
    })
}

/// A name in lower case with the places of its labels, without a heap.
#[derive(Debug, Clone)]
pub struct Labels {
    lower: [u8; LONGEST],
    length: u8,
    /// Where labels begin, the root not counted.
    starts: [u8; LONGEST / 2 + 1],
    count: u8,
}

impl Default for Labels {
    /// The root.
    fn default() -> Self {
        Self { lower: [0; LONGEST], length: 1, starts: [0; LONGEST / 2 + 1], count: 0 }
    }
}

impl Labels {
    /// Reads the name at the beginning of these bytes; `None` where there is no whole one without
    /// pointers.
    #[must_use]
    pub fn read(wire: &[u8]) -> Option<Self> {
        let mut name = Self::default();
        let mut at = 0;
        loop {
            let length = usize::from(*wire.get(at)?);
            if length == 0 {
                break;
            }
            // The root comes behind.
            if length > LONGEST_LABEL || at + length + 2 > LONGEST {
                return None;
            }
            let label = wire.get(at..=at + length)?;
            // A length is below 64, so it is no letter.
            for (lower, byte) in name.lower[at..=at + length].iter_mut().zip(label) {
                *lower = byte.to_ascii_lowercase();
            }
            name.starts[usize::from(name.count)] = u8::try_from(at).ok()?;
            name.count += 1;
            at += length + 1;
        }
        name.length = u8::try_from(at + 1).ok()?;
        Some(name)
    }

    /// The name on the wire, with the root.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.lower[..usize::from(self.length)]
    }

    /// How many labels it has, the root not counted.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// A label, counted from the left from 0.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn label(&self, index: usize) -> &[u8] {
        let start = self.start(index);
        &self.lower[start + 1..=start + usize::from(self.lower[start])]
    }

    /// Where a label begins; the root's place for the one behind the last.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn start(&self, index: usize) -> usize {
        if index == self.count() {
            usize::from(self.length) - 1
        } else {
            usize::from(self.starts[..self.count()][index])
        }
    }

    /// These labels as they are on the wire, with their lengths.
    ///
    /// # Panics
    /// When there is none of them.
    #[must_use]
    pub fn between(&self, from: usize, to: usize) -> &[u8] {
        &self.lower[self.start(from)..self.start(to)]
    }

    /// The name that begins with that label.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn from(&self, index: usize) -> &[u8] {
        &self.wire()[self.start(index)..]
    }

    /// How many labels are before that name, given in lower case, when it is this one's end.
    #[must_use]
    pub fn before(&self, parent: &[u8]) -> Option<usize> {
        let start = usize::from(self.length).checked_sub(parent.len())?;
        if self.wire()[start..] != *parent {
            return None;
        }
        (0..=self.count())
            .rev()
            .find(|index| self.start(*index) <= start)
            .filter(|index| self.start(*index) == start)
    }
}

/// The address that a reverse name says, or the part of one: its bytes from the left, or its
/// nibbles for IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reverse {
    /// A whole address.
    Address(IpAddr),
    /// The network of all addresses below a name that says less: the address with zeros, and the
    /// number of bits that are said.
    Network(IpAddr, u8),
}

/// Reads the labels before `in-addr.arpa` or `ip6.arpa`, given from the left in lower case; `None`
/// when they say no address.
pub fn reverse<'a>(
    labels: impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator,
    v6: bool,
) -> Option<Reverse> {
    let said = labels.len();
    if v6 {
        let mut bits = 0u128;
        if said > 32 {
            return None;
        }
        for (place, label) in labels.rev().enumerate() {
            let nibble = match *label {
                [digit @ b'0'..=b'9'] => digit - b'0',
                [digit @ b'a'..=b'f'] => digit - b'a' + 10,
                _ => return None,
            };
            bits |= u128::from(nibble) << (124 - 4 * place);
        }
        let address = IpAddr::V6(Ipv6Addr::from(bits));
        return Some(match u8::try_from(said * 4) {
            Ok(128) | Err(_) => Reverse::Address(address),
            Ok(length) => Reverse::Network(address, length),
        });
    }
    let mut octets = [0u8; 4];
    if said > 4 {
        return None;
    }
    for (octet, label) in octets.iter_mut().zip(labels.rev()) {
        *octet = decimal(label)?;
    }
    let address = IpAddr::V4(Ipv4Addr::from(octets));
    Some(match said {
        4 => Reverse::Address(address),
        _ => Reverse::Network(address, u8::try_from(said * 8).unwrap_or(32)),
    })
}

/// A number from 0 to 255 without a leading zero: `01` is another name than `1`.
fn decimal(label: &[u8]) -> Option<u8> {
    match *label {
        [b'0', _, ..] | [] | [_, _, _, _, ..] => None,
        _ => label.iter().try_fold(0u8, |number, digit| {
            let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
            number.checked_mul(10)?.checked_add(digit)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_read_and_written() {
        for text in ["a", "web.default.svc.cluster.local", "_http._tcp.x", "."] {
            assert_eq!(Name::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Name::parse("WeB.X.").unwrap().wire(), b"\x03web\x01x\x00");
        for bad in ["", "..", ".a", "a..b", &"x".repeat(64), &"a.".repeat(128)] {
            assert!(Name::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Name::of([b"a.b\0".as_slice()]).unwrap().to_string(), "a\\.b\\000");
    }

    #[test]
    fn a_name_is_within_its_parents_only() {
        let name = |text: &str| Name::parse(text).unwrap();
        assert!(name("a.b.c").is_within(&name("b.c")));
        assert!(name("b.c").is_within(&name("b.c")));
        assert!(name("b.c").is_within(&Name::root()));
        assert!(!name("ab.c").is_within(&name("b.c")));
        assert!(!name("c").is_within(&name("b.c")));
    }

    fn said(text: &str, v6: bool) -> Option<Reverse> {
        let labels: Vec<&[u8]> =
            text.split('.').filter(|l| !l.is_empty()).map(str::as_bytes).collect();
        reverse(labels.into_iter(), v6)
    }

    #[test]
    fn reverse_names_say_addresses_and_networks() {
        let network = |text: &str, length| Some(Reverse::Network(text.parse().unwrap(), length));
        assert_eq!(said("4.3.2.10", false), Some(Reverse::Address(IpAddr::from([10, 2, 3, 4]))));
        assert_eq!(said("2.10", false), network("10.2.0.0", 16));
        assert_eq!(said("", false), network("0.0.0.0", 0));
        assert_eq!(said("2.0.d.f", true), network("fd02::", 16));
        for bad in ["01.2.3.4", "256.1.1.1", "a.1.1.1", "1.2.3.4.5", "1.2.3.0000"] {
            assert_eq!(said(bad, false), None, "{bad}");
        }
        assert_eq!(said("10.2", true), None);
    }

    proptest! {
        #[test]
        fn every_address_has_a_name_of_its_own(v4: [u8; 4], v6: [u8; 16]) {
            for address in [IpAddr::from(v4), IpAddr::from(v6)] {
                let name = Name::reverse(address);
                let labels: Vec<&[u8]> = name.labels().collect();
                let bare = labels[..labels.len() - 2].to_vec();
                let read = reverse(bare.into_iter(), address.is_ipv6());
                prop_assert_eq!(read, Some(Reverse::Address(address)));
            }
        }
    }
}
