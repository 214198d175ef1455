//! A pod as other nodes see it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::name::{NodeName, PodId};

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
    /// Whether the pod takes new connections.
    pub ready: bool,
}
