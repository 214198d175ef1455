//! Services as the data path and the DNS see them: checked once, where the object came in.
//!
//! The kinds and fields are those of the Kubernetes API reference, `Service` v1.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

use crate::name::{DomainName, Namespace, ServiceName};
use crate::selector::Selector;

/// A service's full name, written `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ServiceId {
    /// The namespace.
    pub namespace: Namespace,
    /// The name in it.
    pub name: ServiceName,
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A service whose fields agree with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Namespace and name.
    pub id: ServiceId,
    /// How it is reached.
    pub kind: ServiceKind,
    /// Which pods stand behind it; `None` when only endpoint slices do.
    pub selector: Option<Selector>,
    /// Its ports, in the order of the object; none when headless without ports.
    pub ports: Vec<ServicePort>,
    /// Its virtual addresses, the preferred family first, at most one of each family; none when
    /// headless or external.
    pub cluster_ips: Vec<IpAddr>,
    /// `clusterIP: None`: DNS leads to the endpoints themselves.
    pub headless: bool,
    /// The name that DNS gives for it (`externalName`); of type ExternalName only.
    pub external_name: Option<DomainName>,
    /// Further addresses at which the cluster answers (`externalIPs`).
    pub external_ips: Vec<IpAddr>,
    /// Addresses of load balancers that send here (`status.loadBalancer.ingress`, `ipMode: VIP`).
    pub ingress_ips: Vec<IpAddr>,
    /// Who may use the ingress addresses; empty is everybody.
    pub source_ranges: Vec<IpNetwork>,
    /// Whether what comes from outside goes to this node's endpoints only.
    pub external_policy: TrafficPolicy,
    /// Whether what comes from inside goes to this node's endpoints only.
    pub internal_policy: TrafficPolicy,
    /// How long after its last connection a client is remembered (`sessionAffinity: ClientIP`), 1 s
    /// to 1 day; `None` for no affinity.
    pub affinity: Option<Duration>,
    /// Where load balancers ask whether this node has endpoints (`healthCheckNodePort`).
    pub health_check_node_port: Option<u16>,
    /// Endpoints count whether or not they are ready.
    pub publish_not_ready: bool,
    /// Which endpoints a node prefers.
    pub distribution: Distribution,
    /// Shares of the traffic by labels of pods; empty is the same for all.
    pub weights: Vec<Weight>,
}

/// How a service is reached (`spec.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceKind {
    /// At its cluster IPs.
    ClusterIp,
    /// At a port of every node too.
    NodePort,
    /// At a load balancer's addresses too.
    LoadBalancer,
    /// By a name that DNS gives another name for.
    ExternalName,
}

/// A port of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServicePort {
    /// Its name, unique in the service; empty when there is but one port.
    pub name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The port at the service's addresses.
    pub port: u16,
    /// The port at the endpoints that a selector finds.
    pub target: TargetPort,
    /// The port at every node.
    pub node_port: Option<u16>,
}

/// `spec.ports[].targetPort`
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TargetPort {
    /// This one, on every pod.
    Number(u16),
    /// The port that the pod calls so.
    Name(String),
}

/// A transport protocol that services carry.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP
    #[default]
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

impl Protocol {
    /// Its number in an IP header.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }

    /// The protocol of that number.
    #[must_use]
    pub const fn of_number(number: u8) -> Option<Self> {
        match number {
            6 => Some(Self::Tcp),
            17 => Some(Self::Udp),
            132 => Some(Self::Sctp),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        })
    }
}

/// `externalTrafficPolicy`, `internalTrafficPolicy`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TrafficPolicy {
    /// To endpoints anywhere.
    #[default]
    Cluster,
    /// To endpoints on the node that the packet came to.
    Local,
}

/// `trafficDistribution`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Distribution {
    /// All endpoints alike.
    #[default]
    Even,
    /// Those on the client's node while there are any, or else those in its zone.
    PreferSameNode,
    /// Those in the client's zone while there are any (`PreferSameZone`, `PreferClose`).
    PreferSameZone,
}

/// The share of a group of endpoints in a service's new connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weight {
    /// The pods of the group.
    pub selector: Selector,
    /// Its share, relative to the other groups': 0 to 1000. Endpoints of a group divide it evenly.
    pub weight: u16,
}
