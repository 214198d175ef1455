//! The blocking socket.

use std::io;
use std::io::IoSlice;
use std::os::fd::AsRawFd;

use netlink_sys::protocols::NETLINK_NETFILTER;
use nix::libc;
use nix::sys::socket::{MsgFlags, NetlinkAddr, sendmsg, setsockopt, sockopt};

use super::read::{Message, Messages};

const NLM_F_DUMP_INTR: u16 = 0x10;

/// The kernel packs dumps into datagrams of at most 32 KiB when the reader offers that much.
const RECEIVE_BUFFER: usize = 64 * 1024;

/// Room for the answers to one batch: each failed message makes one, and they are queued until the
/// batch is through.
const ANSWER_QUEUE: usize = 4 * 1024 * 1024;

/// What `sendmsg` needs above the length of the datagram itself.
const SEND_SLACK: usize = 4096;

/// How a dump ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DumpEnd {
    /// All of it came.
    Complete,
    /// The objects changed underneath: what came may be neither the old nor the new state.
    Interrupted,
}

/// A `NETLINK_NETFILTER` socket of the network namespace of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: netlink_sys::Socket,
    port: u32,
    send_capacity: usize,
    sequence: u32,
    received: Box<[u8]>,
}

impl Socket {
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = netlink_sys::Socket::new(NETLINK_NETFILTER)?;
        let port = socket.bind_auto()?.port_number();
        // Kernels since 4.12 have both; without them an error still comes, with fewer words.
        let _ = socket.set_ext_ack(true);
        let _ = socket.set_cap_ack(true);
        if setsockopt(&socket, sockopt::RcvBufForce, &ANSWER_QUEUE).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &ANSWER_QUEUE)?;
        }
        let send_capacity = nix::sys::socket::getsockopt(&socket, sockopt::SndBuf)?;
        Ok(Self {
            socket,
            port,
            send_capacity,
            sequence: 0,
            received: vec![0; RECEIVE_BUFFER].into_boxed_slice(),
        })
    }

    /// The number that the kernel names this socket by.
    pub(crate) fn port(&self) -> u32 {
        self.port
    }

    /// A number for the next request.
    pub(crate) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Makes room to send `length` bytes as one datagram; says how much fits where the kernel
    /// refuses, which it does to a caller without `CAP_NET_ADMIN` in the initial user namespace
    /// beyond `net.core.wmem_max`.
    pub(crate) fn reserve(&mut self, length: usize) -> Result<(), usize> {
        let wanted = length.saturating_add(SEND_SLACK);
        if wanted <= self.send_capacity {
            return Ok(());
        }
        if setsockopt(&self.socket, sockopt::SndBufForce, &wanted).is_err() {
            let _ = setsockopt(&self.socket, sockopt::SndBuf, &wanted);
        }
        self.send_capacity = nix::sys::socket::getsockopt(&self.socket, sockopt::SndBuf)
            .unwrap_or(self.send_capacity);
        if wanted <= self.send_capacity {
            Ok(())
        } else {
            Err(self.send_capacity.saturating_sub(SEND_SLACK))
        }
    }

    /// Sends the parts as one datagram. When this returns, the kernel has executed it.
    pub(crate) fn send(&self, parts: &[&[u8]]) -> io::Result<()> {
        let parts: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let kernel = NetlinkAddr::new(0, 0);
        sendmsg(self.socket.as_raw_fd(), &parts, &[], MsgFlags::empty(), Some(&kernel))?;
        Ok(())
    }

    /// Hands over every answer that is queued already, without waiting. Answers that found no room
    /// in the queue are missing; the ones before them are there.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(Message<'_>)) -> io::Result<()> {
        loop {
            match receive(&self.socket, &mut self.received, libc::MSG_DONTWAIT) {
                Ok(datagram) => Messages::new(datagram).for_each(&mut each),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends one request and hands over what comes, up to the end of the dump, the acknowledgement
    /// or the error.
    pub(crate) fn request(
        &mut self,
        request: &[u8],
        mut each: impl FnMut(Message<'_>),
    ) -> io::Result<DumpEnd> {
        let sequence = Messages::new(request).next().map(|message| message.sequence());
        self.drain(|_| {})?;
        self.send(&[request])?;
        let mut end = DumpEnd::Complete;
        loop {
            let datagram = receive(&self.socket, &mut self.received, 0)?;
            for message in Messages::new(datagram) {
                if Some(message.sequence()) != sequence {
                    continue;
                }
                if message.flags() & NLM_F_DUMP_INTR != 0 {
                    end = DumpEnd::Interrupted;
                }
                match message.reply() {
                    None => each(message),
                    Some(reply) if reply.code == 0 => return Ok(end),
                    Some(reply) if -reply.code == libc::EINTR => return Ok(DumpEnd::Interrupted),
                    Some(reply) => {
                        return Err(io::Error::from_raw_os_error(reply.code.saturating_neg()));
                    }
                }
            }
        }
    }
}

/// Reads one datagram into `buffer`.
fn receive<'a>(
    socket: &netlink_sys::Socket,
    buffer: &'a mut [u8],
    flags: libc::c_int,
) -> io::Result<&'a [u8]> {
    loop {
        let mut space = &mut *buffer;
        match socket.recv(&mut space, flags) {
            Ok(length) => return Ok(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
