//! The store on an etcd cluster, version 3.4 or later.
//!
//! One member is used at a time. When it fails, the next one that answers takes its place; reads are tried again there,
//! writes only when they were surely not sent. A login that ran out is renewed. Answers are bounded in size and time.

mod clock;
mod config;
mod convert;
mod fault;
mod hints;
mod members;
mod proto;
mod session;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use tonic::Status;

pub use self::config::EtcdConfig;
use self::fault::{Subject, too_long};
use self::members::{Failed, Members};
use self::proto::{
    CompactionRequest, CompactionResponse, LeaseGrantRequest, LeaseGrantResponse,
    LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseRevokeRequest, LeaseRevokeResponse,
    RangeRequest, RangeResponse, StatusRequest, StatusResponse, TxnResponse,
};
use self::session::Method;
use self::watch::Feed;
use crate::txn::check_key;
use crate::{
    Error, Examination, Health, KeyValue, Lease, LeaseId, Listing, Result, Revision, Store, Txn,
    TxnOutcome, Watch,
};

/// Keys in one page of a listing; halved for as long as a page is too long.
const PAGE: i64 = 1000;

/// How often a listing of the present begins anew when a compaction overtakes it between two pages.
const LIST_ATTEMPTS: u32 = 3;

/// The store on an etcd cluster. Clones share the connection.
#[derive(Clone)]
pub struct EtcdStore {
    members: Arc<Members>,
}

impl EtcdStore {
    /// Checks the configuration. Connects on the first call, so that a daemon can start while etcd is away;
    /// [`Store::health`] tells whether it is there.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the setting.
    pub fn new(config: EtcdConfig) -> Result<Self> {
        Ok(Self { members: Arc::new(Members::new(config)?) })
    }

    fn root(&self) -> &str {
        self.members.root()
    }

    async fn list_once(&self, prefix: &str, at: Option<Revision>) -> Result<Listing> {
        let operation = format!("list {prefix}");
        let whole = convert::range(self.root(), prefix);
        let mut listing = Listing { revision: at.unwrap_or_default(), items: Vec::new() };
        let mut begin = whole.key;
        let mut page = PAGE;
        loop {
            let request = RangeRequest {
                key: begin.clone(),
                range_end: whole.range_end.clone(),
                limit: page,
                revision: convert::wire(listing.revision),
                keys_only: false,
            };
            let answer: Result<RangeResponse, Failed> =
                self.members.call(Method::RANGE, request).await;
            let found = match answer {
                Ok(found) => found,
                Err(Failed::Call(_, status)) if too_long(&status) && page > 1 => {
                    page /= 2;
                    continue;
                }
                Err(failed) => {
                    let subject = Subject { revision: Some(listing.revision), lease: None };
                    return Err(failed.explain(&operation, subject));
                }
            };
            if listing.revision == Revision::default() {
                listing.revision = convert::header_revision(found.header.as_ref());
            }
            let last = found.kvs.last().map(|item| item.key.clone());
            listing
                .items
                .extend(found.kvs.into_iter().map(|item| convert::key_value(self.root(), item)));
            match last {
                Some(mut last) if found.more => {
                    last.push(0);
                    begin = last;
                }
                _ => return Ok(listing),
            }
        }
    }

    /// The store's revision. Renews the login on the way, if it ran out.
    async fn revision(&self, operation: &str) -> Result<Revision> {
        let request = RangeRequest { limit: 1, keys_only: true, ..convert::range(self.root(), "") };
        let answer: Result<RangeResponse, Failed> = self.members.call(Method::RANGE, request).await;
        let answer = answer.map_err(|failed| failed.explain(operation, Subject::default()))?;
        Ok(convert::header_revision(answer.header.as_ref()))
    }
}

#[async_trait]
impl Store for EtcdStore {
    fn target(&self) -> String {
        self.members.endpoints()
    }

    async fn get(&self, key: &str) -> Result<Option<KeyValue>> {
        check_key(key)?;
        let request = RangeRequest {
            key: format!("{}{key}", self.root()).into_bytes(),
            ..RangeRequest::default()
        };
        let answer: Result<RangeResponse, Failed> = self.members.call(Method::RANGE, request).await;
        let mut found =
            answer.map_err(|failed| failed.explain(&format!("get {key}"), Subject::default()))?;
        Ok(found.kvs.pop().map(|item| convert::key_value(self.root(), item)))
    }

    async fn list(&self, prefix: &str, at: Option<Revision>) -> Result<Listing> {
        let mut attempts = LIST_ATTEMPTS;
        loop {
            attempts -= 1;
            match self.list_once(prefix, at).await {
                Err(Error::Compacted { .. }) if at.is_none() && attempts > 0 => {}
                result => return result,
            }
        }
    }

