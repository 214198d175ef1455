//! A node as its peers see it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::mac::MacAddr;
use crate::name::NodeName;

/// Key `nodes/<name>`: where a node is and how packets get there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRecord {
    /// The node's name, equal to the key's last part.
    pub name: NodeName,
    /// `/etc/machine-id` of the host; two hosts with one name are told apart by it.
    pub machine_id: String,
    /// The address that backends send to.
    pub underlay: IpAddr,
    /// All addresses of the host that pods may talk to without NAT, the underlay's among them.
    pub addresses: Vec<IpAddr>,
    /// MAC of the node's VXLAN device; the device exists whatever the backend, once one is needed.
    pub vxlan_mac: MacAddr,
    /// The zone that it is in, when a person named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The daemon's version.
    pub version: String,
}

/// Key `alive/<name>`, under a lease: the node's daemon is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Liveness {
    /// The store revision up to which this node's kernel has routes to every node and subnet.
    pub applied: u64,
}

/// Key `marks/<name>`: what people say of a node. A key of its own, since the node writes its record
/// anew whenever it learns something of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeMarks {
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// That the node is to get no new pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cordon: Option<Cordon>,
}

/// That a node is to get no new pods; those that it has stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Cordon {
    /// Who said so, such as `user alice` or `certificate ops`.
    pub by: String,
    /// When, in UTC (RFC 3339).
    pub at: String,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl std::fmt::Display for Cordon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cordoned by {} at {}", self.by, self.at)?;
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back() {
        let text = r#"{"name":"a","machineId":"m","underlay":"192.0.2.1","addresses":["192.0.2.1","2001:db8::1"],
            "vxlanMac":"02:00:00:00:00:01","version":"0.1.0","aFieldOfALaterVersion":true}"#;
        let record: NodeRecord = serde_json::from_str(text).unwrap();
        let again = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<NodeRecord>(&again).unwrap(), record);
    }
}
