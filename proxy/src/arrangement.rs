//! All services as they are laid out in the table, and what a change of one changes there.

mod adopt;
mod claims;
mod port;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnetwork::IpNetwork;
use pontoon_model::service::ServiceId;

use crate::changes::Changes;
use crate::entry::{Chain, Entry, Map, RangeSet};
use crate::frontend::Frontend;
use crate::plan::ServicePlan;

pub use adopt::Found;
use claims::Claims;
use port::PortState;

/// The cluster's ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    /// Where cluster IPs come from.
    pub services: Vec<IpNetwork>,
    /// Where pods' addresses come from.
    pub pods: Vec<IpNetwork>,
}

/// What the table holds for all services. Every change gives the difference that it makes there.
#[derive(Debug, Default)]
pub struct Arrangement {
    ranges: Ranges,
    services: HashMap<Arc<ServiceId>, Placed>,
    claims: Claims,
    /// How many elements lead to each chain.
    chains: HashMap<Chain, u32>,
    /// How many elements of services each map has.
    sizes: BTreeMap<Map, u32>,
    /// Endpoints that are not in the pod CIDRs, and how many slots they have.
    away: BTreeMap<IpAddr, u32>,
    /// The number of the last set of endpoints that was made.
    last_set: u32,
    found: Found,
    pending: Pending,
}

#[derive(Debug)]
struct Placed {
    /// What was asked for, frontends that others hold included.
    plan: ServicePlan,
    ports: Vec<PortState>,
}

/// What a change has done so far.
#[derive(Debug, Default)]
struct Pending {
    changes: Changes,
    /// Chains whose use changed, and how often they were used before.
    chains: BTreeMap<Chain, u32>,
    /// Services that won or lost a frontend to another.
    contested: BTreeSet<Arc<ServiceId>>,
}

impl Arrangement {
    /// An arrangement that takes over the numbers and slots that are in the kernel, up to the first
    /// [`Self::compare`]. Where services share a frontend they must be told in the order of their
    /// names, lest the numbers go to one that loses it again.
    #[must_use]
    pub fn adopting(found: Found) -> Self {
        Self { last_set: found.last_set(), found, ..Self::default() }
    }

    /// Says what the ranges are.
    pub fn set_ranges(&mut self, ranges: Ranges) {
        if self.ranges == ranges {
            return;
        }
        let before = self.range_entries();
        self.ranges = ranges;
        let after = self.range_entries();
        let changes = &mut self.pending.changes;
        changes.gone.extend(before.iter().filter(|entry| !after.contains(entry)).cloned());
        changes.new.extend(after.iter().filter(|entry| !before.contains(entry)).cloned());
    }

    /// Says what a service is to be; `None` when it is gone.
    pub fn set(&mut self, id: &Arc<ServiceId>, plan: Option<ServicePlan>) {
        self.place(id, plan);
        // Whoever wins a frontend or loses one is placed anew; that takes none from anybody.
        while let Some(other) = self.pending.contested.pop_first() {
            let plan = self.services.get(&other).map(|placed| placed.plan.clone());
            if let Some(plan) = plan {
                self.place(&other, Some(plan));
            }
        }
    }

    /// What all changes since the last call come to.
    pub fn take_changes(&mut self) -> Changes {
        let Pending { mut changes, chains, .. } = std::mem::take(&mut self.pending);
        changes.settle();
        for (chain, before) in chains {
            let now = self.chains.get(&chain).copied().unwrap_or(0);
            if before == 0 && now > 0 {
                changes.new_chains.insert(chain);
            } else if before > 0 && now == 0 {
                changes.gone_chains.insert(chain);
            }
        }
        changes
    }

    /// The endpoints that a frontend leads to at present, from wherever; none for a frontend that is
    /// not ours.
    #[must_use]
    pub fn endpoints_of(&self, at: Frontend) -> Vec<SocketAddr> {
        let owner = self.claims.owner(at).and_then(|id| self.services.get(id));
        let ports = owner.into_iter().flat_map(|placed| &placed.ports);
        ports.filter(|port| port.has(at)).flat_map(PortState::endpoints).collect()
    }

