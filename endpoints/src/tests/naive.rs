//! The same answers computed from all objects each time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use pontoon_model::endpoint::{Conditions, Endpoint, EndpointSlice, Place, SliceEndpoint, SliceId};
use pontoon_model::name::{DnsLabel, NodeName, PodId};
use pontoon_model::pod::PodRecord;
use pontoon_model::service::{Service, ServiceId, ServiceKind, TargetPort};

use crate::{Alias, Directory};

/// Everything that was put and not removed.
#[derive(Debug, Default)]
pub(super) struct Naive {
    pub(super) services: BTreeMap<ServiceId, Service>,
    pub(super) slices: BTreeMap<SliceId, EndpointSlice>,
    pub(super) pods: BTreeMap<(NodeName, PodId), PodRecord>,
    pub(super) zones: BTreeMap<NodeName, Option<String>>,
    pub(super) gone: BTreeSet<NodeName>,
}

/// All that a service's readers may ask: its definition, endpoints by port, members by address and
/// hostname with their conditions and whether a pod is named.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    definition: Service,
    endpoints: Vec<Vec<Endpoint>>,
    members: Vec<(IpAddr, Option<String>, Conditions, Option<String>)>,
}

impl Naive {
    pub(super) fn answers(&self) -> BTreeMap<ServiceId, Answer> {
        let answer = |service: &Service| Answer {
            definition: service.clone(),
            endpoints: (0..service.ports.len()).map(|port| self.endpoints(service, port)).collect(),
            members: self.members(service),
        };
        self.services.iter().map(|(id, service)| (id.clone(), answer(service))).collect()
    }

    /// The pods that have an address.
    pub(super) fn pods_at(&self, address: IpAddr) -> BTreeSet<PodId> {
        let pods = self.pods.values().filter(|pod| pod.addresses.contains(&address));
        pods.map(|pod| pod.id.clone()).collect()
    }

    pub(super) fn addresses_called(&self, alias: &Alias) -> Vec<IpAddr> {
        let called = self
            .pods
            .values()
            .filter(|pod| pod.id.namespace == alias.namespace && pod.aliases.contains(&alias.name));
        let up = called.filter(|pod| pod.ready && !self.gone.contains(&pod.node));
        let all: BTreeSet<IpAddr> = up.flat_map(|pod| pod.addresses.clone()).collect();
        all.into_iter().collect()
    }

    fn pods(&self, service: &Service) -> impl Iterator<Item = (&PodRecord, Conditions)> {
        let selector = service.selector.clone().filter(|_| inside(service));
        let namespace = service.id.namespace.clone();
        let publish = service.publish_not_ready;
        self.pods.values().filter_map(move |pod| {
            let matches = pod.id.namespace == namespace && selector.as_ref()?.matches(&pod.labels);
            let up = (pod.ready || publish) && !self.gone.contains(&pod.node);
            let conditions = Conditions { ready: up, serving: up, terminating: false };
            matches.then_some((pod, conditions))
        })
    }

    fn listed(
        &self,
        service: &Service,
    ) -> impl Iterator<Item = (&EndpointSlice, &SliceEndpoint, Conditions)> {
        let id = inside(service).then(|| service.id.clone());
        let slices = self.slices.values();
        let own = slices.filter(move |slice| id.is_some() && slice.service == id);
        own.flat_map(|slice| slice.endpoints.iter().map(move |endpoint| (slice, endpoint))).map(
            |(slice, endpoint)| {
                let mut conditions = endpoint.conditions;
                if endpoint.node.as_ref().is_some_and(|node| self.gone.contains(node)) {
                    (conditions.ready, conditions.serving) = (false, false);
                }
                (slice, endpoint, conditions)
            },
        )
    }

    fn zone(&self, node: Option<&NodeName>) -> Option<String> {
        self.zones.get(node?).cloned().flatten()
    }

