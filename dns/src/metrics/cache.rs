//! The cache of answers from outside, under the names of CoreDNS's `cache`.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Labels = [(&'static str, &'static str); 1];

/// The cache's figures. Clones count into the same.
#[derive(Debug, Clone)]
pub struct Cache {
    entries: Family<Labels, Gauge>,
    hits: Family<Labels, Counter>,
    evictions: Family<Labels, Counter>,
    /// Entries with records.
    pub success: Kind,
    /// Entries that there are none.
    pub denial: Kind,
    /// Questions that were looked up.
    pub requests: Counter,
    /// Questions that had no entry.
    pub misses: Counter,
    /// Entries that were asked for again before they were too old.
    pub prefetches: Counter,
    /// Answers from entries that were too old, since nobody else answered.
    pub served_stale: Counter,
    /// Answers that could not be kept.
    pub drops: Counter,
}

/// Figures of one kind of entries.
#[derive(Debug, Clone)]
pub struct Kind {
    /// Entries there are.
    pub entries: Gauge,
    /// Answers from them.
    pub hits: Counter,
    /// Entries that made room for others.
    pub evictions: Counter,
}

impl Default for Cache {
    fn default() -> Self {
        let (entries, hits, evictions) = (Family::default(), Family::default(), Family::default());
        let kind = |name| Kind {
            entries: Family::get_or_create_owned(&entries, &[("type", name)]),
            hits: Family::get_or_create_owned(&hits, &[("type", name)]),
            evictions: Family::get_or_create_owned(&evictions, &[("type", name)]),
        };
        let (success, denial) = (kind("success"), kind("denial"));
        Self {
            entries,
            hits,
            evictions,
            success,
            denial,
            requests: Counter::default(),
            misses: Counter::default(),
            prefetches: Counter::default(),
            served_stale: Counter::default(),
            drops: Counter::default(),
        }
    }
}

impl Cache {
    /// Shows it.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_cache_entries",
            "Entries in the cache of names outside",
            self.entries.clone(),
        );
        for (name, help, family) in [
            ("hits", "Questions that the cache answered", &self.hits),
            ("evictions", "Entries that made room for others", &self.evictions),
        ] {
            registry.register(format!("coredns_cache_{name}"), help, family.clone());
        }
        for (name, help, counter) in [
            ("requests", "Questions that were looked up in the cache", &self.requests),
            ("misses", "Questions that the cache could not answer", &self.misses),
            ("prefetch", "Entries that were renewed before their end", &self.prefetches),
            ("served_stale", "Answers from entries beyond their end", &self.served_stale),
            ("drops", "Answers that could not be kept", &self.drops),
        ] {
            registry.register(format!("coredns_cache_{name}"), help, counter.clone());
        }
    }
}
