//! Section 2.4.1, the second half: `<hostname>.<service>.<ns>.svc.<zone>`.

use serde_json::{Value, json};

use crate::asked::kind::{A, AAAA};
use crate::given::cluster::{Cluster, Server};

fn db(endpoints: Value) -> Server {
    Cluster::new().headless("default/db").listed("default/db-1", "db", endpoints).start()
}

#[test]
fn an_endpoint_is_called_by_its_hostname() {
    let server = db(json!([
        {"addresses": ["10.244.0.1"], "hostname": "first"},
        {"addresses": ["10.244.0.2"], "hostname": "second"},
    ]));
    server
        .ask("first.db.default.svc.cluster.local", A)
        .gives(&["first.db.default.svc.cluster.local 5 A 10.244.0.1"]);
    server
        .ask("FIRST.db.default.svc.cluster.local", A)
        .gives(&["first.db.default.svc.cluster.local 5 A 10.244.0.1"]);
    // It has that name in place of the other.
    server.ask("10-244-0-1.db.default.svc.cluster.local", A).does_not_exist();
    server.ask("third.db.default.svc.cluster.local", A).does_not_exist();
}

#[test]
fn an_endpoint_without_a_hostname_is_called_by_its_address() {
    db(json!([{"addresses": ["10.244.0.1"]}, {"addresses": ["10.244.0.2"]}]))
        .ask("10-244-0-1.db.default.svc.cluster.local", A)
        .gives(&["10-244-0-1.db.default.svc.cluster.local 5 A 10.244.0.1"]);
}

#[test]
fn colons_become_hyphens() {
    for (address, label) in [
        ("fd00:244::1", "fd00-244--1"),
        ("fd00:244:0:1::7:1", "fd00-244-0-1--7-1"),
        ("fd00:0244:0000::0001", "fd00-244--1"),
    ] {
        let plain = address.parse::<std::net::IpAddr>().unwrap();
        db(json!([{"addresses": [address]}]))
            .ask(&format!("{label}.db.default.svc.cluster.local"), AAAA)
            .gives(&[&format!("{label}.db.default.svc.cluster.local 5 AAAA {plain}")]);
    }
}

#[test]
fn a_label_does_not_end_in_a_hyphen() {
    let server = db(json!([{"addresses": ["fd00:244::"]}]));
    server
        .ask("fd00-244--0.db.default.svc.cluster.local", AAAA)
        .gives(&["fd00-244--0.db.default.svc.cluster.local 5 AAAA fd00:244::"]);
    server.ask("fd00-244--.db.default.svc.cluster.local", AAAA).does_not_exist();
}

#[test]
fn endpoints_with_one_hostname_answer_together() {
    let server = Cluster::new()
        .headless("default/db")
        .listed(
            "default/db-4",
            "db",
            json!([
                {"addresses": ["10.244.0.1"], "hostname": "both"},
                {"addresses": ["10.244.0.2"], "hostname": "both"},
                {"addresses": ["10.244.0.3"], "hostname": "both", "conditions": {"ready": false}},
            ]),
        )
        .listed("default/db-6", "db", json!([{"addresses": ["fd00:244::1"], "hostname": "both"}]))
        .start();
    server.ask("both.db.default.svc.cluster.local", A).gives(&[
        "both.db.default.svc.cluster.local 5 A 10.244.0.1",
        "both.db.default.svc.cluster.local 5 A 10.244.0.2",
    ]);
    server
        .ask("both.db.default.svc.cluster.local", AAAA)
        .gives(&["both.db.default.svc.cluster.local 5 AAAA fd00:244::1"]);
}

#[test]
fn an_address_may_have_several_hostnames() {
    let server = db(json!([
        {"addresses": ["10.244.0.1"], "hostname": "a"},
        {"addresses": ["10.244.0.1"], "hostname": "b"},
    ]));
    for name in ["a", "b"] {
        server
            .ask(&format!("{name}.db.default.svc.cluster.local"), A)
            .gives(&[&format!("{name}.db.default.svc.cluster.local 5 A 10.244.0.1")]);
    }
    server
        .ask("db.default.svc.cluster.local", A)
        .gives(&["db.default.svc.cluster.local 5 A 10.244.0.1"]);
}

