//! The walk along a pod's search path, answered at its first step, as CoreDNS's autopath does: a
//! resolver with `ndots:5` asks for `name.<ns>.svc.<zone>` first, then for `name.svc.<zone>`,
//! `name.<zone>`, `name` with each of the host's domains, `name` itself.

use serde_json::json;

use crate::asked::kind::{A, AAAA, CNAME, MX, SRV, TXT};
use crate::asked::{Question, Reply};
use crate::given::cluster::{Cluster, Server};
use crate::given::objects::{Step, pod_id};
use crate::given::world::BROKEN;

const POD: &str = "10.244.0.9";

fn cluster() -> Cluster {
    Cluster::new()
        .pod("default/client", &[POD, "fd00:244::9"])
        .pod("kube-system/other", &["10.244.0.10"])
        .plain_service("default/web", "10.96.0.1")
        .plain_service("kube-system/dns", "10.96.0.2")
        .headless("kube-system/set")
        .listed("kube-system/set-1", "set", json!([{"addresses": ["10.244.0.1"], "hostname": "h"}]))
        .searching(&["corp.example", "example"])
        .outside(&[
            "www.example.com 300 A 192.0.2.53",
            "www.example.com 300 MX 10 m.example.com",
            "printer.corp.example 60 A 192.0.2.6",
            "mail.example 60 AAAA 2001:db8::25",
            "alias.example.com 300 CNAME www.example.com",
        ])
}

#[track_caller]
fn ask_as(server: &Server, client: &str, name: &str, kind: u16) -> Reply {
    server.send(&Question::new(name, kind).from(client))
}

/// What a pod of `default` gets for the first step of a walk.
#[track_caller]
fn walk(server: &Server, typed: &str, kind: u16) -> Vec<String> {
    let reply = ask_as(server, POD, &format!("{typed}.default.svc.cluster.local"), kind);
    assert_eq!(reply.code(), hickory_proto::op::ResponseCode::NoError);
    assert!(reply.message.metadata.recursion_available);
    reply.in_order()
}

#[test]
fn a_name_of_the_pods_own_namespace_is_answered_as_ever() {
    let server = cluster().start();
    assert_eq!(walk(&server, "web", A), ["web.default.svc.cluster.local 5 A 10.96.0.1"]);
    ask_as(&server, POD, "web.default.svc.cluster.local", AAAA).has_no_data();
}

#[test]
fn a_name_with_its_namespace_is_found_at_the_second_step() {
    let server = cluster().start();
    assert_eq!(
        walk(&server, "dns.kube-system", A),
        [
            "dns.kube-system.default.svc.cluster.local 5 CNAME dns.kube-system.svc.cluster.local",
            "dns.kube-system.svc.cluster.local 5 A 10.96.0.2",
        ]
    );
    assert_eq!(
        walk(&server, "h.set.kube-system", A)[1],
        "h.set.kube-system.svc.cluster.local 5 A 10.244.0.1"
    );
    assert!(server.responder.outside().take_asked().is_empty());
}

#[test]
fn a_name_with_its_tree_is_found_at_the_third_step() {
    let server = cluster().start();
    assert_eq!(
        walk(&server, "dns.kube-system.svc", A),
        [
            "dns.kube-system.svc.default.svc.cluster.local 5 CNAME dns.kube-system.svc.cluster.local",
            "dns.kube-system.svc.cluster.local 5 A 10.96.0.2",
        ]
    );
    assert_eq!(
        walk(&server, "10-244-0-10.kube-system.pod", A)[1],
        "10-244-0-10.kube-system.pod.cluster.local 5 A 10.244.0.10"
    );
    assert_eq!(walk(&server, "ns.dns", A)[1], "ns.dns.cluster.local 5 A 10.96.0.10");
    assert!(server.responder.outside().take_asked().is_empty());
}

#[test]
fn the_hosts_own_domains_come_next() {
    let server = cluster().start();
    assert_eq!(
        walk(&server, "printer", A),
        [
            "printer.default.svc.cluster.local 5 CNAME printer.corp.example",
            "printer.corp.example 60 A 192.0.2.6",
        ]
    );
    assert_eq!(
        walk(&server, "mail", AAAA),
        [
            "mail.default.svc.cluster.local 5 CNAME mail.example",
            "mail.example 60 AAAA 2001:db8::25",
        ]
    );
    let outside = server.responder.outside();
    assert_eq!(outside.take_asked(), ["printer.corp.example", "mail.corp.example", "mail.example"]);
}

