//! When leases end. Deadlines are kept in memory: at start every lease gets its full time again, as nobody could keep
//! it alive while the store was down.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::LeaseId;

/// The leases that are alive, and until when.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BTreeMap<LeaseId, (Instant, Duration)>);

impl Deadlines {
    pub(super) fn grant(&mut self, lease: LeaseId, ttl: Duration, now: Instant) {
        self.0.insert(lease, (now + ttl, ttl));
    }

    /// Gives a lease its full time again, unless it ended.
    pub(super) fn renew(&mut self, lease: LeaseId, now: Instant) -> Option<Duration> {
        let (deadline, ttl) = self.0.get_mut(&lease)?;
        if *deadline <= now {
            return None;
        }
        *deadline = now + *ttl;
        Some(*ttl)
    }

    pub(super) fn remove(&mut self, lease: LeaseId) {
        self.0.remove(&lease);
    }

    pub(super) fn expired(&self, now: Instant) -> Vec<LeaseId> {
        let ended = |(lease, (deadline, _)): (&LeaseId, &(Instant, Duration))| {
            (*deadline <= now).then_some(*lease)
        };
        self.0.iter().filter_map(ended).collect()
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().map(|(deadline, _)| *deadline).min()
    }
}
