//! What services make of a packet.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use pontoon_model::name::NodeName;
use pontoon_model::service::{Protocol, ServicePort};
use pontoon_proxy::entry::{Entry, Scope};
use pontoon_proxy::plan::{self, FrontendPlan, PortPlan, Reach};
use pontoon_proxy::{Arrangement, Frontend, Node, Ranges};

use crate::rules::Ruleset;
use crate::world::{Backed, World};

/// A service's port that a packet meets.
#[derive(Debug, Clone)]
pub(crate) struct Met<'w> {
    pub(crate) backed: &'w Backed,
    /// Its index among the service's ports.
    pub(crate) index: usize,
    pub(crate) plan: PortPlan,
    pub(crate) frontend: FrontendPlan,
}

impl Met<'_> {
    pub(crate) fn port(&self) -> Option<&ServicePort> {
        self.backed.service.ports.get(self.index)
    }

    /// Whether a packet that comes from there is sent to endpoints of the node alone.
    pub(crate) const fn stays(&self, inside: bool) -> bool {
        match self.frontend.to {
            Reach::Cluster => false,
            Reach::Local => true,
            Reach::LocalFromOutside => !inside,
        }
    }
}

/// A node as services are planned for.
pub(crate) fn node(world: &World, name: &NodeName) -> Node {
    let known = world.nodes.get(name);
    let addresses = known.map(|node| {
        node.node_port_addresses.clone().unwrap_or_else(|| {
            let mut all = node.record.addresses.clone();
            if !all.contains(&node.record.underlay) {
                all.insert(0, node.record.underlay);
            }
            all
        })
    });
    Node {
        name: name.clone(),
        zone: known.and_then(|node| node.record.zone.clone()),
        node_port_addresses: addresses.unwrap_or_default(),
    }
}

/// The service that has a frontend on a node. Of several that ask for it the first has it.
pub(crate) fn met<'w>(world: &'w World, name: &NodeName, at: Frontend) -> Option<Met<'w>> {
    let node = node(world, name);
    let mut found: Vec<Met<'w>> = Vec::new();
    for backed in &world.services {
        for plan in plan::service(&backed.service, &backed.endpoints, &node) {
            let Some(frontend) = plan.frontends.iter().find(|frontend| frontend.at == at).cloned()
            else {
                continue;
            };
            let is_port = |port: &ServicePort| {
                (port.protocol, port.port) == (plan.key.protocol, plan.key.port)
            };
            let index = backed.service.ports.iter().position(is_port);
            found.extend(index.map(|index| Met { backed, index, plan, frontend }));
            break;
        }
    }
    found.into_iter().min_by_key(|met| met.backed.service.id.clone())
}

/// The frontend that a packet would be looked up by.
pub(crate) fn frontend(destination: SocketAddr, protocol: u8) -> Option<Frontend> {
    let protocol = Protocol::of_number(protocol)?;
    Some(Frontend { address: destination.ip(), protocol, port: destination.port() })
}

/// The table of services as a node's daemon plans it, with the services that are known.
#[must_use]
pub fn planned_table(world: &World, name: &NodeName) -> Ruleset {
    let node = node(world, name);
    let mut arrangement = Arrangement::default();
    arrangement.set_ranges(Ranges {
        services: world.config.service_cidrs.clone(),
        pods: world.config.pod_cidrs.clone(),
    });
    for Backed { service, endpoints } in &world.services {
        let plan = plan::service(service, endpoints, &node);
        arrangement.set(&Arc::new(service.id.clone()), Some(plan));
    }
    let chains: Vec<_> = arrangement.chains().collect();
    Ruleset::of_services(&world.devices.bridge, arrangement.entries(), chains)
}

/// What the elements of a node's table say of endpoints that its plan does not, and the other way round,
/// in words.
#[must_use]
pub fn differences(world: &World, name: &NodeName, entries: &[Entry]) -> Vec<String> {
    let mut slots: HashMap<u32, Vec<SocketAddr>> = HashMap::new();
    let mut sets: HashMap<(Scope, Frontend), u32> = HashMap::new();
    for entry in entries {
        match entry {
            Entry::Slot(set, _, endpoint) => slots.entry(*set).or_default().push(*endpoint),
            Entry::Endpoints(scope, at, set) => drop(sets.insert((*scope, *at), *set)),
            _ => {}
        }
    }
    let held = |scope, at| {
        let set = sets.get(&(scope, at)).and_then(|set| slots.get(set));
        sorted(set.cloned().unwrap_or_default())
    };
    let node = node(world, name);
    let mut said = Vec::new();
    for Backed { service, endpoints } in &world.services {
        for port in plan::service(service, endpoints, &node) {
            for FrontendPlan { at, to, .. } in &port.frontends {
                let (usual, outside) = match to {
                    Reach::Cluster => (&port.cluster, None),
                    Reach::Local => (&port.local, None),
                    Reach::LocalFromOutside => (&port.cluster, Some(&port.local)),
                };
                let outside = outside.map(|wanted| (Scope::Outside, wanted));
                for (scope, wanted) in [(Scope::Usual, usual)].into_iter().chain(outside) {
                    let (held, wanted) = (held(scope, *at), sorted(wanted.clone()));
                    if held != wanted {
                        said.push(format!(
                            "the kernel of {name} has {} slots for {at}, and {} are planned: it changes at this moment, or `pontoon status` says why not",
                            held.len(),
                            wanted.len()
                        ));
                    }
                }
            }
        }
    }
    said
}

fn sorted(mut endpoints: Vec<SocketAddr>) -> Vec<SocketAddr> {
    endpoints.sort_unstable();
    endpoints
}
