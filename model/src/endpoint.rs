//! Who answers for a service.

use std::net::IpAddr;
use std::sync::Arc;

use crate::cidr::Family;
use crate::name::{Namespace, NodeName, SliceName};
use crate::service::{Protocol, ServiceId};

/// A slice's full name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SliceId {
    /// The namespace.
    pub namespace: Namespace,
    /// The name in it.
    pub name: SliceName,
}

impl std::fmt::Display for SliceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// An `EndpointSlice` (discovery.k8s.io/v1) whose fields agree with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSlice {
    /// Namespace and name.
    pub id: SliceId,
    /// The service it belongs to (label `kubernetes.io/service-name`); without one it is of no use.
    pub service: Option<ServiceId>,
    /// The family of its addresses.
    pub family: Family,
    /// Ports by name; empty names are those of the only port. Ports without a number are left out.
    pub ports: Vec<SlicePort>,
    /// The endpoints.
    pub endpoints: Vec<SliceEndpoint>,
}

/// A port of every endpoint of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlicePort {
    /// Its name, which is that of the service's port.
    pub name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The number.
    pub port: u16,
}

/// An endpoint of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceEndpoint {
    /// Its address: the first of the object's, as Kubernetes' own proxies use it.
    pub address: IpAddr,
    /// What it may be used for.
    pub conditions: Conditions,
    /// Its name under a headless service.
    pub hostname: Option<String>,
    /// The node that it runs on.
    pub node: Option<NodeName>,
    /// The zone that it is in.
    pub zone: Option<String>,
    /// Zones that should prefer it (`hints.forZones`).
    pub zone_hints: Vec<String>,
    /// Nodes that should prefer it (`hints.forNodes`).
    pub node_hints: Vec<NodeName>,
}

/// `endpoints[].conditions`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conditions {
    /// Takes new connections. Absent counts as true.
    pub ready: bool,
    /// Answers, although it may be going. Absent counts as `ready`.
    pub serving: bool,
    /// Is going. Absent counts as false.
    pub terminating: bool,
}

impl Conditions {
    /// Those of an endpoint that is simply there.
    pub const READY: Self = Self { ready: true, serving: true, terminating: false };
    /// Those of an endpoint that does not answer yet.
    pub const NOT_READY: Self = Self { ready: false, serving: false, terminating: false };
}

/// An endpoint of one port of a service, wherever it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// What it may be used for; an endpoint on a node that is gone is neither ready nor serving.
    pub conditions: Conditions,
    /// Where it is and what it is called: shared, since many endpoints are alike.
    pub place: Arc<Place>,
}

/// What is known of an endpoint beside its address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Place {
    /// The node that it runs on.
    pub node: Option<NodeName>,
    /// The zone that it is in.
    pub zone: Option<String>,
    /// Zones that should prefer it.
    pub zone_hints: Vec<String>,
    /// Nodes that should prefer it.
    pub node_hints: Vec<NodeName>,
    /// The index of its group in [`crate::service::Service::weights`]; `None` when in none, and
    /// when the service has no weights.
    pub group: Option<usize>,
}
