//! The layout of the store. Keys here are relative to the cluster's prefix.

#[cfg(test)]
mod reference;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnetwork::IpNetwork;

use crate::cidr;
use crate::endpoint::SliceId;
use crate::name::{NameError, Namespace, NodeName, PodId, PodName, TraceId};
use crate::service::ServiceId;

/// A key of the store, typed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// `config`
    Config,
    /// `subnets/10.244.1.0-24`: the `/` of a CIDR is written `-`.
    Subnet(IpNetwork),
    /// `nodes/<name>`
    Node(NodeName),
    /// `alive/<name>`
    Alive(NodeName),
    /// `marks/<name>`: what people say of a node.
    Marks(NodeName),
    /// `mesh/<name>`: how well a node reaches its peers.
    Mesh(NodeName),
    /// `traces/<id>`: a packet that nodes are to look for.
    Trace(TraceId),
    /// `traces/<id>/<node>`: what a node sees of it.
    Sights(TraceId, NodeName),
    /// `pods/<node>/<namespace>/<name>`
    Pod(NodeName, PodId),
    /// `services/<namespace>/<name>`
    Service(ServiceId),
    /// `endpointslices/<namespace>/<name>`
    EndpointSlice(SliceId),
    /// `namespaces/<name>`
    Namespace(Namespace),
    /// `cluster-ips/<ip>`: the service that holds it, as `namespace/name`.
    ClusterIp(IpAddr),
    /// `node-ports/<port>`: the service that holds it, as `namespace/name`.
    NodePort(u16),
}

/// Prefix of all subnet keys.
pub const SUBNETS: &str = "subnets/";
/// Prefix of all node keys.
pub const NODES: &str = "nodes/";
/// Prefix of all liveness keys.
pub const ALIVE: &str = "alive/";
/// Prefix of all keys that hold what people say of nodes.
pub const MARKS: &str = "marks/";
/// Prefix of all keys that hold how well nodes reach their peers.
pub const MESH: &str = "mesh/";
/// Prefix of all keys of packets that are looked for.
pub const TRACES: &str = "traces/";
/// Prefix of all pod keys.
pub const PODS: &str = "pods/";
/// Prefix of all service keys.
pub const SERVICES: &str = "services/";
/// Prefix of all endpoint slice keys.
pub const ENDPOINT_SLICES: &str = "endpointslices/";
/// Prefix of all namespace keys.
pub const NAMESPACES: &str = "namespaces/";
/// Prefix of the keys that say which service holds a cluster IP.
pub const CLUSTER_IPS: &str = "cluster-ips/";
/// Prefix of the keys that say which service holds a node port.
pub const NODE_PORTS: &str = "node-ports/";

/// A key below the cluster's prefix that this version cannot read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// Not one of the kinds in this version; a later version's, or a stranger's.
    #[error("key {0:?} is of no kind that this version knows")]
    UnknownKind(String),
    /// A known kind whose name part is wrong.
    #[error("key {key:?}: {problem}")]
    Malformed {
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("config"),
            Self::Subnet(net) => write!(f, "{SUBNETS}{}-{}", net.network(), net.prefix()),
            Self::Node(name) => write!(f, "{NODES}{name}"),
            Self::Alive(name) => write!(f, "{ALIVE}{name}"),
            Self::Marks(name) => write!(f, "{MARKS}{name}"),
            Self::Mesh(name) => write!(f, "{MESH}{name}"),
            Self::Trace(id) => write!(f, "{TRACES}{id}"),
            Self::Sights(id, node) => write!(f, "{TRACES}{id}/{node}"),
            Self::Pod(node, pod) => write!(f, "{PODS}{node}/{pod}"),
            Self::Service(id) => write!(f, "{SERVICES}{id}"),
            Self::EndpointSlice(id) => write!(f, "{ENDPOINT_SLICES}{id}"),
            Self::Namespace(name) => write!(f, "{NAMESPACES}{name}"),
            Self::ClusterIp(ip) => write!(f, "{CLUSTER_IPS}{ip}"),
            Self::NodePort(port) => write!(f, "{NODE_PORTS}{port}"),
        }
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let malformed = |problem: String| KeyError::Malformed { key: text.to_owned(), problem };
        let node = |name: &str| name.parse::<NodeName>().map_err(|e| malformed(e.to_string()));
        if text == "config" {
            Ok(Self::Config)
        } else if let Some(name) = text.strip_prefix(SUBNETS) {
            parse_subnet(name).map(Self::Subnet).map_err(malformed)
        } else if let Some(name) = text.strip_prefix(NODES) {
            node(name).map(Self::Node)
        } else if let Some(name) = text.strip_prefix(ALIVE) {
            node(name).map(Self::Alive)
        } else if let Some(name) = text.strip_prefix(MARKS) {
            node(name).map(Self::Marks)
        } else if let Some(name) = text.strip_prefix(MESH) {
            node(name).map(Self::Mesh)
        } else if let Some(rest) = text.strip_prefix(TRACES) {
            let (id, looker) = match rest.split_once('/') {
                Some((id, looker)) => (id, Some(node(looker)?)),
                None => (rest, None),
            };
            let id: TraceId = id.parse().map_err(|e: NameError| malformed(e.to_string()))?;
            Ok(looker
                .map_or_else(|| Self::Trace(id.clone()), |node| Self::Sights(id.clone(), node)))
        } else if let Some(rest) = text.strip_prefix(PODS) {
            let mut parts = rest.splitn(3, '/');
            let mut part = || parts.next().unwrap_or_default();
            let owner = node(part())?;
            let namespace = part().parse::<Namespace>().map_err(|e| malformed(e.to_string()))?;
            let name = part().parse::<PodName>().map_err(|e| malformed(e.to_string()))?;
            Ok(Self::Pod(owner, PodId { namespace, name }))
        } else if let Some(rest) = text.strip_prefix(SERVICES) {
            let (namespace, name) = namespaced(rest).map_err(malformed)?;
            Ok(Self::Service(ServiceId { namespace, name }))
        } else if let Some(rest) = text.strip_prefix(ENDPOINT_SLICES) {
            let (namespace, name) = namespaced(rest).map_err(malformed)?;
            Ok(Self::EndpointSlice(SliceId { namespace, name }))
        } else if let Some(name) = text.strip_prefix(NAMESPACES) {
            name.parse().map(Self::Namespace).map_err(|e: NameError| malformed(e.to_string()))
        } else if let Some(ip) = text.strip_prefix(CLUSTER_IPS) {
            ip.parse()
                .map(Self::ClusterIp)
                .map_err(|_| malformed(format!("{ip:?} is no IP address")))
        } else if let Some(port) = text.strip_prefix(NODE_PORTS) {
            port.parse().map(Self::NodePort).map_err(|_| malformed(format!("{port:?} is no port")))
        } else {
            Err(KeyError::UnknownKind(text.to_owned()))
        }
    }
}

