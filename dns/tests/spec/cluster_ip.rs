//! Section 2.3: services with a cluster IP.

use serde_json::json;

use crate::asked::kind::{A, AAAA, CNAME, HTTPS, MX, SOA, TXT};
use crate::given::cluster::{Cluster, Server};

fn web() -> Server {
    Cluster::new().plain_service("default/web", "10.96.0.1").start()
}

#[test]
fn a_service_has_an_a_record() {
    web()
        .ask("web.default.svc.cluster.local", A)
        .gives(&["web.default.svc.cluster.local 5 A 10.96.0.1"])
        .with_additional(&[]);
}

#[test]
fn a_service_without_endpoints_has_its_address() {
    // The same: there is no slice. And with endpoints none of which is ready:
    let endpoints = json!([{"addresses": ["10.244.0.1"], "conditions": {"ready": false}}]);
    let cluster = Cluster::new().plain_service("default/web", "10.96.0.1");
    let server = cluster.listed("default/web-1", "web", endpoints).start();
    server
        .ask("web.default.svc.cluster.local", A)
        .gives(&["web.default.svc.cluster.local 5 A 10.96.0.1"]);
}

#[test]
fn a_service_of_ipv6_has_an_aaaa_record() {
    let server = Cluster::new().plain_service("default/web", "fd00:96::1").start();
    server
        .ask("web.default.svc.cluster.local", AAAA)
        .gives(&["web.default.svc.cluster.local 5 AAAA fd00:96::1"]);
    server.ask("web.default.svc.cluster.local", A).has_no_data();
}

#[test]
fn a_service_of_both_families_has_both_records() {
    let spec = json!({
        "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00:96::1"],
        "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack",
        "ports": [{"port": 80}],
    });
    let server = Cluster::new().service("default/web", spec).start();
    server
        .ask("web.default.svc.cluster.local", A)
        .gives(&["web.default.svc.cluster.local 5 A 10.96.0.1"]);
    server
        .ask("web.default.svc.cluster.local", AAAA)
        .gives(&["web.default.svc.cluster.local 5 AAAA fd00:96::1"]);
}

#[test]
fn node_ports_and_load_balancers_have_their_cluster_ip() {
    for kind in ["NodePort", "LoadBalancer"] {
        let spec = json!({
            "type": kind, "clusterIP": "10.96.0.1", "ports": [{"port": 80, "nodePort": 30080}],
        });
        let server = Cluster::new().service("default/web", spec).start();
        server
            .ask("web.default.svc.cluster.local", A)
            .gives(&["web.default.svc.cluster.local 5 A 10.96.0.1"]);
    }
}

#[test]
fn the_other_family_has_no_data() {
    web().ask("web.default.svc.cluster.local", AAAA).has_no_data();
}

#[test]
fn other_types_have_no_data() {
    for kind in [TXT, MX, CNAME, HTTPS, SOA, 999] {
        web().ask("web.default.svc.cluster.local", kind).has_no_data();
    }
}

#[test]
fn a_missing_service_does_not_exist() {
    for kind in [A, AAAA, TXT, 999] {
        web().ask("db.default.svc.cluster.local", kind).does_not_exist();
    }
}

#[test]
fn a_service_of_a_missing_namespace_does_not_exist() {
    web().ask("web.nowhere.svc.cluster.local", A).does_not_exist();
}

#[test]
fn a_service_is_found_in_its_namespace_only() {
    let cluster = Cluster::new().plain_service("default/web", "10.96.0.1");
    let server = cluster.plain_service("kube-system/web", "10.96.0.2").start();
    server
        .ask("web.kube-system.svc.cluster.local", A)
        .gives(&["web.kube-system.svc.cluster.local 5 A 10.96.0.2"]);
    web().ask("web.kube-system.svc.cluster.local", A).does_not_exist();
}

#[test]
fn there_are_no_wildcards() {
    let server = web();
    for name in [
        "*.default.svc.cluster.local",
        "any.default.svc.cluster.local",
        "web.*.svc.cluster.local",
        "web.any.svc.cluster.local",
        "*.web.default.svc.cluster.local",
        "*.svc.cluster.local",
        "*.cluster.local",
        "*.*.web.default.svc.cluster.local",
    ] {
        server.ask(name, A).does_not_exist();
    }
}

#[test]
fn nothing_is_below_a_service_but_what_the_specification_puts_there() {
    let server = web();
    for name in ["x.web.default", "a.b.web.default", "a.b.c.web.default", "_tcp.web.default"] {
        server.ask(&format!("{name}.svc.cluster.local"), A).does_not_exist();
    }
}

#[test]
fn a_service_that_is_gone_does_not_exist() {
    use crate::given::objects::{Step, service_id};
    let mut server = web();
    server.apply(Step::RemoveService(service_id("default/web")));
    server.ask("web.default.svc.cluster.local", A).does_not_exist();
}
