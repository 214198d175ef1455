//! Sections 2.3.2 and 2.4.2: where the ports of a service are.

use serde_json::json;

use crate::asked::Question;
use crate::asked::kind::{A, AAAA, SRV, TXT};
use crate::given::cluster::{Cluster, Server};

fn web() -> Server {
    let spec = json!({
        "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00:96::1"],
        "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack",
        "ports": [
            {"name": "http", "port": 80}, {"name": "quic", "port": 443, "protocol": "UDP"},
            {"name": "sigtran", "port": 2905, "protocol": "SCTP"},
        ],
    });
    Cluster::new().service("default/web", spec).start()
}

#[test]
fn a_port_is_at_the_service_with_its_addresses_beside() {
    for (labels, number) in [("_http._tcp", 80), ("_quic._udp", 443), ("_sigtran._sctp", 2905)] {
        let name = format!("{labels}.web.default.svc.cluster.local");
        web()
            .ask(&name, SRV)
            .gives(&[&format!("{name} 5 SRV 0 100 {number} web.default.svc.cluster.local")])
            .with_additional(&[
                "web.default.svc.cluster.local 5 A 10.96.0.1",
                "web.default.svc.cluster.local 5 AAAA fd00:96::1",
            ]);
    }
}

#[test]
fn a_port_or_protocol_that_is_not_there_does_not_exist() {
    let server = web();
    for labels in [
        "_https._tcp",
        "_http._udp",
        "_http._sctp",
        "_quic._tcp",
        "_http._icmp",
        "http._tcp",
        "_http.tcp",
        "http.tcp",
        "_80._tcp",
        "__http._tcp",
        "_._tcp",
        "_tcp._http",
    ] {
        for kind in [SRV, A] {
            server.ask(&format!("{labels}.web.default.svc.cluster.local"), kind).does_not_exist();
        }
    }
}

#[test]
fn a_port_has_no_addresses_of_its_own() {
    for kind in [A, AAAA, TXT] {
        web().ask("_http._tcp.web.default.svc.cluster.local", kind).has_no_data();
    }
}

#[test]
fn a_protocol_is_a_name_with_ports_below_it() {
    // RFC 8020: what has names below it exists.
    let server = web();
    for label in ["_tcp", "_udp", "_sctp"] {
        server.ask(&format!("{label}.web.default.svc.cluster.local"), SRV).has_no_data();
    }
    let server = Cluster::new().plain_service("default/web", "10.96.0.1").start();
    server.ask("_tcp.web.default.svc.cluster.local", SRV).does_not_exist();
}

#[test]
fn the_services_name_has_all_ports() {
    let name = "web.default.svc.cluster.local";
    web()
        .ask(name, SRV)
        .gives(&[
            &format!("{name} 5 SRV 0 33 80 {name}"),
            &format!("{name} 5 SRV 0 33 443 {name}"),
            &format!("{name} 5 SRV 0 33 2905 {name}"),
        ])
        .with_additional(&[&format!("{name} 5 A 10.96.0.1"), &format!("{name} 5 AAAA fd00:96::1")]);
}

#[test]
fn an_unnamed_port_has_no_name_of_its_own() {
    let server = Cluster::new().plain_service("default/web", "10.96.0.1").start();
    let name = "web.default.svc.cluster.local";
    server.ask(name, SRV).gives(&[&format!("{name} 5 SRV 0 100 80 {name}")]);
    for labels in ["_._tcp", "_80._tcp", "_tcp"] {
        server.ask(&format!("{labels}.{name}"), SRV).does_not_exist();
    }
}

#[test]
fn one_number_for_two_protocols_is_one_record_at_the_services_name() {
    let spec = json!({"clusterIP": "10.96.0.10", "ports": [
        {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53},
    ]});
    let server = Cluster::new().service("kube-system/kube-dns", spec).start();
    let name = "kube-dns.kube-system.svc.cluster.local";
    server.ask(name, SRV).gives(&[&format!("{name} 5 SRV 0 100 53 {name}")]);
    server
        .ask(&format!("_dns._udp.{name}"), SRV)
        .gives(&[&format!("_dns._udp.{name} 5 SRV 0 100 53 {name}")]);
    server
        .ask(&format!("_dns-tcp._tcp.{name}"), SRV)
        .gives(&[&format!("_dns-tcp._tcp.{name} 5 SRV 0 100 53 {name}")]);
}

#[test]
fn labels_are_compared_without_case() {
    let server = web();
    let reply = server.ask("_HTTP._Tcp.Web.DEFAULT.svc.Cluster.Local", SRV);
    reply.gives(&[
        "_http._tcp.web.default.svc.cluster.local 5 SRV 0 100 80 web.default.svc.cluster.local",
    ]);
}

fn db() -> Server {
    let ports = json!([{"name": "http", "port": 8080}, {"name": "admin", "port": 9090}]);
    let spec = json!({"clusterIP": "None", "ports": [
        {"name": "http", "port": 80}, {"name": "admin", "port": 90},
        {"name": "absent", "port": 70},
    ]});
    let endpoints = json!([
        {"addresses": ["10.244.0.1"], "hostname": "first"},
        {"addresses": ["10.244.0.2"]},
        {"addresses": ["10.244.0.3"], "hostname": "shared"},
        {"addresses": ["10.244.0.4"], "hostname": "shared"},
        {"addresses": ["10.244.0.5"], "conditions": {"ready": false}},
    ]);
    let six = json!([{"addresses": ["fd00:244::1"]}]);
    Cluster::new()
        .service("default/db", spec)
        .slice("default/db-4", "db", endpoints, ports)
        .listed("default/db-6", "db", six)
        .start()
}

