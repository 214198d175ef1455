//! The way to the kernel.

use std::io;

use super::describe::describe;
use super::error::{CommitError, Refusal};
use super::listener::{Port, Quiet};
use super::uapi::*;
use super::{Batch, Table, destroy};
use crate::Netns;
use crate::nfnetlink::{Header, Message, MessageBuffer, Messages, Socket};

/// Refusals that are described; a batch of thousands of wrong changes need not be explained to the
/// last.
const MAX_REFUSALS: usize = 64;

/// Bytes of a transaction from which on it is worth two questions (of 4 µs each) not to have its
/// notifications made: about 1,500 elements, at 6 to 15 µs each.
const QUIET_LENGTH: usize = 64 * 1024;

/// The nf_tables of the network namespace that the opening thread was in.
///
/// Calls block, and the kernel works inside them: for 10 µs to change one element, for a fifth of a
/// second to add 100,000. Use it from a thread that may block.
#[derive(Debug)]
pub struct Nft {
    pub(super) socket: Socket,
    pub(super) request: MessageBuffer,
    /// This kernel has the `DESTROY` messages (Linux 6.3); not known before they are needed.
    has_destroy: Option<bool>,
    port: Port,
}

/// A state of the whole ruleset of a network namespace: every transaction makes the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation {
    /// Its number, which wraps.
    pub id: u32,
}

impl Nft {
    /// Opens nf_tables in the thread's network namespace.
    ///
    /// # Errors
    /// The system's, where it has no netlink for netfilter.
    pub fn open() -> io::Result<Self> {
        let socket = Socket::open()?;
        let port = Port::new(socket.port());
        Ok(Self { socket, request: MessageBuffer::default(), has_destroy: None, port })
    }

    /// Opens nf_tables in another network namespace.
    ///
    /// # Errors
    /// The namespace cannot be entered, or has no netlink for netfilter.
    pub fn open_in(netns: &Netns) -> io::Result<Self> {
        netns.briefly(Self::open)?
    }

    /// What tells this connection's changes from those of others: see [`Monitor`](super::Monitor).
    pub fn port(&self) -> Port {
        self.port.clone()
    }

    /// Makes all changes of a batch, or none.
    ///
    /// # Errors
    /// [`CommitError`]; in every case nothing was changed.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), CommitError> {
        self.commit_with(batch, None)
    }

    /// Makes all changes of a batch if the ruleset is still at `generation`, or none.
    ///
    /// # Errors
    /// [`CommitError::StaleGeneration`] if it is not; [`CommitError`] otherwise.
    pub fn commit_at(&mut self, batch: &Batch, generation: Generation) -> Result<(), CommitError> {
        self.commit_with(batch, Some(generation.id))
    }

    /// Behaves as on a kernel before 6.3, which has no `DESTROY` messages.
    #[doc(hidden)]
    pub fn pretend_old_kernel(&mut self) {
        self.has_destroy = Some(false);
    }

    fn commit_with(&mut self, batch: &Batch, generation: Option<u32>) -> Result<(), CommitError> {
        if batch.messages().is_too_long() {
            return Err(CommitError::Unencodable);
        }
        if batch.is_empty() {
            return Ok(());
        }
        if batch.has_destroy() && !self.kernel_has_destroy()? {
            return destroy::commit(self, batch, generation);
        }
        self.transact(batch.messages(), generation)
    }

    /// Sends encoded changes between the messages that make them a transaction.
    pub(super) fn transact(
        &mut self,
        changes: &MessageBuffer,
        generation: Option<u32>,
    ) -> Result<(), CommitError> {
        let mut begin = MessageBuffer::default();
        begin.message(batch_header(NFNL_MSG_BATCH_BEGIN), |out| {
            if let Some(generation) = generation {
                out.u32_be(NFNL_BATCH_GENID, generation);
            }
        });
        let mut end = MessageBuffer::default();
        end.message(batch_header(NFNL_MSG_BATCH_END), |_| {});

        let needed = begin.len() + changes.len() + end.len();
        self.socket.reserve(needed).map_err(|limit| CommitError::TooLarge { needed, limit })?;
        let quiet = if needed > QUIET_LENGTH { self.be_quiet()? } else { None };
        // What an earlier, interrupted caller left unread would be taken for answers to this.
        self.socket.drain(|_| {})?;
        let sent = self.socket.send(&[begin.as_bytes(), changes.as_bytes(), end.as_bytes()]);
        if let Some(quiet) = &quiet {
            quiet.end();
        }
        sent?;

        let mut refusals = Vec::new();
        let mut refused_all = None;
        self.socket.drain(|message| match message.reply() {
            Some(reply) if reply.code != 0 => match message.sequence() {
                0 => refused_all = Some(error_of(reply.code)),
                _ if refusals.len() >= MAX_REFUSALS => {}
                sequence => refusals.push(refusal(changes.as_bytes(), sequence, &message)),
            },
            _ => {}
        })?;
        if let Some(quiet) = quiet {
            quiet.check(Generation { id: self.generation_id()? });
        }

        match (refused_all, generation) {
            (Some(error), Some(expected)) if error.raw_os_error() == Some(nix::libc::ERESTART) => {
                Err(CommitError::StaleGeneration { expected })
            }
            (Some(error), _) => Err(CommitError::RefusedAll { error }),
            (None, _) if refusals.is_empty() => Ok(()),
            (None, _) => Err(CommitError::Refused(refusals)),
        }
    }

    /// Stops our monitors, if there are any.
    fn be_quiet(&mut self) -> io::Result<Option<Quiet>> {
        let listeners = self.port.listeners();
        if listeners.is_empty() {
            return Ok(None);
        }
        let before = Generation { id: self.generation_id()? };
        Ok(Some(Quiet::begin(listeners, before)))
    }

    /// Tries the kernel with a transaction that changes nothing: a table is destroyed that cannot
    /// exist, since its name has a slash.
    fn kernel_has_destroy(&mut self) -> Result<bool, CommitError> {
        if let Some(known) = self.has_destroy {
            return Ok(known);
        }
        let mut probe = Batch::new();
        probe.destroy_table(&Table::new(super::Family::Inet, "pontoon/probe"));
        let has_destroy = match self.transact(probe.messages(), None) {
            Ok(()) => true,
            Err(CommitError::Refused(_)) => false,
            Err(other) => return Err(other),
        };
        self.has_destroy = Some(has_destroy);
        Ok(has_destroy)
    }
}

fn batch_header(kind: u16) -> Header {
    Header { kind, flags: NLM_F_REQUEST, sequence: 0, family: 0, resource: NFNL_SUBSYS_ID }
}

fn error_of(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code.saturating_neg())
}

/// Finds the change that an answer is about, and within it the attribute.
fn refusal(changes: &[u8], sequence: u32, answer: &Message<'_>) -> Refusal {
    let reply = answer.reply();
    let position = usize::try_from(sequence.saturating_sub(1)).unwrap_or_default();
    let change = Messages::new(changes)
        .find(|change| change.sequence() == sequence)
        .map(|change| describe(changes, &change, reply.and_then(|reply| reply.offset)))
        .unwrap_or_default();
    Refusal {
        position,
        change,
        error: error_of(reply.map_or(0, |reply| reply.code)),
        text: reply.and_then(|reply| reply.text).map(str::to_owned),
    }
}
