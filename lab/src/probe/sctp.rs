//! The first packet of an SCTP association, made by hand: where kernels carry SCTP for others but
//! have no sockets of it, this still shows where it goes (RFC 9260, sections 3 and 5.1).

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pontoon_model::service::Protocol;
use socket2::{Domain, Socket, Type};

use super::{identity, is_timeout};
use crate::netns::Netns;

/// Source port, destination port, verification tag, checksum.
const HEADER: usize = 12;

/// Sends an INIT from a port that was not used before.
///
/// # Errors
/// When the namespace has no route, or gives no raw sockets.
pub fn sctp_init(from: &Netns, to: SocketAddr) -> Result<()> {
    static PORT: AtomicU16 = AtomicU16::new(20_000);
    let port = PORT.fetch_add(1, Ordering::Relaxed);
    let socket = raw(from, Domain::for_address(to))?;
    let sent = socket.send_to(&init(port, to.port()), &SocketAddr::new(to.ip(), 0).into());
    sent.map(drop).with_context(|| format!("cannot send an SCTP INIT to {to}"))
}

/// Hears the INITs that come to a namespace.
#[derive(Debug)]
pub struct SctpEar {
    /// Raw; the type is only that of its calls.
    socket: UdpSocket,
    v4: bool,
}

impl SctpEar {
    /// Hears those of a family.
    ///
    /// # Errors
    /// When the namespace gives no raw sockets.
    pub fn open(netns: &Netns, v4: bool) -> Result<Self> {
        let domain = if v4 { Domain::IPV4 } else { Domain::IPV6 };
        Ok(Self { socket: raw(netns, domain)?.into(), v4 })
    }

    /// The client and the port of the next INIT; `None` when there is none in time.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn hear(&self, patience: Duration) -> Result<Option<(IpAddr, u16)>> {
        let began = Instant::now();
        let mut packet = [0; 1500];
        while began.elapsed() < patience {
            let left = patience.saturating_sub(began.elapsed()).max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left))?;
            let (length, peer) = match self.socket.recv_from(&mut packet) {
                Err(error) if is_timeout(&error) => continue,
                received => received.context("cannot hear SCTP")?,
            };
            let port = packet.get(..length).and_then(|packet| port_of_init(self.v4, packet));
            if let Some(port) = port {
                return Ok(Some((peer.ip(), port)));
            }
        }
        Ok(None)
    }
}

fn raw(netns: &Netns, domain: Domain) -> Result<Socket> {
    let open = || Socket::new(domain, Type::RAW, Some(identity::number(Protocol::Sctp)));
    netns.run(open)?.context("cannot open a raw socket: this needs CAP_NET_RAW")
}

fn init(source: u16, destination: u16) -> Vec<u8> {
    let mut packet = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    packet.extend([0; 8]);
    // INIT, no flags, 20 bytes: initiate tag, window, streams out and in, first TSN.
    packet.extend([1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 255, 255, 0, 1, 0, 1, 0, 0, 0, 1]);
    // The checksum goes out with its lowest byte first.
    let sum = crc32c(&packet).to_le_bytes();
    packet.splice(8..HEADER, sum);
    packet
}

/// A raw IPv4 socket hands out the IP header too.
fn port_of_init(v4: bool, packet: &[u8]) -> Option<u16> {
    let header = if v4 { usize::from(packet.first()? & 0xf) * 4 } else { 0 };
    let packet = packet.get(header..)?;
    let is_init = packet.get(HEADER) == Some(&1);
    is_init.then(|| Some(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?])))?
}

/// RFC 3720, appendix B.4, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0x82f6_3b78 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |s, _| step(s)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn an_init_is_heard_at_its_port() {
        assert_eq!(port_of_init(false, &init(7, 80)), Some(80));
        assert_eq!(port_of_init(true, &[vec![0x45; 20], init(7, 80)].concat()), Some(80));
        assert_eq!(port_of_init(false, &init(7, 80)[..12]), None);
    }
}