#[test]
fn a_port_of_a_headless_service_is_at_each_endpoint_once() {
    let name = "_http._tcp.db.default.svc.cluster.local";
    let at = |label: &str| format!("{name} 5 SRV 0 25 8080 {label}.db.default.svc.cluster.local");
    let expected = ["first", "10-244-0-2", "shared", "fd00-244--1"].map(at);
    let reply = db().send(&Question::new(name, SRV).with_edns(1232));
    reply.gives(&expected.each_ref().map(String::as_str)).with_additional(&[
        "first.db.default.svc.cluster.local 5 A 10.244.0.1",
        "10-244-0-2.db.default.svc.cluster.local 5 A 10.244.0.2",
        "shared.db.default.svc.cluster.local 5 A 10.244.0.3",
        "shared.db.default.svc.cluster.local 5 A 10.244.0.4",
        "fd00-244--1.db.default.svc.cluster.local 5 AAAA fd00:244::1",
    ]);
}

#[test]
fn an_endpoint_without_the_port_is_no_target() {
    let name = "_admin._tcp.db.default.svc.cluster.local";
    let at = |label: &str| format!("{name} 5 SRV 0 33 9090 {label}.db.default.svc.cluster.local");
    let expected = ["first", "10-244-0-2", "shared"].map(at);
    let reply = db().ask(name, SRV);
    reply.gives(&expected.each_ref().map(String::as_str));
}

#[test]
fn a_port_that_no_endpoint_has_does_not_exist() {
    db().ask("_absent._tcp.db.default.svc.cluster.local", SRV).does_not_exist();
}

#[test]
fn the_name_of_a_headless_service_has_all_ports_of_all_endpoints() {
    let name = "db.default.svc.cluster.local";
    let at = |(number, label)| format!("{name} 5 SRV 0 14 {number} {label}.{name}");
    let expected = [
        (8080, "first"),
        (8080, "10-244-0-2"),
        (8080, "shared"),
        (8080, "fd00-244--1"),
        (9090, "first"),
        (9090, "10-244-0-2"),
        (9090, "shared"),
    ];
    let reply = db().send(&Question::new(name, SRV).with_edns(1232));
    reply.gives(&expected.map(at).each_ref().map(String::as_str));
}

#[test]
fn a_named_target_port_may_differ_from_pod_to_pod() {
    let pod =
        |port: u16| json!({"labels": {"app": "db"}, "ports": [{"name": "web", "port": port}]});
    let spec = json!({"clusterIP": "None", "selector": {"app": "db"},
        "ports": [{"name": "http", "port": 80, "targetPort": "web"}]});
    let server = Cluster::new()
        .service("default/db", spec)
        .pod_with("default/a", &["10.244.0.1"], pod(8080))
        .pod_with("default/b", &["10.244.0.2"], pod(8081))
        .pod_with("default/c", &["10.244.0.3"], json!({"labels": {"app": "db"}}))
        .start();
    let name = "_http._tcp.db.default.svc.cluster.local";
    server.ask(name, SRV).gives(&[
        &format!("{name} 5 SRV 0 50 8080 10-244-0-1.db.default.svc.cluster.local"),
        &format!("{name} 5 SRV 0 50 8081 10-244-0-2.db.default.svc.cluster.local"),
    ]);
}

#[test]
fn a_headless_service_without_ports_has_none() {
    let server = Cluster::new()
        .service("default/db", json!({"clusterIP": "None"}))
        .slice("default/db-1", "db", json!([{"addresses": ["10.244.0.1"]}]), json!([]))
        .start();
    server.ask("db.default.svc.cluster.local", SRV).has_no_data();
    server
        .ask("db.default.svc.cluster.local", A)
        .gives(&["db.default.svc.cluster.local 5 A 10.244.0.1"]);
    server
        .ask("10-244-0-1.db.default.svc.cluster.local", A)
        .gives(&["10-244-0-1.db.default.svc.cluster.local 5 A 10.244.0.1"]);
}

#[test]
fn a_weight_is_at_least_one() {
    let hosts: Vec<_> =
        (0..150u8).map(|host| json!({"addresses": [format!("10.244.0.{host}")]})).collect();
    let server =
        Cluster::new().headless("default/db").listed("default/db-1", "db", hosts.into()).start();
    let question = Question::new("_http._tcp.db.default.svc.cluster.local", SRV);
    let reply = server.send(&question.over(pontoon_dns::exchange::Transport::Tcp));
    let answers = reply.answers();
    assert_eq!(answers.len(), 150);
    assert!(answers.iter().all(|answer| answer.contains(" SRV 0 1 8080 ")), "{answers:?}");
    assert_eq!(reply.additional().len(), 150);
}

#[test]
fn additional_addresses_are_left_out_where_they_do_not_fit() {
    let hosts: Vec<_> =
        (10..16u8).map(|host| json!({"addresses": [format!("10.244.0.{host}")]})).collect();
    let server =
        Cluster::new().headless("default/db").listed("default/db-1", "db", hosts.into()).start();
    // RFC 2181, section 9: only what is asked for must be there, so the answer is not cut.
    let question = Question::new("_http._tcp.db.default.svc.cluster.local", SRV);
    let small = server.send(&question);
    let large = server.send(&question.with_edns(1232));
    assert_eq!((small.answers().len(), small.is_cut()), (6, false));
    assert_eq!(small.answers(), large.answers());
    assert_eq!(large.additional().len(), 6);
    assert!(small.additional().iter().all(|record| large.additional().contains(record)));
}
