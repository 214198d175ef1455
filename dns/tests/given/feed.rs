//! From objects to changes of a zone.

use std::collections::BTreeMap;
use std::net::IpAddr;

use pontoon_dns::zone::Change;
use pontoon_dns::zone::names::ServiceNames;
use pontoon_dns::zone::shape::Shape;
use pontoon_endpoints::Directory;
use pontoon_model::name::{NodeName, PodId};

use super::objects::Step;

/// What of the objects a zone's changes are made of.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    directory: Directory,
    pods: BTreeMap<(NodeName, PodId), Vec<IpAddr>>,
}

impl Feed {
    /// What a step changes in the zone.
    pub(crate) fn take(&mut self, step: Step, shape: &Shape) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut moved = Vec::new();
        match step {
            Step::PutNamespace(name) => changes.push(Change::namespace(name, true)),
            Step::RemoveNamespace(name) => changes.push(Change::namespace(name, false)),
            Step::PutService(service) => self.directory.put_service(service),
            Step::RemoveService(id) => self.directory.remove_service(&id),
            Step::PutSlice(slice) => self.directory.put_slice(slice),
            Step::RemoveSlice(id) => self.directory.remove_slice(&id),
            Step::PutPod(pod) => {
                let key = (pod.node.clone(), pod.id.clone());
                moved.extend(pod.addresses.iter().copied());
                moved.extend(self.pods.insert(key, pod.addresses.clone()).into_iter().flatten());
                self.directory.put_pod(pod);
            }
            Step::RemovePod(node, id) => {
                self.directory.remove_pod(&node, &id);
                moved.extend(self.pods.remove(&(node, id)).into_iter().flatten());
            }
            Step::Gone(nodes) => self.directory.set_gone(nodes.into_iter().collect()),
        }
        for id in self.directory.take_dirty() {
            let names = ServiceNames::of(&self.directory, &id, shape);
            changes.push(Change::service(&id, names.as_ref(), shape));
        }
        for address in moved {
            let namespace = self.directory.pods_at(address).map(|pod| pod.namespace).min();
            changes.push(Change::pod(address, namespace.map(|name| name.parse().unwrap())));
        }
        changes
    }
}
