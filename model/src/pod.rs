//! A pod as other nodes see it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::name::{DnsLabel, NodeName, PodId};
use crate::service::Protocol;

/// Key `pods/<node>/<namespace>/<name>`, written by the node that runs the pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodRecord {
    /// Namespace and name, equal to the key's.
    #[serde(flatten)]
    pub id: PodId,
    /// The node that runs it.
    pub node: NodeName,
    /// The runtime's id of the pod's sandbox.
    pub container_id: String,
    /// Addresses, the preferred family first.
    pub addresses: Vec<IpAddr>,
    /// Labels that selectors match.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations that came with the CNI call.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Ports that services may name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PodPort>,
    /// Its name below the service that `subdomain` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<DnsLabel>,
    /// The service of its namespace under which it has its hostname.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdomain: Option<DnsLabel>,
    /// What its runtime calls it beside: names in its namespace, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<DnsLabel>,
    /// How often labels and annotations were changed by a person since the pod was attached. Its node
    /// takes over what another wrote under a higher number.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u64,
    /// Whether the pod takes new connections.
    pub ready: bool,
}

/// A port that a pod has a name for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodPort {
    /// Its name, unique in the pod.
    pub name: String,
    /// The number.
    pub port: u16,
    /// The protocol.
    #[serde(default)]
    pub protocol: Protocol,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
