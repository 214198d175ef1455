//! Expressions that do more than look: NAT, reject, dynamic sets, limits, logs.

use std::time::Duration;

use super::super::Name;
use super::{Expr, Register};

/// IPv4 or IPv6, where a table carries both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NfProto {
    /// IPv4
    Ipv4,
    /// IPv6
    Ipv6,
}

impl NfProto {
    /// `NFPROTO_*`.
    pub const fn number(self) -> u8 {
        match self {
            Self::Ipv4 => 2,
            Self::Ipv6 => 10,
        }
    }

    /// The EtherType of its packets.
    pub const fn ethertype(self) -> u16 {
        match self {
            Self::Ipv4 => 0x0800,
            Self::Ipv6 => 0x86dd,
        }
    }
}

/// Which end [`Nat`] rewrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NatKind {
    /// The source.
    Source,
    /// The destination.
    Destination,
}

/// Rewrites an address, a port or both from registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nat {
    /// Which end.
    pub kind: NatKind,
    /// The kind of address.
    pub family: NfProto,
    /// The register with the new address.
    pub address: Option<Register>,
    /// The register with the new port.
    pub port: Option<Register>,
    /// See [`nat_flags`].
    pub flags: u32,
}

/// A choice of ports from registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    /// The lowest.
    pub min: Register,
    /// The highest, where it is another.
    pub max: Option<Register>,
}

/// How NAT picks addresses and ports (`NF_NAT_RANGE_*`).
pub mod nat_flags {
    /// Choose ports at random.
    pub const RANDOM: u32 = 1 << 2;
    /// The same client gets the same address.
    pub const PERSISTENT: u32 = 1 << 3;
    /// Choose ports at random without a search from a hash, so that parallel flows do not race for
    /// one.
    pub const FULLY_RANDOM: u32 = 1 << 4;
}

/// What the sender of a rejected packet is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reject {
    /// A TCP reset. TCP only.
    TcpReset,
    /// ICMP or ICMPv6 "port unreachable". Families `inet` and `bridge`.
    PortUnreachable,
    /// ICMP or ICMPv6 "host unreachable". Families `inet` and `bridge`.
    HostUnreachable,
    /// ICMP or ICMPv6 "administratively prohibited". Families `inet` and `bridge`.
    AdminProhibited,
    /// ICMP or ICMPv6 "no route". Families `inet` and `bridge`.
    NoRoute,
    /// ICMP, or ICMPv6 in family `ip6`, destination unreachable with this code. One address family
    /// only.
    Icmp(u8),
}

impl Reject {
    /// `NFT_REJECT_*` type and code.
    pub(super) const fn numbers(self) -> (u32, u8) {
        match self {
            Self::Icmp(code) => (0, code),
            Self::TcpReset => (1, 0),
            Self::NoRoute => (2, 0),
            Self::PortUnreachable => (2, 1),
            Self::HostUnreachable => (2, 2),
            Self::AdminProhibited => (2, 3),
        }
    }
}

/// Changes a set from the packet path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dynset {
    /// What it does.
    pub op: DynsetOp,
    /// The set, which must be dynamic.
    pub set: Name,
    /// The key.
    pub key: Register,
    /// What a map gives for the key.
    pub data: Option<Register>,
    /// When the element expires, in place of the set's own time.
    pub timeout: Option<Duration>,
    /// State that each element carries: counters and limits.
    pub exprs: Vec<Expr>,
}

/// What [`Dynset`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DynsetOp {
    /// Add where absent; the time of one that is there runs on.
    Add,
    /// Add, or start the time of one that is there anew.
    Update,
    /// Delete.
    Delete,
}

impl DynsetOp {
    pub(super) const fn number(self) -> u32 {
        self as u32
    }
}

/// A rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    /// So many.
    pub rate: u64,
    /// A second, or other span.
    pub per: LimitUnit,
    /// So many more at once.
    pub burst: u32,
    /// Bytes in place of packets.
    pub bytes: bool,
    /// Match beyond the rate in place of within.
    pub over: bool,
}

/// The span of a [`Limit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitUnit {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl LimitUnit {
    pub(super) const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}

/// Where and how a packet is logged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Log {
    /// Precedes the line; at most 127 bytes.
    pub prefix: Name,
    /// The nflog group that gets it, in place of the kernel log.
    pub group: Option<u16>,
}
