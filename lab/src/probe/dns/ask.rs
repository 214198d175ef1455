//! One question, over a socket of its own.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

use super::answer::Answer;
use crate::netns::Netns;
use crate::probe::is_timeout;

/// What clients of the lab have room for in a datagram: what there is without EDNS is 512 bytes.
const ROOM: u16 = 1232;

/// How a question is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// One datagram.
    Udp,
    /// A connection of its own.
    Tcp,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// The whole name; its final dot may be left out.
    pub name: String,
    /// The type.
    pub rtype: RecordType,
    /// Whether the client says by EDNS that it has room for more than 512 bytes.
    pub edns: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Silence {
    /// Nothing came back.
    TimedOut,
    /// Nobody is there: ICMP port unreachable, or a reset.
    Refused,
    /// Something else.
    Broken(anyhow::Error),
}

impl From<io::Error> for Silence {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            _ if is_timeout(&error) => Self::TimedOut,
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Self::Refused,
            _ => Self::Broken(error.into()),
        }
    }
}

impl Question {
    /// A question with EDNS.
    #[must_use]
    pub fn new(name: &str, rtype: RecordType) -> Self {
        Self { name: name.to_owned(), rtype, edns: true }
    }

    /// A question without EDNS, as old resolvers send it.
    #[must_use]
    pub fn plain(name: &str, rtype: RecordType) -> Self {
        Self { edns: false, ..Self::new(name, rtype) }
    }

    /// The question as a packet, and the packet's id.
    ///
    /// # Errors
    /// When the name is none.
    pub fn packet(&self) -> Result<(u16, Vec<u8>)> {
        static NEXT: AtomicU16 = AtomicU16::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut name =
            Name::from_ascii(&self.name).with_context(|| format!("{:?} is no name", self.name))?;
        name.set_fqdn(true);
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(name, self.rtype));
        if self.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(ROOM);
            message.set_edns(edns);
        }
        Ok((id, message.to_vec().context("a question cannot be written")?))
    }
}

/// Asks once; over UDP with one datagram, which nobody sends again.
///
/// # Errors
/// Why there is no answer.
pub fn ask(
    from: &Netns,
    server: SocketAddr,
    over: Over,
    question: &Question,
    patience: Duration,
) -> Result<Answer, Silence> {
    from.run(|| ask_here(server, over, question, patience)).map_err(Silence::Broken)?
}

/// Asks as a resolver does for whom no answer is a failure: over UDP, again behind each second, and
/// over TCP for what does not fit into a datagram.
///
/// # Errors
/// When nothing came of three questions.
pub fn resolve(from: &Netns, server: SocketAddr, name: &str, rtype: RecordType) -> Result<Answer> {
    let question = Question::new(name, rtype);
    let patience = Duration::from_secs(1);
    let mut over = Over::Udp;
    let mut silence = Silence::TimedOut;
    for _ in 0..3 {
        match ask(from, server, over, &question, patience) {
            Ok(answer) if answer.is_cut() && over == Over::Udp => over = Over::Tcp,
            Ok(answer) => return Ok(answer),
            Err(error) => silence = error,
        }
    }
    Err(anyhow::anyhow!("{name} {rtype} at {server}: {silence:?}"))
}

/// As [`ask`], from the namespace of this thread.
///
/// # Errors
/// Why there is no answer.
pub fn ask_here(
    server: SocketAddr,
    over: Over,
    question: &Question,
    patience: Duration,
) -> Result<Answer, Silence> {
    let began = Instant::now();
    let (id, packet) = question.packet().map_err(Silence::Broken)?;
    let bytes = match over {
        Over::Udp => datagram(server, &packet, patience)?,
        Over::Tcp => {
            let mut stream = TcpStream::connect_timeout(&server, patience)?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_nodelay(true)?;
            stream.write_all(&framed(&packet))?;
            read_framed(&mut stream)?
        }
    };
    let answer = Answer::read(&bytes, began.elapsed()).map_err(Silence::Broken)?;
    if !Answer::is_to(&answer.message, id) {
        let message = answer.message;
        let problem = anyhow::anyhow!("{server} answered something else: {message}");
        return Err(Silence::Broken(problem));
    }
    Ok(answer)
}

/// A socket that hears from that server only.
pub(super) fn socket(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    Ok(socket)
}

fn datagram(server: SocketAddr, packet: &[u8], patience: Duration) -> io::Result<Vec<u8>> {
    let socket = socket(server)?;
    socket.set_read_timeout(Some(patience))?;
    socket.send(packet)?;
    let mut buffer = vec![0; 4096];
    let length = socket.recv(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

/// A message behind its length (RFC 1035, section 4.2.2).
#[must_use]
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), message].concat()
}

/// The next message of a connection.
///
/// # Errors
/// When the connection ends, or nothing comes in its time.
pub fn read_framed(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}