fn namespaced<T: FromStr<Err = NameError>>(rest: &str) -> Result<(Namespace, T), String> {
    let (namespace, name) =
        rest.split_once('/').ok_or_else(|| format!("{rest:?} is not namespace/name"))?;
    let namespace = namespace.parse().map_err(|e: NameError| e.to_string())?;
    Ok((namespace, name.parse().map_err(|e: NameError| e.to_string())?))
}

fn parse_subnet(name: &str) -> Result<IpNetwork, String> {
    let (address, prefix) = name
        .split_once('-')
        .ok_or_else(|| format!("{name:?} is no subnet: expected 10.244.1.0-24"))?;
    let address: IpAddr = address.parse().map_err(|_| format!("{address:?} is no IP address"))?;
    let prefix: u8 = prefix.parse().map_err(|_| format!("{prefix:?} is no prefix length"))?;
    let net = IpNetwork::new(address, prefix).map_err(|e| e.to_string())?;
    if !cidr::is_canonical(net) {
        return Err(format!("{net} has host bits set"));
    }
    Ok(net)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_read_back() {
        for text in [
            "config",
            "subnets/10.244.1.0-24",
            "subnets/fd00:10:244:1::-64",
            "nodes/host-1.example",
            "alive/a",
            "marks/a",
            "mesh/a",
            "traces/4f1c",
            "traces/4f1c/host-1",
            "pods/host-1/default/web-0.a",
            "services/default/web",
            "endpointslices/default/web-x1.b",
            "namespaces/default",
            "cluster-ips/10.96.0.10",
            "cluster-ips/fd00:96::a",
            "node-ports/30080",
        ] {
            assert_eq!(text.parse::<Key>().map(|k| k.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn wrong_keys_are_told_apart() {
        assert!(matches!("volumes/a/b".parse::<Key>(), Err(KeyError::UnknownKind(_))));
        for text in [
            "subnets/10.244.1.0",
            "subnets/10.244.1.7-24",
            "subnets/x-24",
            "nodes/",
            "nodes/A",
            "pods/a/b",
            "services/a",
            "services/a/0b",
            "endpointslices/A/b",
            "namespaces/a.b",
            "cluster-ips/10",
            "node-ports/70000",
            "traces/",
            "traces/a_b",
            "traces/a/B",
        ] {
            assert!(matches!(text.parse::<Key>(), Err(KeyError::Malformed { .. })), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*", tail in ".{0,20}") {
            let _ = text.parse::<Key>();
            for prefix in [SUBNETS, NODES, ALIVE, MARKS, MESH, TRACES, PODS, SERVICES, ENDPOINT_SLICES, CLUSTER_IPS, NODE_PORTS] {
                if let Ok(key) = format!("{prefix}{tail}").parse::<Key>() {
                    prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key));
                }
            }
        }
    }
}
