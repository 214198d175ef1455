//! Sections 2.3.3 and 2.4.3: the names of addresses.

use serde_json::json;

use crate::asked::kind::{A, NS, PTR, SOA, TXT};
use crate::given::cluster::{Cluster, Server};
use crate::given::objects::{Step, service_id};
use crate::given::world::{DENIAL, reverse};

fn server() -> Server {
    let endpoints = json!([
        {"addresses": ["10.244.0.1"], "hostname": "first"}, {"addresses": ["10.244.0.2"]},
        {"addresses": ["10.244.0.3"], "conditions": {"ready": false}},
        {"addresses": ["192.0.2.9"], "hostname": "far"},
    ]);
    Cluster::new()
        .plain_service("default/web", "10.96.0.1")
        .plain_service("default/web6", "fd00:96::1")
        .headless("default/db")
        .listed("default/db-4", "db", endpoints)
        .listed("default/db-6", "db", json!([{"addresses": ["fd00:244::1"]}]))
        .outside(&[
            "53.2.0.192.in-addr.arpa 300 PTR www.example.com",
            "9.2.0.192.in-addr.arpa 300 PTR wrong.example.com",
        ])
        .start()
}

#[test]
fn a_cluster_ip_is_named_after_its_service() {
    for (address, service) in [("10.96.0.1", "web"), ("fd00:96::1", "web6")] {
        let name = reverse(address);
        server()
            .ask(&name, PTR)
            .gives(&[&format!("{name} 5 PTR {service}.default.svc.cluster.local")]);
    }
}

#[test]
fn an_endpoint_is_named_by_its_hostname_or_else_its_address() {
    for (address, label) in
        [("10.244.0.1", "first"), ("10.244.0.2", "10-244-0-2"), ("fd00:244::1", "fd00-244--1")]
    {
        let name = reverse(address);
        server()
            .ask(&name, PTR)
            .gives(&[&format!("{name} 5 PTR {label}.db.default.svc.cluster.local")]);
    }
}

#[test]
fn an_endpoint_outside_our_ranges_has_its_name_too() {
    let name = reverse("192.0.2.9");
    server().ask(&name, PTR).gives(&[&format!("{name} 5 PTR far.db.default.svc.cluster.local")]);
}

#[test]
fn an_endpoint_that_is_not_ready_has_none() {
    server().ask(&reverse("10.244.0.3"), PTR).does_not_exist_in("244.10.in-addr.arpa");
}

#[test]
fn an_address_of_two_services_has_two_names() {
    let endpoints = json!([{"addresses": ["10.244.0.1"], "hostname": "x"}]);
    let mut server = Cluster::new()
        .headless("default/a")
        .headless("default/b")
        .listed("default/a-1", "a", endpoints.clone())
        .listed("default/b-1", "b", endpoints)
        .start();
    let name = reverse("10.244.0.1");
    server.ask(&name, PTR).gives(&[
        &format!("{name} 5 PTR x.a.default.svc.cluster.local"),
        &format!("{name} 5 PTR x.b.default.svc.cluster.local"),
    ]);
    server.apply(Step::RemoveService(service_id("default/a")));
    server.ask(&name, PTR).gives(&[&format!("{name} 5 PTR x.b.default.svc.cluster.local")]);
}

#[test]
fn the_clusters_dns_is_named_beside_the_service_that_has_its_address() {
    let name = reverse("10.96.0.10");
    let server = Cluster::new().plain_service("kube-system/kube-dns", "10.96.0.10").start();
    server.ask(&name, PTR).gives(&[
        &format!("{name} 5 PTR kube-dns.kube-system.svc.cluster.local"),
        &format!("{name} 5 PTR ns.dns.cluster.local"),
    ]);
}

/// The zone of so many labels before `in-addr.arpa` or `ip6.arpa` that holds an address.
fn zone(address: &str, labels: usize) -> String {
    let name = reverse(address);
    let all: Vec<&str> = name.split('.').collect();
    all[all.len() - labels - 2..].join(".")
}

