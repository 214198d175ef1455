//! What a rule can read about a packet.

use super::super::Value;

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
    /// A hash of addresses and ports that is the same in both directions, below `modulus`, in the host's byte order.
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

/// Metadata of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetaKey {
    /// Bytes of the packet, host order.
    Length,
    /// The EtherType of what the link layer carries.
    Protocol,
    /// The mark, host order.
    Mark,
    /// The number of the device it came by, host order.
    Iif,
    /// The number of the device it leaves by, host order.
    Oif,
    /// The name of the device it came by.
    IifName,
    /// The name of the device it leaves by.
    OifName,
    /// Tracing is on for it.
    NfTrace,
    /// IPv4 or IPv6 (`NFPROTO_*`).
    NfProto,
    /// The transport protocol.
    L4Proto,
    /// To this host, broadcast, multicast or to another.
    PacketType,
    /// The bridge whose port it came by (family `bridge`).
    BridgeIifName,
    /// The bridge whose port it leaves by (family `bridge`).
    BridgeOifName,
}

impl MetaKey {
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Length => 0,
            Self::Protocol => 1,
            Self::Mark => 3,
            Self::Iif => 4,
            Self::Oif => 5,
            Self::IifName => 6,
            Self::OifName => 7,
            Self::NfTrace => 12,
            Self::NfProto => 15,
            Self::L4Proto => 16,
            Self::BridgeIifName => 17,
            Self::BridgeOifName => 18,
            Self::PacketType => 19,
        }
    }

    const fn width(self) -> usize {
        match self {
            Self::Length | Self::Mark | Self::Iif | Self::Oif => 4,
            Self::Protocol => 2,
            Self::IifName | Self::OifName | Self::BridgeIifName | Self::BridgeOifName => 16,
            Self::NfTrace | Self::NfProto | Self::L4Proto | Self::PacketType => 1,
        }
    }
}

/// Something about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CtKey {
    /// New, established, related, invalid: bits, host order; see [`m::ct_state`](super::m::ct_state).
    State,
    /// 0 when the packet goes the way of the first one, 1 when it is a reply.
    Direction,
    /// Rewritten, confirmed and so on: bits, host order.
    Status,
    /// The mark, host order.
    Mark,
    /// An IPv4 source address.
    SrcIp(Tuple),
    /// An IPv4 destination address.
    DstIp(Tuple),
    /// An IPv6 source address.
    SrcIp6(Tuple),
    /// An IPv6 destination address.
    DstIp6(Tuple),
    /// The transport protocol.
    Protocol(Tuple),
    /// The source port.
    SrcPort(Tuple),
    /// The destination port.
    DstPort(Tuple),
}

impl CtKey {
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::State => 0,
            Self::Direction => 1,
            Self::Status => 2,
            Self::Mark => 3,
            Self::Protocol(_) => 10,
            Self::SrcPort(_) => 11,
            Self::DstPort(_) => 12,
            Self::SrcIp(_) => 19,
            Self::DstIp(_) => 20,
            Self::SrcIp6(_) => 21,
            Self::DstIp6(_) => 22,
        }
    }

    pub(super) const fn tuple(self) -> Option<Tuple> {
        match self {
            Self::State | Self::Direction | Self::Status | Self::Mark => None,
            Self::SrcIp(tuple)
            | Self::DstIp(tuple)
            | Self::SrcIp6(tuple)
            | Self::DstIp6(tuple)
            | Self::Protocol(tuple)
            | Self::SrcPort(tuple)
            | Self::DstPort(tuple) => Some(tuple),
        }
    }

    const fn width(self) -> usize {
        match self {
            Self::Direction | Self::Protocol(_) => 1,
            Self::SrcPort(_) | Self::DstPort(_) => 2,
            Self::State | Self::Status | Self::Mark | Self::SrcIp(_) | Self::DstIp(_) => 4,
            Self::SrcIp6(_) | Self::DstIp6(_) => 16,
        }
    }
}

/// Which of a connection's two address pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tuple {
    /// As the first packet had them, before NAT.
    Original,
    /// As replies have them.
    Reply,
}

impl Tuple {
    pub(super) const fn number(self) -> u8 {
        self as u8
    }
}

/// A question to the routing tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fib {
    /// What is wanted.
    pub result: FibResult,
    /// About the source address in place of the destination.
    pub source: bool,
    /// Only routes by the device that the packet came by.
    pub iif: bool,
    /// Only routes by the device that the packet leaves by.
    pub oif: bool,
    /// With the packet's mark.
    pub mark: bool,
}

impl Fib {
    /// `fib daddr type`
    pub const DADDR_TYPE: Self =
        Self { result: FibResult::AddressType, source: false, iif: false, oif: false, mark: false };
    /// `fib saddr type`
    pub const SADDR_TYPE: Self = Self { source: true, ..Self::DADDR_TYPE };
    /// `fib saddr . iif oif`, 0 where the source would not be routed back
    pub const SADDR_IIF_OIF: Self =
        Self { result: FibResult::Oif, source: true, iif: true, ..Self::DADDR_TYPE };

    pub(super) const fn flags(self) -> u32 {
        let address = if self.source { 1 } else { 2 };
        address | (self.mark as u32) << 2 | (self.iif as u32) << 3 | (self.oif as u32) << 4
    }
}

/// What the routing tables are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FibResult {
    /// The number of the device, host order.
    Oif,
    /// The name of the device.
    OifName,
    /// What kind of address it is; see [`AddressType`].
    AddressType,
}

impl FibResult {
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Oif => 1,
            Self::OifName => 2,
            Self::AddressType => 3,
        }
    }
}

/// Kinds of addresses (`RTN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressType {
    /// Reached by a route.
    Unicast = 1,
    /// This host's own.
    Local = 2,
    /// Broadcast.
    Broadcast = 3,
    /// Multicast.
    Multicast = 5,
}

impl AddressType {
    /// As the register holds it.
    pub fn value(self) -> Value {
        Value::new().number(self as u32)
    }
}
