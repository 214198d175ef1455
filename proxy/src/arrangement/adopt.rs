//! What the kernel holds from an earlier run: numbers and slots that are kept, so that a restart writes
//! nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use pontoon_model::cidr::Family;

use super::Arrangement;
use super::port::{EndpointSet, PortState};
use crate::changes::Changes;
use crate::entry::{Chain, Entry, Scope};
use crate::frontend::Frontend;
use crate::plan::{PortPlan, Reach};

/// The numbers of sets of endpoints and their slots, as found in the kernel.
#[derive(Debug, Default)]
pub struct Found {
    numbers: HashMap<(Scope, Frontend), u32>,
    slots: HashMap<(Family, u32), BTreeMap<u32, SocketAddr>>,
}

impl Found {
    /// Takes note of what is in the kernel.
    pub fn note(&mut self, entry: &Entry) {
        match entry {
            Entry::Endpoints(scope, at, number) => {
                self.numbers.insert((*scope, *at), *number);
            }
            Entry::Slot(number, slot, endpoint) => {
                let set = (Family::of(endpoint.ip()), *number);
                self.slots.entry(set).or_default().insert(*slot, *endpoint);
            }
            _ => {}
        }
    }

    /// The highest number of a set.
    pub(super) fn last_set(&self) -> u32 {
        let used = self.numbers.values().chain(self.slots.keys().map(|(_, number)| number));
        used.copied().max().unwrap_or(0)
    }

    /// Sets of a port that is placed for the first time, if the kernel has any for its frontends.
    /// Each is given away once: two ports never share a number.
    pub(super) fn port(&mut self, plan: &PortPlan) -> Option<PortState> {
        if self.numbers.is_empty() {
            return None;
        }
        let mut cluster = EndpointSet::default();
        let mut local = EndpointSet::default();
        for frontend in &plan.frontends {
            let usual = if frontend.to == Reach::Local { &mut local } else { &mut cluster };
            self.take(Scope::Usual, frontend.at, usual);
            self.take(Scope::Outside, frontend.at, &mut local);
        }
        let prior = PortState {
            key: plan.key,
            label: Arc::clone(&plan.label),
            cluster,
            local,
            frontends: Vec::new(),
            affinity: None,
            somewhere: false,
        };
        Some(prior)
    }

    fn take(&mut self, scope: Scope, at: Frontend, set: &mut EndpointSet) {
        let Some(number) = self.numbers.remove(&(scope, at)) else { return };
        if set.number != 0 {
            return;
        }
        if let Some(slots) = self.slots.remove(&(at.family(), number)) {
            *set = EndpointSet { number, slots: slots.into_values().collect() };
        }
    }
}

impl Arrangement {
    /// The difference between what is in the kernel and what should be. From here on nothing is taken
    /// over from there any more.
    pub fn compare(
        &mut self,
        actual: impl IntoIterator<Item = Entry>,
        chains: impl IntoIterator<Item = Chain>,
    ) -> Changes {
        self.found = Found::default();
        let before = self.take_changes();
        let mut missing: HashSet<Entry> = self.entries().collect();
        let mut changes =
            Changes { touched: before.touched, forget: before.forget, ..Changes::default() };
        for entry in actual {
            if !missing.remove(&entry) {
                changes.gone.push(entry);
            }
        }
        changes.new = missing.into_iter().collect();
        let there: HashSet<Chain> = chains.into_iter().collect();
        changes.new_chains =
            self.chains.keys().filter(|chain| !there.contains(chain)).copied().collect();
        changes.gone_chains =
            there.into_iter().filter(|chain| !self.chains.contains_key(chain)).collect();
        changes
    }
}
