//! Who stands behind a service.

use std::collections::BTreeMap;
use std::net::IpAddr;

use pontoon_model::endpoint::Conditions;
use pontoon_model::name::NodeName;
use pontoon_model::service::{Service, ServicePort, TargetPort};

use super::objects::Objects;

/// Someone who answers for a service, and counts.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: IpAddr,
    /// What it is called under the service.
    pub(crate) label: String,
    /// Its numbers of the service's ports, in their order.
    pub(crate) ports: Vec<Option<u16>>,
}

/// The same before its label is known.
struct Found<'a> {
    address: IpAddr,
    hostname: Option<&'a str>,
    pod: Option<&'a str>,
    conditions: Conditions,
    ports: Vec<Option<u16>>,
}

/// The endpoints of a service that count: those that are ready, or all where it publishes all.
pub(crate) fn endpoints(objects: &Objects, service: &Service, pod_names: bool) -> Vec<Endpoint> {
    let mut found = of_pods(objects, service);
    found.extend(of_slices(objects, service));
    found.retain(|one| one.conditions.ready || service.publish_not_ready);
    let mut without_hostname: BTreeMap<IpAddr, String> = BTreeMap::new();
    // Without a hostname an address has one name, that of the best of its pods.
    found.sort_by_key(|one| {
        let Conditions { ready, serving, terminating } = one.conditions;
        (!ready, !serving, terminating, one.pod.is_none(), one.pod)
    });
    for one in found.iter().filter(|one| one.hostname.is_none()) {
        let pod = one.pod.filter(|name| pod_names && is_label(name));
        let label = pod.map_or_else(|| dashed(one.address), str::to_owned);
        without_hostname.entry(one.address).or_insert(label);
    }
    let named = found.into_iter().map(|Found { address, hostname, ports, .. }| {
        let label = hostname.map_or_else(|| without_hostname[&address].clone(), str::to_owned);
        Endpoint { address, label, ports }
    });
    named.collect()
}

fn of_pods<'a>(objects: &'a Objects, service: &'a Service) -> Vec<Found<'a>> {
    let Some(selector) = &service.selector else { return Vec::new() };
    let pods = objects.pods.values().filter(|pod| pod.id.namespace == service.id.namespace);
    let selected = pods.filter(|pod| selector.matches(&pod.labels));
    let found = selected.flat_map(|pod| {
        let target = |port: &ServicePort| match &port.target {
            TargetPort::Number(number) => Some(*number),
            TargetPort::Name(name) => pod
                .ports
                .iter()
                .find(|own| own.name == *name && own.protocol == port.protocol)
                .map(|own| own.port),
        };
        let ports: Vec<_> = service.ports.iter().map(target).collect();
        let subdomain = pod.subdomain.as_ref().map(|name| name.as_str());
        let here = subdomain == Some(service.id.name.as_str());
        let hostname = pod.hostname.as_ref().filter(|_| here).map(|name| name.as_str());
        let ready = pod.ready || service.publish_not_ready;
        let ready = ready && !objects.gone.contains(&pod.node);
        pod.addresses.iter().map(move |address| Found {
            address: *address,
            hostname,
            pod: Some(pod.id.name.as_str()),
            conditions: if ready { Conditions::READY } else { Conditions::NOT_READY },
            ports: ports.clone(),
        })
    });
    found.collect()
}

fn of_slices<'a>(objects: &'a Objects, service: &'a Service) -> Vec<Found<'a>> {
    let own = objects.slices.values().filter(|slice| slice.service.as_ref() == Some(&service.id));
    let gone = |node: &Option<NodeName>| node.as_ref().is_some_and(|n| objects.gone.contains(n));
    let found = own.flat_map(|slice| {
        let number = |port: &ServicePort| {
            let same = slice.ports.iter().find(|own| {
                (own.name.as_str(), own.protocol) == (port.name.as_str(), port.protocol)
            });
            same.map(|own| own.port)
        };
        let ports: Vec<_> = service.ports.iter().map(number).collect();
        slice.endpoints.iter().map(move |listed| {
            let mut conditions = listed.conditions;
            if gone(&listed.node) {
                (conditions.ready, conditions.serving) = (false, false);
            }
            let hostname = listed.hostname.as_deref();
            Found { address: listed.address, hostname, pod: None, conditions, ports: ports.clone() }
        })
    });
    found.collect()
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.len() < 64 && !text.contains('.')
}

/// An address as a label.
pub(crate) fn dashed(address: IpAddr) -> String {
    let text = address.to_string().replace(['.', ':'], "-");
    if text.ends_with('-') { text + "0" } else { text }
}
