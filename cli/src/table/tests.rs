//! `UPDATE_GOLDEN=1` writes anew what is compared here.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::*;

const PLAIN: Layout =
    Layout { wide: false, namespaces: false, labels: false, headers: true, kinds: false };

fn assert_golden(name: &str, shown: &str) {
    let path = format!("{}/tests/golden/tables/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{shown}\n")).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == format!("{shown}\n"), "{path} differs; UPDATE_GOLDEN=1 accepts:\n{shown}");
}

/// In every layout.
fn layouts(kind: Kind, objects: &[Value]) -> String {
    let now = UNIX_EPOCH + Duration::from_secs(1_735_689_600);
    [
        PLAIN,
        Layout { wide: true, namespaces: true, ..PLAIN },
        Layout { labels: true, headers: false, kinds: true, ..PLAIN },
    ]
    .map(|layout| render(kind, objects, layout, now))
    .join("\n\n")
}

fn metadata(name: &str, created: &str) -> Value {
    json!({"namespace": "prod", "name": name, "creationTimestamp": created, "labels": {"app": name, "tier": ""}})
}

#[test]
fn services() {
    let of = |name: &str, created: &str, spec: Value, status: Value| json!({"kind": "Service", "metadata": metadata(name, created), "spec": spec, "status": status});
    let services = [
        of(
            "api",
            "2024-12-31T23:58:01Z",
            json!({"type": "ClusterIP", "clusterIP": "10.96.0.10",
            "clusterIPs": ["10.96.0.10", "fd00:96::a"], "externalIPs": ["192.0.2.7"], "selector": {"app": "api", "track": "stable"},
            "ports": [{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}),
            json!({}),
        ),
        of(
            "db",
            "2024-12-28T19:00:00Z",
            json!({"clusterIP": "None", "ports": [{"port": 5432}]}),
            json!({}),
        ),
        of(
            "edge",
            "2019-06-01T00:00:00Z",
            json!({"type": "LoadBalancer", "clusterIP": "10.96.0.11",
            "ports": [{"port": 443, "nodePort": 30443, "protocol": "TCP"}]}),
            json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.5"}, {"hostname": "lb.example.com"}]}}),
        ),
        of(
            "edge-new",
            "2024-12-31T23:59:59Z",
            json!({"type": "LoadBalancer", "clusterIP": "10.96.0.12"}),
            json!(null),
        ),
        of(
            "mail",
            "",
            json!({"type": "ExternalName", "externalName": "mail.example.com"}),
            json!({}),
        ),
        of(
            "node",
            "2024-12-31T20:00:00Z",
            json!({"type": "NodePort", "clusterIP": "10.96.0.13",
            "ports": [{"port": 80, "nodePort": 30080, "protocol": "SCTP"}]}),
            json!({}),
        ),
    ];
    assert_golden("services", &layouts(Kind::Service, &services));
}

#[test]
fn endpoint_slices() {
    let of = |name: &str, ports: Value, endpoints: Value| json!({"metadata": metadata(name, "2024-12-31T23:00:00Z"), "addressType": "IPv4", "ports": ports, "endpoints": endpoints});
    let slices = [
        of("empty", json!(null), json!([])),
        of(
            "many",
            json!([{"port": 80}, {"name": "http"}, {}, {"port": 81}, {"port": 82}]),
            json!([{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2", "10.0.0.3"]}, {"addresses": ["10.0.0.4"]}]),
        ),
    ];
    assert_golden("endpointslices", &layouts(Kind::EndpointSlice, &slices));
}

#[test]
fn namespaces() {
    let namespaces = [
        json!({"metadata": {"name": "default"}}),
        json!({"metadata": {"name": "old", "creationTimestamp": "2024-12-01T00:00:00Z"}, "status": {"phase": "Terminating"}}),
    ];
    assert_golden("namespaces", &layouts(Kind::Namespace, &namespaces));
}

#[test]
fn pods() {
    let of = |name: &str, ready: Value, ips: Value| {
        json!({"metadata": metadata(name, ""), "spec": {"nodeName": "host-1"},
            "status": {"phase": "Running", "conditions": ready, "podIP": "10.244.1.9", "podIPs": ips}})
    };
    let pods = [
        of(
            "web-0",
            json!([{"type": "Ready", "status": "True"}]),
            json!([{"ip": "10.244.1.2"}, {"ip": "fd00::2"}]),
        ),
        of("web-1", json!([{"type": "Ready", "status": "False"}]), json!([])),
        json!({"metadata": {"name": "web-2"}}),
    ];
    assert_golden("pods", &layouts(Kind::Pod, &pods));
}

#[test]
fn no_object_panics() {
    for kind in Kind::ALL {
        for object in [
            json!(null),
            json!([]),
            json!({"spec": 1, "metadata": [], "ports": {}, "endpoints": [1]}),
        ] {
            assert!(layouts(kind, &[object]).contains("NAME"));
        }
    }
}

#[test]
fn nodes_and_subnets() {
    let node = |name: &str, ready: &str, by: &str, spec: Value| {
        json!({"metadata": {"name": name}, "spec": spec, "status": {"nodeInfo": {"pontoonVersion": by},
            "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}],
            "conditions": [{"type": "Ready", "status": ready}]}})
    };
    let nodes = [
        node("a", "True", "0.1.0", json!({"podCIDRs": ["10.244.1.0/24", "fd00:1::/64"]})),
        node(
            "b",
            "Unknown",
            "vxlan",
            json!({"podCIDRs": ["10.244.2.0/24"], "unschedulable": true}),
        ),
        node("c", "True", "", json!({})),
    ];
    assert_golden("nodes", &layouts(Kind::Node, &nodes));
    let subnets = [
        json!({"metadata": {"name": "10.244.1.0-24"}, "spec": {"cidr": "10.244.1.0/24", "nodeName": "a"}}),
    ];
    assert_golden("subnets", &layouts(Kind::Subnet, &subnets));
}

#[test]
fn endpoints() {
    let of = |name: &str, subsets: Value| json!({"metadata": metadata(name, "2024-12-31T23:00:00Z"), "subsets": subsets});
    let all = [
        of("none", json!([])),
        of(
            "some",
            json!([
            {"addresses": [{"ip": "10.244.1.2"}, {"ip": "fd00::2"}], "ports": [{"port": 80}, {"port": 81}]},
            {"notReadyAddresses": [{"ip": "10.244.1.3"}], "ports": [{"port": 80}]},
            {"addresses": [{"ip": "10.244.1.4"}]}]),
        ),
    ];
    assert_golden("endpoints", &layouts(Kind::Endpoints, &all));
}
