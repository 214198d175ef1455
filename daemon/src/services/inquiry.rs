//! Who stands behind services, told to whoever asks: between two changes and a few services at a
//! time, so that a change waits for no more than one answer.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pontoon_endpoints::Directory;
use pontoon_model::endpoint::Endpoint;
use pontoon_model::service::{Service, ServiceId};
use tokio::sync::{mpsc, oneshot, watch};

/// Services that one answer tells of.
const AT_ONCE: usize = 64;
/// Questions that wait.
const WAITING: usize = 16;
/// Changes that are remembered for those who were away.
const REMEMBERED: usize = 8192;

/// Who stands behind a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// The service.
    pub service: Arc<Service>,
    /// The endpoints of each of its ports.
    pub endpoints: Vec<Vec<Endpoint>>,
    /// The names that addresses have.
    pub names: Vec<Named>,
}

/// What an address is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The address.
    pub address: IpAddr,
    /// Whether it takes new connections.
    pub ready: bool,
    /// Its name under the service.
    pub hostname: Option<String>,
    /// The pod's name.
    pub pod: Option<String>,
}

/// A moment in the life of the endpoints, of this run of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    run: u32,
    change: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.run, self.change)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (run, change) = text.split_once('-').ok_or(())?;
        let run = u32::from_str_radix(run, 16).map_err(drop)?;
        Ok(Self { run, change: change.parse().map_err(drop)? })
    }
}

enum Inquiry {
    Ids(oneshot::Sender<Vec<ServiceId>>),
    Behind(Vec<ServiceId>, oneshot::Sender<Vec<Behind>>),
    Look(Box<dyn FnOnce(&Directory) + Send>),
}

/// For those who ask.
#[derive(Clone)]
pub struct Inquiries {
    sender: mpsc::Sender<Inquiry>,
    journal: Arc<Mutex<Journal>>,
    moved: watch::Receiver<u64>,
}

/// For the one who answers.
pub struct Inbox {
    receiver: mpsc::Receiver<Inquiry>,
    journal: Arc<Mutex<Journal>>,
    moved: watch::Sender<u64>,
}

/// Which services changed lately.
struct Journal {
    run: u32,
    change: u64,
    entries: VecDeque<(u64, ServiceId)>,
    /// The last change that is forgotten.
    forgotten: u64,
}

/// Both ends; `run` tells this run of the daemon from others.
#[must_use]
pub fn channel(run: u32) -> (Inquiries, Inbox) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let (moved, moves) = watch::channel(0);
    let journal = Journal { run, change: 0, entries: VecDeque::new(), forgotten: 0 };
    let journal = Arc::new(Mutex::new(journal));
    let inquiries = Inquiries { sender, journal: Arc::clone(&journal), moved: moves };
    (inquiries, Inbox { receiver, journal, moved })
}

impl Inquiries {
    /// All services, sorted; `None` while they are not known.
    pub async fn services(&self) -> Option<Vec<ServiceId>> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(Inquiry::Ids(reply)).await.ok()?;
        answer.await.ok()
    }

    /// Who stands behind these services, those left out that do not exist; `None` while it is not
    /// known.
    pub async fn behind(&self, ids: &[ServiceId]) -> Option<Vec<Behind>> {
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            let (reply, answer) = oneshot::channel();
            self.sender.send(Inquiry::Behind(some.to_vec(), reply)).await.ok()?;
            found.append(&mut answer.await.ok()?);
        }
        Some(found)
    }

    /// What somebody sees who looks at all that is known; `None` while nothing is. A change waits until
    /// the look is over.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Directory) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        // Whoever asked may have gone.
        let look = move |directory: &Directory| drop(reply.send(look(directory)));
        self.sender.send(Inquiry::Look(Box::new(look))).await.ok()?;
        answer.await.ok()
    }

    /// The present moment. What is asked behind it is of that moment or a later one.
    #[must_use]
    pub fn position(&self) -> Position {
        let journal = lock(&self.journal);
        Position { run: journal.run, change: journal.change }
    }

    /// Which services may have changed since then, and the moment up to which that was looked at;
    /// `None` when that is not known any more.
    #[must_use]
    pub fn since(&self, then: Position) -> Option<(Position, BTreeSet<ServiceId>)> {
        let journal = lock(&self.journal);
        let known = (journal.forgotten..=journal.change).contains(&then.change);
        if then.run != journal.run || !known {
            return None;
        }
        let newer = journal.entries.iter().rev().take_while(|(change, _)| *change > then.change);
        let ids = newer.map(|(_, id)| id.clone()).collect();
        Some((Position { change: journal.change, ..then }, ids))
    }

    /// Waits until something changes after that moment; `false` when nothing will.
    pub async fn after(&mut self, then: Position) -> bool {
        self.moved.wait_for(|change| *change > then.change).await.is_ok()
    }
}

