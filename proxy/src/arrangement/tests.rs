//! Any sequence of changes, carried out on a kernel of maps that is as strict as the real one, against
//! a table built from nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use pontoon_model::cidr::Family;
use pontoon_model::service::{Protocol, ServiceId};
use proptest::prelude::*;

use super::{Arrangement, Found, Ranges};
use crate::changes::Changes;
use crate::entry::{Balance, Chain, Entry, Scope, Stage, Way};
use crate::frontend::Frontend;
use crate::plan::{FrontendPlan, PortKey, PortPlan, Reach, ServicePlan};

/// What an element is found by in its map.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Way(Stage, Frontend),
    Endpoints(Scope, Frontend),
    Slot(Family, u32, u32),
    Other(Entry),
}

fn key(entry: &Entry) -> Key {
    match entry {
        Entry::Way(stage, at, ..) => Key::Way(*stage, *at),
        Entry::Endpoints(scope, at, _) => Key::Endpoints(*scope, *at),
        Entry::Slot(set, slot, to) => Key::Slot(Family::of(to.ip()), *set, *slot),
        other => Key::Other(other.clone()),
    }
}

/// How many slots each endpoint has.
type Spread = BTreeMap<SocketAddr, u32>;
/// What becomes of packets at each stage.
type Ways = Vec<(String, Spread)>;

#[derive(Debug, Default, Clone)]
struct Kernel {
    elements: HashMap<Key, Entry>,
    chains: BTreeSet<Chain>,
}

impl Kernel {
    fn commit(&mut self, changes: &Changes) {
        for chain in &changes.new_chains {
            assert!(self.chains.insert(*chain), "{chain} is there already");
        }
        for entry in &changes.gone {
            assert_eq!(self.elements.remove(&key(entry)).as_ref(), Some(entry), "not there");
        }
        for entry in &changes.new {
            if let Some(chain) = entry.chain() {
                assert!(self.chains.contains(&chain), "there is no {chain}");
            }
            assert_eq!(self.elements.insert(key(entry), entry.clone()), None, "there already");
        }
        for chain in &changes.gone_chains {
            assert!(self.chains.remove(chain), "there is no {chain}");
            assert!(self.elements.values().all(|e| e.chain() != Some(*chain)), "{chain} is used");
        }
    }

    /// The endpoints that packets to a frontend can get, each with the number of its slots, and the
    /// way there; numbers of sets left out.
    fn packet(&self, at: Frontend) -> Ways {
        let mut seen = Vec::new();
        for stage in [Stage::First, Stage::Allowed, Stage::Inside, Stage::Outside] {
            let Some(Entry::Way(_, _, way, label)) = self.elements.get(&Key::Way(stage, at)) else {
                continue;
            };
            let mut spread = BTreeMap::new();
            if let Way::Balance(Balance { scope, slots, .. }) = way {
                let Some(Entry::Endpoints(_, _, set)) =
                    self.elements.get(&Key::Endpoints(*scope, at))
                else {
                    panic!("{at} has no set")
                };
                for slot in 0..*slots {
                    let slot = Key::Slot(at.family(), *set, slot);
                    let Some(Entry::Slot(_, _, to)) = self.elements.get(&slot) else {
                        panic!("{slot:?} of {at} is empty")
                    };
                    *spread.entry(*to).or_default() += 1;
                }
            }
            seen.push((format!("{stage:?} {way:?} {label}"), spread));
        }
        seen
    }

    /// What can be told apart from outside: all but the numbers of sets and the order of slots.
    fn sight(&self) -> (BTreeMap<Frontend, Ways>, Vec<String>) {
        let frontends = self.elements.values().filter_map(|entry| match entry {
            Entry::Way(_, at, ..) => Some(*at),
            _ => None,
        });
        let ways = frontends.map(|at| (at, self.packet(at))).collect();
        let mut others: Vec<String> = self
            .elements
            .values()
            .filter(|e| matches!(e, Entry::Sticky(..) | Entry::Source(..) | Entry::Range(..)))
            .map(|e| format!("{e:?}"))
            .chain(self.chains.iter().map(ToString::to_string))
            .chain([format!("{} elements", self.elements.len())])
            .collect();
        others.sort();
        (ways, others)
    }
}

