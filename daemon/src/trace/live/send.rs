//! The packet itself, sent from the pod's namespace or from the host's.

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use pontoon_model::trace::Transport;
use pontoon_model::trace::live::{Echo, Probe};
use pontoon_netlink::Netns;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// The class of traffic that the packet is known by on its way: DSCP 42, which nobody has given a
/// meaning (IANA, "Differentiated Services Field Codepoints").
pub(super) const CLASS: u8 = 42 << 2;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// What a datagram says.
const WORDS: &[u8] = b"pontoon trace";
const ECHO_REQUEST: u8 = 8;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY: u8 = 0;
const ECHO_REPLY_V6: u8 = 129;

/// Sends it and waits for what comes back.
pub(super) fn send(netns: Option<&Path>, probe: &Probe) -> Echo {
    let sent = match netns {
        None => attempt(probe),
        Some(path) => match Netns::open(path).and_then(|netns| netns.run(|| attempt(probe))) {
            Ok(sent) => sent,
            Err(error) => return Echo::Unsent(error.to_string()),
        },
    };
    sent.unwrap_or_else(|error| Echo::Unsent(error.to_string()))
}

fn attempt(probe: &Probe) -> io::Result<Echo> {
    match probe.transport {
        Transport::Tcp => tcp(probe),
        Transport::Udp => udp(probe),
        Transport::Icmp => ping(probe),
        Transport::Sctp => Ok(Echo::Unsent("SCTP is followed in plans only".to_owned())),
    }
}

fn domain(probe: &Probe) -> Domain {
    if probe.destination.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 }
}

fn open(probe: &Probe, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(domain(probe), kind, Some(protocol))?;
    if probe.destination.is_ipv4() {
        socket.set_tos_v4(u32::from(CLASS))?;
    } else {
        socket.set_tclass_v6(u32::from(CLASS))?;
    }
    Ok(socket)
}

