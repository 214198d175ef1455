//! `UPDATE_GOLDEN=1` writes anew what is compared here.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::*;

fn pod(name: &str, node: &str, ip: &str, ready: &str, labels: Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "default", "labels": labels,
            "annotations": {"pontoon.net/readiness": "http:8080/healthz"}},
        "spec": {"nodeName": node},
        "status": {"podIPs": [{"ip": ip}], "conditions": [{"type": "Ready", "status": ready}]}})
}

fn node(name: &str, subnet: &str, ready: &str, by: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"podCIDRs": [subnet]},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}], "nodeInfo": {"pontoonVersion": by},
            "conditions": [{"type": "Ready", "status": ready}]}})
}

fn service(name: &str, spec: Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "default", "creationTimestamp": "2024-12-31T23:00:00Z",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "shop"}},
        "spec": spec})
}

fn slice() -> Value {
    json!({"metadata": {"name": "db-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "db"}},
        "addressType": "IPv4", "ports": [{"name": "pg", "port": 5432}],
        "endpoints": [{"addresses": ["192.0.2.50"]},
            {"addresses": ["192.0.2.51"], "hostname": "second", "conditions": {"ready": false}},
            {"addresses": ["192.0.2.52"], "conditions": {"ready": false, "serving": true, "terminating": true}}]})
}

fn services() -> Vec<Value> {
    let port = json!([{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080}]);
    let full = json!({"type": "LoadBalancer", "selector": {"app": "web"}, "clusterIPs": ["10.96.0.10", "fd00:96::a"],
        "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "ports": port, "externalTrafficPolicy": "Local",
        "healthCheckNodePort": 31000, "sessionAffinity": "ClientIP", "externalIPs": ["198.51.100.7"],
        "loadBalancerSourceRanges": ["198.51.100.0/24"]});
    vec![
        service("web", full),
        service(
            "typo",
            json!({"clusterIPs": ["10.96.0.11"], "selector": {"app": "wep"}, "ports": [{"port": 80}]}),
        ),
        service("db", json!({"clusterIP": "None", "ports": [{"name": "pg", "port": 5432}]})),
        service(
            "empty",
            json!({"clusterIPs": ["10.96.0.12"], "ports": [{"port": 53, "protocol": "UDP"}]}),
        ),
        service("mail", json!({"type": "ExternalName", "externalName": "mail.example.com"})),
    ]
}

fn known() -> Known {
    let web = json!({"app": "web"});
    let status = json!({"node": "a", "version": "0.1.0", "ready": false, "problems": ["the store is away"],
        "store": {"kind": "etcd", "connected": true, "revision": 7}, "cluster": null, "mtu": 1450, "nodes": [],
        "pods": [{"pod": {"namespace": "default", "name": "web-0"}, "id": {"containerId": "c1", "ifname": "eth0"},
            "hostInterface": "ptn01", "addresses": ["10.244.1.2"]}]});
    Known {
        around: Around {
            pods: vec![
                pod("web-0", "a", "10.244.1.2", "True", web.clone()),
                pod("web-1", "a", "10.244.1.3", "False", web.clone()),
                pod("web-2", "b", "10.244.2.2", "True", web),
            ],
            slices: vec![slice()],
            nodes: vec![
                node("a", "10.244.1.0/24", "True", "0.1.0"),
                node("b", "10.244.2.0/24", "Unknown", "0.0.9"),
            ],
        },
        services: services(),
        status: serde_json::from_value(status).unwrap(),
        now: UNIX_EPOCH + Duration::from_secs(1_735_689_600),
    }
}

fn assert_golden(name: &str, kind: impl Into<Kind>, objects: &[Value]) {
    let (kind, known) = (kind.into(), known());
    let sheets: Vec<String> =
        objects.iter().map(|object| describe(kind, object, &known).to_string()).collect();
    let shown = format!("{}\n", sheets.join("\n\n"));
    let path = format!("{}/tests/golden/describe/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(format!("{}/tests/golden/describe", env!("CARGO_MANIFEST_DIR")))
            .unwrap();
        std::fs::write(&path, &shown).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == shown, "{path} differs; UPDATE_GOLDEN=1 accepts:\n{shown}");
}

#[test]
fn each_kind_is_told_with_its_reasons() {
    let known = known();
    assert_golden("services", Kind::Service, &known.services);
    assert_golden("pods", Kind::Pod, &known.around.pods);
    assert_golden("slices", Kind::EndpointSlice, &[slice()]);
    assert_golden("nodes", Kind::Node, &known.around.nodes);
    let subnet = json!({"metadata": {"name": "10.244.1.0-24"}, "spec": {"cidr": "10.244.1.0/24", "nodeName": "b"}});
    assert_golden("subnets", Kind::Subnet, &[subnet]);
    assert_golden("namespaces", Kind::Namespace, &[json!({"metadata": {"name": "default"}})]);
    let endpoints = json!({"metadata": {"name": "web", "namespace": "default"}});
    assert_golden("endpoints", Kind::Endpoints, &[endpoints]);
}

#[test]
fn no_object_panics() {
    let known = known();
    for kind in Kind::ALL {
        for object in [
            json!(null),
            json!([]),
            json!({"spec": 1, "metadata": [], "ports": {}, "endpoints": [1]}),
        ] {
            assert!(describe(kind, &object, &known).to_string().contains("Name:"));
        }
    }
}
