//! The names of a service, encoded: records as they go out, behind a question of known length.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pontoon_model::service::Protocol;

use super::located::{Located, locate};
use super::names::{PortNames, ServiceNames};
use super::packed::{self, Parts};
use super::record::{self, TO_QUESTION};
use super::shape::Shape;
use crate::wire::code::rtype;
use crate::wire::name::LONGEST;

/// What is under `service.namespace.svc`, in one [block](super::packed) of these parts:
///
/// | part | what it is |
/// | --- | --- |
/// | [`ADDRESSES`] | what the bare name leads to, an [`AddressBlock`] |
/// | [`CNAME`] | the record of the bare name that stands for another |
/// | [`PORTS`] | `SRV` records of all ports, [`Located`] |
/// | [`NAMED_PORTS`] | a block: protocol, name and its length, [`Located`]; sorted by the former |
/// | [`ENDPOINTS`] | a block: label and its length, [`AddressBlock`]; sorted by the label |
/// | [`CLUSTER_IP`] | not empty when the bare name is the name of its addresses |
#[derive(Debug)]
pub struct Entry(Box<[u8]>);

const ADDRESSES: usize = 0;
const CNAME: usize = 1;
const PORTS: usize = 2;
const NAMED_PORTS: usize = 3;
const ENDPOINTS: usize = 4;
const CLUSTER_IP: usize = 5;
const PARTS: usize = 6;

/// Addresses as records, `A` and `AAAA`, their owner a pointer to the question.
#[derive(Debug, Clone, Copy, Default)]
pub struct Addresses<'a> {
    /// The `A` records.
    pub v4: &'a [u8],
    /// The `AAAA` records.
    pub v6: &'a [u8],
}

/// The same as bytes: the length of the `A` records, they, the `AAAA` records.
#[derive(Debug, Default)]
pub struct AddressBlock(Box<[u8]>);

impl AddressBlock {
    /// The records of these addresses.
    #[must_use]
    pub fn encode(addresses: &[IpAddr], ttl: u32) -> Self {
        let mut bytes = Vec::new();
        let of = |is_v4: bool| addresses.iter().filter(move |address| address.is_ipv4() == is_v4);
        packed::push_number(&mut bytes, of(true).count() * record::A_LENGTH);
        for &address in of(true).chain(of(false)) {
            bytes.extend_from_slice(&TO_QUESTION.to_be_bytes());
            record::push_address_behind_owner(&mut bytes, address, ttl);
        }
        Self(bytes.into())
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> Addresses<'_> {
        Addresses::of(&self.0)
    }
}

impl<'a> Addresses<'a> {
    fn of(block: &'a [u8]) -> Self {
        let (length, records) = packed::number(block);
        let (v4, v6) = records.split_at_checked(length).unwrap_or_default();
        Self { v4, v6 }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// The addresses.
    pub fn iter(self) -> impl Iterator<Item = IpAddr> + 'a {
        let v4 = record::each(self.v4).filter_map(|record| {
            record::data(record).first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets).into())
        });
        v4.chain(record::each(self.v6).filter_map(|record| {
            record::data(record).first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).into())
        }))
    }
}

