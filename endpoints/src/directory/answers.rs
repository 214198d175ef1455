//! Who stands behind a service.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use pontoon_model::endpoint::{Conditions, Endpoint, Place};
use pontoon_model::service::{Service, ServiceId, ServiceKind};

use super::Directory;
use super::nodes::Node;
use super::pods::Pod;
use super::services::Slot;
use super::slices::{Listed, Slice};
use crate::slab::Key;

/// An address behind a service, whatever its ports: what a name under the service leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// The address.
    pub address: IpAddr,
    /// What it may be used for; on a node that is gone it is neither ready nor serving.
    pub conditions: Conditions,
    /// Its name under the service, when a slice gives one, or the pod is in this subdomain.
    pub hostname: Option<&'a str>,
    /// The name of the pod, when a selector found it.
    pub pod: Option<&'a str>,
}

impl Directory {
    /// The endpoints of each port of a service, in the order of its ports: sorted by address and
    /// port, each once, in all conditions and both families. Empty for a service that is not there.
    ///
    /// Where pods or slices give the same address and port twice, the one in the better condition
    /// counts, and among those alike the one that has a group.
    #[must_use]
    pub fn endpoints(&self, id: &ServiceId) -> Vec<Vec<Endpoint>> {
        let Some((slot, service)) = self.services.find(id) else { return Vec::new() };
        let mut ports = vec![Vec::new(); service.ports.len()];
        let mut places = Places::default();
        self.each_pod(slot, service, |pod, conditions, group| {
            let Some(node) = pod.node else { return };
            let place = places.of_pod(self, node, group);
            for (port, endpoints) in service.ports.iter().zip(&mut ports) {
                let Some(number) = pod.target(port) else { continue };
                endpoints.extend(pod.addresses.iter().map(|&address| Endpoint {
                    address,
                    port: number,
                    conditions,
                    place: place.clone(),
                }));
            }
        });
        self.each_listed(slot, service, |slice, listed, conditions| {
            let place = places.of_listed(self, listed);
            let address = listed.address;
            for (port, endpoints) in service.ports.iter().zip(&mut ports) {
                let Some(port) = slice.target(port) else { continue };
                endpoints.push(Endpoint { address, port, conditions, place: place.clone() });
            }
        });
        for endpoints in &mut ports {
            endpoints.sort_unstable_by(by_preference);
            endpoints.dedup_by_key(|endpoint| (endpoint.address, endpoint.port));
        }
        ports
    }

    /// The members of a service, sorted by address, each once under each of its hostnames.
    #[must_use]
    pub fn members(&self, id: &ServiceId) -> Vec<Member<'_>> {
        let Some((slot, service)) = self.services.find(id) else { return Vec::new() };
        let mut members = Vec::new();
        self.each_pod(slot, service, |pod, conditions, _| {
            let pod_name = Some(pod.name());
            let names = pod.names.as_ref();
            let hostname = names.and_then(|names| names.hostname_under(service.id.name.as_str()));
            members.extend(pod.addresses.iter().map(|&address| Member {
                address,
                conditions,
                hostname,
                pod: pod_name,
            }));
        });
        self.each_listed(slot, service, |_, listed, conditions| {
            let hostname = listed.hostname.as_deref();
            members.push(Member { address: listed.address, conditions, hostname, pod: None });
        });
        members.sort_unstable_by_key(|member| {
            let Member { address, conditions, hostname, pod } = *member;
            (address, hostname, rank(conditions), pod.is_none(), pod)
        });
        members.dedup_by_key(|member| (member.address, member.hostname));
        members
    }

    /// Calls back with each pod that the service selects, its conditions and its group.
    fn each_pod<'a>(
        &'a self,
        slot: &Slot,
        service: &Service,
        mut each: impl FnMut(&'a Pod, Conditions, Option<usize>),
    ) {
        let Some(selection) = slot.selection else { return };
        let namespace = &service.id.namespace;
        let resolve = |selector| self.matching.resolve(namespace, selector);
        let groups: Vec<_> = service.weights.iter().map(|group| resolve(&group.selector)).collect();
        for cohort in self.matching.cohorts(selection) {
            let group = groups.iter().position(|group| self.matching.is_in(cohort, group));
            for pod in self.matching.pods(cohort) {
                let pod = &self.pods[pod];
                let ready = pod.ready || service.publish_not_ready;
                let conditions = if ready { Conditions::READY } else { Conditions::NOT_READY };
                each(pod, self.at_node(pod.node, conditions), group);
            }
        }
    }

    /// Calls back with each endpoint that slices list for the service, and its conditions.
    fn each_listed<'a>(
        &'a self,
        slot: &Slot,
        service: &Service,
        mut each: impl FnMut(&'a Slice, &'a Listed, Conditions),
    ) {
        if service.kind == ServiceKind::ExternalName {
            return;
        }
        for slice in slot.slices.iter().map(|slice| &self.slices[slice]) {
            for listed in &slice.endpoints {
                each(slice, listed, self.at_node(listed.node, listed.conditions));
            }
        }
    }

    fn at_node(&self, node: Option<Key<Node>>, conditions: Conditions) -> Conditions {
        if node.is_some_and(|node| self.nodes[node].gone) {
            Conditions { ready: false, serving: false, ..conditions }
        } else {
            conditions
        }
    }
}

/// Places that nobody keeps, made once an answer.
#[derive(Default)]
struct Places {
    grouped: HashMap<(Key<Node>, usize), Arc<Place>>,
    zoned: HashMap<*const Place, Arc<Place>>,
}

impl Places {
    fn of_pod(
        &mut self,
        directory: &Directory,
        node: Key<Node>,
        group: Option<usize>,
    ) -> Arc<Place> {
        let bare = &directory.nodes[node].place;
        let Some(index) = group else { return bare.clone() };
        let make = || Arc::new(Place { group, ..Place::clone(bare) });
        self.grouped.entry((node, index)).or_insert_with(make).clone()
    }

    fn of_listed(&mut self, directory: &Directory, listed: &Listed) -> Arc<Place> {
        let own = &listed.place;
        let Some(node) = listed.node.filter(|_| own.zone.is_none()) else { return own.clone() };
        let bare = &directory.nodes[node].place;
        if own.zone_hints.is_empty() && own.node_hints.is_empty() {
            return bare.clone();
        }
        let make = || Arc::new(Place { zone: bare.zone.clone(), ..Place::clone(own) });
        self.zoned.entry(Arc::as_ptr(own)).or_insert_with(make).clone()
    }
}

fn by_preference(a: &Endpoint, b: &Endpoint) -> Ordering {
    let key = |endpoint: &Endpoint| (endpoint.address, endpoint.port, rank(endpoint.conditions));
    let rest = |endpoint: &Endpoint| endpoint.place.group.is_none();
    key(a).cmp(&key(b)).then_with(|| rest(a).cmp(&rest(b))).then_with(|| a.place.cmp(&b.place))
}

/// The better the condition, the lower.
fn rank(conditions: Conditions) -> (bool, bool, bool) {
    (!conditions.ready, !conditions.serving, conditions.terminating)
}
