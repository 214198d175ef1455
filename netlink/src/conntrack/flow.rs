//! One tracked connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::uapi::*;
use crate::nfnetlink::{Attribute, Message};

/// A tracked connection, as the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Addresses and ports of the first packet, before NAT.
    pub original: FlowTuple,
    /// Addresses and ports of the replies: source and destination swapped, and as NAT made them.
    pub reply: FlowTuple,
    /// The transport protocol's number.
    pub protocol: u8,
    /// The connection's mark.
    pub mark: u32,
    /// `IPS_*` bits: replied to, assured, source and destination rewritten and so on.
    pub status: u32,
    /// Seconds after which it is forgotten unless more packets come.
    pub expires_in: u32,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowTuple {
    /// From here.
    pub source: IpAddr,
    /// To here.
    pub destination: IpAddr,
    /// From this port; 0 for a protocol without ports.
    pub source_port: u16,
    /// To this port; 0 for a protocol without ports.
    pub destination_port: u16,
}

impl Flow {
    /// The connection in a message of the kernel; `None` for one that is no IP connection.
    pub(super) fn decode(message: &Message<'_>) -> Option<Self> {
        let attribute = |kind| message.attributes().find(kind);
        let number = |kind| attribute(kind).and_then(|found: Attribute<'_>| found.u32_be());
        let original = attribute(CTA_TUPLE_ORIG)?;
        Some(Self {
            original: FlowTuple::decode(&original)?,
            reply: FlowTuple::decode(&attribute(CTA_TUPLE_REPLY)?)?,
            protocol: original
                .nested()
                .find(CTA_TUPLE_PROTO)?
                .nested()
                .find(CTA_PROTO_NUM)?
                .u8()?,
            mark: number(CTA_MARK).unwrap_or_default(),
            status: number(CTA_STATUS).unwrap_or_default(),
            expires_in: number(CTA_TIMEOUT).unwrap_or_default(),
        })
    }

    /// One of its four addresses is this one.
    pub fn involves(&self, address: IpAddr) -> bool {
        [self.original, self.reply]
            .iter()
            .any(|tuple| tuple.source == address || tuple.destination == address)
    }
}

impl FlowTuple {
    fn decode(tuple: &Attribute<'_>) -> Option<Self> {
        let ip = tuple.nested().find(CTA_TUPLE_IP)?;
        let ports = tuple.nested().find(CTA_TUPLE_PROTO)?;
        let address = |v4: u16, v6: u16| {
            let v4 =
                || ip.nested().find(v4).and_then(|found| <[u8; 4]>::try_from(found.value).ok());
            let v6 =
                || ip.nested().find(v6).and_then(|found| <[u8; 16]>::try_from(found.value).ok());
            v4().map(|octets| IpAddr::V4(Ipv4Addr::from(octets)))
                .or_else(|| v6().map(|octets| IpAddr::V6(Ipv6Addr::from(octets))))
        };
        let port =
            |kind| ports.nested().find(kind).and_then(|port| port.u16_be()).unwrap_or_default();
        Some(Self {
            source: address(CTA_IP_V4_SRC, CTA_IP_V6_SRC)?,
            destination: address(CTA_IP_V4_DST, CTA_IP_V6_DST)?,
            source_port: port(CTA_PROTO_SRC_PORT),
            destination_port: port(CTA_PROTO_DST_PORT),
        })
    }
}