#[test]
fn the_name_itself_comes_last() {
    let server = cluster().start();
    assert_eq!(
        walk(&server, "www.example.com", A),
        [
            "www.example.com.default.svc.cluster.local 5 CNAME www.example.com",
            "www.example.com 300 A 192.0.2.53",
        ]
    );
    assert_eq!(
        server.responder.outside().take_asked(),
        ["www.example.com.corp.example", "www.example.com.example", "www.example.com"]
    );
}

#[test]
fn names_outside_that_stand_for_others_are_followed() {
    assert_eq!(
        walk(&cluster().start(), "alias.example.com", A),
        [
            "alias.example.com.default.svc.cluster.local 5 CNAME alias.example.com",
            "alias.example.com 300 CNAME www.example.com",
            "www.example.com 300 A 192.0.2.53",
        ]
    );
}

#[test]
fn names_of_ours_that_stand_for_others_are_followed() {
    let server = cluster()
        .external("kube-system/ext", "www.example.com")
        .external("kube-system/in", "dns.kube-system.svc.cluster.local")
        .start();
    assert_eq!(
        walk(&server, "ext.kube-system", A),
        [
            "ext.kube-system.default.svc.cluster.local 5 CNAME ext.kube-system.svc.cluster.local",
            "ext.kube-system.svc.cluster.local 5 CNAME www.example.com",
            "www.example.com 300 A 192.0.2.53",
        ]
    );
    assert_eq!(walk(&server, "in.kube-system", A).len(), 3);
}

#[test]
fn all_types_are_walked() {
    let server = cluster().start();
    assert_eq!(walk(&server, "www.example.com", MX)[1], "www.example.com 300 MX 10 m.example.com");
    assert_eq!(
        walk(&server, "_http._tcp.set.kube-system", SRV)[1],
        "_http._tcp.set.kube-system.svc.cluster.local 5 SRV 0 100 8080 h.set.kube-system.svc.cluster.local"
    );
    assert_eq!(walk(&server, "dns-version", TXT)[1], "dns-version.cluster.local 5 TXT 1.1.0");
    assert_eq!(
        walk(&server, "alias.example.com", CNAME)[1],
        "alias.example.com 300 CNAME www.example.com"
    );
}

#[test]
fn the_first_name_that_exists_ends_the_walk() {
    // `dns.kube-system` has no AAAA: the walk ends there and not outside.
    let server = cluster().outside(&["dns.kube-system 300 AAAA 2001:db8::66"]).start();
    assert_eq!(walk(&server, "dns.kube-system", AAAA), [""; 0]);
    assert_eq!(walk(&server, "printer", AAAA), [""; 0]);
    assert_eq!(server.responder.outside().take_asked(), ["printer.corp.example"]);
}

#[test]
fn a_name_that_is_nowhere_does_not_exist() {
    let server = cluster().start();
    for typed in ["nowhere", "nowhere.example.com", "nowhere.kube-system"] {
        let name = format!("{typed}.default.svc.cluster.local");
        ask_as(&server, POD, &name, A).does_not_exist();
        assert_eq!(server.responder.outside().take_asked().len(), 3);
    }
}

#[test]
fn a_name_of_which_nobody_can_say_anything_is_not_found() {
    let server = cluster().start();
    let name = format!("www.{BROKEN}.default.svc.cluster.local");
    let reply = ask_as(&server, POD, &name, A);
    assert!(reply.answers().is_empty());
}

#[test]
fn a_whole_name_of_the_cluster_needs_nobody_outside() {
    // Written without its final dot, as most people do.
    let server =
        cluster().outside(&["web.default.svc.cluster.local.example 9 A 192.0.2.9"]).start();
    assert_eq!(
        walk(&server, "web.default.svc.cluster.local", A),
        [
            "web.default.svc.cluster.local.default.svc.cluster.local 5 CNAME web.default.svc.cluster.local",
            "web.default.svc.cluster.local 5 A 10.96.0.1",
        ]
    );
    assert_eq!(walk(&server, "web.default.svc.cluster.local", AAAA), [""; 0]);
    let nowhere = "nowhere.default.svc.cluster.local.default.svc.cluster.local";
    ask_as(&server, POD, nowhere, A).does_not_exist();
    assert!(server.responder.outside().take_asked().is_empty());
}

