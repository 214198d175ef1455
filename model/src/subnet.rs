//! Which node owns which node subnet.

use serde::{Deserialize, Serialize};

use crate::name::NodeName;

/// Key `subnets/<cidr>`: a block of pod addresses and its owner. Not under a lease: only
/// `pontoon node remove` takes a subnet from a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubnetRecord {
    /// The owner.
    pub node: NodeName,
    /// The owner's machine id, so that a host that took over a name does not take the subnet.
    pub machine_id: String,
}
