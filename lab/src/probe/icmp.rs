//! Echo requests (RFC 792, RFC 4443).

use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use socket2::{Domain, Protocol, Socket, Type};

use super::is_timeout;
use crate::netns::Netns;

/// Sends one echo request and waits for its reply; returns the round trip.
///
/// # Errors
/// When there is no reply in time.
pub fn ping(from: &Netns, to: IpAddr, timeout: Duration) -> Result<Duration> {
    let pinger = Pinger::open(from, to)?;
    let began = Instant::now();
    pinger.send(1)?;
    loop {
        let left = timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            bail!("no reply to a ping of {to} within {timeout:?}");
        }
        if pinger.receive(left)? == Some(1) {
            return Ok(began.elapsed());
        }
    }
}

/// A raw ICMP socket for one target.
#[derive(Debug)]
pub(super) struct Pinger {
    socket: Socket,
    to: IpAddr,
    id: u16,
}

impl Pinger {
    pub(super) fn open(from: &Netns, to: IpAddr) -> Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (domain, protocol) = match to {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let socket = from
            .run(|| Socket::new(domain, Type::RAW, Some(protocol)))?
            .context("cannot open a raw socket: this needs CAP_NET_RAW")?;
        Ok(Self { socket, to, id })
    }

    pub(super) fn send(&self, sequence: u16) -> Result<()> {
        let request = request(self.to.is_ipv4(), self.id, sequence);
        self.socket
            .send_to(&request, &SocketAddr::new(self.to, 0).into())
            .map(drop)
            .with_context(|| format!("cannot send a ping to {}", self.to))
    }

    /// The sequence number of the next reply, or `None` for something else or nothing.
    pub(super) fn receive(&self, timeout: Duration) -> Result<Option<u16>> {
        self.socket.set_read_timeout(Some(timeout))?;
        let mut buffer = [0; 1500];
        match (&self.socket).read(&mut buffer) {
            Ok(length) => {
                Ok(reply(self.to.is_ipv4(), buffer.get(..length).unwrap_or_default(), self.id))
            }
            Err(error) if is_timeout(&error) => Ok(None),
            Err(error) => Err(error).context("cannot receive ICMP"),
        }
    }
}

/// The kernel fills in the checksum of ICMPv6 only.
fn request(v4: bool, id: u16, sequence: u16) -> Vec<u8> {
    let kind = if v4 { 8 } else { 128 };
    let mut packet = vec![kind, 0, 0, 0];
    packet.extend(id.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend(*b"pontoon lab ping");
    if v4 {
        let sum = checksum(&packet).to_be_bytes();
        packet.splice(2..4, sum);
    }
    packet
}

/// The sequence number of an echo reply to this id. A raw IPv4 socket hands out the IP header too.
fn reply(v4: bool, packet: &[u8], id: u16) -> Option<u16> {
    let header = if v4 { usize::from(packet.first()? & 0xf) * 4 } else { 0 };
    let &[kind, _, _, _, id_high, id_low, high, low, ..] = packet.get(header..)? else {
        return None;
    };
    let is_reply = kind == if v4 { 0 } else { 129 };
    (is_reply && u16::from_be_bytes([id_high, id_low]) == id)
        .then(|| u16::from_be_bytes([high, low]))
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 =
        bytes.chunks(2).map(|c| u32::from(c[0]) << 8 | c.get(1).map_or(0, |b| u32::from(*b))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_a_packet_with_its_checksum_is_zero() {
        assert_eq!(checksum(&request(true, 7, 9)), 0);
        assert_eq!(checksum(&[0xff, 0xff, 0x01]), 0xfeff);
    }

    #[test]
    fn only_replies_to_us_count() {
        let mut packet = vec![0x45; 20];
        packet.extend([0, 0, 0, 0, 0, 7, 0, 9]);
        assert_eq!(reply(true, &packet, 7), Some(9));
        assert_eq!(reply(true, &packet, 8), None);
        packet[20] = 8;
        assert_eq!(reply(true, &packet, 7), None, "a request");
        assert_eq!(reply(true, &packet[..24], 7), None, "cut short");
        assert_eq!(reply(false, &[129, 0, 0, 0, 0, 7, 0, 9], 7), Some(9));
    }
}
