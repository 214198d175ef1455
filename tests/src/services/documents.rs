//! Kubernetes documents, short.

use std::net::IpAddr;

use serde_json::{Value, json};

/// A service of both families; `spec` says the rest.
#[must_use]
pub fn service(name: &str, spec: Value) -> Value {
    let mut document = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"ipFamilyPolicy": "RequireDualStack"},
    });
    merge(&mut document["spec"], spec);
    document
}

/// A service with a selector `app=APP` and one port over TCP and UDP.
#[must_use]
pub fn selecting(name: &str, app: &str, port: u16, target: u16) -> Value {
    service(name, json!({"selector": {"app": app}, "ports": tcp_and_udp(port, target)}))
}

/// One port number over TCP and UDP.
#[must_use]
pub fn tcp_and_udp(port: u16, target: impl Into<Value>) -> Value {
    let target = target.into();
    json!([
        {"name": format!("t{port}"), "port": port, "protocol": "TCP", "targetPort": target},
        {"name": format!("u{port}"), "port": port, "protocol": "UDP", "targetPort": target},
    ])
}

/// The document with more in its `spec`.
#[must_use]
pub fn with_spec(mut document: Value, more: Value) -> Value {
    merge(&mut document["spec"], more);
    document
}

/// The document with an annotation.
#[must_use]
pub fn annotated(mut document: Value, key: &str, value: &str) -> Value {
    merge(&mut document["metadata"], json!({"annotations": {}}));
    document["metadata"]["annotations"][key] = value.into();
    document
}

/// The service with addresses of a load balancer that sends to it.
#[must_use]
pub fn behind(mut document: Value, addresses: &[IpAddr], mode: &str) -> Value {
    let ingress: Vec<_> =
        addresses.iter().map(|ip| json!({"ip": ip.to_string(), "ipMode": mode})).collect();
    document["status"] = json!({"loadBalancer": {"ingress": ingress}});
    document
}

/// An endpoint of a slice.
#[must_use]
pub fn endpoint(address: IpAddr, ready: bool, serving: bool, terminating: bool) -> Value {
    json!({
        "addresses": [address.to_string()],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
    })
}

/// A slice of a service with one port over TCP and UDP, named as [`tcp_and_udp`] has it.
#[must_use]
pub fn slice(name: &str, of: &str, port: u16, target: u16, endpoints: &[Value]) -> Value {
    let v4 = endpoints.iter().any(|e| e["addresses"][0].as_str().is_some_and(|a| a.contains('.')));
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": of},
        },
        "addressType": if v4 { "IPv4" } else { "IPv6" },
        "ports": [
            {"name": format!("t{port}"), "port": target, "protocol": "TCP"},
            {"name": format!("u{port}"), "port": target, "protocol": "UDP"},
        ],
        "endpoints": endpoints,
    })
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
