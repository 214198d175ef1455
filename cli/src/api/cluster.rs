//! Nodes and subnets as documents, from what the daemon says of the cluster.

use pontoon_model::api::{NodeStatus, Status};
use pontoon_model::object::Documents;
use serde_json::{Value, json};

/// A document for each node, by name.
pub(super) fn nodes(status: &Status) -> Documents {
    status.nodes.iter().map(|node| of_node(status, node)).collect()
}

fn of_node(status: &Status, node: &NodeStatus) -> Value {
    let ready = if node.alive { "True" } else { "Unknown" };
    let mut document = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name},
        "spec": {"podCIDRs": node.subnets},
        "status": {
            "addresses": [{"type": "InternalIP", "address": node.underlay}],
            "conditions": [{"type": "Ready", "status": ready}],
        },
    });
    if node.name == status.node {
        document["status"]["nodeInfo"] = json!({"pontoonVersion": status.version});
    }
    document
}

/// A document for each subnet, in the order of the nodes.
pub(super) fn subnets(status: &Status) -> Documents {
    let of = |node: &NodeStatus| {
        let name = node.name.clone();
        let one = move |subnet: &ipnetwork::IpNetwork| {
            json!({
                "apiVersion": "pontoon.net/v1",
                "kind": "Subnet",
                "metadata": {"name": format!("{}-{}", subnet.ip(), subnet.prefix())},
                "spec": {"cidr": subnet, "nodeName": name},
            })
        };
        node.subnets.iter().map(one).collect::<Vec<_>>()
    };
    status.nodes.iter().flat_map(of).collect()
}
