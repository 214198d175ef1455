//! A blocking netlink socket.
//!
//! rtnetlink carries requests out inside `sendmsg(2)`, and fills the next part of a dump inside
//! `recvmsg(2)`: when a call returns, the answer is there. So every receive is non-blocking, and
//! no call here can hang.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::errno::Errno;
use nix::libc;

use crate::wire::{self, Frame};

/// Larger than any datagram of a dump (the kernel caps them at 32 KiB).
const RECEIVE_BUFFER: usize = 64 << 10;

const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSGERR_ATTR_MSG: u16 = 1;

#[derive(Debug)]
pub(crate) struct Transport {
    socket: Socket,
    received: Vec<u8>,
    sequence: u32,
}

/// The kernel's verdict on one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// 0 for success.
    pub(crate) errno: i32,
    /// The extended acknowledgement's text.
    pub(crate) message: Option<String>,
}

/// Opens an rtnetlink socket in the calling thread's namespace.
pub(crate) fn route_socket() -> io::Result<Socket> {
    Socket::new(NETLINK_ROUTE)
}

impl Transport {
    pub(crate) fn new(socket: Socket) -> io::Result<Self> {
        socket.set_ext_ack(true)?;
        // Errors come back without a copy of the request.
        socket.set_cap_ack(true)?;
        // Filters of dumps are applied by the kernel, not ignored.
        socket.set_netlink_get_strict_chk(true)?;
        Ok(Self { socket, received: Vec::new(), sequence: 0 })
    }

    pub(crate) fn next_sequence(&mut self) -> u32 {
        // 0 marks what the kernel sends on its own.
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        self.sequence
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        loop {
            match self.socket.send(bytes, 0) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The messages of the next datagram.
    pub(crate) fn receive(&mut self) -> io::Result<impl Iterator<Item = Frame<'_>>> {
        self.received.clear();
        self.received.reserve(RECEIVE_BUFFER);
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        let len = loop {
            match self.socket.recv(&mut self.received, flags) {
                Ok(len) => break len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        if len > self.received.len() {
            return Err(io::Error::other(format!(
                "the kernel sent {len} bytes at once, {} were expected at most",
                self.received.len()
            )));
        }
        Ok(wire::frames(&self.received))
    }
}

impl AsRawFd for Transport {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Verdict {
    /// Reads an `NLMSG_ERROR` message, or an `NLMSG_DONE` that carries an error.
    pub(crate) fn of(frame: &Frame<'_>) -> Self {
        let code = wire::i32_at(frame.payload, 0).unwrap_or(0);
        let errno = code.saturating_neg();
        let tail = if frame.kind == NLMSG_DONE {
            4
        } else if frame.flags & NLM_F_CAPPED != 0 {
            4 + 16
        } else {
            // The whole request is echoed, its length is its first word.
            let echoed = wire::u32_at(frame.payload, 4).unwrap_or(16);
            4usize.saturating_add(
                usize::try_from(echoed).unwrap_or(usize::MAX - 4).saturating_add(3) & !3,
            )
        };
        let message = (frame.flags & NLM_F_ACK_TLVS != 0)
            .then(|| wire::attributes(frame.payload, tail).find(|a| a.kind == NLMSGERR_ATTR_MSG))
            .flatten()
            .map(|a| a.text());
        Self { errno, message }
    }

    pub(crate) fn errno(&self) -> Errno {
        Errno::from_raw(self.errno)
    }
}

/// An acknowledgement or an error.
pub(crate) const NLMSG_ERROR: u16 = 2;
/// The end of a dump.
pub(crate) const NLMSG_DONE: u16 = 3;
