//! The columns of endpoints.

use serde_json::Value;

use super::endpoint_slices::some;
use super::{Columns, list, text};

pub(super) const COLUMNS: Columns = Columns {
    heads: &["ENDPOINTS"],
    cells: |endpoints| vec![ready(endpoints).into()],
    age: false,
    wide: Some(("NOT-READY", |endpoints| listed(endpoints, "/notReadyAddresses"))),
};

fn ready(endpoints: &Value) -> String {
    listed(endpoints, "/addresses")
}

fn listed(endpoints: &Value, which: &str) -> String {
    let mut all = Vec::new();
    for subset in list(endpoints, "/subsets") {
        let ports = list(subset, "/ports").iter().filter_map(|port| port["port"].as_u64());
        let ports: Vec<u64> = ports.collect();
        for address in list(subset, which) {
            let ip = text(address, "/ip");
            if ports.is_empty() {
                all.push(ip.to_owned());
            }
            all.extend(ports.iter().map(|port| match ip.contains(':') {
                true => format!("[{ip}]:{port}"),
                false => format!("{ip}:{port}"),
            }));
        }
    }
    if all.is_empty() { "<none>".to_owned() } else { some(all) }
}
