//! All that is known of services and of who stands behind them.
//!
//! | module | what it does |
//! | --- | --- |
//! | `services` | definitions, and which of them a change touched |
//! | `pods` | pods, found by their node and name, by their labels, by their addresses |
//! | `addresses` | the addresses of pods |
//! | `names` | what pods are called beside their own names, and what changed of it |
//! | `slices` | endpoint slices |
//! | `nodes` | zones, nodes that are gone |
//! | `answers` | the endpoints and the members of a service, put together when asked for |

mod addresses;
mod answers;
mod names;
mod nodes;
mod pods;
mod services;
mod slices;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use pontoon_model::endpoint::{EndpointSlice, Place, SliceId};
use pontoon_model::name::{NodeName, PodId};
use pontoon_model::pod::PodRecord;
use pontoon_model::service::{Protocol, Service, ServiceId};

use crate::matching::{Cohort, Matching};
use crate::pool::Pool;
use crate::slab::{Key, Slab};

use self::addresses::ByAddress;
pub use self::answers::Member;
use self::names::Called;
pub use self::names::{Alias, DirtyPods};
use self::nodes::{Node, Nodes};
pub use self::pods::KnownPod;
pub(crate) use self::pods::Pod;
use self::services::Services;
pub(crate) use self::services::Slot;
use self::slices::Slice;

/// Services, endpoint slices, pods and nodes, and what follows from them.
///
/// The order in which things are put and removed does not matter, only what is there in the end.
#[derive(Debug, Default)]
pub struct Directory {
    services: Services,
    matching: Matching,
    pods: Slab<Pod>,
    addresses: ByAddress,
    called: Called,
    nodes: Nodes,
    slices: Slab<Slice>,
    slice_keys: HashMap<SliceId, Key<Slice>>,
    places: Pool<Place>,
    ports: Pool<Vec<Port>>,
}

/// A port that a pod or a slice has a name for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Port {
    name: Box<str>,
    protocol: Protocol,
    number: u16,
}

impl Directory {
    /// One that knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A service is there, or is now like this.
    pub fn put_service(&mut self, service: Service) {
        services::put(self, service);
    }

    /// A service is no more.
    pub fn remove_service(&mut self, id: &ServiceId) {
        services::remove(self, id);
    }

    /// A slice is there, or is now like this.
    pub fn put_slice(&mut self, slice: EndpointSlice) {
        slices::put(self, slice);
    }

    /// A slice is no more.
    pub fn remove_slice(&mut self, id: &SliceId) {
        slices::remove(self, id);
    }

    /// A pod is there, or is now like this. Records of one pod on two nodes are two.
    pub fn put_pod(&mut self, pod: PodRecord) {
        pods::put(self, pod);
    }

    /// The record that a node kept of a pod is no more.
    pub fn remove_pod(&mut self, node: &NodeName, id: &PodId) {
        pods::remove(self, node, id);
    }

    /// A node is there, in this zone.
    pub fn put_node(&mut self, name: NodeName, zone: Option<String>) {
        nodes::put(self, name, zone);
    }

    /// A node is no more. Its zone is forgotten; the pods that it had are removed by themselves.
    pub fn remove_node(&mut self, name: &NodeName) {
        nodes::remove(self, name);
    }

    /// These nodes, and no others, get no new connections for their endpoints.
    pub fn set_gone(&mut self, gone: BTreeSet<NodeName>) {
        nodes::set_gone(self, gone);
    }

    /// Services whose definition, endpoints or members may have changed since the last call, sorted,
    /// each once; those that were removed are among them.
    pub fn take_dirty(&mut self) -> Vec<ServiceId> {
        self.services.take_dirty()
    }

    /// A service's definition.
    #[must_use]
    pub fn service(&self, id: &ServiceId) -> Option<&Arc<Service>> {
        self.services.find(id).map(|(_, service)| service)
    }

    /// All services, sorted by their ids.
    pub fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.services.iter()
    }

    /// The records of pods that have this address: one, but for a pod that just moved.
    pub fn pods_at(&self, address: IpAddr) -> impl Iterator<Item = KnownPod<'_>> {
        pods::at(self, address)
    }

    /// The records of pods of this name, each with its addresses: one, but for a pod that just moved.
    pub fn pods_named<'a>(
        &'a self,
        id: &'a PodId,
    ) -> impl Iterator<Item = (KnownPod<'a>, Vec<IpAddr>)> {
        pods::named(self, id)
    }

    /// The addresses of the pods that an alias leads to, sorted: those that are ready, on nodes that
    /// are not gone.
    #[must_use]
    pub fn addresses_called(&self, alias: &Alias) -> Vec<IpAddr> {
        names::addresses(self, alias)
    }

    /// From now on changes of pods are kept for [`Directory::take_dirty_pods`]; all pods that are there
    /// already are the first of them. Without this nothing is kept, for those who do not take it.
    pub fn follow_pods(&mut self) {
        names::follow(self);
    }

    /// Addresses and aliases that may lead to other pods than at the last call: for an address,
    /// since a pod with it came or went; for an alias, since the answer of
    /// [`Directory::addresses_called`] may be another. Always empty before
    /// [`Directory::follow_pods`].
    pub fn take_dirty_pods(&mut self) -> DirtyPods {
        names::take_dirty(self)
    }

    /// Marks the services that select a cohort.
    fn touch_cohort(&mut self, cohort: Key<Cohort>) {
        for service in self.matching.services(cohort) {
            self.services.touch(service);
        }
    }

    /// Marks the services that have endpoints on a node, and the aliases of its pods.
    fn touch_node(&mut self, node: Key<Node>) {
        // The pods of a node are many, their cohorts few.
        let pods = self.nodes[node].pods.iter().map(|pod| &self.pods[pod]);
        let reachable = pods.filter(|pod| !pod.addresses.is_empty());
        let cohorts: BTreeSet<_> = reachable.filter_map(|pod| pod.cohort).collect();
        for cohort in cohorts {
            self.touch_cohort(cohort);
        }
        let named: Vec<_> =
            self.nodes[node].pods.iter().filter(|pod| self.pods[*pod].names.is_some()).collect();
        named.into_iter().for_each(|pod| names::touch(self, pod));
        for slice in self.nodes[node].slices.iter() {
            if let Some(service) = self.slices[slice].service {
                self.services.touch(service);
            }
        }
    }

    /// All rows of all tables.
    #[cfg(test)]
    pub(crate) fn rows(&self) -> usize {
        let pods = self.pods.len() + self.addresses.len();
        let slices = self.slices.len() + self.slice_keys.len();
        let called = self.called.rows();
        self.services.rows() + self.matching.rows() + pods + called + self.nodes.rows() + slices
    }
}
