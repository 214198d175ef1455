//! From objects to changes of a zone.

use pontoon_dns::zone::Change;
use pontoon_dns::zone::names::ServiceNames;
use pontoon_dns::zone::shape::Shape;
use pontoon_endpoints::Directory;

use super::objects::Step;

/// What of the objects a zone's changes are made of.
#[derive(Debug)]
pub(crate) struct Feed {
    directory: Directory,
}

impl Feed {
    pub(crate) fn new() -> Self {
        let mut directory = Directory::new();
        directory.follow_pods();
        Self { directory }
    }

    /// What a step changes in the zone.
    pub(crate) fn take(&mut self, step: Step, shape: &Shape) -> Vec<Change> {
        let mut changes = Vec::new();
        let directory = &mut self.directory;
        match step {
            Step::PutNamespace(name) => changes.push(Change::namespace(name, true)),
            Step::RemoveNamespace(name) => changes.push(Change::namespace(name, false)),
            Step::PutService(service) => directory.put_service(service),
            Step::RemoveService(id) => directory.remove_service(&id),
            Step::PutSlice(slice) => directory.put_slice(slice),
            Step::RemoveSlice(id) => directory.remove_slice(&id),
            Step::PutPod(pod) => directory.put_pod(pod),
            Step::RemovePod(node, id) => directory.remove_pod(&node, &id),
            Step::Gone(nodes) => directory.set_gone(nodes.into_iter().collect()),
        }
        for id in directory.take_dirty() {
            let names = ServiceNames::of(directory, &id, shape);
            changes.push(Change::service(&id, names.as_ref(), shape));
        }
        let pods = directory.take_dirty_pods();
        for address in pods.addresses {
            let namespace = directory.pods_at(address).map(|pod| pod.namespace).min();
            changes.push(Change::pod(address, namespace.map(|name| name.parse().unwrap())));
        }
        for alias in pods.aliases {
            let found = directory.addresses_called(&alias);
            changes.push(Change::alias(alias.name.as_str(), &alias.namespace, &found, shape));
        }
        changes
    }
}
