//! The objects that a store holds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use pontoon_model::endpoint::{EndpointSlice, SliceId};
use pontoon_model::name::{Namespace, NodeName, PodId};
use pontoon_model::pod::PodRecord;
use pontoon_model::service::{Service, ServiceId};

use crate::given::objects::Step;

/// Everything that was put and not removed.
#[derive(Debug, Default, Clone)]
pub(crate) struct Objects {
    pub(crate) namespaces: BTreeSet<Namespace>,
    pub(crate) services: BTreeMap<ServiceId, Service>,
    pub(crate) slices: BTreeMap<SliceId, EndpointSlice>,
    pub(crate) pods: BTreeMap<(NodeName, PodId), PodRecord>,
    pub(crate) gone: Vec<NodeName>,
}

impl Objects {
    pub(crate) fn after(steps: &[Step]) -> Self {
        let mut objects = Self::default();
        steps.iter().cloned().for_each(|step| objects.take(step));
        objects
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::PutNamespace(name) => drop(self.namespaces.insert(name)),
            Step::RemoveNamespace(name) => drop(self.namespaces.remove(&name)),
            Step::PutService(service) => drop(self.services.insert(service.id.clone(), service)),
            Step::RemoveService(id) => drop(self.services.remove(&id)),
            Step::PutSlice(slice) => drop(self.slices.insert(slice.id.clone(), slice)),
            Step::RemoveSlice(id) => drop(self.slices.remove(&id)),
            Step::PutPod(pod) => {
                drop(self.pods.insert((pod.node.clone(), pod.id.clone()), pod));
            }
            Step::RemovePod(node, id) => drop(self.pods.remove(&(node, id))),
            Step::Gone(nodes) => self.gone = nodes,
        }
    }

    /// The steps that make the same of nothing.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let Self { namespaces, services, slices, pods, gone } = self.clone();
        let mut steps = vec![Step::Gone(gone)];
        steps.extend(namespaces.into_iter().map(Step::PutNamespace));
        steps.extend(services.into_values().map(Step::PutService));
        steps.extend(slices.into_values().map(Step::PutSlice));
        steps.extend(pods.into_values().map(Step::PutPod));
        steps
    }

    /// The namespace of the pod at an address; where two have it, the first.
    pub(crate) fn namespace_at(&self, address: IpAddr) -> Option<&Namespace> {
        let at = self.pods.values().filter(|pod| pod.addresses.contains(&address));
        at.map(|pod| &pod.id.namespace).min()
    }

    /// The addresses of all pods.
    pub(crate) fn pod_addresses(&self) -> BTreeSet<IpAddr> {
        self.pods.values().flat_map(|pod| pod.addresses.iter().copied()).collect()
    }

    /// Aliases with their namespaces, and the addresses of the ready pods that have them.
    pub(crate) fn aliases(&self) -> BTreeMap<(String, String), BTreeSet<IpAddr>> {
        let mut all: BTreeMap<_, BTreeSet<IpAddr>> = BTreeMap::new();
        for pod in self.pods.values().filter(|pod| pod.ready && !self.gone.contains(&pod.node)) {
            for alias in &pod.aliases {
                let key = (pod.id.namespace.to_string(), alias.to_string());
                all.entry(key).or_default().extend(&pod.addresses);
            }
        }
        all.retain(|_, addresses| !addresses.is_empty());
        all
    }

    /// Namespaces that have an object, or something in them.
    pub(crate) fn all_namespaces(&self) -> BTreeSet<String> {
        let declared = self.namespaces.iter().map(ToString::to_string);
        let of_services = self.services.keys().map(|id| id.namespace.to_string());
        let of_pods = self.pod_addresses().into_iter().filter_map(|at| self.namespace_at(at));
        let of_aliases = self.aliases().into_keys().map(|(namespace, _)| namespace);
        let of_pods = of_pods.map(ToString::to_string);
        declared.chain(of_services).chain(of_pods).chain(of_aliases).collect()
    }
}
