//! Section 2.2 and the names that hold the others up.

use pontoon_dns::zone::Zone;
use serde_json::json;

use crate::asked::kind::{A, AAAA, ANY, DS, MX, NS, SOA, SRV, TXT};
use crate::asked::{Question, Reply};
use crate::given::cluster::{Cluster, Server};
use crate::given::objects::{Step, parse, service, service_id};

fn server() -> Server {
    Cluster::new().plain_service("default/web", "10.96.0.1").start()
}

#[test]
fn the_version_of_the_specification_is_text() {
    let server = server();
    let name = "dns-version.cluster.local";
    server.ask(name, TXT).gives(&[&format!("{name} 5 TXT 1.1.0")]);
    server.ask(name, A).has_no_data();
    server.ask(&format!("x.{name}"), TXT).does_not_exist();
}

#[test]
fn names_above_services_and_pods_exist() {
    let server = server();
    for name in ["cluster.local", "svc.cluster.local", "pod.cluster.local", "dns.cluster.local"] {
        for kind in [A, AAAA, TXT, SRV, MX, DS] {
            server.ask(name, kind).has_no_data();
        }
    }
    for kind in [SOA, NS] {
        server.ask("svc.cluster.local", kind).has_no_data();
    }
}

#[test]
fn a_namespace_exists_with_its_object_or_with_what_is_in_it() {
    let mut server = server();
    let namespace = |server: &Server, name: &str| -> [Reply; 2] {
        ["svc", "pod"].map(|tree| server.ask(&format!("{name}.{tree}.cluster.local"), A))
    };
    for name in ["default", "kube-system"] {
        namespace(&server, name).into_iter().for_each(Reply::has_no_data);
    }
    namespace(&server, "lab").into_iter().for_each(Reply::does_not_exist);
    let web = service("lab/web", json!({"clusterIP": "10.96.0.2", "ports": [{"port": 80}]}));
    server.apply(Step::PutService(web));
    namespace(&server, "lab").into_iter().for_each(Reply::has_no_data);
    server.apply(Step::PutNamespace(parse("lab")));
    server.apply(Step::RemoveService(service_id("lab/web")));
    namespace(&server, "lab").into_iter().for_each(Reply::has_no_data);
    server.apply(Step::RemoveNamespace(parse("lab")));
    namespace(&server, "lab").into_iter().for_each(Reply::does_not_exist);
}

#[test]
fn nothing_else_is_in_the_zone() {
    let server = server();
    for name in
        ["x", "web", "default", "web.default", "x.x.x", "ns", "x.dns", "svc.svc", "web.default.pod"]
    {
        server.ask(&format!("{name}.cluster.local"), A).does_not_exist();
    }
}

#[test]
fn a_zone_says_who_is_responsible() {
    let reply = server().ask("cluster.local", SOA);
    let answers = reply.answers();
    assert_eq!(answers.len(), 1);
    let words: Vec<&str> = answers[0].split(' ').collect();
    assert_eq!(
        words[..5],
        ["cluster.local", "5", "SOA", "ns.dns.cluster.local", "hostmaster.cluster.local"]
    );
    assert_eq!(words[6..], ["7200", "1800", "86400", "5"]);
    reply.gives(&[&answers[0]]);
}

#[test]
fn a_zone_names_its_server_with_its_addresses() {
    server()
        .ask("cluster.local", NS)
        .gives(&["cluster.local 5 NS ns.dns.cluster.local"])
        .with_additional(&[
            "ns.dns.cluster.local 5 A 10.96.0.10",
            "ns.dns.cluster.local 5 AAAA fd00:96::a",
        ]);
}

#[test]
fn the_server_has_the_addresses_of_the_clusters_dns() {
    let server = server();
    let name = "ns.dns.cluster.local";
    server.ask(name, A).gives(&[&format!("{name} 5 A 10.96.0.10")]);
    server.ask(name, AAAA).gives(&[&format!("{name} 5 AAAA fd00:96::a")]);
    server.ask(name, TXT).has_no_data();
    let one = Cluster::new().set(|settings| settings.dns_addresses.truncate(1)).start();
    one.ask(name, AAAA).has_no_data();
}

fn serial(server: &Server) -> u32 {
    let answers = server.ask("cluster.local", SOA).answers();
    answers[0].split(' ').nth(5).unwrap().parse().unwrap()
}

