//! The first packet of a connection, on its way.

use std::net::IpAddr;

use pontoon_netlink::nft::m::{ct_state_bits, ct_status_bits};
use pontoon_netlink::nft::{
    AddressType, CtKey, Fib, FibResult, Header, Load, MetaKey, NfProto, Tuple, Value, proto,
};

/// A packet at some place of its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// From where.
    pub source: IpAddr,
    /// Where to, of the same family.
    pub destination: IpAddr,
    /// The transport protocol by number.
    pub protocol: u8,
    /// Source and destination port; 0 for what has none.
    pub ports: (u16, u16),
    /// The device that it came by; `None` when this host made it.
    pub input: Option<String>,
    /// The device that it leaves by, once that is known.
    pub output: Option<String>,
    /// The frame that carries it, where a bridge sees it.
    pub frame: Option<Frame>,
    /// As it was before anything was rewritten.
    pub original: Ends,
    /// Its priority, in which our rules pass a number from one to the next.
    pub priority: [u8; 4],
    /// It answers: its connection is known.
    pub answers: bool,
    /// It is kept out of connection tracking.
    pub untracked: bool,
    /// Its destination was rewritten on this host.
    pub dnat: bool,
    /// Its source was rewritten on this host.
    pub snat: bool,
}

/// Both ends of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// From where.
    pub source: IpAddr,
    /// Where to.
    pub destination: IpAddr,
    /// Source and destination port.
    pub ports: (u16, u16),
}

/// The frame around a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// From which card.
    pub source: [u8; 6],
    /// To which card.
    pub destination: [u8; 6],
}

/// A port of those that hosts give to connections.
pub const SOURCE_PORT: u16 = 40_000;

/// Bytes of an interface's name in the kernel.
const IFNAMSIZ: usize = 16;
/// An echo request, ICMP and ICMPv6.
const ECHO: u8 = 8;
const ECHO_V6: u8 = 128;
/// What is read of a header at most.
const HEADER: usize = 40;

impl Packet {
    /// A packet as its sender makes it.
    #[must_use]
    pub fn new(source: IpAddr, destination: IpAddr, protocol: u8, port: u16) -> Self {
        let ports = match protocol {
            proto::ICMP => (u16::from(ECHO) << 8, 0),
            proto::ICMPV6 => (u16::from(ECHO_V6) << 8, 0),
            _ => (SOURCE_PORT, port),
        };
        Self {
            source,
            destination,
            protocol,
            ports,
            input: None,
            output: None,
            frame: None,
            original: Ends { source, destination, ports },
            priority: [0; 4],
            answers: false,
            untracked: false,
            dnat: false,
            snat: false,
        }
    }

    /// The packet as it comes in on the next host, which knows nothing of what was done to it.
    #[must_use]
    pub fn arrived(&self, input: &str) -> Self {
        let mut packet = Self::new(self.source, self.destination, self.protocol, 0);
        packet.ports = self.ports;
        packet.original.ports = self.ports;
        packet.input = Some(input.to_owned());
        packet
    }

    /// What answers it, as it passes this host the other way.
    #[must_use]
    pub fn answer(&self) -> Self {
        let mut packet = self.clone();
        (packet.source, packet.destination) = (self.destination, self.source);
        packet.ports = (self.ports.1, self.ports.0);
        (packet.input, packet.output) = (self.output.clone(), self.input.clone());
        packet.answers = true;
        packet
    }

    /// What a rule would load into registers; `None` where that cannot be told.
    #[must_use]
    pub fn load(&self, load: &Load, is_local: &dyn Fn(IpAddr) -> bool) -> Option<Vec<u8>> {
        Some(match load {
            Load::Payload { header, offset, length } => {
                let from = usize::from(*offset);
                self.header(*header)?.get(from..from + usize::from(*length))?.to_vec()
            }
            Load::Meta(key) => self.meta(*key)?,
            Load::Ct(key) => self.connection(*key)?,
            Load::Fib(fib) => self.address_type(*fib, is_local)?,
            Load::Constant(value) => value.as_bytes().to_vec(),
            Load::Random { .. } | Load::Increment { .. } | Load::Symhash { .. } => return None,
        })
    }

