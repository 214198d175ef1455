//! Any objects, steps and questions: few names, so that they meet.

use std::net::IpAddr;

use pontoon_dns::zone::shape::PodNames;
use pontoon_model::cidr::Family;
use pontoon_model::endpoint::{Conditions, EndpointSlice, SliceEndpoint, SlicePort};
use pontoon_model::name::NodeName;
use pontoon_model::pod::PodRecord;
use pontoon_model::selector::{Labels, Selector};
use pontoon_model::service::{Protocol, Service, ServicePort, TargetPort};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use super::records::Manner;
use crate::given::objects::{Step, parse, pod, pod_id, service, service_id, slice_id};

pub(crate) const NAMESPACES: [&str; 3] = ["n0", "n1", "n2"];
const SERVICES: [&str; 5] = ["n0/s0", "n0/s1", "n0/s2", "n1/s0", "n2/s1"];
const SLICES: [&str; 4] = ["n0/x", "n0/y", "n1/x", "n2/x"];
const PODS: [&str; 4] = ["n0/p0", "n0/p.1", "n1/p0", "n2/p0"];
const NODES: [&str; 2] = ["a", "b"];
const ALIASES: [&str; 3] = ["s0", "s2", "db"];
/// The third is outside our ranges.
pub(crate) const ADDRESSES: [&str; 6] =
    ["10.244.0.1", "10.244.0.2", "192.0.2.9", "fd00:244::", "fd00:244::1", "10.244.7.7"];
const CLUSTER_IPS: [&str; 4] = ["10.96.0.1", "10.97.0.1", "fd00:96::1", "10.96.0.10"];
/// The last is what an address is called that has no hostname.
const HOSTNAMES: [&str; 3] = ["h0", "h1", "10-244-0-1"];
const TARGETS: [&str; 8] = [
    "out.test",
    "back.test",
    "none.test",
    "s0.n0.svc.cluster.local",
    "s1.n0.svc.cluster.local",
    "s0.n1.svc.cluster.local",
    "h0.s0.n0.svc.cluster.local",
    "cluster.local",
];