impl Entry {
    /// Encodes the names of the service of these labels.
    #[must_use]
    pub fn encode(key: &[u8], names: &ServiceNames, shape: &Shape) -> Self {
        let ServiceNames { addresses, has_cluster_ip, external, endpoints, ports } = names;
        let bare = bare_name(key, shape);
        let mut cname = Vec::new();
        if let Some(target) = external {
            record::push_named(&mut cname, TO_QUESTION, rtype::CNAME, shape.ttl, target.wire());
        }
        let locate = |question: usize, ports: &[&PortNames]| {
            locate(question, &bare, names, ports, shape.ttl)
        };
        let all: Vec<&PortNames> = ports.iter().collect();
        let mut named: Vec<&PortNames> =
            ports.iter().filter(|port| !port.name.is_empty()).collect();
        named.sort_by_key(|port| (port.protocol, port.name.as_bytes()));
        let named = named.into_iter().filter_map(|port| {
            let question = bare.len() + length_of_labels(port);
            let located = locate(question, &[port]).filter(|_| question <= LONGEST)?;
            let mut item = vec![port.protocol as u8];
            push_short(&mut item, port.name.as_bytes());
            Some([item, located].concat())
        });
        let endpoints = endpoints.chunk_by(|(a, _), (b, _)| a == b);
        let endpoints = endpoints.filter(|same| fits(&same[0].0, &bare)).map(|same| {
            let addresses: Vec<IpAddr> = same.iter().map(|(_, address)| *address).collect();
            let mut item = Vec::new();
            push_short(&mut item, same[0].0.as_bytes());
            item.extend_from_slice(&AddressBlock::encode(&addresses, shape.ttl).0);
            item
        });
        let mut parts: [Vec<u8>; PARTS] = Default::default();
        parts[ADDRESSES] = AddressBlock::encode(addresses, shape.ttl).0.into();
        parts[CNAME] = cname;
        parts[PORTS] = locate(bare.len(), &all).unwrap_or_default();
        parts[NAMED_PORTS] = packed::pack(&named.collect::<Vec<_>>());
        parts[ENDPOINTS] = packed::pack(&endpoints.collect::<Vec<_>>());
        parts[CLUSTER_IP] = vec![1; usize::from(*has_cluster_ip)];
        Self(packed::pack(&parts).into())
    }

    fn part(&self, index: usize) -> &[u8] {
        Parts::of(&self.0).part(index)
    }

    /// What the bare name leads to.
    #[must_use]
    pub fn addresses(&self) -> Addresses<'_> {
        Addresses::of(self.part(ADDRESSES))
    }

    /// The bare name is the name of those addresses.
    #[must_use]
    pub fn has_cluster_ip(&self) -> bool {
        !self.part(CLUSTER_IP).is_empty()
    }

    /// The `CNAME` record of the bare name.
    #[must_use]
    pub fn cname(&self) -> Option<&[u8]> {
        Some(self.part(CNAME)).filter(|record| !record.is_empty())
    }

    /// All ports, at the bare name.
    #[must_use]
    pub fn ports(&self) -> Option<Located<'_>> {
        Located::of(self.part(PORTS))
    }

    /// Whether its names exist: those of a headless service that nobody is ready for do not.
    #[must_use]
    pub fn exists(&self) -> bool {
        !self.addresses().is_empty() || self.cname().is_some() || self.has_cluster_ip()
    }

    fn endpoints(&self) -> Parts<'_> {
        Parts::of(self.part(ENDPOINTS))
    }

    fn named_ports(&self) -> Parts<'_> {
        Parts::of(self.part(NAMED_PORTS))
    }

    /// The endpoints of this label, in lower case.
    #[must_use]
    pub fn endpoint(&self, label: &[u8]) -> Option<Addresses<'_>> {
        let found = self.endpoints().find(|item| take_short(item).0.cmp(label))?;
        Some(endpoint(found).1)
    }

    /// The port that these labels name, `_http` and `_tcp`, in lower case.
    #[must_use]
    pub fn port(&self, name: &[u8], protocol: &[u8]) -> Option<Located<'_>> {
        let wanted = (protocol_of(protocol)?, name.strip_prefix(b"_")?);
        let found = self.named_ports().find(|item| match named_port(item) {
            Some((protocol, name, _)) => (protocol, name).cmp(&wanted),
            None => std::cmp::Ordering::Less,
        });
        Some(named_port(found?)?.2)
    }

    /// Whether a port of that protocol, `_tcp`, has a name.
    #[must_use]
    pub fn has_port_of(&self, protocol: &[u8]) -> bool {
        protocol_of(protocol).is_some_and(|protocol| {
            self.named_ports().iter().filter_map(named_port).any(|(own, ..)| own == protocol)
        })
    }

    /// Calls back with each address that has a name here, and the name on the wire.
    pub fn each_pointer(&self, key: &[u8], shape: &Shape, mut each: impl FnMut(IpAddr, &[u8])) {
        let bare = bare_name(key, shape);
        if self.has_cluster_ip() {
            self.addresses().iter().for_each(|address| each(address, &bare));
        }
        for (label, addresses) in self.endpoints().iter().map(endpoint) {
            let name = below(label, &bare);
            addresses.iter().for_each(|address| each(address, &name));
        }
    }

    /// Calls back with each of the names, its labels before the service's, and its records.
    pub fn each_name<'a>(&'a self, mut each: impl FnMut(&[&[u8]], Under<'a>)) {
        each(&[], Under::Bare(self));
        for (label, addresses) in self.endpoints().iter().map(endpoint) {
            each(&[label], Under::Endpoint(addresses));
        }
        for (protocol, name, located) in self.named_ports().iter().filter_map(named_port) {
            let name = [b"_", name].concat();
            each(&[&name, label_of(protocol)], Under::Port(located));
        }
    }
}

