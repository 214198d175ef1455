//! Objects in few words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::str::FromStr;

use pontoon_model::cidr::Family;
use pontoon_model::endpoint::{
    Conditions, Endpoint, EndpointSlice, SliceEndpoint, SliceId, SlicePort,
};
use pontoon_model::name::{NodeName, PodId};
use pontoon_model::pod::{PodPort, PodRecord};
use pontoon_model::selector::{Labels, Selector};
use pontoon_model::service::{
    Distribution, Protocol, Service, ServiceId, ServiceKind, ServicePort, TargetPort,
    TrafficPolicy, Weight,
};

pub(super) fn parse<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn split(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap()
}

pub(super) fn service_id(id: &str) -> ServiceId {
    let (namespace, name) = split(id);
    ServiceId { namespace: parse(namespace), name: parse(name) }
}

pub(super) fn slice_id(id: &str) -> SliceId {
    let (namespace, name) = split(id);
    SliceId { namespace: parse(namespace), name: parse(name) }
}

pub(super) fn pod_id(id: &str) -> PodId {
    let (namespace, name) = split(id);
    PodId { namespace: parse(namespace), name: parse(name) }
}

pub(super) fn nodes(names: &[&str]) -> BTreeSet<NodeName> {
    names.iter().map(|name| parse(name)).collect()
}

/// `app=web,tier=a`; the empty text is no labels.
pub(super) fn labels(text: &str) -> Labels {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

pub(super) fn selector(text: &str) -> Option<Selector> {
    Selector::new(labels(text))
}

/// A service of that selector with the unnamed TCP port 80, which leads to 8080.
pub(super) fn service(id: &str, select: &str) -> Service {
    Service {
        id: service_id(id),
        kind: ServiceKind::ClusterIp,
        selector: selector(select),
        ports: vec![port("", TargetPort::Number(8080))],
        cluster_ips: vec![parse("10.96.0.1")],
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
    }
}

/// A TCP port of a service.
pub(super) fn port(name: &str, target: TargetPort) -> ServicePort {
    let name = name.to_owned();
    ServicePort { name, protocol: Protocol::Tcp, port: 80, target, node_port: None }
}

pub(super) fn weight(select: &str, weight: u16) -> Weight {
    Weight { selector: selector(select).unwrap(), weight }
}

/// A ready pod with those labels and addresses.
pub(super) fn pod(node: &str, id: &str, with: &str, addresses: &[&str]) -> PodRecord {
    PodRecord {
        id: pod_id(id),
        node: parse(node),
        container_id: "c".to_owned(),
        addresses: addresses.iter().map(|address| parse(address)).collect(),
        labels: labels(with),
        annotations: BTreeMap::new(),
        ports: Vec::new(),
        hostname: None,
        subdomain: None,
        aliases: Vec::new(),
        generation: 0,
        ready: true,
    }
}

pub(super) fn pod_port(name: &str, protocol: Protocol, port: u16) -> PodPort {
    PodPort { name: name.to_owned(), port, protocol }
}

/// A slice of a service with the unnamed TCP port 8080.
pub(super) fn slice(id: &str, of: &str, endpoints: Vec<SliceEndpoint>) -> EndpointSlice {
    EndpointSlice {
        id: slice_id(id),
        service: (!of.is_empty()).then(|| service_id(of)),
        family: Family::V4,
        ports: vec![slice_port("", Protocol::Tcp, 8080)],
        endpoints,
    }
}

pub(super) fn slice_port(name: &str, protocol: Protocol, port: u16) -> SlicePort {
    SlicePort { name: name.to_owned(), protocol, port }
}

/// A ready endpoint on a node.
pub(super) fn listed(address: &str, node: &str) -> SliceEndpoint {
    SliceEndpoint {
        address: parse(address),
        conditions: Conditions::READY,
        hostname: None,
        node: (!node.is_empty()).then(|| parse(node)),
        zone: None,
        zone_hints: Vec::new(),
        node_hints: Vec::new(),
    }
}

/// `10.0.0.1:8080@a`, with `!` behind it unless it is ready, and `~` while it serves none the less.
pub(super) fn written(endpoints: &[Endpoint]) -> String {
    let write = |endpoint: &Endpoint| {
        let Endpoint { address, port, conditions, place } = endpoint;
        let node = place.node.as_ref().map_or("", NodeName::as_str);
        let state = match conditions {
            Conditions { ready: true, .. } => "",
            Conditions { serving: true, .. } => "~",
            _ => "!",
        };
        format!("{address}:{port}@{node}{state}")
    };
    endpoints.iter().map(write).collect::<Vec<_>>().join(" ")
}