    fn header(&self, header: Header) -> Option<Vec<u8>> {
        Some(match header {
            Header::Link => {
                let frame = self.frame?;
                let mut bytes = [frame.destination, frame.source].concat();
                bytes.extend(self.ethertype().to_be_bytes());
                bytes
            }
            Header::Network => {
                let mut bytes = vec![0; HEADER];
                let (protocol, source) = if self.source.is_ipv4() { (9, 12) } else { (6, 8) };
                let ends = [octets(self.source), octets(self.destination)].concat();
                *bytes.get_mut(protocol)? = self.protocol;
                bytes.get_mut(source..source + ends.len())?.copy_from_slice(&ends);
                bytes
            }
            Header::Transport => [self.ports.0.to_be_bytes(), self.ports.1.to_be_bytes()].concat(),
        })
    }

    fn ethertype(&self) -> u16 {
        self.family().ethertype()
    }

    fn family(&self) -> NfProto {
        if self.source.is_ipv4() { NfProto::Ipv4 } else { NfProto::Ipv6 }
    }

    fn meta(&self, key: MetaKey) -> Option<Vec<u8>> {
        Some(match key {
            MetaKey::Protocol => self.ethertype().to_be_bytes().to_vec(),
            // Nobody has marked it yet, or whoever does so cannot be foreseen.
            MetaKey::Mark => vec![0; 4],
            MetaKey::Priority => self.priority.to_vec(),
            MetaKey::IifName => ifname(self.input.as_deref()),
            MetaKey::OifName => ifname(self.output.as_deref()),
            MetaKey::NfProto => vec![self.family().number()],
            MetaKey::L4Proto => vec![self.protocol],
            // To this host.
            MetaKey::PacketType => vec![0],
            _ => return None,
        })
    }

    fn connection(&self, key: CtKey) -> Option<Vec<u8>> {
        let state = match (self.untracked, self.answers) {
            (true, _) => ct_state_bits::UNTRACKED,
            (false, true) => ct_state_bits::ESTABLISHED,
            (false, false) => ct_state_bits::NEW,
        };
        let status = if self.dnat { ct_status_bits::DNAT } else { 0 }
            | if self.snat { ct_status_bits::SNAT } else { 0 };
        let Ends { source, destination, ports } = self.original;
        Some(match key {
            CtKey::State => state.to_ne_bytes().to_vec(),
            CtKey::Status => status.to_ne_bytes().to_vec(),
            CtKey::Direction => vec![0],
            CtKey::Mark => vec![0; 4],
            CtKey::SrcIp(Tuple::Original) | CtKey::SrcIp6(Tuple::Original) => octets(source),
            CtKey::DstIp(Tuple::Original) | CtKey::DstIp6(Tuple::Original) => octets(destination),
            CtKey::Protocol(Tuple::Original) => vec![self.protocol],
            CtKey::SrcPort(Tuple::Original) => ports.0.to_be_bytes().to_vec(),
            CtKey::DstPort(Tuple::Original) => ports.1.to_be_bytes().to_vec(),
            _ => return None,
        })
    }

    fn address_type(&self, fib: Fib, is_local: &dyn Fn(IpAddr) -> bool) -> Option<Vec<u8>> {
        if fib.result != FibResult::AddressType {
            return None;
        }
        let address = if fib.source { self.source } else { self.destination };
        let kind = match address {
            ip if is_local(ip) || ip.is_loopback() => AddressType::Local,
            ip if ip.is_multicast() => AddressType::Multicast,
            IpAddr::V4(ip) if ip.is_broadcast() => AddressType::Broadcast,
            _ => AddressType::Unicast,
        };
        Some(kind.value().as_bytes().to_vec())
    }
}

/// As registers hold an address.
fn octets(address: IpAddr) -> Vec<u8> {
    Value::new().ip(address).as_bytes().to_vec()
}

/// As registers hold a name; a packet without the device has an empty one.
fn ifname(name: Option<&str>) -> Vec<u8> {
    name.unwrap_or_default().bytes().chain(std::iter::repeat(0)).take(IFNAMSIZ).collect()
}
