//! One port of a service in one family, as it is laid out.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::entry::{Balance, Entry, Scope, Stage, Way};
use crate::frontend::Frontend;
use crate::plan::{FrontendPlan, PortKey, PortPlan, Reach};
use crate::slots::{self, Slots};

/// A set of endpoints with its number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EndpointSet {
    /// Unique in its family; 0 while there is no endpoint.
    pub(super) number: u32,
    /// Its endpoints by slot.
    pub(super) slots: Slots,
}

/// A port as the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PortState {
    pub(super) key: PortKey,
    pub(super) label: Arc<str>,
    pub(super) cluster: EndpointSet,
    pub(super) local: EndpointSet,
    pub(super) frontends: Vec<FrontendPlan>,
    pub(super) affinity: Option<u32>,
    /// There is an endpoint somewhere, on this node or not.
    pub(super) somewhere: bool,
}

/// What differs between two states of a port.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) gone: Vec<Entry>,
    pub(super) new: Vec<Entry>,
    pub(super) forget: Vec<(Frontend, SocketAddr)>,
    pub(super) touched: Vec<Frontend>,
}

impl PortState {
    /// Lays a port out, as near to `prior` as can be.
    pub(super) fn new(plan: PortPlan, prior: Option<&Self>, last_set: &mut u32) -> Self {
        let empty = EndpointSet::default();
        let set = |wanted: &[SocketAddr], prior: &EndpointSet, last_set: &mut u32| {
            if wanted.is_empty() {
                return EndpointSet::default();
            }
            let number = if prior.number == 0 {
                *last_set = last_set.wrapping_add(1).max(1);
                *last_set
            } else {
                prior.number
            };
            EndpointSet { number, slots: slots::arrange(&prior.slots, wanted) }
        };
        // A set that no frontend leads to would only cost memory.
        let needed = |unneeded: Reach, wanted| {
            let is_needed = plan.frontends.iter().any(|frontend| frontend.to != unneeded);
            if is_needed { wanted } else { &[][..] }
        };
        let cluster = needed(Reach::Local, plan.cluster.as_slice());
        let local = needed(Reach::Cluster, plan.local.as_slice());
        let cluster = set(cluster, prior.map_or(&empty, |p| &p.cluster), last_set);
        let local = set(local, prior.map_or(&empty, |p| &p.local), last_set);
        Self {
            key: plan.key,
            label: plan.label,
            cluster,
            local,
            frontends: plan.frontends,
            affinity: plan.affinity,
            somewhere: !plan.cluster.is_empty(),
        }
    }

    pub(super) fn key(&self) -> PortKey {
        self.key
    }

    pub(super) fn has(&self, at: Frontend) -> bool {
        self.frontends.iter().any(|frontend| frontend.at == at)
    }

    pub(super) fn frontends(&self) -> impl Iterator<Item = Frontend> + '_ {
        self.frontends.iter().map(|frontend| frontend.at)
    }

    pub(super) fn endpoints(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.cluster.slots.iter().chain(&self.local.slots).copied()
    }

    /// Every element that it needs.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let sets = [&self.cluster, &self.local].into_iter();
        let slots = sets.flat_map(|set| {
            (0u32..).zip(&set.slots).map(|(slot, to)| Entry::Slot(set.number, slot, *to))
        });
        slots.chain(self.frontend_entries())
    }

    fn frontend_entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.frontends.iter().flat_map(|frontend| self.entries_of(frontend))
    }

    fn entries_of(&self, frontend: &FrontendPlan) -> Vec<Entry> {
        let at = frontend.at;
        let way = |stage, way| Entry::Way(stage, at, way, Arc::clone(&self.label));
        let mut entries = Vec::with_capacity(2);
        let mut stage = Stage::First;
        if !frontend.ranges.is_empty() {
            entries.push(way(Stage::First, Way::BySource));
            entries.extend(frontend.ranges.iter().map(|range| Entry::Source(at, *range)));
            stage = Stage::Allowed;
        }
        let id = |scope, set: &EndpointSet| {
            (set.number != 0).then_some(Entry::Endpoints(scope, at, set.number))
        };
        let everywhere = self.balance(&self.cluster, Scope::Usual, Way::Reject);
        // No endpoint here but elsewhere: the client may find another node that has one. No endpoint
        // at all: it need not try.
        let nobody = if self.somewhere { Way::Drop } else { Way::Reject };
        match frontend.to {
            Reach::Cluster => {
                entries.push(way(stage, everywhere));
                entries.extend(id(Scope::Usual, &self.cluster));
            }
            Reach::Local => {
                entries.push(way(stage, self.balance(&self.local, Scope::Usual, nobody)));
                entries.extend(id(Scope::Usual, &self.local));
            }
            Reach::LocalFromOutside => {
                entries.push(way(stage, Way::BySide));
                entries.push(way(Stage::Inside, everywhere));
                let outside = self.balance(&self.local, Scope::Outside, nobody);
                entries.push(way(Stage::Outside, outside));
                entries.extend(id(Scope::Usual, &self.cluster));
                entries.extend(id(Scope::Outside, &self.local));
            }
        }
        entries.extend(self.affinity.map(|seconds| Entry::Sticky(at, seconds)));
        entries
    }

    fn balance(&self, set: &EndpointSet, scope: Scope, nobody: Way) -> Way {
        match u32::try_from(set.slots.len()) {
            Ok(0) | Err(_) => nobody,
            Ok(slots) => Way::Balance(Balance { scope, sticky: self.affinity.is_some(), slots }),
        }
    }
}

