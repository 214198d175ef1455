//! The names of a service, encoded: records as they go out, behind a question of known length.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pontoon_model::service::Protocol;

use super::names::{PortNames, ServiceNames, Targets};
use super::record::{self, BEYOND_POINTERS, FIXED, TO_QUESTION};
use super::shape::Shape;
use crate::wire::code::rtype;
use crate::wire::name::LONGEST;
use crate::wire::question::HEADER;

/// More does not go into any message, whatever else is in it.
const MOST: usize = 65_000;

/// What is under `service.namespace.svc`.
#[derive(Debug, Default)]
pub struct Entry {
    /// What the bare name leads to.
    pub addresses: Addresses,
    /// The bare name is the name of those addresses.
    pub has_cluster_ip: bool,
    /// The `CNAME` record of the bare name.
    pub cname: Option<Box<[u8]>>,
    /// All ports, at the bare name.
    pub ports: Option<Box<Located>>,
    named_ports: Box<[(PortLabel, Located)]>,
    endpoints: Box<[(Box<[u8]>, Addresses)]>,
}

/// Addresses as records, `A` and `AAAA`, their owner a pointer to the question.
#[derive(Debug, Default)]
pub struct Addresses {
    /// The `A` records.
    pub v4: Box<[u8]>,
    /// The `AAAA` records.
    pub v6: Box<[u8]>,
}

/// `SRV` records and the addresses that will be asked for next.
#[derive(Debug)]
pub struct Located {
    bytes: Box<[u8]>,
    /// Where the addresses begin.
    split: u32,
    /// How many records the addresses are.
    pub additional: u16,
    /// There is more than any message holds.
    pub cut: bool,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PortLabel {
    protocol: Protocol,
    name: Box<[u8]>,
}

impl Addresses {
    /// The records of these addresses.
    #[must_use]
    pub fn encode(addresses: &[IpAddr], ttl: u32) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for &address in addresses {
            let out = if address.is_ipv4() { &mut v4 } else { &mut v6 };
            out.extend_from_slice(&TO_QUESTION.to_be_bytes());
            record::push_address_behind_owner(out, address, ttl);
        }
        Self { v4: v4.into(), v6: v6.into() }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// The addresses.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let v4 = record::each(&self.v4).filter_map(|record| {
            record::data(record).first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets).into())
        });
        v4.chain(record::each(&self.v6).filter_map(|record| {
            record::data(record).first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).into())
        }))
    }
}

impl Located {
    /// The `SRV` records.
    #[must_use]
    pub fn answers(&self) -> &[u8] {
        &self.bytes[..self.split as usize]
    }

    /// The addresses, for behind all of the `SRV` records and at that place only.
    #[must_use]
    pub fn addresses(&self) -> &[u8] {
        &self.bytes[self.split as usize..]
    }
}

impl Entry {
    /// Encodes the names of the service of these labels.
    #[must_use]
    pub fn encode(key: &[u8], names: &ServiceNames, shape: &Shape) -> Self {
        let ServiceNames { addresses, has_cluster_ip, external, endpoints, ports } = names;
        let bare = bare_name(key, shape);
        let cname = external.as_ref().map(|target| {
            let mut out = Vec::new();
            record::push_named(&mut out, TO_QUESTION, rtype::CNAME, shape.ttl, target.wire());
            out.into()
        });
        let locate = |question: usize, ports: &[&PortNames]| {
            locate(question, &bare, names, ports, shape.ttl)
        };
        let all: Vec<&PortNames> = ports.iter().collect();
        let mut named: Vec<(PortLabel, Located)> = ports
            .iter()
            .filter(|port| !port.name.is_empty())
            .filter_map(|port| {
                let label = PortLabel::of(port);
                let question = bare.len() + label.length();
                Some((label, locate(question, &[port]).filter(|_| question <= LONGEST)?))
            })
            .collect();
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        let endpoints = endpoints.chunk_by(|(a, _), (b, _)| a == b);
        let endpoints = endpoints.filter(|same| fits(&same[0].0, &bare)).map(|same| {
            let addresses: Vec<IpAddr> = same.iter().map(|(_, address)| *address).collect();
            (same[0].0.as_bytes().into(), Addresses::encode(&addresses, shape.ttl))
        });
        Self {
            addresses: Addresses::encode(addresses, shape.ttl),
            has_cluster_ip: *has_cluster_ip,
            cname,
            ports: locate(bare.len(), &all).map(Box::new),
            named_ports: named.into(),
            endpoints: endpoints.collect(),
        }
    }

    /// Whether its names exist: those of a headless service that nobody is ready for do not.
    #[must_use]
    pub fn exists(&self) -> bool {
        !self.addresses.is_empty() || self.cname.is_some() || self.has_cluster_ip
    }

    /// The endpoints of this label, in lower case.
    #[must_use]
    pub fn endpoint(&self, label: &[u8]) -> Option<&Addresses> {
        let place = self.endpoints.binary_search_by(|(own, _)| (**own).cmp(label)).ok()?;
        Some(&self.endpoints[place].1)
    }

    /// The port that these labels name, `_http` and `_tcp`, in lower case.
    #[must_use]
    pub fn port(&self, name: &[u8], protocol: &[u8]) -> Option<&Located> {
        let wanted = (protocol_of(protocol)?, name.strip_prefix(b"_")?);
        let key = |label: &PortLabel| -> std::cmp::Ordering {
            (label.protocol, &*label.name).cmp(&wanted)
        };
        let place = self.named_ports.binary_search_by(|(label, _)| key(label)).ok()?;
        Some(&self.named_ports[place].1)
    }