#[test]
fn endpoints_have_names_under_a_service_with_a_cluster_ip_too() {
    let endpoints =
        json!([{"addresses": ["10.244.0.1"]}, {"addresses": ["10.244.0.2"], "hostname": "second"}]);
    let server = Cluster::new()
        .plain_service("default/web", "10.96.0.1")
        .listed("default/web-1", "web", endpoints)
        .start();
    server
        .ask("10-244-0-1.web.default.svc.cluster.local", A)
        .gives(&["10-244-0-1.web.default.svc.cluster.local 5 A 10.244.0.1"]);
    server
        .ask("second.web.default.svc.cluster.local", A)
        .gives(&["second.web.default.svc.cluster.local 5 A 10.244.0.2"]);
    server.ask("10-244-0-3.web.default.svc.cluster.local", A).does_not_exist();
}

fn with_pods(endpoint_pod_names: bool) -> Server {
    let spec = json!({"clusterIP": "None", "selector": {"app": "db"}});
    Cluster::new()
        .set(|settings| settings.endpoint_pod_names = endpoint_pod_names)
        .service("default/db", spec)
        .pod_with("default/db-0", &["10.244.0.1"], json!({"labels": {"app": "db"}}))
        .pod_with("default/db.1", &["10.244.0.2"], json!({"labels": {"app": "db"}}))
        .start()
}

#[test]
fn an_option_takes_the_name_of_the_pod() {
    let server = with_pods(true);
    server
        .ask("db-0.db.default.svc.cluster.local", A)
        .gives(&["db-0.db.default.svc.cluster.local 5 A 10.244.0.1"]);
    server.ask("10-244-0-1.db.default.svc.cluster.local", A).does_not_exist();
}

#[test]
fn without_the_option_the_pods_name_is_none() {
    let server = with_pods(false);
    server.ask("db-0.db.default.svc.cluster.local", A).does_not_exist();
    server
        .ask("10-244-0-1.db.default.svc.cluster.local", A)
        .gives(&["10-244-0-1.db.default.svc.cluster.local 5 A 10.244.0.1"]);
}

#[test]
fn a_pod_whose_name_is_no_label_is_called_by_its_address() {
    with_pods(true)
        .ask("10-244-0-2.db.default.svc.cluster.local", A)
        .gives(&["10-244-0-2.db.default.svc.cluster.local 5 A 10.244.0.2"]);
}

#[test]
fn the_hostname_goes_before_the_name_of_the_pod() {
    let endpoints = json!([{"addresses": ["10.244.0.1"], "hostname": "first"}]);
    Cluster::new()
        .set(|settings| settings.endpoint_pod_names = true)
        .headless("default/db")
        .listed("default/db-1", "db", endpoints)
        .start()
        .ask("first.db.default.svc.cluster.local", A)
        .gives(&["first.db.default.svc.cluster.local 5 A 10.244.0.1"]);
}

#[test]
fn a_pod_with_a_hostname_has_it_under_the_service_that_is_its_subdomain() {
    let named = |hostname: &str, subdomain: &str| json!({"labels": {"app": "db"}, "hostname": hostname, "subdomain": subdomain});
    let spec = json!({"clusterIP": "None", "selector": {"app": "db"}});
    let server = Cluster::new()
        .service("default/db", spec.clone())
        .service("default/other", spec)
        .pod_with("default/db-0", &["10.244.0.1", "fd00:244::1"], named("first", "db"))
        .pod_with("default/db-1", &["10.244.0.2"], named("second", "nobody"))
        .start();
    server
        .ask("first.db.default.svc.cluster.local", A)
        .gives(&["first.db.default.svc.cluster.local 5 A 10.244.0.1"]);
    server
        .ask("first.db.default.svc.cluster.local", AAAA)
        .gives(&["first.db.default.svc.cluster.local 5 AAAA fd00:244::1"]);
    server.ask("10-244-0-1.db.default.svc.cluster.local", A).does_not_exist();
    server
        .ask("10-244-0-1.other.default.svc.cluster.local", A)
        .gives(&["10-244-0-1.other.default.svc.cluster.local 5 A 10.244.0.1"]);
    for name in ["second.db", "second.nobody", "first.other", "first"] {
        server.ask(&format!("{name}.default.svc.cluster.local"), A).does_not_exist();
    }
}
