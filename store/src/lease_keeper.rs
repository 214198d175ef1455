//! Keys that live as long as this process does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::backoff::Backoff;
use crate::{Compare, Error, LeaseId, Op, Result, Revision, Store, Txn};

/// What a keeper knows of its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// No lease was granted yet.
    Starting,
    /// The lease is alive, and all keys hang on it as of this revision.
    Held {
        /// The lease.
        lease: LeaseId,
        /// The revision of the last write.
        revision: Revision,
    },
    /// The store could not be reached or refused. The keys vanish when the lease runs out; the keeper goes on trying.
    Failing {
        /// Why.
        error: Error,
    },
}

/// Keeps a lease alive, and keys on it. When the lease is lost, a new one is taken and the keys are put again; a key that
/// somebody deleted or overwrote is put again at the next beat. Dropping the keeper lets the lease run out;
/// [`LeaseKeeper::stop`] ends it at once.
#[derive(Debug)]
pub struct LeaseKeeper {
    commands: mpsc::UnboundedSender<Command>,
    status: watch::Receiver<Status>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Command {
    Set(String, Vec<u8>),
    Remove(String),
    Stop(oneshot::Sender<Result<()>>),
}

impl LeaseKeeper {
    /// Keeps `keys` on a lease of `ttl` (at least 2 s; 10 s to 60 s are usual). A beat every third of it.
    #[must_use]
    pub fn start(store: Arc<dyn Store>, ttl: Duration, keys: BTreeMap<String, Vec<u8>>) -> Self {
        let (commands, receiver) = mpsc::unbounded_channel();
        let (sender, status) = watch::channel(Status::Starting);
        let ttl = ttl.max(Duration::from_secs(2));
        let beat = Beat { store, ttl, keys, dropped: Vec::new(), lease: None, status: sender };
        Self { commands, status, task: tokio::spawn(beat.run(receiver)) }
    }

    /// Adds a key or changes its value.
    pub fn set(&self, key: impl Into<String>, value: impl Into<Vec<u8>>) {
        // The task ends only with this keeper, so there is nobody to tell.
        let _ = self.commands.send(Command::Set(key.into(), value.into()));
    }

    /// Deletes a key.
    pub fn remove(&self, key: impl Into<String>) {
        let _ = self.commands.send(Command::Remove(key.into()));
    }

    /// The state of the lease, to read or to wait on.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Ends the lease, and with it deletes its keys.
    ///
    /// # Errors
    /// The store's, when it could not be told; the keys vanish when the lease runs out.
    pub async fn stop(self) -> Result<()> {
        let (done, result) = oneshot::channel();
        if self.commands.send(Command::Stop(done)).is_err() {
            return Ok(());
        }
        result.await.unwrap_or(Ok(()))
    }
}

impl Drop for LeaseKeeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Beat {
    store: Arc<dyn Store>,
    ttl: Duration,
    keys: BTreeMap<String, Vec<u8>>,
    dropped: Vec<String>,
    lease: Option<LeaseId>,
    status: watch::Sender<Status>,
}

impl Beat {
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let third = self.ttl / 3;
        let mut backoff = Backoff::new(Duration::from_millis(200), third);
        loop {
            let wait = match self.beat().await {
                Ok(revision) => {
                    backoff.reset();
                    if let Some(lease) = self.lease {
                        self.status.send_replace(Status::Held { lease, revision });
                    }
                    third.mul_f64(rand::random_range(0.8..=1.0))
                }
                Err(error) => {
                    self.tell(error);
                    backoff.delay()
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                command = commands.recv() => match command {
                    Some(Command::Stop(done)) => {
                        let _ = done.send(self.end().await);
                        return;
                    }
                    Some(command) => self.take(command),
                    None => return,
                },
            }
            while let Ok(command) = commands.try_recv() {
                if let Command::Stop(done) = command {
                    let _ = done.send(self.end().await);
                    return;
                }
                self.take(command);
            }
        }
    }

    fn tell(&mut self, error: Error) {
        let first = !matches!(&*self.status.borrow(), Status::Failing { .. });
        if first {
            tracing::warn!(%error, "could not keep the lease alive, will go on trying");
        }
        self.status.send_replace(Status::Failing { error });
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Set(key, value) => {
                self.dropped.retain(|dropped| *dropped != key);
                self.keys.insert(key, value);
            }
            Command::Remove(key) => {
                self.keys.remove(&key);
                self.dropped.push(key);
            }
            Command::Stop(_) => {}
        }
    }

    /// Makes lease and keys what they should be, whatever they are.
    async fn beat(&mut self) -> Result<Revision> {
        let lease = match self.lease {
            Some(lease) => match self.store.keep_alive(lease).await {
                Ok(_) => lease,
                Err(Error::LeaseNotFound(_)) => self.renew().await?,
                Err(error) => return Err(error),
            },
            None => self.renew().await?,
        };
        let result = self.write(lease).await;
        if matches!(result, Err(Error::LeaseNotFound(_))) {
            self.lease = None;
        }
        result
    }

    async fn renew(&mut self) -> Result<LeaseId> {
        let lease = self.store.grant(self.ttl).await?.id;
        self.lease = Some(lease);
        Ok(lease)
    }

    async fn write(&mut self, lease: LeaseId) -> Result<Revision> {
        let mut revision = Revision::default();
        for (key, value) in &self.keys {
            revision = revision.max(self.write_key(lease, key, value).await?);
        }
        while let Some(key) = self.dropped.last() {
            revision = revision.max(self.store.delete(key).await?.revision);
            self.dropped.pop();
        }
        Ok(revision)
    }

    /// Puts the key if it is not there as it should be. A compare cannot ask for the lease, so it is read.
    async fn write_key(&self, lease: LeaseId, key: &str, value: &[u8]) -> Result<Revision> {
        let held = self.store.get(key).await?;
        let guard = match held {
            Some(item) if item.value == value && item.lease == Some(lease) => {
                return Ok(item.mod_revision);
            }
            Some(item) => Compare::ModRevision(key.to_owned(), item.mod_revision),
            None => Compare::Absent(key.to_owned()),
        };
        let op = Op::Put { key: key.to_owned(), value: value.to_vec(), lease: Some(lease) };
        // Where the guard fails, somebody wrote meanwhile; the next beat sees to it.
        Ok(self.store.txn(Txn::new().when(guard).then(op)).await?.revision)
    }

    async fn end(&mut self) -> Result<()> {
        match self.lease.take() {
            Some(lease) => match self.store.revoke(lease).await {
                Err(Error::LeaseNotFound(_)) => Ok(()),
                result => result,
            },
            None => Ok(()),
        }
    }
}