    /// All UDP frontends.
    pub fn udp_frontends(&self) -> impl Iterator<Item = Frontend> + '_ {
        self.services
            .values()
            .flat_map(|placed| &placed.ports)
            .flat_map(PortState::frontends)
            .filter(|at| at.protocol == pontoon_model::service::Protocol::Udp)
    }

    /// Every element that the table should hold.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let ports = self.services.values().flat_map(|placed| &placed.ports);
        self.range_entries().into_iter().chain(ports.flat_map(PortState::entries))
    }

    /// Every chain that the table should have beside those that are always there.
    pub fn chains(&self) -> impl Iterator<Item = Chain> + '_ {
        self.chains.keys().copied()
    }

    /// How many elements each map or set has, those left out that have none.
    #[must_use]
    pub fn sizes(&self) -> BTreeMap<Map, u32> {
        let mut sizes = self.sizes.clone();
        for range in self.range_entries() {
            *sizes.entry(range.map()).or_default() += 1;
        }
        sizes
    }

    /// How many services have frontends.
    #[must_use]
    pub fn len(&self) -> usize {
        self.services.len()
    }

    /// Whether there is no service.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// Frontends that several services ask for: the one that has it, and those that do without.
    pub fn conflicts(&self) -> impl Iterator<Item = (Frontend, Vec<&Arc<ServiceId>>)> {
        self.claims.contested()
    }

    fn place(&mut self, id: &Arc<ServiceId>, plan: Option<ServicePlan>) {
        let before = self.services.remove(id);
        let wanted: BTreeSet<Frontend> = frontends(plan.as_ref()).collect();
        for at in frontends(before.as_ref().map(|placed| &placed.plan)) {
            if !wanted.contains(&at) {
                self.pending.contested.extend(self.claims.release(id, at));
            }
        }
        for at in &wanted {
            self.pending.contested.extend(self.claims.claim(id, *at));
        }
        let mut olds = before.map(|placed| placed.ports).unwrap_or_default();
        let mut ports = Vec::new();
        for mut wanted in plan.iter().flatten().cloned() {
            wanted.frontends.retain(|f| self.claims.owner(f.at).is_some_and(|owner| owner == id));
            let known = olds.iter().position(|old| old.key() == wanted.key);
            let old = known.map(|at| olds.swap_remove(at));
            ports.push(self.move_port(old, Some(wanted)));
        }
        for old in olds {
            self.move_port(Some(old), None);
        }
        if let Some(plan) = plan.filter(|plan| !plan.is_empty()) {
            let ports = ports.into_iter().flatten().collect();
            self.services.insert(Arc::clone(id), Placed { plan, ports });
        }
    }

    /// Makes a port what it should be and notes the difference.
    fn move_port(
        &mut self,
        old: Option<PortState>,
        wanted: Option<crate::plan::PortPlan>,
    ) -> Option<PortState> {
        let new = wanted.filter(|wanted| !wanted.frontends.is_empty()).map(|wanted| {
            let prior = old.clone().or_else(|| self.found.port(&wanted));
            PortState::new(wanted, prior.as_ref(), &mut self.last_set)
        });
        let difference = port::difference(old.as_ref(), new.as_ref());
        for entry in &difference.gone {
            self.count(entry, -1);
        }
        for entry in &difference.new {
            self.count(entry, 1);
        }
        let changes = &mut self.pending.changes;
        changes.gone.extend(difference.gone);
        changes.new.extend(difference.new);
        changes.forget.extend(difference.forget);
        difference.touched.into_iter().for_each(|at| changes.touch(at));
        new
    }

    /// Keeps count of what elements need beside themselves: chains, and places that answers must come
    /// back from.
    fn count(&mut self, entry: &Entry, change: i32) {
        let map = entry.map();
        let size = self.sizes.entry(map).or_default();
        *size = size.saturating_add_signed(change);
        if *size == 0 {
            self.sizes.remove(&map);
        }
        if let Some(chain) = entry.chain() {
            let used = self.chains.entry(chain).or_default();
            self.pending.chains.entry(chain).or_insert(*used);
            *used = used.saturating_add_signed(change);
            if *used == 0 {
                self.chains.remove(&chain);
            }
        }
        if let Entry::Slot(_, _, endpoint) = entry {
            let address = endpoint.ip();
            let used = self.away.entry(address).or_default();
            let before = *used;
            *used = used.saturating_add_signed(change);
            let after = *used;
            if after == 0 {
                self.away.remove(&address);
            }
            if self.is_away(address) && (before == 0) != (after == 0) {
                let entry = Entry::Range(RangeSet::Away, pontoon_model::cidr::host(address));
                let changes = &mut self.pending.changes;
                if after > 0 { changes.new.push(entry) } else { changes.gone.push(entry) }
            }
        }
    }

    fn is_away(&self, address: IpAddr) -> bool {
        !self.ranges.pods.iter().any(|range| range.contains(address))
    }

    fn range_entries(&self) -> Vec<Entry> {
        let of = |set, ranges: &[IpNetwork]| {
            ranges.iter().map(|range| Entry::Range(set, *range)).collect::<Vec<_>>()
        };
        let away = self.away.keys().filter(|address| self.is_away(**address));
        let mut entries = of(RangeSet::Services, &self.ranges.services);
        entries.extend(of(RangeSet::Pods, &self.ranges.pods));
        entries.extend(of(RangeSet::Away, &self.ranges.pods));
        entries.extend(away.map(|ip| Entry::Range(RangeSet::Away, pontoon_model::cidr::host(*ip))));
        entries
    }
}

fn frontends(plan: Option<&ServicePlan>) -> impl Iterator<Item = Frontend> + '_ {
    plan.into_iter().flatten().flat_map(|port| port.frontends.iter().map(|frontend| frontend.at))
}