impl Inbox {
    /// Waits for a question and answers it. While nothing is `known` nobody is answered.
    pub(super) async fn next(&mut self) -> Question {
        match self.receiver.recv().await {
            Some(inquiry) => Question(inquiry),
            // Nobody asks any more.
            None => std::future::pending().await,
        }
    }

    /// Notes which services changed.
    pub(super) fn note(&self, ids: &[ServiceId]) {
        if ids.is_empty() {
            return;
        }
        let change = lock(&self.journal).note(ids);
        self.moved.send_replace(change);
    }
}

/// A question that waits for its answer.
pub(super) struct Question(Inquiry);

impl Question {
    /// Answers it.
    pub(super) fn answer(self, directory: &Directory) {
        // Whoever asked may have gone.
        match self.0 {
            Inquiry::Ids(reply) => {
                let ids = directory.services().map(|service| service.id.clone()).collect();
                let _ = reply.send(ids);
            }
            Inquiry::Behind(ids, reply) => {
                let found = ids.iter().filter_map(|id| behind(directory, id)).collect();
                let _ = reply.send(found);
            }
            Inquiry::Look(look) => look(directory),
        }
    }
}

impl Journal {
    fn note(&mut self, ids: &[ServiceId]) -> u64 {
        self.change += 1;
        if ids.len() > REMEMBERED {
            self.entries.clear();
            self.forgotten = self.change;
            return self.change;
        }
        self.entries.extend(ids.iter().map(|id| (self.change, id.clone())));
        while self.entries.len() > REMEMBERED {
            if let Some((change, _)) = self.entries.pop_front() {
                self.forgotten = change;
            }
        }
        self.change
    }
}

/// Who stands behind a service, from all that is known.
pub fn behind(directory: &Directory, id: &ServiceId) -> Option<Behind> {
    let service = Arc::clone(directory.service(id)?);
    let endpoints = directory.endpoints(id);
    let named = directory.members(id).into_iter().map(|member| Named {
        address: member.address,
        ready: member.conditions.ready,
        hostname: member.hostname.map(str::to_owned),
        pod: member.pod.map(str::to_owned),
    });
    Some(Behind { service, endpoints, names: named.collect() })
}

fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers from what the store tells, without a kernel.
#[cfg(test)]
pub(crate) async fn answer_from(
    mut updates: mpsc::UnboundedReceiver<pontoon_store::Update>,
    mut intake: super::intake::Intake,
    mut inbox: Inbox,
) {
    loop {
        tokio::select! {
            update = updates.recv() => {
                let Some(update) = update else { return };
                intake.take(update);
                inbox.note(&intake.take_touched().services);
            }
            question = inbox.next() => if intake.is_known() {
                question.answer(intake.directory());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ServiceId {
        ServiceId {
            namespace: "shop".parse().unwrap(),
            name: format!("s{number}").parse().unwrap(),
        }
    }

    #[test]
    fn who_was_away_hears_what_changed_or_that_nobody_knows() {
        let (inquiries, inbox) = channel(7);
        let start = inquiries.position();
        inbox.note(&[id(1), id(2)]);
        inbox.note(&[id(2), id(3)]);
        let (now, changed) = inquiries.since(start).unwrap();
        assert_eq!(changed, [1, 2, 3].map(id).into());
        assert_eq!(inquiries.since(now), Some((now, BTreeSet::new())));
        let other = Position { run: 8, ..start };
        assert_eq!(inquiries.since(other), None, "of another run");
        assert_eq!(now.to_string().parse(), Ok(now));
        for number in 0..REMEMBERED {
            inbox.note(&[id(number)]);
        }
        assert_eq!(inquiries.since(start), None, "long ago");
        assert!(inquiries.since(inquiries.position()).is_some());
        let many: Vec<ServiceId> = (0..=REMEMBERED).map(id).collect();
        inbox.note(&many);
        assert_eq!(inquiries.since(now), None, "too many at once");
        assert!(inquiries.since(inquiries.position()).is_some());
    }

    #[test]
    fn a_change_that_is_half_forgotten_is_forgotten() {
        let (inquiries, inbox) = channel(1);
        let start = inquiries.position();
        inbox.note(&[id(1), id(2)]);
        let first = inquiries.position();
        let most: Vec<ServiceId> = (0..REMEMBERED - 1).map(id).collect();
        inbox.note(&most);
        assert_eq!(inquiries.since(start), None);
        assert_eq!(inquiries.since(first).unwrap().1.len(), REMEMBERED - 1);
    }
}