fn service(name: u8) -> Arc<ServiceId> {
    let name = format!("s{name}").parse().unwrap();
    Arc::new(ServiceId { namespace: "default".parse().unwrap(), name })
}

fn address(family: Family, host: u8) -> IpAddr {
    match family {
        Family::V4 => [10, 96, 0, host].into(),
        Family::V6 => [0xfd00, 0x96, 0, 0, 0, 0, 0, u16::from(host)].into(),
    }
}

/// Some are in the pod CIDRs, some are not.
fn endpoint(family: Family, host: u8) -> SocketAddr {
    let ip: IpAddr = match family {
        Family::V4 => [if host < 6 { 10 } else { 203 }, 244, 0, host].into(),
        Family::V6 => {
            [if host < 6 { 0xfd00 } else { 0x2001 }, 0x244, 0, 0, 0, 0, 0, host.into()].into()
        }
    };
    SocketAddr::new(ip, 8080)
}

fn ranges() -> Ranges {
    let parse = |texts: [&str; 2]| texts.map(|text| text.parse().unwrap()).to_vec();
    Ranges {
        services: parse(["10.96.0.0/12", "fd00:96::/112"]),
        pods: parse(["10.244.0.0/16", "fd00:244::/32"]),
    }
}

prop_compose! {
    fn frontend(family: Family)(
        host in 0u8..5,
        to in prop_oneof![Just(Reach::Cluster), Just(Reach::Local), Just(Reach::LocalFromOutside)],
        ranged in prop::bool::weighted(0.2),
        udp in any::<bool>(),
    ) -> FrontendPlan {
        let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
        let range = match family { Family::V4 => "192.0.2.0/24", Family::V6 => "2001:db8::/64" };
        FrontendPlan {
            at: Frontend { address: address(family, host), protocol, port: 80 },
            to,
            ranges: ranged.then(|| range.parse().unwrap()).into_iter().collect(),
        }
    }
}

fn port() -> impl Strategy<Value = PortPlan> {
    prop_oneof![Just(Family::V4), Just(Family::V6)].prop_flat_map(|family| {
        let some = || prop::collection::vec(0u8..9, 0..5);
        let affinity = prop::option::weighted(0.3, 1u32..3);
        (prop::collection::vec(frontend(family), 1..4), some(), some(), affinity).prop_map(
            move |(mut frontends, cluster, local, affinity)| {
                frontends.sort_by_key(|f| f.at);
                frontends.dedup_by_key(|f| f.at);
                let to = |hosts: Vec<u8>| hosts.into_iter().map(|h| endpoint(family, h)).collect();
                let needs_local = frontends.iter().any(|f| f.to != Reach::Cluster);
                PortPlan {
                    key: PortKey { family, protocol: Protocol::Tcp, port: 80 },
                    label: "default/s:http".into(),
                    cluster: to(cluster),
                    local: if needs_local { to(local) } else { Vec::new() },
                    frontends,
                    affinity,
                }
            },
        )
    })
}

fn step() -> impl Strategy<Value = (u8, Option<ServicePlan>)> {
    let plan = prop::collection::vec(port(), 0..3).prop_map(|mut ports| {
        ports.dedup_by_key(|port| port.key);
        if ports.len() == 2 && ports[0].key == ports[1].key {
            ports.pop();
        }
        ports
    });
    (0u8..4, prop::option::weighted(0.8, plan))
}

