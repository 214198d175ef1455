//! What is known of nodes, pods and services, as far as a question is about them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_endpoints::Directory;
use pontoon_model::api::{Code, Failure};
use pontoon_model::name::{NodeName, PodId};
use pontoon_model::service::{Service, ServiceId};
use pontoon_model::trace::{Destination, Origin, Port, Question};
use pontoon_trace::World;
use pontoon_trace::world::{Attached, Backed, Devices, Node, Pod};

use super::Tracer;
use crate::attach::record::Record;
use crate::names::{self, BRIDGE, VXLAN};
use crate::objects;
use crate::services::inquiry::{self, Behind};
use crate::situation::Situation;

/// All that a packet's way depends on.
pub(super) struct Gathered {
    pub(super) world: World,
    /// The attachments of this node.
    pub(super) records: Vec<Record>,
}

/// Pods and services that are asked for.
#[derive(Debug, Clone, Default)]
struct Wanted {
    pods: Vec<PodId>,
    service: Option<ServiceId>,
    addresses: Vec<IpAddr>,
    port: Option<u16>,
}

/// Reads what there is.
pub(super) async fn gather(tracer: &Tracer, question: &Question) -> Result<Gathered, Failure> {
    let now = tracer.situation.borrow().clone();
    let config = now.config.clone().ok_or_else(objects::config_unknown)?;
    let underlay = now.underlay.as_ref().map(|underlay| underlay.dev.to_string());
    let world = World {
        me: tracer.me.name.clone(),
        config,
        nodes: nodes(tracer, &now),
        pods: Vec::new(),
        services: Vec::new(),
        ways: now.ways.iter().filter_map(|(node, way)| Some((node.parse().ok()?, *way))).collect(),
        dns: now.dns.clone(),
        mtu: now.mtu,
        devices: Devices { bridge: BRIDGE.to_owned(), overlay: VXLAN.to_owned(), underlay },
    };
    let gathered = Gathered { world, records: tracer.attacher.records() };
    gathered.around(tracer, &[], question).await
}

fn nodes(tracer: &Tracer, now: &Situation) -> BTreeMap<NodeName, Node> {
    let mut subnets: BTreeMap<&NodeName, Vec<IpNetwork>> = BTreeMap::new();
    for (net, owner) in &now.view.subnets {
        subnets.entry(&owner.value.node).or_default().push(*net);
    }
    let local = tracer.local.borrow();
    let node_ports = local.as_ref().map(|local| local.node.node_port_addresses.clone());
    let node = |(name, known): (&NodeName, &crate::view::Known<_>)| {
        let mine = *name == tracer.me.name;
        let own = if mine { Some(now.held.clone()) } else { subnets.remove(name) };
        let node = Node {
            record: pontoon_model::node::NodeRecord::clone(&known.value),
            subnets: own.unwrap_or_default(),
            alive: mine || now.view.alive.contains_key(name),
            node_port_addresses: node_ports.clone().filter(|_| mine),
        };
        (name.clone(), node)
    };
    now.view.nodes.iter().map(node).collect()
}

impl Gathered {
    /// The same with the pods and services that the question and these addresses lead to.
    pub(super) async fn around(
        mut self,
        tracer: &Tracer,
        addresses: &[IpAddr],
        question: &Question,
    ) -> Result<Self, Failure> {
        let mut wanted = Wanted::of(&self.world, question, addresses);
        wanted.addresses.extend(behind_port(&self.records, wanted.port));
        let found = tracer.inquiries.look(move |directory| look(directory, &wanted)).await;
        let (services, pods) = found.ok_or_else(|| {
            Failure::new(Code::TryAgainLater, "services and pods are not known yet", "")
        })?;
        self.world.services = services;
        self.world.pods = pods;
        let gateway = names::bridge_mac(&tracer.me.machine_id).0;
        for pod in self.world.pods.iter_mut().filter(|pod| pod.node == tracer.me.name) {
            let record = self.records.iter().find(|record| record.pod == pod.id);
            pod.attached = record.map(|record| Attached {
                host_end: record.attached.host_interface.name.to_string(),
                mac: record.attached.pod_interface.mac.0,
                gateway,
            });
        }
        Ok(self)
    }
}

/// The addresses of this node's pods that a port of the host leads to.
fn behind_port(records: &[Record], port: Option<u16>) -> impl Iterator<Item = IpAddr> + '_ {
    let leads = move |record: &&Record| {
        record.spec.port_mappings.iter().any(|mapping| Some(mapping.host_port) == port)
    };
    records.iter().filter(leads).flat_map(Record::addresses)
}

impl Wanted {
    fn of(world: &World, question: &Question, addresses: &[IpAddr]) -> Self {
        let mut wanted = Self { addresses: addresses.to_vec(), ..Self::default() };
        if let Origin::Pod(id) = &question.from {
            wanted.pods.push(id.clone());
        }
        match &question.to {
            Destination::Pod(id) => wanted.pods.push(id.clone()),
            Destination::Service(id) => wanted.service = Some(id.clone()),
            Destination::Node(name) => {
                let record = world.nodes.get(name).map(|node| &node.record);
                wanted.addresses.extend(
                    record.iter().flat_map(|record| {
                        record.addresses.iter().copied().chain([record.underlay])
                    }),
                );
            }
            Destination::Address(address) => wanted.addresses.push(*address),
            Destination::Name(_) => {}
        }
        wanted.port = match question.port {
            Some(Port::Number(port)) => Some(port),
            _ => None,
        };
        wanted
    }

    fn means(&self, service: &Service) -> bool {
        let at = [&service.cluster_ips, &service.external_ips, &service.ingress_ips];
        let has_address = || at.iter().any(|all| all.iter().any(|ip| self.addresses.contains(ip)));
        let has_node_port = || {
            service.ports.iter().any(|port| port.node_port.is_some() && port.node_port == self.port)
        };
        self.service.as_ref() == Some(&service.id) || has_node_port() || has_address()
    }
}

/// Looks while a change waits, so it takes no more than it must.
fn look(directory: &Directory, wanted: &Wanted) -> (Vec<Backed>, Vec<Pod>) {
    let meant = directory.services().filter(|service| wanted.means(service));
    let services: Vec<Backed> = meant
        .filter_map(|service| inquiry::behind(directory, &service.id))
        .map(|Behind { service, endpoints, .. }| Backed { service, endpoints })
        .collect();
    let mut pods: Vec<Pod> = Vec::new();
    let mut add = |id: &PodId| {
        if pods.iter().any(|pod| pod.id == *id) {
            return;
        }
        pods.extend(directory.pods_named(id).filter_map(|(known, addresses)| {
            let (id, node) = (id.clone(), known.node?.clone());
            Some(Pod { id, node, addresses, ready: known.ready, attached: None })
        }));
    };
    wanted.pods.iter().for_each(&mut add);
    let endpoints = services.iter().flat_map(|backed| &backed.endpoints).flatten();
    let addresses = endpoints.map(|endpoint| endpoint.address).chain(wanted.addresses.clone());
    for address in addresses {
        for known in directory.pods_at(address) {
            let id = (known.namespace.parse(), known.name.parse());
            if let (Ok(namespace), Ok(name)) = id {
                add(&PodId { namespace, name });
            }
        }
    }
    (services, pods)
}