fn bound(probe: &Probe, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = open(probe, kind, protocol)?;
    let any: IpAddr = match probe.destination {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    socket.bind(&SocketAddr::new(any, probe.source_port).into())?;
    Ok(socket)
}

fn at(probe: &Probe) -> SockAddr {
    SocketAddr::new(probe.destination, probe.port).into()
}

fn tcp(probe: &Probe) -> io::Result<Echo> {
    let socket = bound(probe, Type::STREAM, Protocol::TCP)?;
    let began = Instant::now();
    match socket.connect_timeout(&at(probe), PATIENCE) {
        Ok(()) => Ok(Echo::Answered { micros: micros(began) }),
        Err(error) => came_back(error, began),
    }
}

fn udp(probe: &Probe) -> io::Result<Echo> {
    let socket = bound(probe, Type::DGRAM, Protocol::UDP)?;
    socket.set_read_timeout(Some(PATIENCE / 2))?;
    let began = Instant::now();
    let heard = socket
        .connect(&at(probe))
        .and_then(|()| socket.send(WORDS))
        .and_then(|_| (&socket).read(&mut [0; 64]));
    match heard {
        Ok(_) => Ok(Echo::Answered { micros: micros(began) }),
        Err(error) => came_back(error, began),
    }
}

fn ping(probe: &Probe) -> io::Result<Echo> {
    let v4 = probe.destination.is_ipv4();
    let protocol = if v4 { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
    let socket = open(probe, Type::RAW, protocol)?;
    socket.connect(&SocketAddr::new(probe.destination, 0).into())?;
    let id = probe.source_port.to_be_bytes();
    let began = Instant::now();
    let sent = socket.send(&echo_request(v4, id));
    if let Err(error) = sent {
        return came_back(error, began);
    }
    while began.elapsed() < PATIENCE {
        let left = PATIENCE.saturating_sub(began.elapsed()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left))?;
        let mut buffer = [0; 256];
        match (&socket).read(&mut buffer) {
            Ok(length) if is_reply(v4, id, buffer.get(..length).unwrap_or_default()) => {
                return Ok(Echo::Answered { micros: micros(began) });
            }
            Ok(_) => {}
            Err(error) => return came_back(error, began),
        }
    }
    Ok(Echo::Silence { micros: micros(began) })
}

fn echo_request(v4: bool, id: [u8; 2]) -> Vec<u8> {
    let kind = if v4 { ECHO_REQUEST } else { ECHO_REQUEST_V6 };
    let mut message = vec![kind, 0, 0, 0, id[0], id[1], 0, 1];
    message.extend_from_slice(WORDS);
    if v4 {
        // That of ICMPv6 the kernel makes.
        let sum = checksum(&message).to_be_bytes();
        message.splice(2..4, sum);
    }
    message
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// Raw sockets of IPv4 give the IP header, too, and all that comes for the protocol.
fn is_reply(v4: bool, id: [u8; 2], bytes: &[u8]) -> bool {
    let header = if v4 { usize::from(bytes.first().copied().unwrap_or(0) & 15) * 4 } else { 0 };
    let Some(message) = bytes.get(header..) else { return false };
    let kind = if v4 { ECHO_REPLY } else { ECHO_REPLY_V6 };
    message.first() == Some(&kind) && message.get(4..6) == Some(&id[..])
}

/// What an error of the socket says of the packet.
fn came_back(error: io::Error, began: Instant) -> io::Result<Echo> {
    let micros = micros(began);
    match error.kind() {
        ErrorKind::ConnectionRefused => Ok(Echo::Refused { micros }),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Ok(Echo::Silence { micros }),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            let said = if error.kind() == ErrorKind::HostUnreachable {
                "no route to the host"
            } else {
                "no route to the network"
            };
            Ok(Echo::Unreachable { micros, said: said.to_owned() })
        }
        // A rule of this very host dropped it.
        ErrorKind::PermissionDenied => Ok(Echo::Silence { micros }),
        _ => Err(error),
    }
}

fn micros(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    fn probe(transport: Transport, port: u16) -> Probe {
        let node: pontoon_model::name::NodeName = "a".parse().unwrap();
        Probe {
            sender: node.clone(),
            pod: None,
            destination: Ipv4Addr::LOCALHOST.into(),
            port,
            transport,
            source_port: 0,
            targets: Vec::new(),
            nodes: vec![node],
        }
    }

    #[test]
    fn what_comes_back_is_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let echo = send(None, &probe(Transport::Tcp, port));
        assert!(matches!(echo, Echo::Answered { .. }), "{echo:?}");
        drop(listener);
        let echo = send(None, &probe(Transport::Tcp, port));
        assert!(matches!(echo, Echo::Refused { .. }), "{echo:?}");
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let echo = send(None, &probe(Transport::Udp, port));
        assert!(matches!(echo, Echo::Silence { .. }), "{echo:?}");
        drop(silent);
        let echo = send(None, &probe(Transport::Udp, port));
        assert!(matches!(echo, Echo::Refused { .. }), "{echo:?}");
        let nowhere = send(Some(Path::new("/nonexistent")), &probe(Transport::Udp, port));
        assert!(matches!(nowhere, Echo::Unsent(_)), "{nowhere:?}");
    }

    #[test]
    fn a_ping_has_the_checksum_of_rfc_1071_and_knows_its_reply() {
        let request = echo_request(true, [7, 8]);
        assert_eq!(checksum(&request), 0, "with its own checksum the sum is zero");
        let mut reply = vec![0x45; 20];
        reply.extend([ECHO_REPLY, 0, 0, 0, 7, 8, 0, 1]);
        assert!(is_reply(true, [7, 8], &reply));
        assert!(!is_reply(true, [7, 9], &reply));
        assert!(!is_reply(true, [7, 8], &[0x45]) && !is_reply(false, [7, 8], &[]));
    }
}
