//! The contract that every engine keeps.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::{
    Compare, KeyValue, Lease, LeaseId, Listing, Op, OpResponse, Result, Revision, Txn, TxnOutcome,
    Watch,
};

/// A store of keys and values with a history. Both engines pass the same tests (`tests/conformance`).
///
/// Every call may fail with the errors of [`crate::Error`] that name the store's state; what is said below is what is
/// special. Calls have a time limit of their own, so none waits for ever.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Where the store is, for logs and status: an endpoint or a file.
    fn target(&self) -> String;

    /// Reads one key.
    async fn get(&self, key: &str) -> Result<Option<KeyValue>>;

    /// Reads every key that starts with `prefix` (`""` is all), as of `at` or of now.
    ///
    /// # Errors
    /// [`crate::Error::Compacted`] or [`crate::Error::FutureRevision`] when the store does not have that revision.
    async fn list(&self, prefix: &str, at: Option<Revision>) -> Result<Listing>;

    /// Follows every key that starts with `prefix`, beginning with the changes made at revision `from`.
    ///
    /// # Errors
    /// [`crate::Error::Compacted`], here or from the watch, when `from` is no longer kept;
    /// [`crate::Error::FutureRevision`] when `from` is more than one beyond the store's revision.
    async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch>;

    /// Carries out a transaction.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] when it breaks the rules of [`Txn`], [`crate::Error::LeaseNotFound`] when a put names
    /// a lease that is gone; nothing was changed then.
    async fn txn(&self, txn: Txn) -> Result<TxnOutcome>;

    /// Grants a lease. `ttl` is rounded up to whole seconds, at least one.
    async fn grant(&self, ttl: Duration) -> Result<Lease>;

    /// Gives a lease its full time again, and returns that time.
    ///
    /// # Errors
    /// [`crate::Error::LeaseNotFound`] when it expired or was revoked.
    async fn keep_alive(&self, lease: LeaseId) -> Result<Duration>;

    /// Ends a lease and deletes its keys.
    ///
    /// # Errors
    /// [`crate::Error::LeaseNotFound`] when it is gone already.
    async fn revoke(&self, lease: LeaseId) -> Result<()>;

    /// Forgets the history before `revision`. What a listing at `revision` shows is kept.
    ///
    /// # Errors
    /// [`crate::Error::Compacted`] when that was done already, [`crate::Error::FutureRevision`] when the store is not
    /// there yet.
    async fn compact(&self, revision: Revision) -> Result<()>;

    /// Asks the store whether it can serve. Cheap enough for every few seconds.
    async fn health(&self) -> Result<Health>;

    /// Looks at the store more closely than [`Store::health`] does, for whoever looks for faults.
    async fn examine(&self) -> Examination;

    /// Creates or changes one key; returns the revision of the change.
    async fn put(&self, key: &str, value: Vec<u8>, lease: Option<LeaseId>) -> Result<Revision> {
        let op = Op::Put { key: key.to_owned(), value, lease };
        Ok(self.txn(Txn::new().then(op)).await?.revision)
    }

    /// Deletes one key, if it exists.
    async fn delete(&self, key: &str) -> Result<Deleted> {
        let outcome = self.txn(Txn::new().then(Op::Delete(key.to_owned()))).await?;
        let existed =
            matches!(outcome.responses.first(), Some(OpResponse::Deleted(count)) if *count > 0);
        Ok(Deleted { revision: outcome.revision, existed })
    }

    /// Creates a key if it does not exist. Of any number of callers at once exactly one gets [`Created::New`].
    async fn create(&self, key: &str, value: Vec<u8>, lease: Option<LeaseId>) -> Result<Created> {
        let txn = Txn::new()
            .when(Compare::Absent(key.to_owned()))
            .then(Op::Put { key: key.to_owned(), value, lease })
            .otherwise(Op::Get(key.to_owned()));
        let mut outcome = self.txn(txn).await?;
        match outcome.responses.pop() {
            Some(OpResponse::Get(Some(held))) => Ok(Created::Exists(held)),
            _ => Ok(Created::New(outcome.revision)),
        }
    }
}

/// What [`Store::create`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// The key did not exist; it was created at this revision.
    New(Revision),
    /// The key exists, and was left as it is.
    Exists(KeyValue),
}

/// What [`Store::delete`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// The store's revision after the call.
    pub revision: Revision,
    /// Whether there was a key to delete.
    pub existed: bool,
}

/// The answer of a store that can serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Which store answered: an endpoint or a file.
    pub target: String,
    /// The store's software and version, such as `etcd 3.4.23`.
    pub version: String,
    /// The store's revision.
    pub revision: Revision,
    /// The time that the answer took.
    pub latency: Duration,
    /// What the store itself complains of, such as `NOSPACE`. Reads work, writes may not.
    pub alarms: Vec<String>,
}

/// What a closer look at a store shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examination {
    /// Its members, each asked by itself; none when there is only one.
    pub members: Vec<Member>,
    /// What time it is at one of them, to the second, and what time it was here then.
    pub clock: Option<(SystemTime, SystemTime)>,
}

/// A member of the cluster that the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its endpoint.
    pub target: String,
    /// Why it cannot serve, if it cannot.
    pub fault: Option<String>,
}
