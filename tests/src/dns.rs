//! Questions to a DNS server from inside a namespace, one datagram each, as a resolver sends them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use pontoon_lab::Netns;

/// `A` (RFC 1035, section 3.2.2).
pub const A: u16 = 1;
/// `AAAA` (RFC 3596, section 2.1).
pub const AAAA: u16 = 28;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The response code.
    pub rcode: u8,
    /// The addresses in the answer section, in its order.
    pub addresses: Vec<IpAddr>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Silence {
    /// Nothing came back.
    TimedOut,
    /// ICMP said that nobody is there.
    Refused,
    /// Something else.
    Broken(anyhow::Error),
}

impl From<io::Error> for Silence {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::ConnectionRefused => Self::Refused,
            _ => Self::Broken(error.into()),
        }
    }
}

/// Asks once, at port 53 of that address; the answer must come from there.
///
/// # Errors
/// When none does in time.
pub fn ask(
    from: &Netns,
    server: IpAddr,
    name: &str,
    rtype: u16,
    patience: Duration,
) -> Result<Answer, Silence> {
    let any: IpAddr = match server {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = from.run(|| UdpSocket::bind((any, 0))).map_err(Silence::Broken)??;
    socket.connect(SocketAddr::new(server, 53))?;
    socket.set_read_timeout(Some(patience))?;
    let question = question(name, rtype);
    socket.send(&question)?;
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer)?;
    read(&question, buffer.get(..length).unwrap_or_default()).map_err(Silence::Broken)
}

/// Asks again when there is no answer, as resolvers do.
///
/// # Errors
/// When there is none to five questions.
pub fn resolve(from: &Netns, server: IpAddr, name: &str, rtype: u16) -> Result<Answer> {
    let mut attempts = 5;
    loop {
        attempts -= 1;
        match ask(from, server, name, rtype, Duration::from_secs(1)) {
            Ok(answer) => return Ok(answer),
            Err(Silence::TimedOut) if attempts > 0 => {}
            Err(silence) => bail!("{name} at {server}: {silence:?}"),
        }
    }
}

fn question(name: &str, rtype: u16) -> Vec<u8> {
    // Any number is a good one on a socket of its own; recursion is desired.
    let mut message = vec![0x70, 0x74, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        message.push(label.len().try_into().unwrap_or(u8::MAX));
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&rtype.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}

fn read(question: &[u8], message: &[u8]) -> Result<Answer> {
    let header: &[u8; 12] = message.first_chunk().context("a message without a header")?;
    ensure!(header[..2] == question[..2] && header[2] & 0x80 != 0, "no answer: {message:x?}");
    let rcode = header[3] & 15;
    let mut at = question.len();
    let mut addresses = Vec::new();
    for _ in 0..u16::from_be_bytes([header[6], header[7]]) {
        at = behind_name(message, at).context("a record is cut short")?;
        let fixed: &[u8; 10] =
            message.get(at..).and_then(<[u8]>::first_chunk).context("a record is cut short")?;
        let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        at += fixed.len();
        let data = message.get(at..at + length).context("a record is cut short")?;
        if let Some(octets) = data.first_chunk::<16>().filter(|_| fixed[..2] == AAAA.to_be_bytes())
        {
            addresses.push(Ipv6Addr::from(*octets).into());
        } else if let Some(octets) =
            data.first_chunk::<4>().filter(|_| fixed[..2] == A.to_be_bytes())
        {
            addresses.push(Ipv4Addr::from(*octets).into());
        }
        at += length;
    }
    Ok(Answer { rcode, addresses })
}

fn behind_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length if length >= 0xc0 => return Some(at + 2),
            length => at += usize::from(length) + 1,
        }
    }
}
