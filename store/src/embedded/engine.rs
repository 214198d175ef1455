//! The open store: one writer at a time, watches told of every change, leases ended on time.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use redb::{ReadableDatabase, ReadableTable};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::Options;
use super::failure::Outcome;
use super::file::DatabaseFile;
use super::leases::Deadlines;
use super::read;
use super::schema::{LEASES, META, META_COMPACTED, META_REVISION, counter};
use super::write::Change;
use crate::backoff::Backoff;
use crate::{Batch, Error, Fault, Lease, LeaseId, Result, Revision};

/// The open store.
pub(super) struct Engine {
    file: DatabaseFile,
    keep_revisions: u64,
    /// redb has one writer at a time; waiting for it here costs no thread.
    writer: tokio::sync::Mutex<()>,
    revision: watch::Sender<Revision>,
    deadlines: Mutex<Deadlines>,
    /// Wakes the task that ends leases: there is a new one, or the store was dropped.
    alarm: Arc<Notify>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.alarm.notify_one();
    }
}

impl Engine {
    /// Opens the file and begins to end leases.
    pub(super) async fn open(path: &Path, options: Options) -> Result<Arc<Self>> {
        let file = path.to_owned();
        let engine = Arc::new(blocking("open", path, move || Self::load(&file, &options)).await??);
        tokio::spawn(expire(Arc::downgrade(&engine), engine.alarm.clone()));
        Ok(engine)
    }

    fn load(path: &Path, options: &Options) -> Result<Self> {
        let file = DatabaseFile::open(path, options.cache_bytes)?;
        let now = Instant::now();
        let (revision, deadlines) = file.run("read the leases", |database| {
            let tx = database.begin_read()?;
            let mut deadlines = Deadlines::default();
            for entry in tx.open_table(LEASES)?.iter()? {
                let (id, ttl) = entry?;
                deadlines.grant(LeaseId(id.value()), Duration::from_secs(ttl.value()), now);
            }
            Ok((counter(&tx.open_table(META)?, META_REVISION)?, deadlines))
        })?;
        Ok(Self {
            file,
            keep_revisions: options.keep_revisions,
            writer: tokio::sync::Mutex::new(()),
            revision: watch::Sender::new(Revision(revision)),
            deadlines: Mutex::new(deadlines),
            alarm: Arc::new(Notify::new()),
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(super) fn revision(&self) -> Revision {
        *self.revision.borrow()
    }

    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        operation: String,
        step: impl FnOnce(&redb::Database) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let (this, what) = (self.clone(), operation.clone());
        blocking(&operation, self.path(), move || this.file.run(&what, step)).await?
    }

    /// Makes one change durable, and tells the watches of it, also when nobody waits for the result any more.
    pub(super) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        operation: String,
        step: impl FnOnce(&mut Change<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<(T, Revision)> {
        let _writer = self.writer.lock().await;
        let this = self.clone();
        self.read(operation, move |database| {
            let tx = database.begin_write()?;
            let mut change = Change::begin(&tx)?;
            let done = step(&mut change)?;
            let revision = change.finish()?;
            compact_if_due(&tx, revision, this.keep_revisions)?;
            tx.commit()?;
            this.revision.send_if_modified(|known| {
                let newer = revision > *known;
                *known = revision.max(*known);
                newer
            });
            Ok((done, revision))
        })
        .await
    }

    pub(super) async fn grant(self: &Arc<Self>, ttl: Duration) -> Result<Lease> {
        let this = self.clone();
        let step = move |change: &mut Change<'_>| {
            let id = change.grant(ttl.as_secs())?;
            // Before the commit: a deadline without a lease does no harm, a lease without a deadline never ends.
            this.deadlines().grant(id, ttl, Instant::now());
            this.alarm.notify_one();
            Ok(id)
        };
        let (id, _) = self.write("grant a lease".to_owned(), step).await?;
        Ok(Lease { id, ttl })
    }

    pub(super) fn keep_alive(&self, lease: LeaseId) -> Result<Duration> {
        self.deadlines().renew(lease, Instant::now()).ok_or(Error::LeaseNotFound(lease))
    }

    pub(super) async fn revoke(self: &Arc<Self>, lease: LeaseId) -> Result<()> {
        let operation = format!("revoke lease {lease}");
        let result = self.write(operation, move |change| change.revoke(lease)).await;
        if matches!(result, Ok(_) | Err(Error::LeaseNotFound(_))) {
            self.deadlines().remove(lease);
        }
        result.map(|_| ())
    }

    fn deadlines(&self) -> MutexGuard<'_, Deadlines> {
        self.deadlines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compacts in the same transaction, once there is twice the history that is to be kept.
fn compact_if_due(tx: &redb::WriteTransaction, revision: Revision, keep: u64) -> Outcome<()> {
    let compacted = counter(&tx.open_table(META)?, META_COMPACTED)?;
    if revision.0.saturating_sub(compacted) > keep.saturating_mul(2).max(2) {
        let mut change = Change::begin(tx)?;
        change.compact(Revision(revision.0 - keep))?;
    }
    Ok(())
}

/// Ends leases whose time is over, until the store is dropped. Holds the store only while it works.
async fn expire(store: Weak<Engine>, alarm: Arc<Notify>) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    while let Some(engine) = store.upgrade() {
        let expired = engine.deadlines().expired(Instant::now());
        let mut failed = false;
        for lease in expired {
            if let Err(error) = engine.revoke(lease).await
                && !matches!(error, Error::LeaseNotFound(_))
            {
                tracing::warn!(%lease, %error, "could not end an expired lease, will try again");
                failed = true;
            }
        }
        let next = engine.deadlines().next();
        drop(engine);
        if failed {
            backoff.wait().await;
            continue;
        }
        backoff.reset();
        match next {
            Some(deadline) => {
                tokio::select! {
                    () = tokio::time::sleep_until(deadline) => {}
                    () = alarm.notified() => {}
                }
            }
            None => alarm.notified().await,
        }
    }
}

/// Runs a step that may wait for the disk. It does not panic by itself; it fails when the runtime shuts down.
async fn blocking<T: Send + 'static>(
    operation: &str,
    path: &Path,
    step: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(step).await.map_err(|error| {
        Error::Unavailable(Box::new(Fault {
            target: path.display().to_string(),
            operation: operation.to_owned(),
            cause: error.to_string(),
            hint: None,
        }))
    })
}

/// Reads the log from a revision on, and waits at its end. Holds the store only while it reads.
pub(super) fn follow(
    store: Weak<Engine>,
    prefix: String,
    from: Revision,
) -> impl futures::Stream<Item = Result<Batch>> + Send + 'static {
    futures::stream::try_unfold((store, prefix, from), |(store, prefix, from)| async move {
        loop {
            let Some(engine) = store.upgrade() else { return Ok(None) };
            let mut revisions = engine.revision.subscribe();
            let under = prefix.clone();
            let step = move |database: &redb::Database| read::changes(database, &under, from);
            let batch = engine.read(format!("watch {prefix}"), step).await?;
            drop(engine);
            if let Some(batch) = batch {
                let next = batch.revision.next();
                return Ok(Some((batch, (store, prefix, next))));
            }
            if revisions.wait_for(|revision| *revision >= from).await.is_err() {
                return Ok(None);
            }
        }
    })
}
