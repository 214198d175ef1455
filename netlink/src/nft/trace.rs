//! What becomes of packets that a rule has marked by `meta nftrace set 1`, rule by rule.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{AsyncSocket, SocketAddr, TokioSocket};
use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};

use super::uapi::*;
use super::{Family, Verdict, proto};
use crate::Netns;
use crate::nfnetlink::{Attribute, Message, Messages};

/// Larger than any notification.
const RECEIVE_BUFFER: usize = 64 * 1024;
/// Bytes of notifications that may wait.
const QUEUE: usize = 1 << 20;

/// A packet was seen at some place of its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The same for all sightings of one packet while it is the same to the kernel: what a host sends to
    /// itself is another when it comes in.
    pub packet: u32,
    /// The table's family.
    pub family: Family,
    /// The table's name.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// What was seen.
    pub event: TraceEvent,
    /// What the packet is: told once in each base chain that it enters.
    pub headers: Option<Headers>,
    /// The number of the device that it came by, where the headers are told.
    pub input: Option<u32>,
    /// The number of the device that it leaves by, where the headers are told.
    pub output: Option<u32>,
}

/// What was seen of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    /// A rule was for it, and came to this.
    Rule {
        /// The number of the rule in its table.
        handle: u64,
        /// What came of it.
        verdict: Verdict,
    },
    /// No rule more was for it in the chain.
    End,
    /// It went back to where it was led here from.
    Return(Verdict),
    /// It came to the end of a base chain, which decides so.
    Policy(Verdict),
}

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// From where.
    pub source: IpAddr,
    /// Where to.
    pub destination: IpAddr,
    /// The transport protocol by number.
    pub protocol: u8,
    /// Source and destination port; type and code of ICMP are no ports, and 0 here.
    pub ports: (u16, u16),
}

/// A stream of what becomes of marked packets in one network namespace, whoever marked them. Rules
/// that mark must be there before their packets; the stream tells of nothing that was before it.
pub struct Traces {
    socket: TokioSocket,
    received: Vec<u8>,
    missed: bool,
}

impl Traces {
    /// Listens in the calling thread's network namespace. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the process is out of descriptors, or may not listen (`CAP_NET_ADMIN`).
    pub fn open() -> io::Result<Self> {
        Self::new(TokioSocket::new(NETLINK_NETFILTER)?)
    }

    /// Listens in another network namespace. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or as [`Traces::open`].
    pub fn open_in(netns: &Netns) -> io::Result<Self> {
        Self::new(netns.briefly(|| TokioSocket::new(NETLINK_NETFILTER))??)
    }

    fn new(mut socket: TokioSocket) -> io::Result<Self> {
        let inner = socket.socket_mut();
        // Without CAP_NET_ADMIN in the first user namespace, net.core.rmem_max is the bound.
        if setsockopt(inner, sockopt::RcvBufForce, &QUEUE).is_err() {
            setsockopt(inner, sockopt::RcvBuf, &QUEUE)?;
        }
        inner.bind(&SocketAddr::new(0, 0))?;
        inner.add_membership(NFNLGRP_NFTRACE)?;
        Ok(Self { socket, received: Vec::with_capacity(RECEIVE_BUFFER), missed: false })
    }

    /// The next sightings. Nothing is lost when the call is given up; what finds no room in the queue
    /// is, and [`Traces::has_missed`] says so.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn next(&mut self) -> io::Result<Vec<Sighting>> {
        loop {
            self.received.clear();
            self.received.reserve(RECEIVE_BUFFER);
            match poll_fn(|cx| self.socket.poll_recv(cx, &mut self.received)).await {
                Ok(()) => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.missed = true;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let sightings = read(&self.received);
            if !sightings.is_empty() {
                return Ok(sightings);
            }
        }
    }

    /// Whether sightings found no room in the queue.
    #[must_use]
    pub const fn has_missed(&self) -> bool {
        self.missed
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").field("socket", &self.socket.as_raw_fd()).finish_non_exhaustive()
    }
}

/// The sightings in one datagram.
pub(super) fn read(datagram: &[u8]) -> Vec<Sighting> {
    Messages::new(datagram).filter_map(|message| sighting(&message)).collect()
}

fn sighting(message: &Message<'_>) -> Option<Sighting> {
    if message.kind() != NFNL_SUBSYS_NFTABLES | msg::TRACE {
        return None;
    }
    let attribute = |kind| message.attributes().find(kind);
    let number = |kind| attribute(kind).and_then(|found| found.u32_be());
    let verdict = || attribute(NFTA_TRACE_VERDICT).and_then(|found| of_verdict(&found));
    let event = match number(NFTA_TRACE_TYPE)? {
        NFT_TRACETYPE_RULE => match attribute(NFTA_TRACE_RULE_HANDLE) {
            Some(handle) => TraceEvent::Rule { handle: handle.u64_be()?, verdict: verdict()? },
            None => TraceEvent::End,
        },
        NFT_TRACETYPE_RETURN => TraceEvent::Return(verdict()?),
        NFT_TRACETYPE_POLICY => TraceEvent::Policy(match number(NFTA_TRACE_POLICY)? {
            0 => Verdict::Drop,
            _ => Verdict::Accept,
        }),
        _ => return None,
    };
    let bytes = |kind| attribute(kind).map(|found| found.value);
    let network = bytes(NFTA_TRACE_NETWORK_HEADER);
    let headers = network.and_then(|header| headers(header, bytes(NFTA_TRACE_TRANSPORT_HEADER)));
    Some(Sighting {
        packet: number(NFTA_TRACE_ID)?,
        family: Family::from_number(message.family())?,
        table: attribute(NFTA_TRACE_TABLE)?.string(),
        chain: attribute(NFTA_TRACE_CHAIN)?.string(),
        event,
        headers,
        input: number(NFTA_TRACE_IIF),
        output: number(NFTA_TRACE_OIF),
    })
}

fn of_verdict(found: &Attribute<'_>) -> Option<Verdict> {
    let code = found.nested().find(NFTA_VERDICT_CODE)?.u32_be()?;
    let chain = found.nested().find(NFTA_VERDICT_CHAIN);
    Verdict::from_parts(code.cast_signed(), chain.and_then(|chain| chain.str()))
}

fn headers(network: &[u8], transport: Option<&[u8]>) -> Option<Headers> {
    let address = |from: usize, length: usize| {
        let bytes = network.get(from..from + length)?;
        match length {
            4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
            _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        }
    };
    let (source, destination, protocol) = match network.first()? >> 4 {
        4 => (address(12, 4)?, address(16, 4)?, *network.get(9)?),
        6 => (address(8, 16)?, address(24, 16)?, *network.get(6)?),
        _ => return None,
    };
    let has_ports = matches!(protocol, proto::TCP | proto::UDP | proto::SCTP);
    let port = |at: usize| {
        let bytes = transport.filter(|_| has_ports)?.get(at..at + 2)?;
        bytes.try_into().ok().map(u16::from_be_bytes)
    };
    let ports = (port(0).unwrap_or(0), port(2).unwrap_or(0));
    Some(Headers { source, destination, protocol, ports })
}