    /// Whether a port of that protocol, `_tcp`, has a name.
    #[must_use]
    pub fn has_port_of(&self, protocol: &[u8]) -> bool {
        protocol_of(protocol).is_some_and(|protocol| {
            self.named_ports.iter().any(|(label, _)| label.protocol == protocol)
        })
    }

    /// Calls back with each address that has a name here, and the name on the wire.
    pub fn each_pointer(&self, key: &[u8], shape: &Shape, mut each: impl FnMut(IpAddr, &[u8])) {
        let bare = bare_name(key, shape);
        if self.has_cluster_ip {
            self.addresses.iter().for_each(|address| each(address, &bare));
        }
        for (label, addresses) in &self.endpoints {
            let name = below(label, &bare);
            addresses.iter().for_each(|address| each(address, &name));
        }
    }

    /// Calls back with each of the names, its labels before the service's, and its records.
    pub fn each_name<'a>(&'a self, mut each: impl FnMut(&[&[u8]], Under<'a>)) {
        each(&[], Under::Bare(self));
        for (label, addresses) in &self.endpoints {
            each(&[label], Under::Endpoint(addresses));
        }
        for (label, located) in &self.named_ports {
            let name = [b"_", &*label.name].concat();
            each(&[&name, label_of(label.protocol)], Under::Port(located));
        }
    }
}

/// What a name under a service leads to.
#[derive(Debug, Clone, Copy)]
pub enum Under<'a> {
    /// The service itself.
    Bare(&'a Entry),
    /// Endpoints.
    Endpoint(&'a Addresses),
    /// A port.
    Port(&'a Located),
}

impl PortLabel {
    fn of(port: &PortNames) -> Self {
        Self { protocol: port.protocol, name: port.name.as_bytes().into() }
    }

    /// Bytes of both labels in a name.
    fn length(&self) -> usize {
        1 + 1 + self.name.len() + 1 + label_of(self.protocol).len()
    }
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
    [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into_iter().find(|p| label_of(*p) == label)
}

/// A service's name on the wire.
fn bare_name(key: &[u8], shape: &Shape) -> Vec<u8> {
    [key, b"\x03svc", shape.origin.wire()].concat()
}

/// Whether a name below that one is short enough to be one.
fn fits(label: &str, parent: &[u8]) -> bool {
    1 + label.len() + parent.len() <= LONGEST
}

fn below(label: &[u8], parent: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(parent.len() + label.len() + 1);
    record::push_label(&mut name, label);
    name.extend_from_slice(parent);
    name
}

/// `SRV` records for ports, behind a question whose name has that length; `None` where there is no
/// target.
fn locate(
    question: usize,
    bare: &[u8],
    names: &ServiceNames,
    ports: &[&PortNames],
    ttl: u32,
) -> Option<Located> {
    // A target is the label of endpoints, or the service itself.
    let mut targets: Vec<(Option<&str>, u16)> = Vec::new();
    for port in ports {
        match &port.targets {
            Targets::Service(number) => targets.push((None, *number)),
            Targets::Endpoints(list) => {
                let list = list.iter().filter(|(label, _)| fits(label, bare));
                targets.extend(list.map(|(label, number)| (Some(label.as_str()), *number)));
            }
        }
    }
    targets.sort_unstable();
    targets.dedup();
    let weight = (100 / targets.len().max(1)).max(1) as u16;
    let base = HEADER + question + 4;
    let mut bytes = Vec::new();
    let mut placed: Vec<(Option<&str>, usize)> = Vec::new();
    let mut cut = false;
    for &(label, port) in &targets {
        let name = label.map_or_else(|| bare.to_vec(), |label| below(label.as_bytes(), bare));
        if bytes.len() + FIXED + 6 + name.len() > MOST {
            cut = true;
            break;
        }
        record::push_fixed(&mut bytes, TO_QUESTION, rtype::SRV, ttl, 6 + name.len() as u16);
        for number in [0, weight, port] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        if placed.last().is_none_or(|(last, _)| *last != label) {
            placed.push((label, bytes.len()));
        }
        bytes.extend_from_slice(&name);
    }
    if bytes.is_empty() {
        return None;
    }
    let split = bytes.len();
    let mut additional = 0;
    for (label, at) in placed {
        let own: &[(String, IpAddr)] = match label {
            None => &[],
            Some(label) => {
                let first = names.endpoints.partition_point(|(own, _)| own.as_str() < label);
                let rest = &names.endpoints[first..];
                &rest[..rest.partition_point(|(own, _)| own == label)]
            }
        };
        let bare_addresses = if label.is_none() { &*names.addresses } else { &[] };
        let addresses =
            own.iter().map(|(_, address)| *address).chain(bare_addresses.iter().copied());
        for address in addresses {
            if bytes.len() > MOST {
                break;
            }
            if base + at < BEYOND_POINTERS {
                let pointer = 0xc000 | (base + at) as u16;
                bytes.extend_from_slice(&pointer.to_be_bytes());
            } else {
                let end = at + name_length(&bytes[at..]);
                bytes.extend_from_within(at..end);
            }
            record::push_address_behind_owner(&mut bytes, address, ttl);
            additional += 1;
        }
    }
    Some(Located { bytes: bytes.into(), split: split as u32, additional, cut })
}

/// The length of the whole name that begins here.
fn name_length(wire: &[u8]) -> usize {
    let labels = crate::wire::name::labels(wire);
    labels.map(|label| label.len() + 1).sum::<usize>() + 1
}
