//! Nodes and subnets as documents, from what the daemon says of the cluster.

use pontoon_model::api::{NodeStatus, Status};
use pontoon_model::object::Documents;
use serde_json::{Value, json};

/// A document for each node, by name.
pub(super) fn nodes(status: &Status) -> Documents {
    status.nodes.iter().map(|node| of_node(status, node)).collect()
}

fn of_node(status: &Status, node: &NodeStatus) -> Value {
    let own = node.name == status.node;
    let way = match node.backend {
        _ if own => "this node".to_owned(),
        Some(kind) => kind.to_string(),
        None => "unreached".to_owned(),
    };
    let ready = if node.alive { "True" } else { "Unknown" };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name},
        "spec": {"podCIDRs": node.subnets},
        "status": {
            "addresses": [{"type": "InternalIP", "address": node.underlay}],
            "conditions": [{"type": "Ready", "status": ready}],
            "reachedBy": way,
        },
    })
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
