//! Answers that are kept: bounded, and looked up by several threads at once without a wait that is
//! worth the name.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use quick_cache::sync::Cache as Store;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use super::answer::{Age, Answer, Kind};
use super::config::CacheConfig;
use super::key::Key;
use crate::metrics::cache::{self as figures, Cache as Figures};

/// Parts of the cache with a lock each.
const SHARDS: usize = 16;
/// How long nobody is asked about a question again which upstreams have just failed to answer.
const RECHECK: u64 = 5_000;
/// How long upstreams that failed are taken to fail still: until then nobody waits for them who can
/// have an answer behind its life.
const DOUBTED: u64 = 30_000;

/// Answers by their questions.
#[derive(Debug)]
pub struct Cache {
    store: Store<Box<[u8]>, Arc<Entry>, Size, DefaultHashBuilder, Evictions>,
    prefetch: u32,
    stale: u64,
    figures: Figures,
}

/// An answer that is kept.
#[derive(Debug)]
pub struct Entry {
    /// The answer.
    pub answer: Arc<Answer>,
    /// When it came, milliseconds.
    came: u64,
    /// How often it was given.
    given: AtomicU32,
    /// When upstreams last failed to say it anew, milliseconds; 0 when they did not.
    failed: AtomicU64,
    _counted: Counted,
}

/// What is there for a question.
#[derive(Debug, Clone)]
pub struct Found {
    /// It.
    pub entry: Arc<Entry>,
    /// How much of its life is over.
    pub age: Age,
    /// Whether upstreams should be asked anew while it is given.
    pub refresh: bool,
    /// Whether to give it now: if not, only when upstreams fail or are slow.
    pub at_once: bool,
}

impl Cache {
    /// An empty one, which counts there.
    #[must_use]
    pub fn new(config: &CacheConfig, figures: Figures) -> Self {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(config.size)
            .weight_capacity(config.size as u64)
            .build();
        let hasher = DefaultHashBuilder::default();
        let lifecycle = Evictions(figures.clone());
        let store = match options {
            Ok(options) => Store::with_options(options, Size, hasher, lifecycle),
            Err(_) => Store::with(config.size, config.size as u64, Size, hasher, lifecycle),
        };
        Self { store, prefetch: config.prefetch, stale: milliseconds(config.serve_stale), figures }
    }

    /// Looks for the answer to a question.
    #[must_use]
    pub fn find(&self, key: &Key, now: Duration) -> Option<Found> {
        let entry = self.store.get(key.bytes())?;
        let now = milliseconds(now);
        let age = now.saturating_sub(entry.came);
        let life = u64::from(entry.answer.lifetime()) * 1000;
        let failed = entry.failed.load(Ordering::Relaxed);
        let since_failure = if failed == 0 { u64::MAX } else { now.saturating_sub(failed) };
        if age < life {
            let given = entry.given.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            let popular = self.prefetch > 0 && given >= self.prefetch;
            let refresh = popular && (life - age) * 10 < life && since_failure >= RECHECK;
            let age = Age::Seconds(u32::try_from(age / 1000).unwrap_or(u32::MAX));
            return Some(Found { entry, age, refresh, at_once: true });
        }
        if entry.answer.kind() == Kind::Failure || age - life >= self.stale {
            return None;
        }
        let at_once = since_failure < DOUBTED;
        Some(Found { entry, age: Age::Over, refresh: since_failure >= RECHECK, at_once })
    }

    /// Keeps an answer, if it is one to keep. A failure takes the place of nothing but another one.
    pub fn keep(&self, key: &Key, answer: Arc<Answer>, now: Duration) {
        if answer.is_truncated() {
            return;
        }
        if answer.kind() == Kind::Failure {
            self.failed(key, now);
            if self.store.peek(key.bytes()).is_some_and(|old| self.is_worth_more(&old, now)) {
                return;
            }
        }
        if answer.lifetime() == 0 {
            // What was kept is not so any more.
            if answer.kind() != Kind::Failure {
                self.store.remove(key.bytes());
            }
            return;
        }
        let entry = Entry {
            _counted: Counted::new(of_kind(&self.figures, answer.kind()).entries.clone()),
            answer,
            came: milliseconds(now),
            given: AtomicU32::new(0),
            failed: AtomicU64::new(0),
        };
        self.store.insert(key.bytes().into(), Arc::new(entry));
    }

    /// Whether an entry can still be given, and tells more than a failure does.
    fn is_worth_more(&self, entry: &Entry, now: Duration) -> bool {
        let over = u64::from(entry.answer.lifetime()) * 1000 + self.stale;
        entry.answer.kind() != Kind::Failure && milliseconds(now).saturating_sub(entry.came) < over
    }

    /// Notes that upstreams did not answer a question, or not in time.
    pub fn failed(&self, key: &Key, now: Duration) {
        if let Some(entry) = self.store.peek(key.bytes()) {
            entry.failed.store(milliseconds(now).max(1), Ordering::Relaxed);
        }
    }

    /// Counts an answer that is given.
    pub fn count(&self, found: &Found) {
        of_kind(&self.figures, found.entry.answer.kind()).hits.inc();
        if found.age == Age::Over {
            self.figures.served_stale.inc();
        }
    }
}

/// Where answers of that kind are counted.
fn of_kind(figures: &Figures, kind: Kind) -> &figures::Kind {
    match kind {
        Kind::Success => &figures.success,
        Kind::Denial | Kind::Failure => &figures.denial,
    }
}

/// One entry, for as long as it is there.
#[derive(Debug)]
struct Counted(Gauge);

impl Counted {
    fn new(entries: Gauge) -> Self {
        entries.inc();
        Self(entries)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What an entry counts: once for each KiB, so that long answers do not cost more memory than many
/// short ones.
#[derive(Debug, Clone)]
struct Size;

impl Weighter<Box<[u8]>, Arc<Entry>> for Size {
    fn weight(&self, _: &Box<[u8]>, entry: &Arc<Entry>) -> u64 {
        1 + entry.answer.size() as u64 / 1024
    }
}

/// Counts the entries that make room.
#[derive(Debug, Clone)]
struct Evictions(Figures);

impl Lifecycle<Box<[u8]>, Arc<Entry>> for Evictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: Box<[u8]>, entry: Arc<Entry>) {
        of_kind(&self.0, entry.answer.kind()).evictions.inc();
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
