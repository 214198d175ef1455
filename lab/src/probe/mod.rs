//! Who reaches whom: small clients and servers whose sockets are in a namespace, without external
//! programs.

mod ask;
mod datagram;
pub mod dns;
pub mod http;
mod icmp;
mod identity;
mod load;
mod responder;
mod sctp;
mod udp_flow;

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::netns::Netns;
pub use ask::{Answer, Asked, Reply, ask, ask_here, ask_while};
pub use icmp::ping;
pub use identity::{Identity, sctp_unavailable};
pub use load::{LoadReport, PingLoad, TcpLoad};
pub use responder::Responder;
pub use sctp::{SctpEar, sctp_init};
pub use udp_flow::{FlowReport, UdpFlow};

/// What a client learnt from a [`Responder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The client's address as the responder saw it.
    pub source: SocketAddr,
    /// From the first packet to the answer.
    pub took: Duration,
}

/// Connects to a [`Responder`] over TCP.
///
/// # Errors
/// When the connection is refused, or there is no answer in time.
pub fn tcp(from: &Netns, to: SocketAddr, timeout: Duration) -> Result<Seen> {
    let began = Instant::now();
    let stream = connect(from, to, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    let mut line = String::new();
    BufReader::new(stream)
        .read_line(&mut line)
        .with_context(|| format!("{to} was reached but did not answer"))?;
    let source = line
        .trim_end()
        .parse()
        .with_context(|| format!("{to} answered {line:?}, which is no address"))?;
    Ok(Seen { source, took: began.elapsed() })
}

/// Sends a [`Responder`] a datagram, once a 200 ms until it answers.
///
/// # Errors
/// When it is refused (ICMP), or there is no answer in time.
pub fn udp(from: &Netns, to: SocketAddr, timeout: Duration) -> Result<Seen> {
    let began = Instant::now();
    let any: IpAddr =
        if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let context = || format!("no answer from {to} over UDP within {timeout:?}");
    let socket = from.run(|| UdpSocket::bind((any, 0)))?.context("cannot open a UDP socket")?;
    socket.connect(to).with_context(context)?;
    socket.set_read_timeout(Some(timeout.min(Duration::from_millis(200))))?;
    let mut buffer = [0; 128];
    let length = loop {
        socket.send(b"who am I?").with_context(context)?;
        match socket.recv(&mut buffer) {
            Ok(length) => break length,
            Err(error) if is_timeout(&error) && began.elapsed() < timeout => {}
            Err(error) => return Err(error).with_context(context),
        }
    };
    let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
    let source = text
        .trim_end()
        .parse()
        .with_context(|| format!("{to} answered {text:?}, which is no address"))?;
    Ok(Seen { source, took: began.elapsed() })
}

/// Opens a TCP connection from a namespace.
///
/// # Errors
/// When it is refused, or not answered in time.
pub fn connect(from: &Netns, to: SocketAddr, timeout: Duration) -> Result<TcpStream> {
    from.run(|| TcpStream::connect_timeout(&to, timeout))?
        .with_context(|| format!("cannot connect to {to}"))
}

pub(crate) fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock | Interrupted)
}