#[test]
fn an_unknown_address_inside_our_ranges_does_not_exist() {
    // Zones are cut at octets and nibbles: 12 bits are two octets, 56 are 14 nibbles.
    for (address, labels) in [
        ("10.244.7.7", 2),
        ("10.96.3.3", 2),
        ("10.111.3.3", 2),
        ("fd00:96::dead", 28),
        ("fd00:244:0:7::1", 14),
    ] {
        for kind in [PTR, A, SOA] {
            server().ask(&reverse(address), kind).does_not_exist_in(&zone(address, labels));
        }
    }
    assert_eq!(zone("10.111.3.3", 2), "111.10.in-addr.arpa");
}

#[test]
fn other_types_of_an_address_with_a_name_have_no_data() {
    for kind in [A, TXT, SOA, NS] {
        server().ask(&reverse("10.96.0.1"), kind).has_no_data_in("96.10.in-addr.arpa");
    }
}

#[test]
fn an_address_outside_our_ranges_is_asked_for_outside() {
    let server = server();
    let known = reverse("192.0.2.53");
    let reply = server.ask(&known, PTR);
    assert_eq!(reply.answers(), [format!("{known} 300 PTR www.example.com")]);
    assert!(!reply.message.metadata.authoritative);
    for address in ["10.112.0.1", "10.95.255.255", "10.243.0.1", "fd00:96::1:0:1", "fd00:245::1"] {
        let name = reverse(address);
        let reply = server.ask(&name, PTR);
        assert_eq!(reply.authority(), [DENIAL]);
        assert_eq!(server.responder.outside().take_asked().last(), Some(&name));
    }
}

#[test]
fn a_reverse_zone_has_a_start_and_a_name_server() {
    let server = server();
    for zone in ["244.10.in-addr.arpa", "100.10.in-addr.arpa", &zone("fd00:244::", 14)] {
        let reply = server.ask(zone, SOA);
        let answers = reply.answers();
        assert_eq!(answers.len(), 1);
        let start = format!("{zone} 5 SOA ns.dns.cluster.local hostmaster.cluster.local ");
        assert!(answers[0].starts_with(&start), "{answers:?}");
        server.ask(zone, NS).gives(&[&format!("{zone} 5 NS ns.dns.cluster.local")]);
        server.ask(zone, A).has_no_data_in(zone);
        server.ask(zone, PTR).has_no_data_in(zone);
    }
}

#[test]
fn names_between_a_zone_and_its_addresses_exist() {
    // RFC 8020.
    let server = server();
    server.ask("0.244.10.in-addr.arpa", PTR).has_no_data_in("244.10.in-addr.arpa");
    server.ask("7.244.10.in-addr.arpa", PTR).does_not_exist_in("244.10.in-addr.arpa");
    let (short, long) = (zone("fd00:244::1", 31), zone("fd00:244::1", 14));
    server.ask(&short, PTR).has_no_data_in(&long);
}

#[test]
fn names_that_say_no_address_do_not_exist() {
    let server = server();
    for name in ["x.0.244.10", "256.0.244.10", "01.0.244.10", "1.1.0.244.10", "-1.0.244.10"] {
        server.ask(&format!("{name}.in-addr.arpa"), PTR).does_not_exist_in("244.10.in-addr.arpa");
    }
    let long = format!("0.{}", reverse("fd00:244::1"));
    server.ask(&long, PTR).does_not_exist_in(&zone("fd00:244::1", 14));
    let wrong = reverse("fd00:244::1").replacen('1', "g", 1);
    server.ask(&wrong, PTR).does_not_exist_in(&zone("fd00:244::1", 14));
}

#[test]
fn above_our_zones_others_answer() {
    let server = server();
    for name in ["10.in-addr.arpa", "in-addr.arpa", "ip6.arpa", "arpa", "d.f.ip6.arpa"] {
        server.ask(name, SOA);
        assert_eq!(server.responder.outside().take_asked(), [name]);
    }
}

#[test]
fn a_reverse_name_may_be_in_capitals() {
    let name = reverse("fd00:244::1").to_uppercase();
    let answers = server().ask(&name, PTR).answers();
    assert_eq!(
        answers,
        [format!("{} 5 PTR fd00-244--1.db.default.svc.cluster.local", reverse("fd00:244::1"))]
    );
}
