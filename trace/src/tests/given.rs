//! A cluster: nodes a, b and c with a subnet and two pods each.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnetwork::IpNetwork;
use pontoon_model::cluster::{BackendKind, ClusterConfig};
use pontoon_model::endpoint::{Conditions, Endpoint, Place};
use pontoon_model::name::NodeName;
use pontoon_model::node::NodeRecord;
use pontoon_model::service::{
    Distribution, Protocol, Service, ServiceId, ServiceKind, ServicePort, TargetPort, TrafficPolicy,
};
use pontoon_model::trace::{Basis, Destination, Origin, Port, Question, Trace};

use crate::host::{Host, Tables};
use crate::world::{Backed, Devices, Node, Pod, World};
use crate::{aim, planned_table, tell};

/// Whoever can look at nothing but plans.
pub(crate) struct Planner<'w>(pub(crate) &'w World);

impl Host for Planner<'_> {
    fn tables(&self, node: &NodeName) -> Arc<Tables> {
        let rulesets = vec![planned_table(self.0, node)];
        Arc::new(Tables { basis: Basis::Plan, rulesets, remarks: Vec::new() })
    }
}

pub(crate) fn name(text: &str) -> NodeName {
    text.parse().unwrap()
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Pods are called after their node and number: `a-1` has 10.244.1.11.
pub(crate) fn world() -> World {
    let mut nodes = BTreeMap::new();
    let mut pods = Vec::new();
    for (number, node) in (1u8..).zip(["a", "b", "c"]) {
        let record = NodeRecord {
            name: name(node),
            machine_id: node.to_owned(),
            underlay: IpAddr::from([192, 168, 0, number]),
            addresses: vec![IpAddr::from([192, 168, 0, number])],
            vxlan_mac: format!("02:00:00:00:00:0{number}").parse().unwrap(),
            zone: None,
            version: "0".to_owned(),
        };
        let subnets = vec![format!("10.244.{number}.0/24").parse().unwrap()];
        nodes.insert(name(node), Node { record, subnets, alive: true, node_port_addresses: None });
        pods.extend((1..=2).map(|pod| Pod {
            id: serde_pod("shop", &format!("{node}-{pod}")),
            node: name(node),
            addresses: vec![IpAddr::from([10, 244, number, 10 + pod])],
            ready: true,
            attached: None,
        }));
    }
    World {
        me: name("a"),
        config: ClusterConfig::default(),
        nodes,
        pods,
        services: Vec::new(),
        ways: ["b", "c"].map(|node| (name(node), BackendKind::Vxlan)).into(),
        dns: vec![ip("10.96.0.10")],
        mtu: 1450,
        devices: Devices {
            bridge: "pontoon0".to_owned(),
            overlay: "pontoon-vxlan".to_owned(),
            underlay: Some("eth0".to_owned()),
        },
    }
}

/// The same with every address in IPv6: 10.244.1.11 is fd00::10:244:1:11, and a byte of a prefix is two.
pub(crate) fn in_v6(mut world: World) -> World {
    let all = |addresses: &mut Vec<IpAddr>| addresses.iter_mut().for_each(|ip| *ip = six(*ip));
    let nets = |nets: &mut Vec<IpNetwork>| {
        for net in nets {
            let (bytes, bits) = (net.prefix() / 8, net.prefix() % 8);
            let prefix = 64 + 16 * bytes + if bits > 0 { 8 + bits } else { 0 };
            *net = IpNetwork::new(six(net.ip()), prefix).unwrap();
        }
    };
    nets(&mut world.config.pod_cidrs);
    nets(&mut world.config.service_cidrs);
    all(&mut world.dns);
    for node in world.nodes.values_mut() {
        node.record.underlay = six(node.record.underlay);
        all(&mut node.record.addresses);
        nets(&mut node.subnets);
    }
    world.pods.iter_mut().for_each(|pod| all(&mut pod.addresses));
    for backed in &mut world.services {
        change(backed, |service| all(&mut service.cluster_ips));
        for endpoint in backed.endpoints.iter_mut().flatten() {
            endpoint.address = six(endpoint.address);
        }
    }
    world
}

fn six(ip: IpAddr) -> IpAddr {
    let IpAddr::V4(ip) = ip else { return ip };
    let groups: Vec<String> = ip.octets().iter().map(ToString::to_string).collect();
    self::ip(&format!("fd00::{}", groups.join(":")))
}

pub(crate) fn serde_pod(namespace: &str, name: &str) -> pontoon_model::name::PodId {
    pontoon_model::name::PodId {
        namespace: namespace.parse().unwrap(),
        name: name.parse().unwrap(),
    }
}

pub(crate) fn service_id(name: &str) -> ServiceId {
    ServiceId { namespace: "shop".parse().unwrap(), name: name.parse().unwrap() }
}

/// A service at 10.96.0.80:80 and node port 30080, with these pods behind it.
pub(crate) fn service(pods: &[&str]) -> Backed {
    let service = Service {
        id: service_id("api"),
        kind: ServiceKind::NodePort,
        selector: None,
        ports: vec![ServicePort {
            name: "http".to_owned(),
            protocol: Protocol::Tcp,
            port: 80,
            target: TargetPort::Number(8080),
            node_port: Some(30080),
        }],
        cluster_ips: vec![ip("10.96.0.80")],
        headless: false,
        external_name: None,
        external_ips: Vec::new(),
        ingress_ips: Vec::new(),
        source_ranges: Vec::new(),
        external_policy: TrafficPolicy::Cluster,
        internal_policy: TrafficPolicy::Cluster,
        affinity: None,
        health_check_node_port: None,
        publish_not_ready: false,
        distribution: Distribution::Even,
        weights: Vec::new(),
    };
    let world = world();
    let endpoint = |pod: &&str| {
        let pod = world.pods.iter().find(|known| known.id.name.as_str() == *pod).unwrap();
        let place = Place { node: Some(pod.node.clone()), ..Place::default() };
        Endpoint {
            address: pod.addresses[0],
            port: 8080,
            conditions: Conditions::READY,
            place: Arc::new(place),
        }
    };
    Backed { service: Arc::new(service), endpoints: vec![pods.iter().map(endpoint).collect()] }
}

pub(crate) fn change(backed: &mut Backed, f: impl FnOnce(&mut Service)) {
    f(Arc::make_mut(&mut backed.service));
}

pub(crate) fn pod(text: &str) -> Origin {
    Origin::Pod(serde_pod("shop", text))
}

pub(crate) fn at(text: &str) -> Destination {
    Destination::Address(ip(text))
}

pub(crate) fn ask(world: &World, from: Origin, to: Destination, port: u16) -> Trace {
    let port = (port != 0).then_some(Port::Number(port));
    let question = Question { from, to, port, protocol: None, live: false };
    let aim = aim(world, &question, None).unwrap();
    tell(world, &Planner(world), &question, &aim, None)
}
