//! Services that a wiped store has lost: pods go on using them, and somebody will apply them again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pontoon_model::service::ServiceId;

/// How long they are kept: as long as the store's nodes are.
const GRACE: Duration = Duration::from_secs(600);

/// Those that are kept, for a while.
#[derive(Debug, Default)]
pub struct Lost {
    services: BTreeSet<ServiceId>,
    until: Option<Instant>,
}

impl Lost {
    /// The store was wiped, and has lost these.
    pub fn note(&mut self, services: Vec<ServiceId>, now: Instant) {
        self.services.extend(services);
        self.until = Some(now + GRACE);
    }

    /// The store has that one again.
    pub fn returned(&mut self, id: &ServiceId) {
        self.services.remove(id);
    }

    /// Those that are kept.
    #[must_use]
    pub fn kept(&self) -> &BTreeSet<ServiceId> {
        &self.services
    }

    /// Until when.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Those that did not come back in time, and are kept no more.
    pub fn take_due(&mut self, now: Instant) -> BTreeSet<ServiceId> {
        if self.until.is_none_or(|until| until > now) {
            return BTreeSet::new();
        }
        self.until = None;
        std::mem::take(&mut self.services)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_wiped_store_has_lost_is_kept_until_it_is_back_or_time_is_up() {
        let ids = ["a", "b"]
            .map(|name| ServiceId { namespace: Default::default(), name: name.parse().unwrap() });
        let (mut lost, began) = (Lost::default(), Instant::now());
        assert_eq!((lost.until(), lost.take_due(began)), (None, BTreeSet::new()));
        lost.note(ids.to_vec(), began);
        lost.returned(&ids[0]);
        assert_eq!(lost.take_due(began + GRACE / 2), BTreeSet::new());
        assert_eq!(lost.kept().iter().collect::<Vec<_>>(), [&ids[1]]);
        assert_eq!(lost.take_due(began + GRACE), BTreeSet::from([ids[1].clone()]));
        assert_eq!((lost.until(), lost.kept().len()), (None, 0));
    }
}