/// What differs.
pub(super) fn difference(old: Option<&PortState>, new: Option<&PortState>) -> Difference {
    let mut difference = Difference::default();
    let empty = EndpointSet::default();
    for pick in [|port: &PortState| &port.cluster, |port: &PortState| &port.local]
        as [fn(&PortState) -> &EndpointSet; 2]
    {
        let (before, after) = (old.map_or(&empty, pick), new.map_or(&empty, pick));
        differing_slots(before, after, &mut difference);
    }
    let entries = |port: Option<&PortState>| {
        port.into_iter().flat_map(PortState::frontend_entries).collect::<Vec<_>>()
    };
    let (before, after) = (entries(old), entries(new));
    if before != after {
        let (had, has): (HashSet<&Entry>, HashSet<&Entry>) =
            (before.iter().collect(), after.iter().collect());
        difference.gone.extend(before.iter().filter(|e| !has.contains(e)).cloned());
        difference.new.extend(after.iter().filter(|e| !had.contains(e)).cloned());
    }
    let frontends = |port: Option<&PortState>| {
        port.into_iter().flat_map(PortState::frontends).collect::<HashSet<Frontend>>()
    };
    let (had, has) = (frontends(old), frontends(new));
    let left = gone_endpoints(old, new);
    if !left.is_empty() || !difference.gone.is_empty() || !difference.new.is_empty() {
        difference.touched = had.union(&has).copied().collect();
    }
    if let Some(old) = old.filter(|old| old.affinity.is_some()) {
        // What a removed frontend remembers must not come back with it.
        for at in &had {
            let all = || old.endpoints().collect::<HashSet<_>>();
            let stays = has.contains(at) && new.is_some_and(|new| new.affinity.is_some());
            let whom = if stays { left.clone() } else { all() };
            difference.forget.extend(whom.into_iter().map(|endpoint| (*at, endpoint)));
        }
    }
    difference
}

fn gone_endpoints(old: Option<&PortState>, new: Option<&PortState>) -> HashSet<SocketAddr> {
    let stay: HashSet<SocketAddr> = new.into_iter().flat_map(PortState::endpoints).collect();
    let had = old.into_iter().flat_map(PortState::endpoints);
    had.filter(|endpoint| !stay.contains(endpoint)).collect()
}

fn differing_slots(before: &EndpointSet, after: &EndpointSet, difference: &mut Difference) {
    if before == after {
        return;
    }
    let entries = |set: &EndpointSet| -> HashMap<u32, SocketAddr> {
        (0u32..).zip(set.slots.iter().copied()).collect()
    };
    let same_number = before.number == after.number;
    let (had, has) = (entries(before), entries(after));
    for (slot, endpoint) in (0u32..).zip(&before.slots) {
        if !same_number || has.get(&slot) != Some(endpoint) {
            difference.gone.push(Entry::Slot(before.number, slot, *endpoint));
        }
    }
    for (slot, endpoint) in (0u32..).zip(&after.slots) {
        if !same_number || had.get(&slot) != Some(endpoint) {
            difference.new.push(Entry::Slot(after.number, slot, *endpoint));
        }
    }
}
