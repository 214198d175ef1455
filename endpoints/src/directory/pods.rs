//! The pods.

use std::net::IpAddr;
use std::sync::Arc;

use pontoon_model::name::{DnsLabel, NodeName, PodId};
use pontoon_model::pod::PodRecord;
use pontoon_model::service::{ServicePort, TargetPort};

use super::addresses::Addresses;
use super::names::Names;
use super::nodes::Node;
use super::{Directory, Port, names};
use crate::matching::Cohort;
use crate::slab::Key;

/// A pod on a node, without what neither proxy nor DNS reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pod {
    /// Namespace and name, as `PodId` is written.
    pub(super) id: Box<str>,
    pub(super) addresses: Addresses,
    ports: Arc<Vec<Port>>,
    pub(super) cohort: Option<Key<Cohort>>,
    pub(super) node: Option<Key<Node>>,
    pub(super) ready: bool,
    pub(super) names: Option<Box<Names>>,
}

/// A pod as somebody sees it who has only its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownPod<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its name under the service of its namespace that `subdomain` names.
    pub hostname: Option<&'a str>,
    /// The service under which it has its hostname.
    pub subdomain: Option<&'a str>,
    /// The node that keeps this record.
    pub node: Option<&'a NodeName>,
    /// Whether it takes new connections, by its own account: its node may be gone.
    pub ready: bool,
}

impl Pod {
    /// Where a service's port leads on this pod.
    pub(super) fn target(&self, port: &ServicePort) -> Option<u16> {
        match &port.target {
            TargetPort::Number(number) => Some(*number),
            TargetPort::Name(name) => self
                .ports
                .iter()
                .find(|own| *own.name == **name && own.protocol == port.protocol)
                .map(|own| own.number),
        }
    }

    pub(super) fn namespace(&self) -> &str {
        self.id.split_once('/').map_or("", |(namespace, _)| namespace)
    }

    pub(super) fn name(&self) -> &str {
        self.id.split_once('/').map_or("", |(_, name)| name)
    }
}

pub(super) fn put(directory: &mut Directory, record: PodRecord) {
    let PodRecord {
        id, node, addresses, labels, ports, ready, hostname, subdomain, aliases, ..
    } = record;
    let node = directory.nodes.node(&node);
    let ports: Vec<_> = ports
        .into_iter()
        .map(|port| Port { name: port.name.into(), protocol: port.protocol, number: port.port })
        .collect();
    let pod = Pod {
        id: id.to_string().into(),
        addresses: addresses.into(),
        ports: directory.ports.share(ports),
        cohort: directory.matching.cohort(&id.namespace, &labels),
        node: Some(node),
        ready,
        names: Names::boxed(hostname, subdomain, aliases),
    };
    match find(directory, node, &pod.id) {
        Some(key) if directory.pods[key] == pod => {}
        Some(key) => replace(directory, key, pod),
        None => {
            let key = directory.pods.insert(Pod::default());
            directory.nodes[node].pods.insert(&*pod.id, key);
            replace(directory, key, pod);
        }
    }
}

pub(super) fn remove(directory: &mut Directory, node: &NodeName, id: &PodId) {
    let Some(node) = directory.nodes.find(node) else { return };
    let id = id.to_string();
    let Some(key) = find(directory, node, &id) else { return };
    directory.nodes[node].pods.remove(id.as_str(), key);
    replace(directory, key, Pod::default());
    directory.pods.remove(key);
    directory.nodes.forget_if_empty(node);
}

fn find(directory: &Directory, node: Key<Node>, id: &str) -> Option<Key<Pod>> {
    directory.nodes[node].pods.find(id, |pod| *directory.pods[pod].id == *id)
}

/// Enters a pod, in place of what it was, wherever it is looked for by other things than its name.
fn replace(directory: &mut Directory, key: Key<Pod>, pod: Pod) {
    let before = std::mem::replace(&mut directory.pods[key], pod);
    let pod = &directory.pods[key];
    if before.addresses != pod.addresses {
        before.addresses.iter().for_each(|address| directory.addresses.remove(*address, key));
        pod.addresses.iter().for_each(|address| directory.addresses.insert(*address, key));
        let both = before.addresses.iter().chain(&*pod.addresses);
        both.for_each(|address| directory.called.touch_address(*address));
    }

    let touched = [&before, pod].map(|pod| pod.cohort.filter(|_| !pod.addresses.is_empty()));
    let cohort = pod.cohort;
    for cohort in touched.into_iter().flatten() {
        directory.touch_cohort(cohort);
    }
    // A cohort ends with its last pod, so a pod that stays must not leave for a moment.
    if cohort != before.cohort {
        if let Some(cohort) = cohort {
            directory.matching.join(cohort, key);
        }
        if let Some(cohort) = before.cohort {
            directory.matching.leave(cohort, key);
        }
    }
    names::exchange(directory, key, &before);
}

pub(super) fn at(directory: &Directory, address: IpAddr) -> impl Iterator<Item = KnownPod<'_>> {
    directory.addresses.at(address).map(|key| known(directory, key))
}

pub(super) fn named<'a>(
    directory: &'a Directory,
    id: &PodId,
) -> impl Iterator<Item = (KnownPod<'a>, Vec<IpAddr>)> {
    let id = id.to_string();
    let keys: Vec<Key<Pod>> =
        directory.nodes.keys().filter_map(|node| find(directory, node, &id)).collect();
    keys.into_iter().map(|key| {
        let addresses = directory.pods[key].addresses.iter().copied().collect();
        (known(directory, key), addresses)
    })
}

fn known(directory: &Directory, key: Key<Pod>) -> KnownPod<'_> {
    let pod = &directory.pods[key];
    KnownPod {
        namespace: pod.namespace(),
        name: pod.name(),
        hostname: pod.names.as_ref().and_then(|n| n.hostname.as_ref()).map(DnsLabel::as_str),
        subdomain: pod.names.as_ref().and_then(|n| n.subdomain.as_ref()).map(DnsLabel::as_str),
        node: pod.node.and_then(|node| directory.nodes[node].place.node.as_ref()),
        ready: pod.ready,
    }
}
