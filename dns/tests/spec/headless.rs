//! Section 2.4.1: headless services, and the names of endpoints.

use serde_json::{Value, json};

use crate::asked::kind::{A, AAAA, SRV, TXT};
use crate::given::cluster::{Cluster, Server};
use crate::given::objects::{Step, slice_id};

fn db(endpoints: Value) -> Server {
    Cluster::new().headless("default/db").listed("default/db-1", "db", endpoints).start()
}

#[test]
fn a_service_has_a_record_for_each_endpoint() {
    let endpoints = json!([{"addresses": ["10.244.0.1"]}, {"addresses": ["10.244.1.1"]}]);
    db(endpoints).ask("db.default.svc.cluster.local", A).gives(&[
        "db.default.svc.cluster.local 5 A 10.244.0.1",
        "db.default.svc.cluster.local 5 A 10.244.1.1",
    ]);
}

#[test]
fn endpoints_outside_our_ranges_count() {
    let endpoints = json!([{"addresses": ["192.0.2.9"]}]);
    let server = db(endpoints);
    server
        .ask("db.default.svc.cluster.local", A)
        .gives(&["db.default.svc.cluster.local 5 A 192.0.2.9"]);
    server
        .ask("192-0-2-9.db.default.svc.cluster.local", A)
        .gives(&["192-0-2-9.db.default.svc.cluster.local 5 A 192.0.2.9"]);
}

#[test]
fn only_ready_endpoints_count() {
    let server = db(json!([
        {"addresses": ["10.244.0.1"], "conditions": {"ready": false}},
        {"addresses": ["10.244.0.2"], "conditions": {"ready": true}},
        {"addresses": ["10.244.0.3"], "conditions": {"ready": false, "serving": true, "terminating": true}},
    ]));
    server
        .ask("db.default.svc.cluster.local", A)
        .gives(&["db.default.svc.cluster.local 5 A 10.244.0.2"]);
    server.ask("10-244-0-1.db.default.svc.cluster.local", A).does_not_exist();
    server.ask("10-244-0-3.db.default.svc.cluster.local", A).does_not_exist();
}

#[test]
fn unset_counts_as_ready() {
    let server = db(json!([
        {"addresses": ["10.244.0.1"]},
        {"addresses": ["10.244.0.2"], "conditions": {}},
        {"addresses": ["10.244.0.3"], "conditions": {"ready": null}},
    ]));
    assert_eq!(server.ask("db.default.svc.cluster.local", A).answers().len(), 3);
}

#[test]
fn without_ready_endpoints_it_does_not_exist() {
    let server = db(json!([{"addresses": ["10.244.0.1"], "conditions": {"ready": false}}]));
    for kind in [A, AAAA, SRV, TXT] {
        server.ask("db.default.svc.cluster.local", kind).does_not_exist();
    }
    server.ask("_http._tcp.db.default.svc.cluster.local", SRV).does_not_exist();
    server.ask("_tcp.db.default.svc.cluster.local", SRV).does_not_exist();
    let server = Cluster::new().headless("default/db").start();
    server.ask("db.default.svc.cluster.local", A).does_not_exist();
    // Its namespace does.
    server.ask("default.svc.cluster.local", A).has_no_data();
}

#[test]
fn addresses_that_are_not_ready_may_be_published() {
    let spec = json!({
        "clusterIP": "None", "publishNotReadyAddresses": true,
        "ports": [{"name": "http", "port": 80}],
    });
    let endpoints = json!([{"addresses": ["10.244.0.1"], "conditions": {"ready": false}}]);
    let cluster = Cluster::new().service("default/db", spec);
    let server = cluster.listed("default/db-1", "db", endpoints).start();
    server
        .ask("db.default.svc.cluster.local", A)
        .gives(&["db.default.svc.cluster.local 5 A 10.244.0.1"]);
    server
        .ask("10-244-0-1.db.default.svc.cluster.local", A)
        .gives(&["10-244-0-1.db.default.svc.cluster.local 5 A 10.244.0.1"]);
    server
        .ask("_http._tcp.db.default.svc.cluster.local", SRV)
        .gives(&["_http._tcp.db.default.svc.cluster.local 5 SRV 0 100 8080 10-244-0-1.db.default.svc.cluster.local"]);
}

#[test]
fn all_slices_of_a_service_count_and_each_address_once() {
    let server = Cluster::new()
        .headless("default/db")
        .listed(
            "default/db-1",
            "db",
            json!([{"addresses": ["10.244.0.1"]}, {"addresses": ["10.244.0.2"]}]),
        )
        .listed(
            "default/db-2",
            "db",
            json!([{"addresses": ["10.244.0.2"]}, {"addresses": ["10.244.0.3"]}]),
        )
        .listed("default/other", "another", json!([{"addresses": ["10.244.0.4"]}]))
        .listed("kube-system/db-1", "db", json!([{"addresses": ["10.244.0.5"]}]))
        .start();
    server.ask("db.default.svc.cluster.local", A).gives(&[
        "db.default.svc.cluster.local 5 A 10.244.0.1",
        "db.default.svc.cluster.local 5 A 10.244.0.2",
        "db.default.svc.cluster.local 5 A 10.244.0.3",
    ]);
}

