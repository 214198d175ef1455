//! The store on a database file of this host: one process, no etcd, the same semantics.
//!
//! The file is a redb database: a crash at any instant leaves the last committed state. History is kept as etcd keeps
//! it, by revision, and compacted by itself once it holds [`Options::keep_revisions`] twice.

mod engine;
mod failure;
mod file;
mod leases;
mod read;
mod schema;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redb::ReadableDatabase;
use tokio::time::Instant;

use self::engine::{Engine, follow};
use self::schema::{META, META_REVISION, VERSIONS, counter};
use crate::txn::check_key;
use crate::{
    Error, Examination, Health, KeyValue, Lease, LeaseId, Listing, Result, Revision, Store, Txn,
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
    engine: Arc<Engine>,
}

impl EmbeddedStore {
    /// Opens or creates the store. The folder must exist; the file is made readable to its owner only.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it open, [`Error::Corrupt`] when the file is damaged or is not a
    /// store, [`Error::Invalid`] when it is another program's, [`Error::Full`], [`Error::PermissionDenied`].
    pub async fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        Ok(Self { engine: Engine::open(path.as_ref(), options).await? })
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    fn target(&self) -> String {
        self.engine.path().display().to_string()
    }

    async fn get(&self, key: &str) -> Result<Option<KeyValue>> {
        check_key(key)?;
        let key = key.to_owned();
        let operation = format!("get {key}");
        let step = move |database: &redb::Database| {
            read::get(&database.begin_read()?.open_table(VERSIONS)?, &key)
        };
        self.engine.read(operation, step).await
    }

    async fn list(&self, prefix: &str, at: Option<Revision>) -> Result<Listing> {
        let prefix = prefix.to_owned();
        let operation = format!("list {prefix}");
        self.engine.read(operation, move |database| read::list(database, &prefix, at)).await
    }

    async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch> {
        let revision = self.engine.revision();
        if from > revision.next() {
            return Err(Error::FutureRevision { requested: from, current: Some(revision) });
        }
        Ok(Watch::new(follow(Arc::downgrade(&self.engine), prefix.to_owned(), from)))
    }

    async fn txn(&self, txn: Txn) -> Result<TxnOutcome> {
        txn.validate()?;
        let operation = crate::txn::describe(&txn);
        let (mut outcome, revision) =
            self.engine.write(operation, move |change| change.txn(&txn)).await?;
        outcome.revision = revision;
        Ok(outcome)
    }

    async fn grant(&self, ttl: Duration) -> Result<Lease> {
        let secs = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        self.engine.grant(Duration::from_secs(secs.max(1))).await
    }

    async fn keep_alive(&self, lease: LeaseId) -> Result<Duration> {
        self.engine.keep_alive(lease)
    }

    async fn revoke(&self, lease: LeaseId) -> Result<()> {
        self.engine.revoke(lease).await
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        let operation = format!("compact to {revision}");
        self.engine.write(operation, move |change| change.compact(revision)).await?;
        Ok(())
    }

    /// It has no members, and this host's clock.
    async fn examine(&self) -> Examination {
        Examination::default()
    }

    async fn health(&self) -> Result<Health> {
        let begun = Instant::now();
        let step = |database: &redb::Database| {
            Ok(counter(&database.begin_read()?.open_table(META)?, META_REVISION)?)
        };
        let revision = self.engine.read("check the store".to_owned(), step).await?;
        Ok(Health {
            target: self.target(),
            version: format!("embedded {}", schema::FORMAT),
            revision: Revision(revision),
            latency: begun.elapsed(),
            alarms: Vec::new(),
        })
    }
}
