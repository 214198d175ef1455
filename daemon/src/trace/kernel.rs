//! What only this node's kernel knows: what is in its tables, where its routes lead, who listens.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use pontoon_model::name::NodeName;
use pontoon_model::trace::{Basis, Transport};
use pontoon_netlink::nft::{Element, HookPoint, Nft, Value};
use pontoon_netlink::{LinkName, Netns, Rtnl, RtnlError, filter};
use pontoon_proxy::Proxy;
use pontoon_trace::host::{Host, Lookup, Others, Tables};
use pontoon_trace::packet::Packet;
use pontoon_trace::rules::Ruleset;
use pontoon_trace::{World, differences, planned_table};

use super::{sockets, strangers};
use crate::attach::record::Record;
use crate::firewall::{Elements, SetId, TableSpec, elements, insert_all, ruleset};
use crate::names::{self, BRIDGE};

/// This node's kernel, and plans for the others'.
pub(super) struct Kernel<'w> {
    world: &'w World,
    records: &'w [Record],
    rtnl: RefCell<Option<Rtnl>>,
    /// Of other programs; `None` inside where they cannot be read.
    others: OnceCell<Option<Vec<filter::Table>>>,
    /// They are asked for at every hop.
    tables: RefCell<HashMap<NodeName, Arc<Tables>>>,
}

impl<'w> Kernel<'w> {
    /// Opens what can be opened; without it plans count.
    pub(super) fn open(world: &'w World, records: &'w [Record]) -> Self {
        let rtnl = RefCell::new(Rtnl::open().ok());
        Self { world, records, rtnl, others: OnceCell::new(), tables: RefCell::default() }
    }

    /// The tables as they are in the kernel.
    fn read(&self) -> Result<Tables, String> {
        let mut tables = Tables { basis: Basis::Kernel, rulesets: Vec::new(), remarks: Vec::new() };
        let mut proxy = Proxy::open(BRIDGE).map_err(|e| e.to_string())?;
        let found = proxy.read().map_err(|e| e.to_string())?;
        if found.intact {
            tables.remarks.extend(differences(self.world, &self.world.me, &found.entries));
            tables.rulesets.push(Ruleset::of_services(BRIDGE, found.entries, found.chains));
        } else {
            tables.rulesets.push(planned_table(self.world, &self.world.me));
            tables.remarks.push(not_ours(&pontoon_proxy::layout::TABLE));
        }
        let mut nft = Nft::open().map_err(|e| e.to_string())?;
        for spec in ruleset::tables() {
            let found = nft.list_table(spec.table.family, &spec.table.name);
            let found = found.map_err(|e| e.to_string())?;
            if !found.is_some_and(|found| spec.is_intact(&found)) {
                tables.remarks.push(not_ours(&spec.table));
            }
            let mut table = of_spec(&spec);
            for set in &spec.sets {
                let elements = nft.list_elements(&spec.table, set);
                table = table.with(set, elements.map_err(|e| e.to_string())?);
            }
            tables.rulesets.push(table);
        }
        Ok(tables)
    }

    /// The tables as a node's daemon plans them. Who may send by which port, and ports of the host that
    /// lead to pods, only that daemon knows.
    fn plan(&self, node: &NodeName) -> Tables {
        let world = self.world;
        let addresses: BTreeSet<IpAddr> = world
            .nodes
            .values()
            .flat_map(|node| node.record.addresses.iter().copied().chain([node.record.underlay]))
            .collect();
        let machine = world.nodes.get(node).map(|node| node.record.machine_id.as_str());
        let gateway = names::bridge_mac(machine.unwrap_or_default());
        let list = elements::of_cluster(&world.config.pod_cidrs, addresses, &world.dns, gateway);
        let mut held = Elements::new();
        insert_all(&mut held, list);
        for pod in world.pods.iter().filter(|pod| pod.node == *node) {
            let itself = |ip: &IpAddr| {
                let set = if ip.is_ipv4() { SetId::Hairpin4 } else { SetId::Hairpin6 };
                (set, Element::new(Value::new().ip(*ip).ip(*ip)))
            };
            insert_all(&mut held, pod.addresses.iter().map(itself).collect());
        }
        let mut rulesets = vec![planned_table(world, node)];
        for spec in ruleset::tables() {
            let mut table = of_spec(&spec);
            for id in SetId::ALL.into_iter().filter(|id| id.table() == spec.table) {
                let Some(set) = spec.sets.iter().find(|set| set.name == id.name()) else {
                    continue;
                };
                table = table.with(set, held.remove(&id).unwrap_or_default());
            }
            rulesets.push(table);
        }
        Tables { basis: Basis::Plan, rulesets, remarks: Vec::new() }
    }

