//! The store on a database file of this host: one process, no etcd, the same semantics.
//!
//! The file is a redb database: a crash at any instant leaves the last committed state. History is kept as etcd keeps
//! it, by revision, and compacted by itself once it holds [`Options::keep_revisions`] twice.

mod file;
mod leases;
mod read;
mod schema;
mod write;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use redb::{ReadableDatabase, ReadableTable};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use self::file::{DatabaseFile, Outcome};
use self::leases::Deadlines;
use self::schema::{LEASES, META, META_COMPACTED, META_REVISION, VERSIONS, counter};
use self::write::Change;
use crate::backoff::Backoff;
use crate::txn::check_key;
use crate::{
    Error, Fault, Health, KeyValue, Lease, LeaseId, Listing, Result, Revision, Store, Txn,
    TxnOutcome, Watch,
};

/// How an [`EmbeddedStore`] is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many revisions of history are kept at least. Between this many and twice as many are in the file.
    pub keep_revisions: u64,
    /// Memory for pages of the file, in bytes.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { keep_revisions: 1000, cache_bytes: 1 << 20 }
    }
}

/// The store on a database file of this host. Clones share it.
#[derive(Clone)]
pub struct EmbeddedStore {
    inner: Arc<Inner>,
}

struct Inner {
    file: DatabaseFile,
    options: Options,
    /// redb has one writer at a time; waiting for it here costs no thread.
    writer: tokio::sync::Mutex<()>,
    revision: watch::Sender<Revision>,
    deadlines: Mutex<Deadlines>,
    /// Wakes the task that ends leases: there is a new one, or the store was dropped.
    alarm: Arc<Notify>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.alarm.notify_one();
    }
}

impl EmbeddedStore {
    /// Opens or creates the store. The folder must exist; the file is made readable to its owner only.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it open, [`Error::Corrupt`] when the file is damaged or is not a
    /// store, [`Error::Full`], [`Error::PermissionDenied`].
    pub async fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let inner = blocking("open", &path.clone(), move || Inner::open(&path, options)).await??;
        let inner = Arc::new(inner);
        tokio::spawn(expire(Arc::downgrade(&inner), inner.alarm.clone()));
        Ok(Self { inner })
    }

    async fn read<T: Send + 'static>(
        &self,
        operation: String,
        step: impl FnOnce(&redb::Database) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.clone().blocking(operation, step).await
    }
}

