//! A packet that is about to be judged: the first one of a new connection, the answer to it, or one that
//! belongs to none.

use std::net::IpAddr;

use pontoon_netlink::filter::Field;
use pontoon_netlink::nft::m::{ct_state_bits, ct_status_bits};

/// A device as rules name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
}

/// A packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The device that it came by; `None` when this host made it.
    pub input: Option<Device>,
    /// The device that it leaves by; `None` when it is for this host.
    pub output: Option<Device>,
    /// From where.
    pub source: IpAddr,
    /// Where to, of the same family.
    pub destination: IpAddr,
    /// The transport protocol.
    pub protocol: u8,
    /// The ports.
    pub ports: (u16, u16),
    /// What connection tracking knows of it.
    pub tracking: Tracking,
    /// The connection's destination was rewritten on this host.
    pub dnat: bool,
    /// The connection's source was.
    pub snat: bool,
}

/// What connection tracking knows of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracking {
    /// It begins a connection.
    New,
    /// It answers: its connection is known.
    Answer,
    /// It is kept out of connection tracking.
    Untracked,
}

/// Of the families in `linux/netfilter.h`.
const NFPROTO_IPV4: u8 = 2;
const NFPROTO_IPV6: u8 = 10;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const TTL: u8 = 64;
/// Of `linux/rtnetlink.h`.
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RTN_MULTICAST: u8 = 5;

impl Packet {
    /// The answer to it, by the same way.
    #[must_use]
    pub fn answer(&self) -> Self {
        Self {
            input: self.output.clone(),
            output: self.input.clone(),
            source: self.destination,
            destination: self.source,
            protocol: self.protocol,
            ports: (self.ports.1, self.ports.0),
            dnat: self.dnat,
            snat: self.snat,
            tracking: match self.tracking {
                Tracking::Untracked => Tracking::Untracked,
                Tracking::New | Tracking::Answer => Tracking::Answer,
            },
        }
    }

    /// The bytes of a field; `None` when this packet does not tell.
    #[must_use]
    pub fn field(&self, field: &Field) -> Option<Vec<u8>> {
        let v4 = self.source.is_ipv4();
        Some(match field {
            Field::InName => name(self.input.as_ref()),
            Field::OutName => name(self.output.as_ref()),
            Field::InIndex => index(self.input.as_ref()),
            Field::OutIndex => index(self.output.as_ref()),
            Field::Ethertype => {
                (if v4 { ETHERTYPE_IPV4 } else { ETHERTYPE_IPV6 }).to_be_bytes().to_vec()
            }
            Field::Family => vec![if v4 { NFPROTO_IPV4 } else { NFPROTO_IPV6 }],
            Field::Protocol => vec![self.protocol],
            // Nobody has marked it yet, or whoever does so cannot be foreseen.
            Field::Mark => vec![0; 4],
            Field::State => {
                let state = match self.tracking {
                    Tracking::New => ct_state_bits::NEW,
                    Tracking::Answer => ct_state_bits::ESTABLISHED,
                    Tracking::Untracked => ct_state_bits::UNTRACKED,
                };
                state.to_ne_bytes().to_vec()
            }
            Field::Status => {
                let bit = |is_set, bit| if is_set { bit } else { 0 };
                let rewritten =
                    bit(self.dnat, ct_status_bits::DNAT) | bit(self.snat, ct_status_bits::SNAT);
                rewritten.to_ne_bytes().to_vec()
            }
            Field::SourceKind => kind(self.source, self.input.is_none()),
            Field::DestinationKind => kind(self.destination, self.output.is_none()),
            Field::Network { offset, length } => part(&self.network(), *offset, *length)?,
            Field::Transport { offset, length } => {
                let ports = [self.ports.0.to_be_bytes(), self.ports.1.to_be_bytes()].concat();
                part(&ports, *offset, *length)?
            }
            Field::Other(_) => return None,
        })
    }

    /// The IP header; what is of no interest to a firewall is zero.
    fn network(&self) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut header = vec![0x45, 0, 0, 60, 0, 0, 0x40, 0, TTL, self.protocol, 0, 0];
                header.extend(source.octets());
                header.extend(destination.octets());
                header
            }
            (source, destination) => {
                let mut header = vec![0x60, 0, 0, 0, 0, 40, self.protocol, TTL];
                for ip in [source, destination] {
                    header.extend(match ip {
                        IpAddr::V6(ip) => ip.octets(),
                        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                    });
                }
                header
            }
        }
    }
}

/// What an address is to routing; no packet that is judged here is a broadcast.
fn kind(ip: IpAddr, is_own: bool) -> Vec<u8> {
    let kind = match ip.is_multicast() {
        true => RTN_MULTICAST,
        false if is_own => RTN_LOCAL,
        false => RTN_UNICAST,
    };
    (1u16 << kind).to_ne_bytes().to_vec()
}

fn part(bytes: &[u8], offset: usize, length: usize) -> Option<Vec<u8>> {
    bytes.get(offset..offset.checked_add(length)?).map(<[u8]>::to_vec)
}

/// The kernel's 16 bytes; a packet without the device has an empty name.
fn name(device: Option<&Device>) -> Vec<u8> {
    let name = device.map(|device| device.name.as_str()).unwrap_or_default();
    name.bytes().chain(std::iter::repeat(0)).take(16).collect()
}

fn index(device: Option<&Device>) -> Vec<u8> {
    device.map_or(0, |device| device.index).to_ne_bytes().to_vec()
}
