//! What is so, as far as a packet's way depends on it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnetwork::IpNetwork;
use pontoon_model::cidr::{self, Family};
use pontoon_model::cluster::{BackendKind, ClusterConfig};
use pontoon_model::endpoint::Endpoint;
use pontoon_model::name::{NodeName, PodId};
use pontoon_model::node::NodeRecord;
use pontoon_model::service::{Service, ServiceId};

/// The cluster as one of its nodes knows it.
#[derive(Debug, Clone)]
pub struct World {
    /// The node that knows it.
    pub me: NodeName,
    /// The cluster's configuration.
    pub config: ClusterConfig,
    /// Its nodes.
    pub nodes: BTreeMap<NodeName, Node>,
    /// The pods that the packet may come from or go to.
    pub pods: Vec<Pod>,
    /// The services that it may meet.
    pub services: Vec<Backed>,
    /// How this node reaches the others.
    pub ways: BTreeMap<NodeName, BackendKind>,
    /// Where nodes answer DNS.
    pub dns: Vec<IpAddr>,
    /// MTU of pods, bytes.
    pub mtu: u32,
    /// What devices are called.
    pub devices: Devices,
}

/// What devices are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Devices {
    /// The bridge that pods are in, on every node.
    pub bridge: String,
    /// The device that encapsulates, on every node.
    pub overlay: String,
    /// The device that this node reaches the others by.
    pub underlay: Option<String>,
}

/// A node.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its record.
    pub record: NodeRecord,
    /// Its subnets.
    pub subnets: Vec<IpNetwork>,
    /// Whether its daemon is heard of.
    pub alive: bool,
    /// Where it answers on node ports, as far as that is known; its own addresses else.
    pub node_port_addresses: Option<Vec<IpAddr>>,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub id: PodId,
    /// The node that runs it.
    pub node: NodeName,
    /// Its addresses, the preferred family first.
    pub addresses: Vec<IpAddr>,
    /// Whether it takes new connections.
    pub ready: bool,
    /// How it is attached, for a pod of this node.
    pub attached: Option<Attached>,
}

/// How a pod is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The host's end of its cable.
    pub host_end: String,
    /// Its card's address.
    pub mac: [u8; 6],
    /// The gateway's.
    pub gateway: [u8; 6],
}

/// A service and who stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backed {
    /// The service.
    pub service: Arc<Service>,
    /// The endpoints of each of its ports.
    pub endpoints: Vec<Vec<Endpoint>>,
}

impl World {
    /// The pod that has an address.
    #[must_use]
    pub fn pod_at(&self, address: IpAddr) -> Option<&Pod> {
        self.pods.iter().find(|pod| pod.addresses.contains(&address))
    }

    /// A pod by its name.
    #[must_use]
    pub fn pod(&self, id: &PodId) -> Option<&Pod> {
        self.pods.iter().find(|pod| pod.id == *id)
    }

    /// A service by its name.
    #[must_use]
    pub fn service(&self, id: &ServiceId) -> Option<&Backed> {
        self.services.iter().find(|backed| backed.service.id == *id)
    }

    /// The node that has an address of its own.
    #[must_use]
    pub fn node_at(&self, address: IpAddr) -> Option<&NodeName> {
        let mut nodes = self.nodes.iter();
        nodes.find(|(_, node)| node.own(address)).map(|(name, _)| name)
    }

    /// The node that an address's subnet belongs to.
    #[must_use]
    pub fn subnet_owner(&self, address: IpAddr) -> Option<(&NodeName, IpNetwork)> {
        self.nodes.iter().find_map(|(name, node)| {
            let subnet = node.subnets.iter().find(|subnet| subnet.contains(address))?;
            Some((name, *subnet))
        })
    }

    /// Whether a node answers at an address itself.
    #[must_use]
    pub fn is_local(&self, node: &NodeName, address: IpAddr) -> bool {
        let Some(known) = self.nodes.get(node) else { return false };
        // The overlay's device has the first address of the first subnet of its family.
        let overlay = |family: Family| {
            let mut subnets = known.subnets.iter();
            subnets.find(|net| Family::of_network(**net) == family).map(IpNetwork::network)
        };
        let encapsulates = self.config.backend.kind != BackendKind::HostGw;
        address.is_loopback()
            || known.own(address)
            || self.dns.contains(&address)
            || known.subnets.iter().any(|subnet| cidr::gateway(*subnet) == address)
            || (encapsulates && overlay(Family::of(address)) == Some(address))
    }

    /// How packets go from one node to another; `None` where the one cannot reach the other. Where each
    /// pair decides by itself and this node is none of the two it is `auto`.
    #[must_use]
    pub fn backend(&self, from: &NodeName, to: &NodeName) -> Option<BackendKind> {
        let kind = self.config.backend.kind;
        if *from == self.me {
            return self.ways.get(to).copied();
        }
        if kind == BackendKind::Auto && *to == self.me {
            return self.ways.get(from).copied().or(Some(kind));
        }
        Some(kind)
    }
}

impl Node {
    fn own(&self, address: IpAddr) -> bool {
        self.record.underlay == address || self.record.addresses.contains(&address)
    }

    /// Its address in a family, the underlay's if that is one.
    #[must_use]
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        let all = std::iter::once(&self.record.underlay).chain(&self.record.addresses);
        all.copied().find(|address| Family::of(*address) == family)
    }
}
