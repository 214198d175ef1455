//! The columns of endpoint slices.

use serde_json::Value;

use super::{Columns, list, text, texts};

pub(super) const COLUMNS: Columns = Columns {
    heads: &["ADDRESSTYPE", "PORTS", "ENDPOINTS"],
    cells: |slice| {
        let ports = list(slice, "/ports").iter().map(port).collect();
        let addresses =
            list(slice, "/endpoints").iter().flat_map(|endpoint| texts(endpoint, "/addresses"));
        let addresses = addresses.map(str::to_owned).collect();
        vec![text(slice, "/addressType").into(), some(ports).into(), some(addresses).into()]
    },
    age: true,
    wide: None,
};

fn port(port: &Value) -> String {
    match port.get("port").and_then(Value::as_u64) {
        Some(number) => number.to_string(),
        None if text(port, "/name").is_empty() => "*".to_owned(),
        None => text(port, "/name").to_owned(),
    }
}

/// The first three, and how many more there are.
pub(super) fn some(items: Vec<String>) -> String {
    const SHOWN: usize = 3;
    match items.len() {
        0 => "<unset>".to_owned(),
        count if count > SHOWN => {
            format!("{} + {} more...", items[..SHOWN].join(","), count - SHOWN)
        }
        _ => items.join(","),
    }
}
