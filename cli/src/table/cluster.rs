//! The columns of nodes, subnets and endpoints: what the cluster says of itself.

use serde_json::Value;

use super::{Columns, labels, list, or_none, text, texts};

/// Endpoints that a table shows of a service; there may be a thousand.
const SHOWN: usize = 3;

pub(super) const NODES: Columns = Columns {
    heads: &["STATUS", "ADDRESS", "SUBNETS", "VERSION"],
    cells: |node| {
        let address = text(node, "/status/addresses/0/address").to_owned();
        let subnets = or_none(texts(node, "/spec/podCIDRs").join(","));
        let version = text(node, "/status/nodeInfo/pontoonVersion").to_owned();
        vec![status(node), or_none(address), subnets, or_none(version)]
    },
    age: false,
    wide: Some(("LABELS", |node| labels(node, "/metadata/labels"))),
};

pub(super) const SUBNETS: Columns = Columns {
    heads: &["CIDR", "NODE"],
    cells: |subnet| ["/spec/cidr", "/spec/nodeName"].map(|at| text(subnet, at).to_owned()).into(),
    age: false,
    wide: None,
};

pub(super) const ENDPOINTS: Columns = Columns {
    heads: &["ENDPOINTS"],
    cells: |endpoints| vec![addresses(endpoints)],
    age: false,
    wide: None,
};

/// As kubectl says it: `Ready`, `NotReady`, and that no new pods are wanted.
fn status(node: &Value) -> String {
    let ready = list(node, "/status/conditions")
        .iter()
        .any(|at| text(at, "/type") == "Ready" && text(at, "/status") == "True");
    let cordoned = node.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true);
    let ready = if ready { "Ready" } else { "NotReady" };
    if cordoned { format!("{ready},SchedulingDisabled") } else { ready.to_owned() }
}

fn addresses(endpoints: &Value) -> String {
    let mut all = Vec::new();
    for subset in list(endpoints, "/subsets") {
        let ports = list(subset, "/ports").iter().filter_map(|port| port["port"].as_u64());
        let ports: Vec<u64> = ports.collect();
        for ip in list(subset, "/addresses").iter().map(|address| text(address, "/ip")) {
            let shown = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
            match ports.as_slice() {
                [] => all.push(ip.to_owned()),
                ports => all.extend(ports.iter().map(|port| format!("{shown}:{port}"))),
            }
        }
    }
    match all.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{} + {more} more", all[..SHOWN].join(",")),
        _ => or_none(all.join(",")),
    }
}
