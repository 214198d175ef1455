//! The client of an [`super::Identity`]: who answered, or in which way nobody did.

use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Result;
use pontoon_model::service::Protocol;
use socket2::{Domain, Socket, Type};

use super::{identity, is_timeout};
use crate::netns::Netns;

/// How long a datagram may be without an answer before another is sent.
const AGAIN: Duration = Duration::from_millis(200);

/// What came of asking who is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The outcome.
    pub reply: Reply,
    /// From the first packet to the outcome.
    pub took: Duration,
}

/// The outcome of asking who is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Somebody is.
    Answered(Answer),
    /// Nobody is: a reset, or ICMP port unreachable.
    Refused,
    /// There is no way: another ICMP error, or no route here.
    Unreachable,
    /// Nothing came back.
    TimedOut,
    /// Something else went wrong.
    Broken(String),
}

impl Reply {
    /// Who answered, if anybody did.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Answered(answer) => Some(&answer.name),
            _ => None,
        }
    }
}

/// What an [`super::Identity`] said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its name.
    pub name: String,
    /// The client's address as it saw it.
    pub source: SocketAddr,
    /// Its own address that the client came to.
    pub local: SocketAddr,
}

/// Asks once who is at an address, over a connection or flow of its own.
///
/// # Errors
/// When the namespace cannot be entered.
pub fn ask(from: &Netns, protocol: Protocol, to: SocketAddr, patience: Duration) -> Result<Asked> {
    from.run(|| ask_here(protocol, to, patience))
}

/// Asks as often as wanted, one after the other; `go_on` is told each outcome.
///
/// # Errors
/// When the namespace cannot be entered.
pub fn ask_while(
    from: &Netns,
    protocol: Protocol,
    to: SocketAddr,
    patience: Duration,
    mut go_on: impl FnMut(&Asked) -> bool + Send,
) -> Result<()> {
    from.run(|| while go_on(&ask_here(protocol, to, patience)) {})
}

/// As [`ask`], from the namespace of this thread.
#[must_use]
pub fn ask_here(protocol: Protocol, to: SocketAddr, patience: Duration) -> Asked {
    let began = Instant::now();
    let line = match protocol {
        Protocol::Udp => datagram(to, patience),
        Protocol::Tcp | Protocol::Sctp => stream(protocol, to, patience),
    };
    let took = began.elapsed();
    let reply = match line {
        Ok(line) => {
            answer(&line).map_or(Reply::Broken(format!("it said {line:?}")), Reply::Answered)
        }
        Err(error) => failure(&error),
    };
    Asked { reply, took }
}

fn failure(error: &io::Error) -> Reply {
    match error.kind() {
        ErrorKind::ConnectionRefused => Reply::Refused,
        // EACCES is how IPv6 tells that it was "administratively prohibited".
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::PermissionDenied => Reply::Unreachable,
        _ if is_timeout(error) => Reply::TimedOut,
        _ => Reply::Broken(error.to_string()),
    }
}

fn stream(protocol: Protocol, to: SocketAddr, patience: Duration) -> io::Result<String> {
    let number = identity::number(protocol);
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(number))?;
    socket.connect_timeout(&to.into(), patience)?;
    socket.set_read_timeout(Some(patience))?;
    let mut line = String::new();
    BufReader::new(TcpStream::from(socket)).read_line(&mut line)?;
    Ok(line)
}

fn datagram(to: SocketAddr, patience: Duration) -> io::Result<String> {
    let any: IpAddr =
        if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let began = Instant::now();
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(to)?;
    let mut buffer = [0; 256];
    loop {
        match socket.send(b"who is there?") {
            // A packet that this host itself rejects fails so, and the ICMP error comes behind it.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            sent => drop(sent?),
        }
        let left = patience.saturating_sub(began.elapsed()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left.min(AGAIN)))?;
        match socket.recv(&mut buffer) {
            Err(error) if is_timeout(&error) && began.elapsed() < patience => {}
            length => {
                return Ok(
                    String::from_utf8_lossy(buffer.get(..length?).unwrap_or_default()).into_owned()
                );
            }
        }
    }
}

/// Reads an [`super::Identity`]'s line.
pub(super) fn answer(line: &str) -> Option<Answer> {
    let mut words = line.split_whitespace();
    let name = words.next()?.to_owned();
    let mut address = || words.next()?.parse().ok();
    Some(Answer { name, source: address()?, local: address()? })
}