fn one(of: &[&'static str]) -> impl Strategy<Value = &'static str> + use<> {
    select(of.to_vec())
}

fn some(of: &[&'static str]) -> impl Strategy<Value = Vec<&'static str>> + use<> {
    subsequence(of.to_vec(), 0..=of.len())
}

fn a_port() -> impl Strategy<Value = ServicePort> {
    let named = select(vec![
        ("http", Protocol::Tcp, 80),
        ("http", Protocol::Udp, 80),
        ("dns", Protocol::Udp, 53),
        ("dns-tcp", Protocol::Tcp, 53),
        ("sig", Protocol::Sctp, 9),
    ]);
    let target = prop_oneof![
        select(vec![80, 8080]).prop_map(TargetPort::Number),
        Just(TargetPort::Name("web".to_owned())),
    ];
    (named, target).prop_map(|((name, protocol, port), target)| ServicePort {
        name: name.to_owned(),
        protocol,
        port,
        target,
        node_port: None,
    })
}

/// One without a name, or several of which each has its own.
fn some_ports() -> impl Strategy<Value = Vec<ServicePort>> {
    let several = prop::collection::vec(a_port(), 0..4).prop_map(|mut ports| {
        ports.sort_by(|a, b| (&a.name, a.protocol).cmp(&(&b.name, b.protocol)));
        ports.dedup_by(|a, b| (&a.name, a.protocol) == (&b.name, b.protocol));
        ports
    });
    let unnamed = a_port().prop_map(|port| vec![ServicePort { name: String::new(), ..port }]);
    prop_oneof![several, unnamed]
}

fn labels(value: &str) -> Labels {
    [("app".to_owned(), value.to_owned())].into()
}

fn a_service() -> impl Strategy<Value = Service> {
    let kind = prop_oneof![
        (subsequence(CLUSTER_IPS.to_vec(), 1..=4), Just(false)),
        Just((Vec::new(), true)),
        Just((Vec::new(), true)),
    ];
    let inside =
        (one(&SERVICES), kind, some_ports(), prop::option::of(one(&["x", "y"])), any::<bool>())
            .prop_map(|(id, (cluster_ips, headless), ports, selector, publish_not_ready)| {
                Service {
                    cluster_ips: cluster_ips.into_iter().map(parse).collect(),
                    headless,
                    ports,
                    selector: selector.and_then(|value| Selector::new(labels(value))),
                    publish_not_ready,
                    ..service(id, json!({"clusterIP": "None"}))
                }
            });
    let external = (one(&SERVICES), one(&TARGETS)).prop_map(|(id, target)| {
        service(id, json!({"type": "ExternalName", "externalName": target}))
    });
    prop_oneof![4 => inside, 1 => external]
}

fn a_slice() -> impl Strategy<Value = EndpointSlice> {
    let conditions = any::<(bool, bool, bool)>()
        .prop_map(|(ready, serving, terminating)| Conditions { ready, serving, terminating });
    let listed = (one(&ADDRESSES), conditions, prop::option::of(one(&HOSTNAMES)), node()).prop_map(
        |(address, conditions, hostname, node)| SliceEndpoint {
            address: parse(address),
            conditions,
            hostname: hostname.map(str::to_owned),
            node,
            zone: None,
            zone_hints: Vec::new(),
            node_hints: Vec::new(),
        },
    );
    let ports = some_ports().prop_map(|ports| {
        let ports = ports.into_iter().map(|ServicePort { name, protocol, target, .. }| {
            let port = if let TargetPort::Number(number) = target { number } else { 7070 };
            SlicePort { name, protocol, port }
        });
        ports.collect::<Vec<_>>()
    });
    let of = prop::option::weighted(0.9, one(&["s0", "s1", "s2"]));
    (one(&SLICES), of, prop::collection::vec(listed, 0..4), ports, any::<bool>()).prop_map(
        |(id, of, mut endpoints, ports, v4)| {
            let id = slice_id(id);
            endpoints.retain(|listed| listed.address.is_ipv4() == v4);
            let of = of.map(|name| service_id(&format!("{}/{name}", id.namespace)));
            let family = if v4 { Family::V4 } else { Family::V6 };
            EndpointSlice { id, service: of, family, ports, endpoints }
        },
    )
}

fn node() -> impl Strategy<Value = Option<NodeName>> {
    prop::option::of(one(&NODES).prop_map(parse))
}

fn a_pod() -> impl Strategy<Value = PodRecord> {
    let names = (prop::option::of(one(&["h0", "h1"])), prop::option::of(one(&["s0", "s1"])));
    let rest = (one(&["x", "y"]), any::<bool>(), prop::option::of(select(vec![80, 8081])));
    let addresses = prop::collection::btree_set(one(&ADDRESSES), 0..3);
    (one(&PODS), one(&NODES), addresses, names, rest, some(&ALIASES)).prop_map(
        |(id, node, addresses, (hostname, subdomain), (app, ready, web), aliases)| {
            let addresses: Vec<_> = addresses.into_iter().collect();
            let port = |port: u16| json!({"name": "web", "port": port, "protocol": "TCP"});
            let ports: Vec<_> = web.into_iter().map(port).collect();
            let more = json!({
                "node": node, "labels": {"app": app}, "ready": ready, "hostname": hostname,
                "subdomain": subdomain, "aliases": aliases, "ports": ports,
            });
            pod(id, &addresses, more)
        },
    )
}

pub(crate) fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => one(&NAMESPACES).prop_map(|name| Step::PutNamespace(parse(name))),
        1 => one(&NAMESPACES).prop_map(|name| Step::RemoveNamespace(parse(name))),
        6 => a_service().prop_map(Step::PutService),
        2 => one(&SERVICES).prop_map(|id| Step::RemoveService(service_id(id))),
        6 => a_slice().prop_map(Step::PutSlice),
        2 => one(&SLICES).prop_map(|id| Step::RemoveSlice(slice_id(id))),
        6 => a_pod().prop_map(Step::PutPod),
        2 => (one(&NODES), one(&PODS)).prop_map(|(node, id)| Step::RemovePod(parse(node), pod_id(id))),
        1 => some(&NODES).prop_map(|nodes| Step::Gone(nodes.into_iter().map(parse).collect())),
    ]
}

pub(crate) fn some_steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(a_step(), 0..30)
}

pub(crate) fn a_manner() -> impl Strategy<Value = Manner> {
    let pods = select(vec![PodNames::Verified, PodNames::Insecure, PodNames::Disabled]);
    (pods, any::<bool>(), any::<bool>()).prop_map(|(pods, pod_names, autopath)| Manner {
        pods,
        pod_names,
        autopath,
    })
}

/// Who asks: a pod perhaps.
pub(crate) fn a_client() -> impl Strategy<Value = IpAddr> {
    one(&ADDRESSES).prop_map(parse)
}
