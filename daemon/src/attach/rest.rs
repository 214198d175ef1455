//! Lays released addresses to rest: the kernel forgets their connections, and only then may another
//! pod have them. Looking through the kernel's table of connections takes as long as the table is
//! large, so DEL does not wait for it, and what arrives meanwhile shares the next look.

use std::net::IpAddr;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pontoon_model::attachment::AttachmentId;
use pontoon_netlink::conntrack::{Conntrack, ConntrackError, Filter};
use tracing::warn;

use super::ledger::Ledger;
use super::record::RecordFolder;

/// An attachment that is gone, and the addresses that it had.
pub(super) type Departed = (AttachmentId, Vec<IpAddr>);

/// How long one look at the connections waits for more who need it.
const GATHER: Duration = Duration::from_millis(50);

enum Message {
    Departed(Departed),
    /// Somebody waits until everything before this is done.
    Settle(SyncSender<()>),
}

/// The thread that does it.
#[derive(Debug)]
pub(super) struct Rest {
    messages: Sender<Message>,
}

impl Rest {
    /// Starts the thread in the calling thread's network namespace.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(super) fn start(ledger: Arc<Mutex<Ledger>>, folder: RecordFolder) -> std::io::Result<Self> {
        let (messages, queue) = mpsc::channel();
        thread::Builder::new().name("rest".into()).spawn(move || run(&ledger, &folder, &queue))?;
        Ok(Self { messages })
    }

    /// Takes over what an attachment had.
    pub(super) fn lay(&self, departed: Departed) {
        // Without the thread the addresses stay in use until the next start.
        let _ = self.messages.send(Message::Departed(departed));
    }

    /// Waits until all that was laid before has its rest.
    pub(super) fn settle(&self) {
        let (done, wait) = mpsc::sync_channel(1);
        if self.messages.send(Message::Settle(done)).is_ok() {
            let _ = wait.recv();
        }
    }
}

fn run(ledger: &Mutex<Ledger>, folder: &RecordFolder, queue: &Receiver<Message>) {
    while let Ok(first) = queue.recv() {
        let (mut departed, mut waiting) = (Vec::new(), Vec::new());
        let until = Instant::now() + GATHER;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Departed(one) => departed.push(one),
                Message::Settle(done) => waiting.push(done),
            }
            // Whoever waits ends the gathering.
            let left = if waiting.is_empty() {
                until.saturating_duration_since(Instant::now())
            } else {
                Duration::ZERO
            };
            next = queue.recv_timeout(left).ok();
        }
        if !departed.is_empty() {
            put_to_rest(ledger, folder, &departed);
        }
        for done in waiting {
            // Who waited may have gone.
            let _ = done.send(());
        }
    }
}

fn put_to_rest(ledger: &Mutex<Ledger>, folder: &RecordFolder, departed: &[Departed]) {
    let addresses: Vec<IpAddr> = departed.iter().flat_map(|(_, ips)| ips.iter().copied()).collect();
    if let Err(error) = forget(&addresses) {
        warn!(%error, ?addresses, "the next holder may meet connections of the last");
    }
    let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    for (id, ips) in departed {
        // The same attachment may have come back for the same address.
        let taken: Vec<IpAddr> =
            ledger.get(id).into_iter().flat_map(|record| record.addresses()).collect();
        for ip in ips.iter().filter(|ip| !taken.contains(ip)) {
            ledger.ipam().release(*ip, id);
        }
    }
    drop(ledger);
    if let Err(error) = folder.note_released(addresses) {
        warn!(%error, "a released address may be reused early after a restart");
    }
}

fn forget(addresses: &[IpAddr]) -> Result<(), ConntrackError> {
    Conntrack::open()?.delete(&Filter::involving(addresses.iter().copied())).map(drop)
}