/// Writes bytes that are no more than a name is, and their length.
fn push_short(out: &mut Vec<u8>, bytes: &[u8]) {
    debug_assert!(bytes.len() <= LONGEST, "names are checked before");
    out.push(bytes.len() as u8);
    out.extend_from_slice(bytes);
}

/// What [`push_short`] wrote, and what is behind it.
fn take_short(item: &[u8]) -> (&[u8], &[u8]) {
    let Some((&length, rest)) = item.split_first() else { return Default::default() };
    rest.split_at_checked(length.into()).unwrap_or_default()
}

/// An endpoint's label and addresses.
fn endpoint(item: &[u8]) -> (&[u8], Addresses<'_>) {
    let (label, addresses) = take_short(item);
    (label, Addresses::of(addresses))
}

/// A port's protocol, name and records.
fn named_port(item: &[u8]) -> Option<(Protocol, &[u8], Located<'_>)> {
    let (&number, rest) = item.split_first()?;
    let protocol = PROTOCOLS.into_iter().find(|protocol| *protocol as u8 == number)?;
    let (name, located) = take_short(rest);
    Some((protocol, name, Located::of(located)?))
}

/// What a name under a service leads to.
#[derive(Debug, Clone, Copy)]
pub enum Under<'a> {
    /// The service itself.
    Bare(&'a Entry),
    /// Endpoints.
    Endpoint(Addresses<'a>),
    /// A port.
    Port(Located<'a>),
}

const PROTOCOLS: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];

/// Bytes of both labels of a port in a name.
fn length_of_labels(port: &PortNames) -> usize {
    1 + 1 + port.name.len() + 1 + label_of(port.protocol).len()
}

/// The label of a protocol.
const fn label_of(protocol: Protocol) -> &'static [u8] {
    match protocol {
        Protocol::Tcp => b"_tcp",
        Protocol::Udp => b"_udp",
        Protocol::Sctp => b"_sctp",
    }
}

fn protocol_of(label: &[u8]) -> Option<Protocol> {
    PROTOCOLS.into_iter().find(|protocol| label_of(*protocol) == label)
}

/// A service's name on the wire.
fn bare_name(key: &[u8], shape: &Shape) -> Vec<u8> {
    [key, b"\x03svc", shape.origin.wire()].concat()
}

/// Whether a name below that one is short enough to be one.
pub(super) fn fits(label: &str, parent: &[u8]) -> bool {
    1 + label.len() + parent.len() <= LONGEST
}

pub(super) fn below(label: &[u8], parent: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(parent.len() + label.len() + 1);
    record::push_label(&mut name, label);
    name.extend_from_slice(parent);
    name
}
