//! What other programs do to the ruleset, as they do it.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{AsyncSocket, TokioSocket};

use super::listener::{Heard, Listener, Port};
use super::uapi::*;
use super::{Family, Generation};
use crate::Netns;
use crate::nfnetlink::{Message, Messages};

/// Something that another program did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A table was deleted, with all that was in it. `nft flush ruleset` makes one for each table.
    TableDeleted {
        /// The table's family.
        family: Family,
        /// The table's name.
        name: String,
    },
    /// Something in a table was added, changed or deleted, or the table itself was added. One event
    /// stands for all changes in a row.
    Changed {
        /// The table's family.
        family: Family,
        /// The table's name.
        name: String,
    },
    /// The transaction that made the changes before is complete.
    Committed {
        /// What the ruleset is now.
        generation: Generation,
        /// The process, as it is numbered in the first pid namespace.
        process_id: u32,
        /// The name of the program's thread, cut to 15 bytes.
        process_name: String,
    },
    /// Events were lost, or something happened while nobody listened: the ruleset must be read.
    Overrun,
}

/// A stream of the changes that other programs make to the ruleset of one network namespace.
///
/// The kernel drops what one's own connections do before it is queued. While anybody listens, it
/// makes a notification for each changed object, which makes a transaction of 100,000 elements four
/// to eight times slower (`tests/nfnetlink/nft_speed.rs`); so those connections stop the listening
/// for the duration of a large transaction and count generations instead.
pub struct Monitor {
    listener: Arc<Listener>,
    received: Vec<u8>,
    waiting: VecDeque<Event>,
}

impl Monitor {
    /// Follows the ruleset of the calling thread's network namespace, leaving out what `own`
    /// connections do. They must be of the same namespace and still open. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// When the process is out of descriptors, or may not listen (`CAP_NET_ADMIN`).
    pub fn open(own: &[Port]) -> io::Result<Self> {
        Self::new(TokioSocket::new(NETLINK_NETFILTER)?, own)
    }

    /// Follows the ruleset of another network namespace, and keeps that alive. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or as [`Monitor::open`].
    pub fn open_in(netns: &Netns, own: &[Port]) -> io::Result<Self> {
        Self::new(netns.briefly(|| TokioSocket::new(NETLINK_NETFILTER))??, own)
    }

    fn new(socket: TokioSocket, own: &[Port]) -> io::Result<Self> {
        let numbers: Vec<u32> = own.iter().map(Port::number).collect();
        let listener = Arc::new(Listener::new(socket, &numbers)?);
        own.iter().for_each(|port| port.add_listener(&listener));
        Ok(Self { listener, received: Vec::new(), waiting: VecDeque::new() })
    }

    /// The next event. Nothing is lost when the call is given up (in `select!`, say).
    ///
    /// # Errors
    /// When the socket fails for another reason than an overrun, which is an [`Event`].
    pub async fn next(&mut self) -> io::Result<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            match self.listener.receive(&mut self.received).await {
                Ok(Heard::Datagram) => self.waiting.extend(events(&self.received)),
                Ok(Heard::Missed) => return Ok(Event::Overrun),
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("listener", &self.listener).finish_non_exhaustive()
    }
}

/// The events in one datagram, with what repeats left out.
pub(super) fn events(datagram: &[u8]) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for event in Messages::new(datagram).filter_map(|message| event(&message)) {
        let repeats = matches!(event, Event::Changed { .. }) && events.last() == Some(&event);
        if !repeats {
            events.push(event);
        }
    }
    events
}

fn event(message: &Message<'_>) -> Option<Event> {
    if message.kind() & 0xff00 != NFNL_SUBSYS_NFTABLES {
        return None;
    }
    let attribute = |kind| message.attributes().find(kind);
    let kind = message.kind() & 0xff;
    if kind == msg::NEWGEN {
        return Some(Event::Committed {
            generation: Generation { id: attribute(NFTA_GEN_ID)?.u32_be()? },
            process_id: attribute(NFTA_GEN_PROC_PID).and_then(|id| id.u32_be()).unwrap_or_default(),
            process_name: attribute(NFTA_GEN_PROC_NAME)
                .map(|name| name.string())
                .unwrap_or_default(),
        });
    }
    let family = Family::from_number(message.family())?;
    // The table's name is attribute 1 of every object.
    let name = attribute(NFTA_TABLE_NAME)?.string();
    if kind == msg::DELTABLE {
        Some(Event::TableDeleted { family, name })
    } else {
        Some(Event::Changed { family, name })
    }
}