fn built(state: &BTreeMap<u8, ServicePlan>) -> Kernel {
    let mut fresh = Arrangement::default();
    fresh.set_ranges(ranges());
    for (name, plan) in state {
        fresh.set(&service(*name), Some(plan.clone()));
    }
    let mut kernel = Kernel::default();
    kernel.commit(&fresh.take_changes());
    kernel
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Differences carried out one after the other give what building from nothing gives; every slot
    /// that can be chosen holds an endpoint; a restart finds everything right.
    #[test]
    fn differences_lead_where_building_anew_leads(
        steps in prop::collection::vec((step(), any::<bool>()), 1..12),
    ) {
        let mut kernel = Kernel::default();
        let mut arrangement = Arrangement::default();
        let mut state = BTreeMap::new();
        arrangement.set_ranges(ranges());
        for ((name, plan), commit) in steps {
            match &plan {
                Some(plan) => state.insert(name, plan.clone()),
                None => state.remove(&name),
            };
            arrangement.set(&service(name), plan);
            if !commit {
                continue;
            }
            kernel.commit(&arrangement.take_changes());
            prop_assert_eq!(kernel.sight(), built(&state).sight());
            let held: HashSet<Entry> = kernel.elements.values().cloned().collect();
            prop_assert_eq!(held, arrangement.entries().collect::<HashSet<_>>());
        }
        kernel.commit(&arrangement.take_changes());

        let mut found = Found::default();
        kernel.elements.values().for_each(|entry| found.note(entry));
        let mut restarted = Arrangement::adopting(found);
        restarted.set_ranges(ranges());
        for (name, plan) in &state {
            restarted.set(&service(*name), Some(plan.clone()));
        }
        let changes = restarted.compare(kernel.elements.values().cloned(), kernel.chains.clone());
        prop_assert!(changes.is_empty(), "{changes:#?}");

        for name in 0..4 {
            restarted.set(&service(name), None);
        }
        restarted.set_ranges(Ranges::default());
        kernel.commit(&restarted.take_changes());
        prop_assert!(kernel.elements.is_empty() && kernel.chains.is_empty(), "{kernel:?}");
    }
}

fn plan_of(endpoints: &[u8], affinity: Option<u32>) -> ServicePlan {
    let at = Frontend { address: address(Family::V4, 1), protocol: Protocol::Udp, port: 53 };
    vec![PortPlan {
        key: PortKey { family: Family::V4, protocol: Protocol::Udp, port: 53 },
        label: "default/dns:53".into(),
        cluster: endpoints.iter().map(|host| endpoint(Family::V4, *host)).collect(),
        local: Vec::new(),
        frontends: vec![FrontendPlan { at, to: Reach::Cluster, ranges: Vec::new() }],
        affinity,
    }]
}

#[test]
fn an_endpoint_that_goes_changes_three_slots_and_its_services_count() {
    let mut arrangement = Arrangement::default();
    arrangement.set_ranges(ranges());
    arrangement.set(&service(1), Some(plan_of(&[1, 2, 3, 4, 5], None)));
    arrangement.take_changes();
    arrangement.set(&service(1), Some(plan_of(&[1, 3, 4, 5], None)));
    let changes = arrangement.take_changes();
    let slots = |entries: &[Entry]| entries.iter().filter(|e| matches!(e, Entry::Slot(..))).count();
    assert_eq!((slots(&changes.gone), slots(&changes.new)), (2, 1));
    assert_eq!(changes.len(), 5, "{changes:#?}");
    assert_eq!(changes.touched.len(), 1);
}

#[test]
fn an_endpoint_that_is_exchanged_changes_one_slot() {
    let mut arrangement = Arrangement::default();
    arrangement.set_ranges(ranges());
    arrangement.set(&service(1), Some(plan_of(&[1, 2, 3], Some(60))));
    arrangement.take_changes();
    arrangement.set(&service(1), Some(plan_of(&[1, 4, 3], Some(60))));
    let changes = arrangement.take_changes();
    assert_eq!(changes.len(), 2, "{changes:#?}");
    assert!(changes.new_chains.is_empty() && changes.gone_chains.is_empty());
    let at = Frontend { address: address(Family::V4, 1), protocol: Protocol::Udp, port: 53 };
    assert_eq!(changes.forget, [(at, endpoint(Family::V4, 2))]);
}

#[test]
fn of_two_services_at_one_frontend_the_first_by_name_has_it() {
    let mut arrangement = Arrangement::default();
    arrangement.set_ranges(ranges());
    let at = Frontend { address: address(Family::V4, 1), protocol: Protocol::Udp, port: 53 };
    arrangement.set(&service(2), Some(plan_of(&[2], None)));
    arrangement.set(&service(1), Some(plan_of(&[1], None)));
    assert_eq!(arrangement.endpoints_of(at), [endpoint(Family::V4, 1)]);
    assert_eq!(arrangement.conflicts().count(), 1);
    arrangement.set(&service(1), None);
    assert_eq!(arrangement.endpoints_of(at), [endpoint(Family::V4, 2)]);
    assert_eq!(arrangement.conflicts().count(), 0);
}