    fn endpoints(&self, service: &Service, port: usize) -> Vec<Endpoint> {
        let port = &service.ports[port];
        let mut all = Vec::new();
        for (pod, conditions) in self.pods(service) {
            let number = match &port.target {
                TargetPort::Number(number) => Some(*number),
                TargetPort::Name(name) => pod
                    .ports
                    .iter()
                    .find(|own| own.name == *name && own.protocol == port.protocol)
                    .map(|own| own.port),
            };
            let place = Place {
                node: Some(pod.node.clone()),
                zone: self.zone(Some(&pod.node)),
                group: service.weights.iter().position(|group| group.selector.matches(&pod.labels)),
                ..Place::default()
            };
            for address in &pod.addresses {
                all.extend(number.map(|port| Endpoint {
                    address: *address,
                    port,
                    conditions,
                    place: Arc::new(place.clone()),
                }));
            }
        }
        for (slice, listed, conditions) in self.listed(service) {
            let place = Place {
                node: listed.node.clone(),
                zone: listed.zone.clone().or_else(|| self.zone(listed.node.as_ref())),
                zone_hints: listed.zone_hints.clone(),
                node_hints: listed.node_hints.clone(),
                group: None,
            };
            let own = slice
                .ports
                .iter()
                .find(|own| (&own.name, own.protocol) == (&port.name, port.protocol));
            all.extend(own.map(|own| Endpoint {
                address: listed.address,
                port: own.port,
                conditions,
                place: Arc::new(place),
            }));
        }
        // The best of each address and port.
        let mut best: BTreeMap<(IpAddr, u16), Endpoint> = BTreeMap::new();
        let merit = |endpoint: &Endpoint| {
            let place = Place::clone(&endpoint.place);
            (merit(endpoint.conditions), place.group.is_none(), place)
        };
        for endpoint in all {
            let known = best.entry((endpoint.address, endpoint.port)).or_insert(endpoint.clone());
            if merit(&endpoint) < merit(known) {
                *known = endpoint;
            }
        }
        best.into_values().collect()
    }

    fn members(
        &self,
        service: &Service,
    ) -> Vec<(IpAddr, Option<String>, Conditions, Option<String>)> {
        let mut best = BTreeMap::new();
        let mut offer = |address, hostname: Option<String>, conditions, pod: Option<String>| {
            let known = best.entry((address, hostname)).or_insert((conditions, pod.clone()));
            let merit = |(conditions, pod): &(Conditions, Option<String>)| {
                (merit(*conditions), pod.is_none(), pod.clone())
            };
            if merit(&(conditions, pod.clone())) < merit(known) {
                *known = (conditions, pod);
            }
        };
        for (pod, conditions) in self.pods(service) {
            for address in &pod.addresses {
                let subdomain = pod.subdomain.as_ref().map(DnsLabel::as_str);
                let here = subdomain == Some(service.id.name.as_str());
                let hostname = pod.hostname.as_ref().filter(|_| here).map(ToString::to_string);
                offer(*address, hostname, conditions, Some(pod.id.name.to_string()));
            }
        }
        for (_, listed, conditions) in self.listed(service) {
            offer(listed.address, listed.hostname.clone(), conditions, None);
        }
        let flat = |((address, hostname), (conditions, pod))| (address, hostname, conditions, pod);
        best.into_iter().map(flat).collect()
    }
}

/// What a directory says of all its services.
pub(super) fn said(directory: &Directory) -> BTreeMap<ServiceId, Answer> {
    let answer = |service: &Arc<Service>| {
        let members = directory.members(&service.id).into_iter().map(|member| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            (member.address, own(member.hostname), member.conditions, own(member.pod))
        });
        let answer = Answer {
            definition: Service::clone(service),
            endpoints: directory.endpoints(&service.id),
            members: members.collect(),
        };
        (service.id.clone(), answer)
    };
    directory.services().map(answer).collect()
}

fn inside(service: &Service) -> bool {
    service.kind != ServiceKind::ExternalName
}

fn merit(conditions: Conditions) -> (bool, bool, bool) {
    (!conditions.ready, !conditions.serving, conditions.terminating)
}
