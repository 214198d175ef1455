//! Values as the kernel's registers hold them: one field, or several one after the other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::MacAddr;

/// What the kernel takes at most (`NFT_DATA_VALUE_MAXLEN`).
const MAX: usize = 64;

/// The length that marks a value which grew beyond [`MAX`]: it encodes as nothing, and the kernel
/// refuses it.
const OVERFLOWN: u8 = u8::MAX;

/// Bytes of an interface's name in the kernel.
pub(super) const IFNAMSIZ: usize = 16;

/// A key, a datum or an operand, built field by field:
///
/// ```
/// use pontoon_netlink::nft::{Value, proto};
/// let key = Value::new().ip([10, 96, 0, 1]).proto(proto::TCP).port(80);
/// assert_eq!(key.as_bytes(), [10, 96, 0, 1, 6, 0, 0, 0, 0, 80, 0, 0]);
/// ```
///
/// A single field has its own length; as soon as there are two, each is padded to 32 bits, as in
/// the kernel's registers. A value beyond 64 bytes, the kernel's limit, becomes empty, and what
/// uses it is refused.
#[derive(Clone, Copy)]
pub struct Value {
    length: u8,
    bytes: [u8; MAX],
}

impl Value {
    /// No field yet.
    pub const fn new() -> Self {
        Self { length: 0, bytes: [0; MAX] }
    }

    /// Bytes that are encoded already.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut value = Self::new();
        match value.bytes.get_mut(..bytes.len()) {
            Some(space) => {
                space.copy_from_slice(bytes);
                value.length = u8::try_from(bytes.len()).unwrap_or(OVERFLOWN);
            }
            None => value.length = OVERFLOWN,
        }
        value
    }

    /// The encoded fields.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Adds an IPv4 or IPv6 address, 4 or 16 bytes.
    #[must_use]
    pub fn ip(self, address: impl Into<IpAddr>) -> Self {
        match address.into() {
            IpAddr::V4(address) => self.ipv4(address),
            IpAddr::V6(address) => self.ipv6(address),
        }
    }

    /// Adds an IPv4 address.
    #[must_use]
    pub fn ipv4(self, address: Ipv4Addr) -> Self {
        self.field(&address.octets())
    }

    /// Adds an IPv6 address.
    #[must_use]
    pub fn ipv6(self, address: Ipv6Addr) -> Self {
        self.field(&address.octets())
    }

    /// Adds an Ethernet address.
    #[must_use]
    pub fn mac(self, address: impl Into<[u8; 6]>) -> Self {
        self.field(&address.into())
    }

    /// Adds the number of a transport protocol; see [`proto`].
    #[must_use]
    pub fn proto(self, number: u8) -> Self {
        self.field(&[number])
    }

    /// Adds a transport port.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        self.field(&port.to_be_bytes())
    }

    /// Adds an interface's name, cut to the kernel's 15 bytes.
    #[must_use]
    pub fn ifname(self, name: &str) -> Self {
        let mut field = [0; IFNAMSIZ];
        for (to, from) in field.iter_mut().zip(name.bytes().take(IFNAMSIZ - 1)) {
            *to = from;
        }
        self.field(&field)
    }

    /// Adds a number in the host's byte order: a mark, an interface index, the result of `numgen`
    /// or of a hash.
    #[must_use]
    pub fn number(self, number: u32) -> Self {
        self.field(&number.to_ne_bytes())
    }

    /// Adds a field that is encoded already.
    #[must_use]
    pub fn field(mut self, field: &[u8]) -> Self {
        let is_first = self.length == 0;
        let start = usize::from(self.length).next_multiple_of(4);
        let end = if is_first { field.len() } else { (start + field.len()).next_multiple_of(4) };
        let space = self.bytes.get_mut(start..start + field.len());
        match (space, u8::try_from(end)) {
            (Some(space), Ok(end)) if usize::from(end) <= MAX && self.length != OVERFLOWN => {
                space.copy_from_slice(field);
                self.length = end;
            }
            _ => self.length = OVERFLOWN,
        }
        self
    }
}

impl From<MacAddr> for [u8; 6] {
    fn from(address: MacAddr) -> Self {
        address.0
    }
}

impl Default for Value {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes()).then(self.length.cmp(&other.length))
    }
}

impl std::hash::Hash for Value {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("0x")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Transport protocols by number.
pub mod proto {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// SCTP.
    pub const SCTP: u8 = 132;
}
