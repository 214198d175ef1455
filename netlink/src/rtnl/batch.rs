//! Many operations in few system calls.

use std::io;
use std::os::fd::AsRawFd;

use netlink_packet_core::NLM_F_ACK;
use nix::errno::Errno;

use super::devices;
use super::error::{OpError, OpFailure};
use crate::name::LinkName;
use crate::op::Op;
use crate::op::encode::{Devices, Request};
use crate::transport::{NLMSG_ERROR, Transport, Verdict};

/// An error comes back as a socket buffer of about 1 KiB; with this many requests at once,
/// the default receive buffer (208 KiB) holds one for each.
const MAX_REQUESTS: usize = 128;
const MAX_BYTES: usize = 32 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFailure {
    Stop,
    GoOn,
}

pub(super) struct Batch<'a> {
    transport: &'a mut Transport,
    on_failure: OnFailure,
    ops: &'a [Op],
    outcomes: Vec<Result<(), OpError>>,
    failed: bool,
    /// Requests that wait to be sent.
    buffer: Vec<u8>,
    /// Where the last of them begins.
    last: usize,
    /// The operation and the sequence number of each.
    owners: Vec<(usize, u32)>,
    /// Names whose meaning they change.
    renamed: Vec<LinkName>,
    /// They change the meaning of names that are not known.
    renamed_any: bool,
    numbers: Vec<(LinkName, u32)>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(transport: &'a mut Transport, on_failure: OnFailure) -> Self {
        Self {
            transport,
            on_failure,
            ops: &[],
            outcomes: Vec::new(),
            failed: false,
            buffer: Vec::new(),
            last: 0,
            owners: Vec::new(),
            renamed: Vec::new(),
            renamed_any: false,
            numbers: Vec::new(),
        }
    }

    pub(super) fn run(mut self, ops: &'a [Op]) -> Vec<Result<(), OpError>> {
        self.ops = ops;
        self.outcomes = vec![Ok(()); ops.len()];
        for (index, op) in ops.iter().enumerate() {
            match op.encode(&mut self) {
                Ok(requests) => self.queue(index, op, requests),
                Err(failure) => {
                    self.flush();
                    self.fail(index, failure);
                }
            }
            if self.failed && self.on_failure == OnFailure::Stop {
                self.not_tried_from(index);
                return self.outcomes;
            }
        }
        self.flush();
        self.outcomes
    }

    fn not_tried_from(&mut self, index: usize) {
        // The failure may be an earlier operation's, found while this one was encoded: then this
        // one was not sent.
        let waits = self.outcomes.get(index).is_some_and(Result::is_ok);
        let from = if waits { index } else { index + 1 };
        for later in from..self.ops.len() {
            self.fail(later, OpFailure::NotTried);
        }
    }

    fn queue(&mut self, index: usize, op: &Op, requests: Vec<Request>) {
        // The requests of one operation go out together: it is carried out or not tried.
        if self.owners.len() + requests.len() > MAX_REQUESTS || self.buffer.len() >= MAX_BYTES {
            self.flush();
        }
        for Request { message, flags } in requests {
            let sequence = self.transport.next_sequence();
            self.last = super::append(message, flags, sequence, &mut self.buffer).start;
            self.owners.push((index, sequence));
        }
        self.renamed.extend(op.renames());
        self.renamed_any |= op.renames_unknown();
    }

    fn fail(&mut self, index: usize, failure: OpFailure) {
        if let (Some(outcome @ Ok(())), Some(op)) =
            (self.outcomes.get_mut(index), self.ops.get(index))
        {
            *outcome = Err(OpError::new(op, failure));
            self.failed = true;
        }
    }

    /// Sends what waits and collects the verdicts.
    ///
    /// Only the last request asks for an acknowledgement: errors come back unasked, and when
    /// the last verdict is there all are.
    fn flush(&mut self) {
        if self.owners.is_empty() {
            return;
        }
        // The flags are the second half of the header's second word.
        let at = self.last + 6;
        if let Some(flags) = self.buffer.get_mut(at..at + 2) {
            for (byte, ack) in flags.iter_mut().zip(NLM_F_ACK.to_ne_bytes()) {
                *byte |= ack;
            }
        }
        if let Err(error) = self.exchange() {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or(nix::libc::EIO));
            for (index, _) in std::mem::take(&mut self.owners) {
                self.fail(index, OpFailure::Transport(errno));
            }
        }
        self.buffer.clear();
        self.owners.clear();
        if std::mem::take(&mut self.renamed_any) {
            self.numbers.clear();
        }
        let renamed = std::mem::take(&mut self.renamed);
        self.numbers.retain(|(name, _)| !renamed.contains(name));
    }

    fn exchange(&mut self) -> io::Result<()> {
        self.transport.send(&self.buffer)?;
        let Some((_, last)) = self.owners.last().copied() else { return Ok(()) };
        let mut done = false;
        while !done {
            let mut refused = Vec::new();
            for frame in self.transport.receive()?.filter(|frame| frame.kind == NLMSG_ERROR) {
                let owner = self.owners.iter().find(|(_, sequence)| *sequence == frame.sequence);
                // What is not ours answers a call that failed half-way.
                let Some((index, sequence)) = owner.copied() else { continue };
                done |= sequence == last;
                let verdict = Verdict::of(&frame);
                if verdict.errno != 0 {
                    let errno = verdict.errno();
                    refused.push((index, OpFailure::Kernel { errno, message: verdict.message }));
                }
            }
            for (index, failure) in refused {
                self.fail(index, failure);
            }
        }
        Ok(())
    }
}

impl Devices for Batch<'_> {
    type Error = OpFailure;

    fn index(&mut self, name: LinkName) -> Result<u32, OpFailure> {
        if self.renamed_any || self.renamed.contains(&name) {
            self.flush();
        }
        if let Some((_, number)) = self.numbers.iter().find(|(known, _)| *known == name) {
            return Ok(*number);
        }
        let number =
            devices::index_of(self.transport.as_raw_fd(), name).map_err(|errno| match errno {
                Errno::ENODEV => OpFailure::NoDevice(name),
                errno => OpFailure::Transport(errno),
            })?;
        self.numbers.push((name, number));
        Ok(number)
    }
}
