//! The columns of pods: what concerns the network.

use serde_json::Value;

use super::{Columns, labels, list, or_none, text};
use crate::grid::Cell;
use crate::say::Tone;

pub(super) const COLUMNS: Columns = Columns {
    heads: &["READY", "STATUS", "IP", "NODE"],
    cells: |pod| {
        let phase = text(pod, "/status/phase");
        let phase = if phase.is_empty() { "Unknown" } else { phase };
        let node = or_none(text(pod, "/spec/nodeName").to_owned());
        vec![ready(pod), phase.into(), addresses(pod).into(), node.into()]
    },
    age: false,
    wide: Some(("LABELS", |pod| labels(pod, "/metadata/labels"))),
};

/// Whether it takes new connections.
fn ready(pod: &Value) -> Cell {
    let condition = list(pod, "/status/conditions").iter().find(|c| text(c, "/type") == "Ready");
    match condition.map_or("Unknown", |condition| text(condition, "/status")) {
        "True" => Cell::toned("True", Tone::Good),
        other => Cell::toned(other, Tone::Warn),
    }
}

fn addresses(pod: &Value) -> String {
    let all: Vec<&str> =
        list(pod, "/status/podIPs").iter().map(|address| text(address, "/ip")).collect();
    or_none(if all.is_empty() { text(pod, "/status/podIP").to_owned() } else { all.join(",") })
}