impl Inner {
    fn open(path: &Path, options: Options) -> Result<Self> {
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
            options,
            writer: tokio::sync::Mutex::new(()),
            revision: watch::Sender::new(Revision(revision)),
            deadlines: Mutex::new(deadlines),
            alarm: Arc::new(Notify::new()),
        })
    }

    async fn blocking<T: Send + 'static>(
        self: Arc<Self>,
        operation: String,
        step: impl FnOnce(&redb::Database) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let (this, what) = (self.clone(), operation.clone());
        blocking(&operation, self.file.path(), move || this.file.run(&what, step)).await?
    }

    /// Makes one change durable, and tells the watches of it.
    async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        operation: String,
        step: impl FnOnce(&mut Change<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<(T, Revision)> {
        let _writer = self.writer.lock().await;
        let keep = self.options.keep_revisions;
        let (done, revision) = self
            .clone()
            .blocking(operation, move |database| {
                let tx = database.begin_write()?;
                let mut change = Change::begin(&tx)?;
                let done = step(&mut change)?;
                let revision = change.finish()?;
                compact_if_due(&tx, revision, keep)?;
                tx.commit()?;
                Ok((done, revision))
            })
            .await?;
        self.revision.send_if_modified(|known| std::mem::replace(known, revision) != revision);
        Ok((done, revision))
    }

    fn deadlines(&self) -> std::sync::MutexGuard<'_, Deadlines> {
        self.deadlines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn revoke(self: &Arc<Self>, lease: LeaseId) -> Result<()> {
        let result =
            self.write(format!("revoke lease {lease}"), move |change| change.revoke(lease)).await;
        if matches!(result, Ok(_) | Err(Error::LeaseNotFound(_))) {
            self.deadlines().remove(lease);
        }
        result.map(|_| ())
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
async fn expire(store: Weak<Inner>, alarm: Arc<Notify>) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    while let Some(inner) = store.upgrade() {
        let expired = inner.deadlines().expired(Instant::now());
        let mut failed = false;
        for lease in expired {
            if let Err(error) = inner.revoke(lease).await
                && !matches!(error, Error::LeaseNotFound(_))
            {
                tracing::warn!(%lease, %error, "could not end an expired lease, will try again");
                failed = true;
            }
        }
        let next = inner.deadlines().next();
        drop(inner);
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

#[async_trait]
impl Store for EmbeddedStore {
    fn target(&self) -> String {
        self.inner.file.path().display().to_string()
    }

    async fn get(&self, key: &str) -> Result<Option<KeyValue>> {
        check_key(key)?;
        let key = key.to_owned();
        self.read(format!("get {key}"), move |database| {
            read::get(&database.begin_read()?.open_table(VERSIONS)?, &key)
        })
        .await
    }

    async fn list(&self, prefix: &str, at: Option<Revision>) -> Result<Listing> {
        let prefix = prefix.to_owned();
        self.read(format!("list {prefix}"), move |database| read::list(database, &prefix, at)).await
    }

    async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch> {
        let revision = *self.inner.revision.borrow();
        if from > revision.next() {
            return Err(Error::FutureRevision { requested: from, current: Some(revision) });
        }
        Ok(Watch::new(follow(Arc::downgrade(&self.inner), prefix.to_owned(), from)))
    }

    async fn txn(&self, txn: Txn) -> Result<TxnOutcome> {
        txn.validate()?;
        let operation = crate::txn::describe(&txn);
        let (mut outcome, revision) =
            self.inner.write(operation, move |change| change.txn(&txn)).await?;
        outcome.revision = revision;
        Ok(outcome)
    }

    async fn grant(&self, ttl: Duration) -> Result<Lease> {
        let secs = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        let ttl = Duration::from_secs(secs.max(1));
        let (id, _) = self
            .inner
            .write("grant a lease".to_owned(), move |change| change.grant(ttl.as_secs()))
            .await?;
        self.inner.deadlines().grant(id, ttl, Instant::now());
        self.inner.alarm.notify_one();
        Ok(Lease { id, ttl })
    }

    async fn keep_alive(&self, lease: LeaseId) -> Result<Duration> {
        self.inner.deadlines().renew(lease, Instant::now()).ok_or(Error::LeaseNotFound(lease))
    }

    async fn revoke(&self, lease: LeaseId) -> Result<()> {
        self.inner.revoke(lease).await
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        self.inner
            .write(format!("compact to {revision}"), move |change| change.compact(revision))
            .await?;
        Ok(())
    }

    async fn health(&self) -> Result<Health> {
        let begun = Instant::now();
        let revision = self
            .read("check the store".to_owned(), |database| {
                Ok(counter(&database.begin_read()?.open_table(META)?, META_REVISION)?)
            })
            .await?;
        Ok(Health {
            target: self.target(),
            version: format!("embedded {}", schema::FORMAT),
            revision: Revision(revision),
            latency: begun.elapsed(),
            alarms: Vec::new(),
        })
    }
}

/// Reads the log from a revision on, and waits at its end. Holds the store only while it reads.
fn follow(
    store: Weak<Inner>,
    prefix: String,
    from: Revision,
) -> impl futures::Stream<Item = Result<crate::Batch>> + Send + 'static {
    futures::stream::try_unfold((store, prefix, from), |(store, prefix, from)| async move {
        loop {
            let Some(inner) = store.upgrade() else { return Ok(None) };
            let mut revisions = inner.revision.subscribe();
            let (under, operation) = (prefix.clone(), format!("watch {prefix}"));
            let step = move |database: &redb::Database| read::changes(database, &under, from);
            if let Some(batch) = inner.blocking(operation, step).await? {
                let next = batch.revision.next();
                return Ok(Some((batch, (store, prefix, next))));
            }
            if revisions.wait_for(|revision| *revision >= from).await.is_err() {
                return Ok(None);
            }
        }
    })
}
