//! Which connections are meant.

use std::net::IpAddr;

use super::uapi::*;
use super::{Flow, FlowTuple};
use crate::nfnetlink::MessageBuffer;

/// Which connections are meant: those for which everything holds that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    involving: Option<Vec<IpAddr>>,
    original: Endpoints,
    reply: Endpoints,
    protocol: Option<u8>,
}

/// An address, a port or both, of one end of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// This address.
    pub address: Option<IpAddr>,
    /// This port.
    pub port: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Endpoints {
    source: Endpoint,
    destination: Endpoint,
}

impl Filter {
    /// Every connection.
    pub fn all() -> Self {
        Self::default()
    }

    /// Connections that have one of the addresses on either end, before or after NAT. None, if
    /// there is no address.
    pub fn involving(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut addresses: Vec<IpAddr> = addresses.into_iter().collect();
        addresses.sort_unstable();
        Self { involving: Some(addresses), ..Self::default() }
    }

    /// Only of this transport protocol; see [`proto`](crate::nft::proto).
    #[must_use]
    pub fn protocol(mut self, protocol: u8) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Only those that were started from here.
    #[must_use]
    pub fn original_source(mut self, endpoint: impl Into<Endpoint>) -> Self {
        self.original.source = endpoint.into();
        self
    }

    /// Only those that were started towards here: a service's address, where it is one.
    #[must_use]
    pub fn original_destination(mut self, endpoint: impl Into<Endpoint>) -> Self {
        self.original.destination = endpoint.into();
        self
    }

    /// Only those that are answered from here: a service's endpoint, where it went to one.
    #[must_use]
    pub fn reply_source(mut self, endpoint: impl Into<Endpoint>) -> Self {
        self.reply.source = endpoint.into();
        self
    }

    /// Only those that are answered towards here: the masqueraded address, where there is one.
    #[must_use]
    pub fn reply_destination(mut self, endpoint: impl Into<Endpoint>) -> Self {
        self.reply.destination = endpoint.into();
        self
    }

    /// The connection is meant.
    pub fn matches(&self, flow: &Flow) -> bool {
        let is_involved = |addresses: &Vec<IpAddr>| {
            [
                flow.original.source,
                flow.original.destination,
                flow.reply.source,
                flow.reply.destination,
            ]
            .iter()
            .any(|address| addresses.binary_search(address).is_ok())
        };
        self.protocol.is_none_or(|protocol| protocol == flow.protocol)
            && self.original.matches(&flow.original)
            && self.reply.matches(&flow.reply)
            && self.involving.as_ref().is_none_or(is_involved)
    }

    /// No connection can be meant.
    pub(super) fn is_empty(&self) -> bool {
        self.involving.as_ref().is_some_and(Vec::is_empty)
    }

    /// The address family of all that is meant, 0 for both: the kernel skips the other.
    pub(super) fn family(&self) -> u8 {
        let fixed = [self.original, self.reply]
            .into_iter()
            .flat_map(|ends| [ends.source.address, ends.destination.address])
            .flatten()
            .next();
        let family = |address: &IpAddr| if address.is_ipv4() { AF_INET } else { AF_INET6 };
        match (fixed, self.involving.as_deref()) {
            (Some(address), _) => family(&address),
            (None, Some([first, rest @ ..])) => {
                let first = family(first);
                if rest.iter().all(|address| family(address) == first) { first } else { 0 }
            }
            (None, _) => 0,
        }
    }

    /// Has the kernel leave out of a dump what is not meant (Linux 5.8; older ones send all). Not
    /// exact: what comes must be looked at again.
    pub(super) fn encode(&self, out: &mut MessageBuffer) {
        let original = self.original.flags(self.protocol);
        let reply = self.reply.flags(None);
        if original | reply == 0 || self.family() == 0 {
            return;
        }
        self.original.encode(CTA_TUPLE_ORIG, self.protocol, original, out);
        self.reply.encode(CTA_TUPLE_REPLY, None, reply, out);
        out.nested(CTA_FILTER, |out| {
            out.bytes(CTA_FILTER_ORIG_FLAGS, &original.to_ne_bytes());
            out.bytes(CTA_FILTER_REPLY_FLAGS, &reply.to_ne_bytes());
        });
    }
}

impl Endpoints {
    fn matches(&self, tuple: &FlowTuple) -> bool {
        self.source.matches(tuple.source, tuple.source_port)
            && self.destination.matches(tuple.destination, tuple.destination_port)
    }

    /// `CTA_FILTER_F_*`. The kernel compares ports only beside a protocol.
    fn flags(&self, protocol: Option<u8>) -> u32 {
        let mut flags = 0;
        for (is_set, flag) in [
            (self.source.address.is_some(), CTA_FILTER_F_IP_SRC),
            (self.destination.address.is_some(), CTA_FILTER_F_IP_DST),
            (protocol.is_some(), CTA_FILTER_F_PROTO_NUM),
            (protocol.is_some() && self.source.port.is_some(), CTA_FILTER_F_SRC_PORT),
            (protocol.is_some() && self.destination.port.is_some(), CTA_FILTER_F_DST_PORT),
        ] {
            if is_set {
                flags |= flag;
            }
        }
        flags
    }

    fn encode(&self, kind: u16, protocol: Option<u8>, flags: u32, out: &mut MessageBuffer) {
        if flags == 0 {
            return;
        }
        out.nested(kind, |out| {
            out.nested(CTA_TUPLE_IP, |out| {
                encode_address(self.source.address, CTA_IP_V4_SRC, CTA_IP_V6_SRC, out);
                encode_address(self.destination.address, CTA_IP_V4_DST, CTA_IP_V6_DST, out);
            });
            let Some(protocol) = protocol else { return };
            out.nested(CTA_TUPLE_PROTO, |out| {
                out.u8(CTA_PROTO_NUM, protocol);
                out.u16_be(CTA_PROTO_SRC_PORT, self.source.port.unwrap_or_default());
                out.u16_be(CTA_PROTO_DST_PORT, self.destination.port.unwrap_or_default());
            });
        });
    }
}

fn encode_address(address: Option<IpAddr>, v4: u16, v6: u16, out: &mut MessageBuffer) {
    match address {
        Some(IpAddr::V4(address)) => out.bytes(v4, &address.octets()),
        Some(IpAddr::V6(address)) => out.bytes(v6, &address.octets()),
        None => {}
    }
}

impl Endpoint {
    fn matches(&self, address: IpAddr, port: u16) -> bool {
        self.address.is_none_or(|wanted| wanted == address)
            && self.port.is_none_or(|wanted| wanted == port)
    }
}

impl From<IpAddr> for Endpoint {
    fn from(address: IpAddr) -> Self {
        Self { address: Some(address), port: None }
    }
}

impl From<u16> for Endpoint {
    fn from(port: u16) -> Self {
        Self { address: None, port: Some(port) }
    }
}

impl From<std::net::SocketAddr> for Endpoint {
    fn from(endpoint: std::net::SocketAddr) -> Self {
        Self { address: Some(endpoint.ip()), port: Some(endpoint.port()) }
    }
}