    fn route(
        &self,
        to: IpAddr,
        from: Option<IpAddr>,
        input: Option<LinkName>,
    ) -> Option<Result<Lookup, String>> {
        let mut rtnl = self.rtnl.borrow_mut();
        Some(match rtnl.as_mut()?.route_of(to, from, input) {
            Ok(found) => Ok(Lookup {
                dev: found.dev.to_string(),
                gateway: found.gateway,
                local: found.local,
            }),
            Err(RtnlError::Refused { errno, .. }) => Err(errno.desc().to_owned()),
            // The connection is broken: nothing can be told.
            Err(_) => return None,
        })
    }
}

fn of_spec(spec: &TableSpec) -> Ruleset {
    Ruleset::new(spec.table.clone(), spec.chains.clone(), spec.rules.clone())
}

fn not_ours(table: &impl std::fmt::Display) -> String {
    format!("table {table} is not as it was made, and its daemon will mend it; the plan is shown")
}

impl Host for Kernel<'_> {
    fn tables(&self, node: &NodeName) -> Arc<Tables> {
        if let Some(known) = self.tables.borrow().get(node) {
            return Arc::clone(known);
        }
        let tables = if *node == self.world.me {
            self.read().unwrap_or_else(|problem| {
                let mut tables = self.plan(node);
                tables.remarks.push(format!("nf_tables cannot be read, so plans count: {problem}"));
                tables
            })
        } else {
            self.plan(node)
        };
        let tables = Arc::new(tables);
        self.tables.borrow_mut().insert(node.clone(), Arc::clone(&tables));
        tables
    }

    fn source(&self, destination: IpAddr) -> Option<IpAddr> {
        let mut rtnl = self.rtnl.borrow_mut();
        rtnl.as_mut()?.route_get(destination).ok()?.src
    }

    fn lookup(&self, packet: &Packet) -> Option<Result<Lookup, String>> {
        let input = packet.input.as_deref();
        let ours = [&self.world.devices.bridge, &self.world.devices.overlay];
        match input.map(LinkName::try_new) {
            // What this host sends itself.
            None => self.route(packet.destination, Some(packet.source), None),
            Some(Ok(dev)) if ours.iter().any(|known| *known == dev.as_str()) => {
                self.route(packet.destination, Some(packet.source), Some(dev))
            }
            // The source may be an example, which might not come that way.
            Some(_) => self.route(packet.destination, None, None),
        }
    }

    fn others(&self, point: HookPoint, before: &Packet, after: &Packet) -> Option<Others> {
        let tables = self.others.get_or_init(strangers::read).as_ref()?;
        let rtnl = self.rtnl.borrow();
        Some(strangers::others(tables, rtnl.as_ref()?, point, before, after))
    }

    fn listens(&self, transport: Transport, address: IpAddr, port: u16) -> Option<bool> {
        let pod = self.records.iter().find(|record| record.addresses().any(|ip| ip == address));
        match pod {
            Some(record) => {
                let netns = Netns::open(&record.spec.netns).ok()?;
                netns.run(|| sockets::listens(transport, address, port)).ok()?
            }
            None if self.world.is_local(&self.world.me, address) => {
                sockets::listens(transport, address, port)
            }
            None => None,
        }
    }
}