#[test]
fn who_keeps_silent_outside_keeps_no_client_from_walking_by_itself() {
    let server = cluster().start();
    server.responder.outside().silent.store(true, std::sync::atomic::Ordering::Relaxed);
    let began = std::time::Instant::now();
    ask_as(&server, POD, "www.example.com.default.svc.cluster.local", A).does_not_exist();
    // Resolvers wait for 2.5 seconds and more before they ask again.
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn only_the_first_step_is_walked() {
    let server = cluster().start();
    for name in [
        "www.example.com.svc.cluster.local",
        "www.example.com.cluster.local",
        "www.example.com.kube-system.svc.cluster.local",
        "www.example.com.default.pod.cluster.local",
    ] {
        ask_as(&server, POD, name, A).does_not_exist();
    }
    assert!(server.responder.outside().take_asked().is_empty());
}

#[test]
fn each_pod_walks_from_its_own_namespace() {
    let server = cluster().start();
    let name = "www.example.com.kube-system.svc.cluster.local";
    ask_as(&server, POD, name, A).does_not_exist();
    assert_eq!(ask_as(&server, "10.244.0.10", name, A).answers().len(), 2);
    let name = "www.example.com.default.svc.cluster.local";
    ask_as(&server, "10.244.0.10", name, A).does_not_exist();
    assert_eq!(ask_as(&server, "fd00:244::9", name, A).answers().len(), 2);
}

#[test]
fn strangers_do_not_walk() {
    let mut server = cluster().start();
    let name = "www.example.com.default.svc.cluster.local";
    for client in ["192.0.2.1", "10.244.0.77", "127.0.0.1"] {
        ask_as(&server, client, name, A).does_not_exist();
    }
    // Nor does who is a stranger by now.
    server.apply(Step::RemovePod("a".parse().unwrap(), pod_id("default/client")));
    ask_as(&server, POD, name, A).does_not_exist();
    assert!(server.responder.outside().take_asked().is_empty());
}

#[test]
fn it_can_be_switched_off() {
    let mut cluster = cluster();
    cluster.autopath = false;
    let server = cluster.start();
    ask_as(&server, POD, "www.example.com.default.svc.cluster.local", A).does_not_exist();
    ask_as(&server, POD, "dns.kube-system.default.svc.cluster.local", A).does_not_exist();
}

#[test]
fn the_case_of_the_question_is_kept() {
    let server = cluster().start();
    // The question is compared byte by byte when the answer is read.
    for name in
        ["Dns.Kube-System.DEFAULT.svc.cluster.local", "wWw.eXaMpLe.CoM.default.SVC.cluster.local"]
    {
        assert_eq!(ask_as(&server, POD, name, A).answers().len(), 2);
    }
}

#[test]
fn the_longest_names_are_walked() {
    // The names take up to 255 bytes, so that both do not always fit into 512.
    let long = format!("{}.{}", "d".repeat(50), "d".repeat(49));
    for (domain, own, namespace) in
        [("cluster.local", "default", 40), (&"d".repeat(40), "default", 40), (&long, "n", 18)]
    {
        let (service, namespace) = ("s".repeat(63), "x".repeat(namespace));
        let endpoints = json!([{"addresses": ["10.244.0.1"], "hostname": "h".repeat(63)}]);
        let server = Cluster::new()
            .set(|settings| settings.domain = domain.to_owned())
            .pod(&format!("{own}/client"), &[POD])
            .headless(&format!("{namespace}/{service}"))
            .listed(&format!("{namespace}/x"), &service, endpoints)
            .start();
        let name = format!("{}.{service}.{namespace}.{own}.svc.{domain}", "h".repeat(63));
        let question = Question::new(&name, A).from(POD);
        assert_eq!(server.send(&question.clone().with_edns(1232)).answers().len(), 2);
        let plain = server.send(&question);
        let answers = plain.answers();
        assert!(answers.len() == 2 || plain.is_cut(), "{answers:?}");
        assert!(answers.iter().all(|answer| answer.starts_with(&name) || answer.contains(" A ")));
    }
}

#[test]
fn a_walk_that_ends_outside_without_such_records_is_denied_by_our_own_zone() {
    // With the start of authority of somebody else, it could be kept for as long as that says, and hide the
    // name when it is made.
    let server = cluster().start();
    ask_as(&server, POD, "www.example.com.default.svc.cluster.local", AAAA).has_no_data();
}
