//! The layout of the store. Keys here are relative to the cluster's prefix.

use std::fmt;
use std::net::IpAddr;

use ipnetwork::IpNetwork;

use crate::cidr;
use crate::name::{Namespace, NodeName, PodId, PodName};

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
    /// `pods/<node>/<namespace>/<name>`
    Pod(NodeName, PodId),
}

/// Prefix of all subnet keys.
pub const SUBNETS: &str = "subnets/";
/// Prefix of all node keys.
pub const NODES: &str = "nodes/";
/// Prefix of all liveness keys.
pub const ALIVE: &str = "alive/";
/// Prefix of all pod keys.
pub const PODS: &str = "pods/";

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
            Self::Pod(node, pod) => write!(f, "{PODS}{node}/{pod}"),
        }
    }
}

impl std::str::FromStr for Key {
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
        } else if let Some(rest) = text.strip_prefix(PODS) {
            let mut parts = rest.splitn(3, '/');
            let mut part = || parts.next().unwrap_or_default();
            let owner = node(part())?;
            let namespace = part().parse::<Namespace>().map_err(|e| malformed(e.to_string()))?;
            let name = part().parse::<PodName>().map_err(|e| malformed(e.to_string()))?;
            Ok(Self::Pod(owner, PodId { namespace, name }))
        } else {
            Err(KeyError::UnknownKind(text.to_owned()))
        }
    }
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
            "pods/host-1/default/web-0.a",
        ] {
            assert_eq!(text.parse::<Key>().map(|k| k.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn wrong_keys_are_told_apart() {
        assert!(matches!("services/a/b".parse::<Key>(), Err(KeyError::UnknownKind(_))));
        for text in [
            "subnets/10.244.1.0",
            "subnets/10.244.1.7-24",
            "subnets/x-24",
            "nodes/",
            "nodes/A",
            "pods/a/b",
        ] {
            assert!(matches!(text.parse::<Key>(), Err(KeyError::Malformed { .. })), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*", tail in ".{0,20}") {
            let _ = text.parse::<Key>();
            for prefix in [SUBNETS, NODES, ALIVE, PODS] {
                if let Ok(key) = format!("{prefix}{tail}").parse::<Key>() {
                    prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key));
                }
            }
        }
    }
}
