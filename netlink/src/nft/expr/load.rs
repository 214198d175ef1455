//! What a rule can read about a packet.

use super::super::Value;
use super::{CtKey, Fib, FibResult, MetaKey};

/// Something about the packet that goes into a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Load {
    /// Bytes of a header.
    Payload {
        /// Which header.
        header: Header,
        /// Where in it, in bytes.
        offset: u8,
        /// How many bytes.
        length: u8,
    },
    /// Metadata of the packet.
    Meta(MetaKey),
    /// Something about its connection.
    Ct(CtKey),
    /// A number below `modulus`, random, in the host's byte order.
    Random {
        /// The result is below this; at least 1.
        modulus: u32,
        /// Added to the result.
        offset: u32,
    },
    /// A number below `modulus`, counting round, in the host's byte order.
    Increment {
        /// The result is below this; at least 1.
        modulus: u32,
        /// Added to the result.
        offset: u32,
    },
    /// A hash of addresses and ports that is the same in both directions, below `modulus`, in the
    /// host's byte order.
    Symhash {
        /// The result is below this; at least 1.
        modulus: u32,
        /// Added to the result.
        offset: u32,
    },
    /// What the routing tables say.
    Fib(Fib),
    /// A constant, inside a key that is otherwise read from the packet.
    Constant(Value),
}

/// Where header bytes are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Header {
    /// Ethernet.
    Link,
    /// IPv4, IPv6 or ARP.
    Network,
    /// TCP, UDP, SCTP, ICMP.
    Transport,
}

impl Header {
    pub(super) const fn number(self) -> u32 {
        self as u32
    }
}

impl Load {
    /// `ether saddr`
    pub const ETHER_SADDR: Self = Self::payload(Header::Link, 6, 6);
    /// `ether daddr`
    pub const ETHER_DADDR: Self = Self::payload(Header::Link, 0, 6);
    /// `ether type`
    pub const ETHER_TYPE: Self = Self::payload(Header::Link, 12, 2);
    /// `ip saddr`
    pub const IP_SADDR: Self = Self::payload(Header::Network, 12, 4);
    /// `ip daddr`
    pub const IP_DADDR: Self = Self::payload(Header::Network, 16, 4);
    /// `ip protocol`
    pub const IP_PROTOCOL: Self = Self::payload(Header::Network, 9, 1);
    /// `ip6 saddr`
    pub const IP6_SADDR: Self = Self::payload(Header::Network, 8, 16);
    /// `ip6 daddr`
    pub const IP6_DADDR: Self = Self::payload(Header::Network, 24, 16);
    /// `arp saddr ether`, the sender's Ethernet address (ARP for IPv4 over Ethernet)
    pub const ARP_SENDER_MAC: Self = Self::payload(Header::Network, 8, 6);
    /// `arp saddr ip`, the sender's IPv4 address
    pub const ARP_SENDER_IP: Self = Self::payload(Header::Network, 14, 4);
    /// `arp daddr ip`, the address asked for
    pub const ARP_TARGET_IP: Self = Self::payload(Header::Network, 24, 4);
    /// `arp operation`
    pub const ARP_OPERATION: Self = Self::payload(Header::Network, 6, 2);
    /// `th sport`
    pub const SPORT: Self = Self::payload(Header::Transport, 0, 2);
    /// `th dport`
    pub const DPORT: Self = Self::payload(Header::Transport, 2, 2);
    /// `icmpv6 type`, `icmp type`
    pub const ICMP_TYPE: Self = Self::payload(Header::Transport, 0, 1);
    /// `icmpv6 code`, `icmp code`
    pub const ICMP_CODE: Self = Self::payload(Header::Transport, 1, 1);
    /// `meta l4proto`
    pub const L4PROTO: Self = Self::Meta(MetaKey::L4Proto);
    /// `iifname`
    pub const IIFNAME: Self = Self::Meta(MetaKey::IifName);
    /// `oifname`
    pub const OIFNAME: Self = Self::Meta(MetaKey::OifName);

    /// Bytes of a header.
    pub const fn payload(header: Header, offset: u8, length: u8) -> Self {
        Self::Payload { header, offset, length }
    }

    /// `numgen random mod modulus`
    pub const fn random(modulus: u32) -> Self {
        Self::Random { modulus, offset: 0 }
    }

    /// The kernel's name of the expression.
    pub(super) const fn expression(&self) -> &'static str {
        match self {
            Self::Payload { .. } => "payload",
            Self::Meta(_) => "meta",
            Self::Ct(_) => "ct",
            Self::Random { .. } | Self::Increment { .. } => "numgen",
            Self::Symhash { .. } => "hash",
            Self::Fib(_) => "fib",
            Self::Constant(_) => "immediate",
        }
    }

    /// Bytes that it puts into registers.
    pub fn width(&self) -> usize {
        match self {
            Self::Payload { length, .. } => usize::from(*length),
            Self::Meta(key) => key.width(),
            Self::Ct(key) => key.width(),
            Self::Random { .. } | Self::Increment { .. } | Self::Symhash { .. } => 4,
            Self::Fib(fib) => match fib.result {
                FibResult::OifName => 16,
                FibResult::Oif | FibResult::AddressType => 4,
            },
            Self::Constant(value) => value.as_bytes().len(),
        }
    }
}
