//! Who stands behind a service, and why others do not: for people, in words. What the data path does
//! is decided by the daemon.

mod names;
mod pods;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub(crate) use names::near_misses;

use crate::table::{list, text};

/// What may stand behind services.
#[derive(Debug, Clone, Default)]
pub(crate) struct Around {
    pub(crate) pods: Vec<Value>,
    pub(crate) slices: Vec<Value>,
    pub(crate) nodes: Vec<Value>,
}

/// An address behind a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) address: String,
    /// The pod, where it is one.
    pub(crate) pod: Option<String>,
    /// The slice that names it, where one does.
    pub(crate) slice: Option<String>,
    pub(crate) node: String,
    /// Name, number and protocol of each port.
    pub(crate) ports: Vec<(String, u64, String)>,
    /// Why it gets no connections; `None` when it does.
    pub(crate) held_back: Option<String>,
}

/// The endpoints of a service: its pods' and its slices'.
pub(crate) fn of(service: &Value, around: &Around) -> Vec<Endpoint> {
    let anyway = service.pointer("/spec/publishNotReadyAddresses") == Some(&Value::Bool(true));
    let mut endpoints = pods::of(service, around);
    endpoints.extend(of_slices(service, around));
    for endpoint in &mut endpoints {
        endpoint.held_back = endpoint.held_back.take().filter(|_| !anyway);
    }
    endpoints
}

/// The slices that belong to a service.
pub(crate) fn slices_of<'a>(
    service: &'a Value,
    around: &'a Around,
) -> impl Iterator<Item = &'a Value> {
    around.slices.iter().filter(|slice| {
        let owner = slice["metadata"]["labels"]["kubernetes.io/service-name"].as_str();
        owner == Some(text(service, "/metadata/name"))
            && text(slice, "/metadata/namespace") == text(service, "/metadata/namespace")
    })
}

fn of_slices(service: &Value, around: &Around) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for slice in slices_of(service, around) {
        let port = |port: &Value| {
            let protocol = text(port, "/protocol");
            let protocol = if protocol.is_empty() { "TCP" } else { protocol };
            Some((text(port, "/name").to_owned(), port["port"].as_u64()?, protocol.to_owned()))
        };
        let ports: Vec<_> = list(slice, "/ports").iter().filter_map(port).collect();
        for endpoint in list(slice, "/endpoints") {
            let is = |condition: &str| endpoint["conditions"][condition].as_bool();
            let held_back = match (is("ready"), is("terminating")) {
                (_, Some(true)) => Some("its slice says that it is terminating".to_owned()),
                (Some(false), _) => Some("its slice says that it is not ready".to_owned()),
                _ => None,
            };
            endpoints.push(Endpoint {
                address: endpoint["addresses"][0].as_str().unwrap_or_default().to_owned(),
                pod: None,
                slice: Some(text(slice, "/metadata/name").to_owned()),
                node: text(endpoint, "/nodeName").to_owned(),
                ports: ports.clone(),
                held_back,
            });
        }
    }
    endpoints
}
