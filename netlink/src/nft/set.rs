//! Sets and maps, and the types of their keys and data.

use std::borrow::Cow;
use std::time::Duration;

use super::Name;

/// The type of one field of a key or a datum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// `ipv4_addr`: 4 bytes.
    Ipv4Addr,
    /// `ipv6_addr`: 16 bytes.
    Ipv6Addr,
    /// `ether_addr`: 6 bytes.
    EtherAddr,
    /// `inet_proto`: the number of a transport protocol.
    InetProto,
    /// `inet_service`: a transport port.
    InetService,
    /// `ifname`: the name of an interface.
    IfName,
    /// `mark`: a packet's or a connection's mark, in the host's byte order.
    Mark,
    /// A number in the host's byte order that `numgen` or a hash made. nft has no name for it, so a
    /// set that holds it is listed with `typeof` in place of `type`.
    Number,
}

impl FieldType {
    const ALL: [Self; 8] = [
        Self::Ipv4Addr,
        Self::Ipv6Addr,
        Self::EtherAddr,
        Self::InetProto,
        Self::InetService,
        Self::IfName,
        Self::Mark,
        Self::Number,
    ];

    /// Bytes of the field when it stands alone.
    pub const fn width(self) -> usize {
        match self {
            Self::Ipv4Addr | Self::Mark | Self::Number => 4,
            Self::Ipv6Addr | Self::IfName => 16,
            Self::EtherAddr => 6,
            Self::InetProto => 1,
            Self::InetService => 2,
        }
    }

    /// nft's number for the type (`enum datatypes` of nftables), which the kernel keeps for it.
    const fn number(self) -> u32 {
        match self {
            Self::Number => 4,
            Self::Ipv4Addr => 7,
            Self::Ipv6Addr => 8,
            Self::EtherAddr => 9,
            Self::InetProto => 12,
            Self::InetService => 13,
            Self::Mark => 19,
            Self::IfName => 41,
        }
    }

    /// The field is a number in the host's byte order.
    pub(super) const fn is_host_endian(self) -> bool {
        matches!(self, Self::Mark | Self::Number | Self::IfName)
    }
}

/// Bits that nft gives each field's number in the number of a concatenation.
const TYPE_BITS: u32 = 6;

/// The number by which nft knows a concatenation of fields.
pub(super) fn type_number(fields: &[FieldType]) -> u32 {
    fields.iter().fold(0, |number, field| number << TYPE_BITS | field.number())
}

/// The fields that a number stands for; `None` for a type that this crate never writes.
pub(super) fn fields_of_number(mut number: u32) -> Option<Vec<FieldType>> {
    let mut fields = Vec::new();
    while number != 0 {
        let last = number & ((1 << TYPE_BITS) - 1);
        fields.push(FieldType::ALL.into_iter().find(|field| field.number() == last)?);
        number >>= TYPE_BITS;
    }
    fields.reverse();
    Some(fields)
}

/// Bytes of a key or datum of these fields.
pub(super) fn encoded_len(fields: &[FieldType]) -> usize {
    match fields {
        [single] => single.width(),
        fields => fields.iter().map(|field| field.width().next_multiple_of(4)).sum(),
    }
}

/// What a map gives for a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// A value of these fields.
    Fields(Cow<'static, [FieldType]>),
    /// A verdict.
    Verdict,
}

/// A named set, or a map when it has data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Set {
    /// Its name, unique in its table.
    pub name: Name,
    /// The fields of its key: one, or a concatenation. nft names at most five.
    pub key: Cow<'static, [FieldType]>,
    /// What it maps keys to.
    pub data: Option<DataType>,
    /// Elements are ranges.
    pub interval: bool,
    /// Rules may add elements.
    pub dynamic: bool,
    /// Elements may expire.
    pub expires: bool,
    /// When elements expire that name no time of their own.
    pub timeout: Option<Duration>,
    /// Elements it takes at most. The kernel picks a faster, fixed-size table when it knows this.
    pub size: Option<u32>,
    /// What `nft list` shows as its comment; at most 127 bytes.
    pub comment: Option<Name>,
}

impl Set {
    /// A set of keys.
    pub const fn new(name: &'static str, key: &'static [FieldType]) -> Self {
        Self::with_data(name, key, None)
    }

    const fn with_data(
        name: &'static str,
        key: &'static [FieldType],
        data: Option<DataType>,
    ) -> Self {
        Self {
            name: Cow::Borrowed(name),
            key: Cow::Borrowed(key),
            data,
            interval: false,
            dynamic: false,
            expires: false,
            timeout: None,
            size: None,
            comment: None,
        }
    }

    /// A map from keys to values.
    pub const fn map(
        name: &'static str,
        key: &'static [FieldType],
        data: &'static [FieldType],
    ) -> Self {
        Self::with_data(name, key, Some(DataType::Fields(Cow::Borrowed(data))))
    }

    /// A map from keys to verdicts.
    pub const fn verdict_map(name: &'static str, key: &'static [FieldType]) -> Self {
        Self::with_data(name, key, Some(DataType::Verdict))
    }

    /// The same with ranges for elements. Fields must be in network byte order, which excludes
    /// marks and numbers.
    #[must_use]
    pub const fn with_intervals(mut self) -> Self {
        self.interval = true;
        self
    }

    /// The same, and rules may add to it: up to 65,535 elements, which is what the kernel sets
    /// where nothing is said, or as many as [`Self::with_size`] says.
    #[must_use]
    pub const fn dynamic(mut self) -> Self {
        self.dynamic = true;
        if self.size.is_none() {
            self.size = Some(65_535);
        }
        self
    }

    /// The same, and its elements may name a time after which they expire.
    #[must_use]
    pub const fn expiring(mut self) -> Self {
        self.expires = true;
        self
    }

    /// The same, and its elements expire after `timeout` (milliseconds count) unless they name
    /// another time.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.expires = true;
        self.timeout = Some(timeout);
        self
    }

    /// The same with a limit on its elements.
    #[must_use]
    pub const fn with_size(mut self, size: u32) -> Self {
        self.size = Some(size);
        self
    }

    /// The same with a comment.
    #[must_use]
    pub fn with_comment(mut self, comment: impl Into<Name>) -> Self {
        self.comment = Some(comment.into());
        self
    }

    /// An interval over one field is two elements in the kernel, over several fields one with two
    /// keys.
    pub(super) fn has_split_intervals(&self) -> bool {
        self.interval && self.key.len() == 1
    }
}
