//! Calls to the store: how long they take, and what comes of them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pontoon_store::{Error, KeyValue, Lease, LeaseId, Listing, Result, Revision, Store, Txn};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::figure::{Count, Times, counters};

/// What is asked of a store.
#[derive(Debug, Clone, Copy)]
enum Call {
    Get,
    List,
    Watch,
    Txn,
    Lease,
    Compact,
    Health,
}

const CALLS: [&str; 7] = ["get", "list", "watch", "txn", "lease", "compact", "health"];
const RESULTS: [&str; 5] = ["ok", "unavailable", "refused", "history_lost", "other"];

/// Calls to the store.
#[derive(Debug, Default)]
pub struct StoreCalls {
    calls: [Figures; CALLS.len()],
}

#[derive(Debug, Default)]
struct Figures {
    results: [Count; RESULTS.len()],
    times: Times,
}

impl StoreCalls {
    fn called<T>(&self, call: Call, began: Instant, result: &Result<T>) {
        let figures = &self.calls[call as usize];
        figures.times.took(began.elapsed());
        let at = match result {
            Ok(_) => 0,
            Err(Error::Unavailable(_)) => 1,
            Err(Error::Unauthenticated(_) | Error::PermissionDenied(_)) => 2,
            Err(error) if error.needs_relist() => 3,
            Err(_) => 4,
        };
        figures.results[at].add(1);
    }
}

impl Collector for StoreCalls {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let calls = || CALLS.into_iter().zip(&self.calls);
        let counted = calls().flat_map(|(call, figures)| {
            let results = RESULTS.into_iter().zip(&figures.results);
            let seen = results.filter(|(result, count)| *result == "ok" || count.get() > 0);
            seen.map(move |(result, count)| {
                ([("operation", call), ("result", result)], count.get())
            })
        });
        counters(
            &mut encoder,
            "pontoon_store_requests",
            "Calls to the store, by what came of them: ok, unavailable, refused, history_lost or other",
            None,
            counted,
        )?;
        let mut family = encoder.encode_descriptor(
            "pontoon_store_request_duration",
            "Time until the store answered; of watches until they were open",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (call, figures) in calls() {
            figures.times.encode(family.encode_family(&[("operation", call)])?)?;
        }
        Ok(())
    }
}

/// A store whose calls are counted.
pub struct MeasuredStore {
    store: Arc<dyn Store>,
    calls: Arc<StoreCalls>,
}

impl MeasuredStore {
    /// Counts the calls to a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, calls: Arc<StoreCalls>) -> Self {
        Self { store, calls }
    }

    async fn measure<T>(
        &self,
        call: Call,
        asked: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let began = Instant::now();
        let result = asked.await;
        self.calls.called(call, began, &result);
        result
    }
}

#[async_trait]
impl Store for MeasuredStore {
    fn target(&self) -> String {
        self.store.target()
    }

    async fn get(&self, key: &str) -> Result<Option<KeyValue>> {
        self.measure(Call::Get, self.store.get(key)).await
    }

    async fn list(&self, prefix: &str, at: Option<Revision>) -> Result<Listing> {
        self.measure(Call::List, self.store.list(prefix, at)).await
    }

    async fn watch(&self, prefix: &str, from: Revision) -> Result<pontoon_store::Watch> {
        self.measure(Call::Watch, self.store.watch(prefix, from)).await
    }

    async fn txn(&self, txn: Txn) -> Result<pontoon_store::TxnOutcome> {
        self.measure(Call::Txn, self.store.txn(txn)).await
    }

    async fn grant(&self, ttl: Duration) -> Result<Lease> {
        self.measure(Call::Lease, self.store.grant(ttl)).await
    }

    async fn keep_alive(&self, lease: LeaseId) -> Result<Duration> {
        self.measure(Call::Lease, self.store.keep_alive(lease)).await
    }

    async fn revoke(&self, lease: LeaseId) -> Result<()> {
        self.measure(Call::Lease, self.store.revoke(lease)).await
    }

    async fn compact(&self, revision: Revision) -> Result<()> {
        self.measure(Call::Compact, self.store.compact(revision)).await
    }

    async fn health(&self) -> Result<pontoon_store::Health> {
        self.measure(Call::Health, self.store.health()).await
    }

    /// Members that are asked one by one say nothing of how long the work takes.
    async fn examine(&self) -> pontoon_store::Examination {
        self.store.examine().await
    }
}
