//! The way to the kernel's table of connections.

use std::io;

use super::uapi::*;
use super::{Filter, Flow};
use crate::Netns;
use crate::nfnetlink::{Header, Message, MessageBuffer, Socket};

/// Deletions that are sent at once.
const DELETE_LENGTH: usize = 64 * 1024;

/// Why connections could not be listed or forgotten.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} tracked connections: {error}{}", hint(.error))]
pub struct ConntrackError {
    doing: &'static str,
    /// What the kernel said.
    #[source]
    error: io::Error,
}

fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(nix::libc::EPERM) => ": this needs CAP_NET_ADMIN in the network namespace",
        Some(nix::libc::EINVAL | nix::libc::EPROTONOSUPPORT) => {
            ": the kernel may lack nf_conntrack_netlink"
        }
        _ => "",
    }
}

/// The connections tracked in the network namespace that the opening thread was in. Calls block:
/// while there are few connections for microseconds, with 100,000 of them for tens of milliseconds.
#[derive(Debug)]
pub struct Conntrack {
    socket: Socket,
    request: MessageBuffer,
}

impl Conntrack {
    /// Opens the table of the thread's network namespace.
    ///
    /// # Errors
    /// The system's, where it has no netlink for netfilter.
    pub fn open() -> Result<Self, ConntrackError> {
        let socket = Socket::open().map_err(|error| failed("open the table of", error))?;
        Ok(Self { socket, request: MessageBuffer::default() })
    }

    /// Opens the table of another network namespace.
    ///
    /// # Errors
    /// The namespace cannot be entered, or has no netlink for netfilter.
    pub fn open_in(netns: &Netns) -> Result<Self, ConntrackError> {
        let opened = netns.briefly(Self::open);
        opened.unwrap_or_else(|error| Err(failed("open the table of", error.into())))
    }

    /// How many there are.
    ///
    /// # Errors
    /// [`ConntrackError`].
    pub fn count(&mut self) -> Result<u32, ConntrackError> {
        self.entries().map_err(|error| failed("count", error))
    }

    /// Those that the filter means.
    ///
    /// # Errors
    /// [`ConntrackError`].
    pub fn list(&mut self, filter: &Filter) -> Result<Vec<Flow>, ConntrackError> {
        let mut flows = Vec::new();
        self.dump(filter, |_, flow| flows.push(flow)).map_err(|error| failed("list", error))?;
        Ok(flows)
    }

    /// Forgets those that the filter means, and says how many that were. A packet that comes later
    /// makes a new connection, which may be rewritten otherwise than the old one.
    ///
    /// # Errors
    /// [`ConntrackError`]; some may have been forgotten.
    pub fn delete(&mut self, filter: &Filter) -> Result<usize, ConntrackError> {
        self.delete_where(filter, |_| true)
    }

    /// Forgets those that the filter means and that `is_meant` says, and says how many that were.
    ///
    /// # Errors
    /// [`ConntrackError`]; some may have been forgotten.
    pub fn delete_where(
        &mut self,
        filter: &Filter,
        is_meant: impl FnMut(&Flow) -> bool,
    ) -> Result<usize, ConntrackError> {
        self.delete_all(filter, is_meant).map_err(|error| failed("delete", error))
    }

    fn delete_all(
        &mut self,
        filter: &Filter,
        mut is_meant: impl FnMut(&Flow) -> bool,
    ) -> io::Result<usize> {
        let mut chunks: Vec<MessageBuffer> = Vec::new();
        let mut found = 0usize;
        self.dump(filter, |message, flow| {
            if !is_meant(&flow) {
                return;
            }
            if chunks.last().is_none_or(|chunk| chunk.len() > DELETE_LENGTH) {
                chunks.push(MessageBuffer::default());
            }
            if let Some(chunk) = chunks.last_mut() {
                encode_delete(&message, chunk);
                found += 1;
            }
        })?;
        let mut refused = 0usize;
        let mut failure = None;
        for chunk in chunks {
            self.socket.send(&[chunk.as_bytes()])?;
            self.socket.drain(|message| match message.reply() {
                Some(reply) if -reply.code == nix::libc::ENOENT => refused += 1,
                Some(reply) if reply.code != 0 => {
                    failure = Some(io::Error::from_raw_os_error(-reply.code));
                }
                _ => {}
            })?;
        }
        match failure {
            Some(error) => Err(error),
            // What is gone already has expired meanwhile.
            None => Ok(found.saturating_sub(refused)),
        }
    }

    fn dump(&mut self, filter: &Filter, mut each: impl FnMut(Message<'_>, Flow)) -> io::Result<()> {
        // A dump walks the hash table of all network namespaces, even for one that has no
        // connections.
        if filter.is_empty() || self.entries()? == 0 {
            return Ok(());
        }
        let encode = |out: &mut MessageBuffer| filter.encode(out);
        self.ask(IPCTNL_MSG_CT_GET, NLM_F_DUMP, filter.family(), encode, |message| {
            if let Some(flow) = Flow::decode(&message).filter(|flow| filter.matches(flow)) {
                each(message, flow);
            }
        })
    }

    fn entries(&mut self) -> io::Result<u32> {
        let mut count = 0;
        self.ask(
            IPCTNL_MSG_CT_GET_STATS,
            NLM_F_ACK,
            0,
            |_| {},
            |message| {
                let entries = message.attributes().find(CTA_STATS_GLOBAL_ENTRIES);
                count = entries.and_then(|entries| entries.u32_be()).unwrap_or(count);
            },
        )?;
        Ok(count)
    }

    fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        family: u8,
        body: impl FnOnce(&mut MessageBuffer),
        each: impl FnMut(Message<'_>),
    ) -> io::Result<()> {
        let sequence = self.socket.next_sequence();
        self.request.clear();
        self.request.message(header(kind, flags, family, sequence), body);
        self.socket.request(self.request.as_bytes(), each).map(|_| ())
    }
}

/// Asks to forget a connection that was listed: the same tuple and zone, and the same number, lest
/// it hits a new one.
fn encode_delete(listed: &Message<'_>, out: &mut MessageBuffer) {
    out.message(header(IPCTNL_MSG_CT_DELETE, 0, listed.family(), 0), |out| {
        for attribute in listed.attributes() {
            match attribute.kind {
                CTA_TUPLE_ORIG => out.nested(CTA_TUPLE_ORIG, |out| out.raw(attribute.value)),
                CTA_ZONE | CTA_ID => out.bytes(attribute.kind, attribute.value),
                _ => {}
            }
        }
    });
}

fn header(kind: u16, flags: u16, family: u8, sequence: u32) -> Header {
    Header {
        kind: NFNL_SUBSYS_CTNETLINK | kind,
        flags: NLM_F_REQUEST | flags,
        sequence,
        family,
        resource: 0,
    }
}

fn failed(doing: &'static str, error: io::Error) -> ConntrackError {
    ConntrackError { doing, error }
}