#[test]
fn the_serial_rises_with_changes_and_only_then() {
    let mut server = server();
    let mut last = serial(&server);
    assert_eq!(serial(&server), last);
    let spec = json!({"clusterIP": "10.96.0.2", "ports": [{"port": 80}]});
    let steps = [
        Step::PutService(service("default/db", spec)),
        Step::RemoveService(service_id("default/db")),
        Step::PutNamespace(parse("lab")),
        Step::RemoveNamespace(parse("lab")),
    ];
    for step in steps {
        server.apply(step.clone());
        let now = serial(&server);
        assert!(now > last, "{step:?}: {last} to {now}");
        last = now;
    }
    server.responder.apply(Vec::new(), 1_000_000);
    assert_eq!(serial(&server), last, "nothing changed");
}

#[test]
fn the_serial_goes_on_where_it_was_whatever_the_store_says() {
    let spec = json!({"clusterIP": "10.96.0.2", "ports": [{"port": 80}]});
    let change = || Step::PutService(service("default/db", spec.clone()));
    // As last served, the store's revision by now, the next number: of the same store, of one that is
    // away, of one that was wiped.
    for (served, revision, expected) in [(5321, 5400, 5400), (5321, 0, 5322), (5321, 7, 5322)] {
        let mut server = server();
        server.responder.follow_earlier(served, revision);
        assert_eq!(serial(&server), expected);
        server.apply(change());
        assert_eq!(serial(&server), expected + 1);
    }
    // Of a zone that takes the place of another, as when the domain changes.
    let mut server = server();
    server.responder.follow_earlier(5321, 0);
    let shape = server.responder.zone().shape().clone();
    server.responder.replace(Zone::new(shape));
    server.responder.set_synced();
    assert_eq!(serial(&server), 5323);
    server.apply(change());
    assert_eq!(serial(&server), 5324);
}

#[test]
fn the_serial_is_the_same_in_all_zones_and_denials() {
    let server = server();
    let of = |name: &str| {
        let reply = server.ask(name, SOA);
        let all = [reply.answers(), reply.authority()].concat();
        all[0].split(' ').nth(5).unwrap().parse::<u32>().unwrap()
    };
    let own = serial(&server);
    for name in ["244.10.in-addr.arpa", "x.cluster.local", "web.default.svc.cluster.local"] {
        assert_eq!(of(name), own, "{name}");
    }
}

#[test]
fn every_record_has_the_ttl_that_is_set() {
    for ttl in [0, 30, 3600] {
        let endpoints = json!([{"addresses": ["10.244.0.1"]}]);
        let server = Cluster::new()
            .set(|settings| settings.ttl = ttl)
            .plain_service("default/web", "10.96.0.1")
            .headless("default/db")
            .listed("default/db-1", "db", endpoints)
            .external("default/ext", "www.example.com")
            .pod("default/p", &["10.244.0.9"])
            .start();
        for (name, kind) in [
            ("web.default.svc.cluster.local", A),
            ("db.default.svc.cluster.local", A),
            ("_http._tcp.db.default.svc.cluster.local", SRV),
            ("10-244-0-1.db.default.svc.cluster.local", A),
            ("ext.default.svc.cluster.local", A),
            ("10-244-0-9.default.pod.cluster.local", A),
            ("cluster.local", SOA),
            ("cluster.local", NS),
            ("dns-version.cluster.local", TXT),
            ("ns.dns.cluster.local", A),
            ("1.0.96.10.in-addr.arpa", 12),
            ("nothing.cluster.local", A),
        ] {
            let reply = server.ask(name, kind);
            let records = reply.message.all_sections();
            let ttls: Vec<u32> = records.map(|record| record.ttl).collect();
            assert!(!ttls.is_empty() && ttls.iter().all(|own| *own == ttl), "{name}: {ttls:?}");
        }
    }
}

#[test]
fn everything_of_a_name_is_little() {
    // RFC 8482: one record that says why there are no others.
    let server = server();
    for name in ["web.default.svc.cluster.local", "cluster.local"] {
        let reply = server.send(&Question::new(name, ANY));
        assert_eq!(reply.answers().len(), 1, "{name}");
        assert!(reply.answers()[0].contains(" HINFO "), "{:?}", reply.answers());
    }
    server.ask("nothing.cluster.local", ANY).does_not_exist();
    server.ask("svc.cluster.local", ANY).has_no_data();
}

#[test]
fn the_domain_is_the_clusters_own() {
    let cluster = Cluster::new().set(|settings| settings.domain = "Pods.Example.ORG".to_owned());
    let server = cluster.plain_service("default/web", "10.96.0.1").start();
    let name = "web.default.svc.pods.example.org";
    server.ask(name, A).gives(&[&format!("{name} 5 A 10.96.0.1")]);
    server.ask("x.pods.example.org", A).does_not_exist_in("pods.example.org");
    server.ask("web.default.svc.cluster.local", A);
    assert_eq!(server.responder.outside().take_asked(), ["web.default.svc.cluster.local"]);
}