#[test]
fn an_endpoint_of_two_slices_stays_with_the_second() {
    let endpoints = json!([{"addresses": ["10.244.0.1"]}]);
    let mut server = Cluster::new()
        .headless("default/db")
        .listed("default/db-1", "db", endpoints.clone())
        .listed("default/db-2", "db", endpoints)
        .start();
    server.apply(Step::RemoveSlice(slice_id("default/db-1")));
    server
        .ask("db.default.svc.cluster.local", A)
        .gives(&["db.default.svc.cluster.local 5 A 10.244.0.1"]);
    server.apply(Step::RemoveSlice(slice_id("default/db-2")));
    server.ask("db.default.svc.cluster.local", A).does_not_exist();
}

#[test]
fn both_families_are_given() {
    let server = Cluster::new()
        .headless("default/db")
        .listed("default/db-4", "db", json!([{"addresses": ["10.244.0.1"]}]))
        .listed("default/db-6", "db", json!([{"addresses": ["fd00:244::1"]}]))
        .start();
    server
        .ask("db.default.svc.cluster.local", A)
        .gives(&["db.default.svc.cluster.local 5 A 10.244.0.1"]);
    server
        .ask("db.default.svc.cluster.local", AAAA)
        .gives(&["db.default.svc.cluster.local 5 AAAA fd00:244::1"]);
}

#[test]
fn with_endpoints_of_one_family_the_other_has_no_data() {
    let server = db(json!([{"addresses": ["10.244.0.1"]}]));
    server.ask("db.default.svc.cluster.local", AAAA).has_no_data();
    server.ask("10-244-0-1.db.default.svc.cluster.local", AAAA).has_no_data();
    server.ask("10-244-0-1.db.default.svc.cluster.local", SRV).has_no_data();
}

#[test]
fn pods_that_a_selector_finds_are_endpoints() {
    let spec = json!({"clusterIP": "None", "selector": {"app": "db"}});
    let server = Cluster::new()
        .service("default/db", spec)
        .pod_with("default/db-0", &["10.244.0.1", "fd00:244::1"], json!({"labels": {"app": "db"}}))
        .pod_with("default/db-1", &["10.244.0.2"], json!({"labels": {"app": "db"}, "ready": false}))
        .pod_with("kube-system/db-2", &["10.244.0.3"], json!({"labels": {"app": "db"}}))
        .pod_with("default/web", &["10.244.0.4"], json!({"labels": {"app": "web"}}))
        .start();
    server
        .ask("db.default.svc.cluster.local", A)
        .gives(&["db.default.svc.cluster.local 5 A 10.244.0.1"]);
    server
        .ask("db.default.svc.cluster.local", AAAA)
        .gives(&["db.default.svc.cluster.local 5 AAAA fd00:244::1"]);
}

#[test]
fn endpoints_of_a_node_that_is_gone_are_not_ready() {
    let spec = json!({"clusterIP": "None", "selector": {"app": "db"}});
    let labels = |node: &str| json!({"labels": {"app": "db"}, "node": node});
    let mut server = Cluster::new()
        .service("default/db", spec)
        .pod_with("default/db-0", &["10.244.0.1"], labels("a"))
        .pod_with("default/db-1", &["10.244.1.1"], labels("b"))
        .start();
    server.apply(Step::Gone(vec!["b".parse().unwrap()]));
    server
        .ask("db.default.svc.cluster.local", A)
        .gives(&["db.default.svc.cluster.local 5 A 10.244.0.1"]);
    server.ask("10-244-1-1.db.default.svc.cluster.local", A).does_not_exist();
    server.apply(Step::Gone(Vec::new()));
    assert_eq!(server.ask("db.default.svc.cluster.local", A).answers().len(), 2);
}

#[test]
fn addresses_come_in_any_order() {
    let endpoints: Vec<Value> =
        (1..9).map(|host| json!({"addresses": [format!("10.244.0.{host}")]})).collect();
    let server = db(endpoints.into());
    let orders: std::collections::BTreeSet<_> =
        (0..64).map(|_| server.ask("db.default.svc.cluster.local", A).in_order()).collect();
    let firsts: std::collections::BTreeSet<_> = orders.iter().map(|order| &order[0]).collect();
    assert!(orders.len() > 32, "{} orders of 64", orders.len());
    assert_eq!(firsts.len(), 8, "any may be the first: {firsts:?}");
}
