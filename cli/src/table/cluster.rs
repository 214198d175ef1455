//! The columns of nodes and subnets.

use serde_json::Value;

use super::{Columns, list, or_none, text, texts};
use crate::grid::Cell;
use crate::say::Tone;

pub(super) const NODES: Columns = Columns {
    heads: &["STATUS", "ADDRESS", "SUBNETS", "VERSION"],
    cells: |node| {
        let address = list(node, "/status/addresses").first().map_or("", |a| text(a, "/address"));
        vec![
            status(node),
            or_none(address.to_owned()).into(),
            or_none(texts(node, "/spec/podCIDRs").join(",")).into(),
            or_none(text(node, "/status/nodeInfo/pontoonVersion").to_owned()).into(),
        ]
    },
    age: false,
    wide: Some(("ZONE", zone)),
};

pub(super) const SUBNETS: Columns = Columns {
    heads: &["CIDR", "NODE"],
    cells: |subnet| {
        vec![
            text(subnet, "/spec/cidr").into(),
            or_none(text(subnet, "/spec/nodeName").to_owned()).into(),
        ]
    },
    age: false,
    wide: None,
};

/// Whether its daemon has been heard of, and whether it takes new pods.
fn status(node: &Value) -> Cell {
    let ready = list(node, "/status/conditions").iter().find(|c| text(c, "/type") == "Ready");
    let (word, tone) = match ready.map_or("", |condition| text(condition, "/status")) {
        "True" => ("Ready", Tone::Good),
        _ => ("NotReady", Tone::Bad),
    };
    if node.pointer("/spec/unschedulable") == Some(&Value::Bool(true)) {
        let tone = if tone == Tone::Good { Tone::Warn } else { tone };
        return Cell::toned(format!("{word},SchedulingDisabled"), tone);
    }
    Cell::toned(word, tone)
}

fn zone(node: &Value) -> String {
    or_none(text(node, "/metadata/labels/topology.kubernetes.io~1zone").to_owned())
}
