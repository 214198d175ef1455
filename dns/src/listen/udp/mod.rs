//! Datagrams, in batches: a thread a socket, which answers at once what it can.
//!
//! | module | what it does |
//! | --- | --- |
//! | `worker` | the thread: a batch of questions in, a batch of answers out |
//! | `late` | questions whose answers take time, on the runtime |
//! | `stop` | how threads learn that they are to end |

mod late;
mod stop;
mod worker;

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::reception::Reception;
use super::sockets::Origin;
use crate::exchange::{Answers, Transport};
use late::Late;
use stop::Stopper;
use worker::Worker;

/// How datagrams are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many questions of a socket may wait for answers that take time; what comes beyond is
    /// dropped.
    pub waiting: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { waiting: 1000 }
    }
}

/// Threads that answer datagrams, until they are stopped or this is dropped.
#[derive(Debug)]
pub struct Listener {
    stopper: Stopper,
    threads: Vec<JoinHandle<()>>,
    late: TaskTracker,
}

impl Listener {
    /// Starts a thread for each socket. Answers that take time are worked out on that runtime.
    ///
    /// # Errors
    /// When the kernel gives no thread, or refuses a setting of a socket.
    pub fn start<A: Answers>(
        reception: &Arc<Reception<A>>,
        sockets: Vec<UdpSocket>,
        origin: Origin,
        settings: Settings,
        runtime: &Handle,
    ) -> io::Result<Self> {
        let mut listener =
            Self { stopper: Stopper::new()?, threads: Vec::new(), late: TaskTracker::new() };
        for socket in sockets {
            let address = socket.local_addr()?;
            let socket = Arc::new(socket);
            let server = format!("dns://{address}");
            let tally = reception.metrics.tally(&server, Transport::Udp);
            let late = Late::new(
                reception.clone(),
                socket.clone(),
                tally.clone(),
                settings.waiting,
                (runtime.clone(), listener.late.clone()),
            );
            let stop = listener.stopper.stop();
            let worker = Worker::new(reception.clone(), socket, origin, tally, late, stop)?;
            let name = format!("dns-udp:{}", address.port());
            let thread = Builder::new().name(name).spawn(move || worker.run())?;
            listener.threads.push(thread);
        }
        Ok(listener)
    }

    /// Answers what has arrived, and ends; waits that long at most for answers that take time.
    pub async fn stop(self, patience: Duration) {
        let Self { stopper, threads, late } = self;
        drop(stopper);
        let ended = tokio::task::spawn_blocking(|| {
            threads.into_iter().filter_map(|thread| thread.join().err()).count()
        });
        if !matches!(ended.await, Ok(0)) {
            warn!("a thread that answers datagrams had broken");
        }
        late.close();
        if tokio::time::timeout(patience, late.wait()).await.is_err() {
            warn!(questions = late.len(), "stopped before all questions were answered");
        }
    }
}
