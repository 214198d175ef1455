//! Questions whose answers take time: worked out on the runtime, sent from the socket they came to.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Instant;

use pontoon_netlink::datagrams::{Local, Outgoing, Peer, send};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::super::reception::Reception;
use crate::exchange::{Answers, Transport};
use crate::metrics::label::Kind;
use crate::metrics::tally::{Loss, Tally};

/// Gives questions of one socket to the runtime.
pub(super) struct Late<A> {
    shared: Arc<Shared<A>>,
    room: Arc<Semaphore>,
    runtime: Handle,
    tasks: TaskTracker,
}

struct Shared<A> {
    reception: Arc<Reception<A>>,
    socket: Arc<UdpSocket>,
    tally: Arc<Tally>,
}

/// Who asked, at which address of ours, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) from: Peer,
    pub(super) at: Option<Local>,
    pub(super) when: Instant,
}

impl<A: Answers> Late<A> {
    pub(super) fn new(
        reception: Arc<Reception<A>>,
        socket: Arc<UdpSocket>,
        tally: Arc<Tally>,
        waiting: usize,
        (runtime, tasks): (Handle, TaskTracker),
    ) -> Self {
        let shared = Arc::new(Shared { reception, socket, tally });
        Self { shared, room: Arc::new(Semaphore::new(waiting)), runtime, tasks }
    }

    /// Has a question answered, unless too many wait.
    pub(super) fn ask(&self, message: &[u8], asked: Asked) {
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            self.shared.tally.lost(Loss::QueueFull, 1);
            return;
        };
        let (shared, message) = (self.shared.clone(), message.to_vec());
        let answering = async move {
            shared.answer(message, asked).await;
            drop(place);
        };
        self.tasks.spawn_on(answering, &self.runtime);
    }
}

impl<A: Answers> Shared<A> {
    async fn answer(&self, message: Vec<u8>, asked: Asked) {
        let client = asked.from.ip().to_canonical();
        let question = message.clone();
        let answers = match self.reception.later(message, client, Transport::Udp).await {
            Ok(answers) => answers,
            Err(loss) => return self.tally.lost(loss, 1),
        };
        for answer in answers {
            let kind = Kind::of(&question, &answer, client);
            self.tally.answered(kind, question.len(), answer.len());
            self.tally.took_one(asked.when.elapsed(), kind.zone);
            let outgoing = Outgoing { bytes: &answer, to: asked.from, from: asked.at };
            if send(&self.socket, [outgoing]).is_err() {
                self.tally.lost(Loss::Unsent, 1);
            }
        }
    }
}
