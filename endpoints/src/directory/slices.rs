//! The endpoint slices.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use pontoon_model::endpoint::{Conditions, EndpointSlice, Place, SliceEndpoint, SliceId};
use pontoon_model::service::ServicePort;

use super::nodes::Node;
use super::services::Slot;
use super::{Directory, Port};
use crate::slab::Key;

/// A slice of a service.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) service: Option<Key<Slot>>,
    ports: Arc<Vec<Port>>,
    pub(super) endpoints: Box<[Listed]>,
}

/// An endpoint of a slice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) address: IpAddr,
    pub(super) conditions: Conditions,
    pub(super) node: Option<Key<Node>>,
    /// As the slice has it: without a zone where only the node's is known.
    pub(super) place: Arc<Place>,
    pub(super) hostname: Option<Box<str>>,
}

impl Slice {
    /// Where a service's port leads on the endpoints of this slice.
    pub(super) fn target(&self, port: &ServicePort) -> Option<u16> {
        let own = |own: &&Port| *own.name == *port.name && own.protocol == port.protocol;
        self.ports.iter().find(own).map(|own| own.number)
    }

    fn nodes(&self) -> BTreeSet<Key<Node>> {
        self.endpoints.iter().filter_map(|endpoint| endpoint.node).collect()
    }
}

pub(super) fn put(directory: &mut Directory, slice: EndpointSlice) {
    let EndpointSlice { id, service: Some(service), ports, endpoints, family: _ } = slice else {
        return remove(directory, &slice.id);
    };
    let ports: Vec<_> = ports
        .into_iter()
        .map(|port| Port { name: port.name.into(), protocol: port.protocol, number: port.port })
        .collect();
    let slice = Slice {
        service: Some(directory.services.slot(&service)),
        ports: directory.ports.share(ports),
        endpoints: endpoints.into_iter().map(|endpoint| list(directory, endpoint)).collect(),
    };
    match directory.slice_keys.get(&id).copied() {
        Some(key) if directory.slices[key] == slice => {}
        Some(key) => replace(directory, key, slice),
        None => {
            let key = directory.slices.insert(Slice::default());
            directory.slice_keys.insert(id, key);
            replace(directory, key, slice);
        }
    }
}

pub(super) fn remove(directory: &mut Directory, id: &SliceId) {
    let Some(key) = directory.slice_keys.remove(id) else { return };
    replace(directory, key, Slice::default());
    directory.slices.remove(key);
}

fn list(directory: &mut Directory, endpoint: SliceEndpoint) -> Listed {
    let SliceEndpoint { address, conditions, hostname, node, zone, zone_hints, node_hints } =
        endpoint;
    let place = Place { node, zone, zone_hints, node_hints, group: None };
    Listed {
        address,
        conditions,
        node: place.node.as_ref().map(|node| directory.nodes.node(node)),
        place: directory.places.share(place),
        hostname: hostname.map(Into::into),
    }
}

/// Enters a slice, in place of what it was, at its service and at the nodes of its endpoints.
fn replace(directory: &mut Directory, key: Key<Slice>, slice: Slice) {
    let before = std::mem::replace(&mut directory.slices[key], slice);
    let (slice, services) = (&directory.slices[key], &mut directory.services);
    for service in [before.service, slice.service].into_iter().flatten() {
        services.touch(service);
    }
    if before.service != slice.service {
        if let Some(service) = slice.service {
            services.add_slice(service, key);
        }
        if let Some(service) = before.service {
            services.remove_slice(service, key);
        }
    }
    let (old, new) = (before.nodes(), slice.nodes());
    for node in new.difference(&old) {
        directory.nodes[*node].slices.insert(key);
    }
    for node in old.difference(&new) {
        directory.nodes[*node].slices.remove(key);
        directory.nodes.forget_if_empty(*node);
    }
}
