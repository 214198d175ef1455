//! A node as its peers see it.

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