    async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch> {
        let operation = format!("watch {prefix}");
        let current = self.revision(&operation).await?;
        if from > current.next() {
            return Err(Error::FutureRevision { requested: from, current: Some(current) });
        }
        let root = self.members.root();
        let feed = self
            .members
            .attempt(Method::WATCH, |session| Feed::open(session, root.clone(), prefix, from))
            .await
            .map_err(|failed| {
                failed.explain(&operation, Subject { revision: Some(from), lease: None })
            })?;
        Ok(Watch::new(futures::stream::try_unfold(feed, |mut feed| async move {
            let batch = feed.next().await?;
            Ok(Some((batch, feed)))
        })))
    }

    async fn txn(&self, txn: Txn) -> Result<TxnOutcome> {
        txn.validate()?;
        let operation = crate::txn::describe(&txn);
        let subject = Subject { revision: None, lease: txn.lease() };
        let answer: Result<TxnResponse, Failed> =
            self.members.call(Method::TXN, convert::txn(self.root(), txn)).await;
        let done = answer.map_err(|failed| failed.explain(&operation, subject))?;
        Ok(TxnOutcome {
            succeeded: done.succeeded,
            revision: convert::header_revision(done.header.as_ref()),
            responses: done
                .responses
                .into_iter()
                .map(|op| convert::response_op(self.root(), op))
                .collect(),
        })
    }

    async fn grant(&self, ttl: Duration) -> Result<Lease> {
        let secs = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        let request = LeaseGrantRequest { ttl: i64::try_from(secs.max(1)).unwrap_or(i64::MAX) };
        let answer: Result<LeaseGrantResponse, Failed> =
            self.members.call(Method::GRANT, request).await;
        let granted =
            answer.map_err(|failed| failed.explain("grant a lease", Subject::default()))?;
        Ok(Lease { id: LeaseId(granted.id), ttl: seconds(granted.ttl) })
    }

    async fn keep_alive(&self, lease: LeaseId) -> Result<Duration> {
        let renewed: Result<LeaseKeepAliveResponse, Failed> = self
            .members
            .attempt(Method::KEEP_ALIVE, |session| async move {
                let request = futures::stream::iter([LeaseKeepAliveRequest { id: lease.0 }]);
                let mut answers = session.stream(Method::KEEP_ALIVE, request).await?;
                let answer = session.in_time(answers.message()).await?;
                answer
                    .ok_or_else(|| Status::unavailable("etcd closed the stream without an answer"))
            })
            .await;
        let subject = Subject { revision: None, lease: Some(lease) };
        let renewed = renewed
            .map_err(|failed| failed.explain(&format!("keep lease {lease} alive"), subject))?;
        match seconds(renewed.ttl) {
            Duration::ZERO => Err(Error::LeaseNotFound(lease)),
            ttl => Ok(ttl),
        }
    }

    async fn revoke(&self, lease: LeaseId) -> Result<()> {
        let request = LeaseRevokeRequest { id: lease.0 };
        let answer: Result<LeaseRevokeResponse, Failed> =
            self.members.call(Method::REVOKE, request).await;
        let subject = Subject { revision: None, lease: Some(lease) };
        answer
            .map(|_| ())
            .map_err(|failed| failed.explain(&format!("revoke lease {lease}"), subject))
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        let request = CompactionRequest { revision: convert::wire(revision) };
        let answer: Result<CompactionResponse, Failed> =
            self.members.call(Method::COMPACT, request).await;
        let subject = Subject { revision: Some(revision), lease: None };
        answer
            .map(|_| ())
            .map_err(|failed| failed.explain(&format!("compact to {revision}"), subject))
    }

    async fn health(&self) -> Result<Health> {
        let begun = Instant::now();
        let revision = self.revision("check the store").await?;
        let latency = begun.elapsed();
        let session = self.members.session().await?;
        // A user without rights to ask for it still has a healthy store.
        let status: Result<StatusResponse, Status> =
            session.unary(Method::STATUS, StatusRequest {}).await;
        Ok(Health {
            target: session.endpoint().to_owned(),
            version: format!("etcd {}", session.version()),
            revision,
            latency,
            alarms: status.map_or_else(|_| Vec::new(), |status| status.errors),
        })
    }

    async fn examine(&self) -> Examination {
        self.members.examine().await
    }
}

fn seconds(ttl: i64) -> Duration {
    Duration::from_secs(u64::try_from(ttl).unwrap_or(0))
}
