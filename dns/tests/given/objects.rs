//! Objects as people write them, read by the same code as in the daemon.

use std::fmt::Debug;
use std::str::FromStr;

use pontoon_model::endpoint::{EndpointSlice, SliceId};
use pontoon_model::manifest::{stored_service, stored_slice};
use pontoon_model::name::{Namespace, NodeName, PodId};
use pontoon_model::pod::PodRecord;
use pontoon_model::service::{Service, ServiceId};
use serde_json::{Value, json};

pub(crate) fn parse<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn split(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap()
}

pub(crate) fn service_id(id: &str) -> ServiceId {
    let (namespace, name) = split(id);
    ServiceId { namespace: parse(namespace), name: parse(name) }
}

pub(crate) fn slice_id(id: &str) -> SliceId {
    let (namespace, name) = split(id);
    SliceId { namespace: parse(namespace), name: parse(name) }
}

pub(crate) fn pod_id(id: &str) -> PodId {
    let (namespace, name) = split(id);
    PodId { namespace: parse(namespace), name: parse(name) }
}

/// `default/web` of this `spec`.
pub(crate) fn service(id: &str, spec: Value) -> Service {
    let (namespace, name) = split(id);
    let document = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"namespace": namespace, "name": name}, "spec": spec,
    });
    stored_service(document.to_string().as_bytes()).unwrap()
}

/// `default/web-1` of a service, with these endpoints and ports.
pub(crate) fn slice(id: &str, of: &str, endpoints: Value, ports: Value) -> EndpointSlice {
    let (namespace, name) = split(id);
    let first = endpoints[0]["addresses"][0].as_str().unwrap_or_default();
    let family = if first.contains(':') { "IPv6" } else { "IPv4" };
    let document = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "namespace": namespace, "name": name,
            "labels": {"kubernetes.io/service-name": of},
        },
        "addressType": family, "endpoints": endpoints, "ports": ports,
    });
    stored_slice(document.to_string().as_bytes()).unwrap()
}

/// A pod of the node `a` with these addresses and whatever else its record says.
pub(crate) fn pod(id: &str, addresses: &[&str], more: Value) -> PodRecord {
    let (namespace, name) = split(id);
    let mut record = json!({
        "namespace": namespace, "name": name, "node": "a", "containerId": "c",
        "addresses": addresses, "ready": true,
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        record[key] = value.clone();
    }
    serde_json::from_value(record).unwrap()
}

/// A change of the objects that a store holds.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    PutNamespace(Namespace),
    RemoveNamespace(Namespace),
    PutService(Service),
    RemoveService(ServiceId),
    PutSlice(EndpointSlice),
    RemoveSlice(SliceId),
    PutPod(PodRecord),
    RemovePod(NodeName, PodId),
    Gone(Vec<NodeName>),
}
