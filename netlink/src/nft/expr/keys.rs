//! What metadata and connection tracking know about a packet.

/// Metadata of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetaKey {
    /// Bytes of the packet, host order.
    Length,
    /// The EtherType of what the link layer carries.
    Protocol,
    /// The priority, host order: a forwarded IPv4 packet gets one anew from its TOS.
    Priority,
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
            Self::Priority => 2,
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

    pub(super) const fn width(self) -> usize {
        match self {
            Self::Length | Self::Priority | Self::Mark | Self::Iif | Self::Oif => 4,
            Self::Protocol => 2,
            Self::IifName | Self::OifName | Self::BridgeIifName | Self::BridgeOifName => 16,
            Self::NfTrace | Self::NfProto | Self::L4Proto | Self::PacketType => 1,
        }
    }
}

/// Something about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CtKey {
    /// New, established, related, invalid: bits, host order; see
    /// [`m::ct_state`](super::m::ct_state).
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

    pub(super) const fn width(self) -> usize {
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
