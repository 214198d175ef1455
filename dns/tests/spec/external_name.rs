//! Section 2.5: services that stand for a name.

use hickory_proto::op::ResponseCode;
use pontoon_dns::exchange::Transport;
use serde_json::json;

use crate::asked::Question;
use crate::asked::kind::{A, AAAA, CNAME, MX, SRV};
use crate::given::cluster::Cluster;
use crate::given::world::BROKEN;

#[test]
fn it_is_a_cname() {
    let server = Cluster::new().external("default/db", "www.example.com").start();
    server
        .ask("db.default.svc.cluster.local", CNAME)
        .gives(&["db.default.svc.cluster.local 5 CNAME www.example.com"]);
    assert!(server.responder.outside().take_asked().is_empty());
}

#[test]
fn it_is_followed_outside() {
    let server = Cluster::new()
        .external("default/db", "www.example.com")
        .outside(&["www.example.com 300 A 192.0.2.53", "www.example.com 300 MX 10 m.example.com"])
        .start();
    let first = "db.default.svc.cluster.local 5 CNAME www.example.com";
    let name = "db.default.svc.cluster.local";
    let reply = server.ask(name, A);
    assert_eq!(reply.in_order(), [first, "www.example.com 300 A 192.0.2.53"]);
    reply.gives(&[first, "www.example.com 300 A 192.0.2.53"]);
    server.ask(name, MX).gives(&[first, "www.example.com 300 MX 10 m.example.com"]);
    server.ask(name, AAAA).gives(&[first]);
    server.ask(name, SRV).gives(&[first]);
}

#[test]
fn it_is_followed_through_names_outside() {
    let server = Cluster::new()
        .external("default/db", "www.example.com")
        .outside(&[
            "www.example.com 300 CNAME cdn.example.net",
            "cdn.example.net 60 CNAME edge.example.net",
            "edge.example.net 30 AAAA 2001:db8::1",
        ])
        .start();
    let reply = server.ask("db.default.svc.cluster.local", AAAA);
    assert_eq!(
        reply.in_order(),
        [
            "db.default.svc.cluster.local 5 CNAME www.example.com",
            "www.example.com 300 CNAME cdn.example.net",
            "cdn.example.net 60 CNAME edge.example.net",
            "edge.example.net 30 AAAA 2001:db8::1",
        ]
    );
}

#[test]
fn it_is_followed_inside() {
    let endpoints = json!([{"addresses": ["10.244.0.1"], "hostname": "first"}]);
    let server = Cluster::new()
        .plain_service("kube-system/web", "10.96.0.1")
        .headless("default/set")
        .listed("default/set-1", "set", endpoints)
        .external("default/to-web", "web.kube-system.svc.cluster.local")
        .external("default/to-first", "first.set.default.svc.cluster.local")
        .external("default/to-all", "to-web.default.svc.cluster.local")
        .start();
    server.ask("to-web.default.svc.cluster.local", A).gives(&[
        "to-web.default.svc.cluster.local 5 CNAME web.kube-system.svc.cluster.local",
        "web.kube-system.svc.cluster.local 5 A 10.96.0.1",
    ]);
    server.ask("to-first.default.svc.cluster.local", A).gives(&[
        "to-first.default.svc.cluster.local 5 CNAME first.set.default.svc.cluster.local",
        "first.set.default.svc.cluster.local 5 A 10.244.0.1",
    ]);
    let reply = server.ask("to-all.default.svc.cluster.local", A);
    assert_eq!(
        reply.in_order(),
        [
            "to-all.default.svc.cluster.local 5 CNAME to-web.default.svc.cluster.local",
            "to-web.default.svc.cluster.local 5 CNAME web.kube-system.svc.cluster.local",
            "web.kube-system.svc.cluster.local 5 A 10.96.0.1",
        ]
    );
    assert!(server.responder.outside().take_asked().is_empty());
}

#[test]
fn names_outside_may_lead_back_inside() {
    let server = Cluster::new()
        .plain_service("default/web", "10.96.0.1")
        .external("default/db", "www.example.com")
        .outside(&["www.example.com 300 CNAME web.default.svc.cluster.local"])
        .start();
    server.ask("db.default.svc.cluster.local", A).gives(&[
        "db.default.svc.cluster.local 5 CNAME www.example.com",
        "www.example.com 300 CNAME web.default.svc.cluster.local",
        "web.default.svc.cluster.local 5 A 10.96.0.1",
    ]);
}

#[test]
fn a_target_that_does_not_exist_leaves_the_cname_alone() {
    for target in ["nowhere.example.com", "nowhere.default.svc.cluster.local"] {
        let server = Cluster::new().external("default/db", target).start();
        for kind in [A, AAAA, SRV] {
            server
                .ask("db.default.svc.cluster.local", kind)
                .gives(&[&format!("db.default.svc.cluster.local 5 CNAME {target}")]);
        }
    }
}

#[test]
fn a_target_of_which_nobody_can_say_anything_is_a_failure() {
    let server = Cluster::new().external("default/db", &format!("www.{BROKEN}")).start();
    let reply = server.ask("db.default.svc.cluster.local", A);
    assert_eq!(reply.code(), ResponseCode::ServFail);
}

#[test]
fn a_loop_ends() {
    let server = Cluster::new()
        .external("default/a", "b.default.svc.cluster.local")
        .external("default/b", "a.default.svc.cluster.local")
        .external("default/own", "own.default.svc.cluster.local")
        .start();
    server.ask("a.default.svc.cluster.local", A).gives(&[
        "a.default.svc.cluster.local 5 CNAME b.default.svc.cluster.local",
        "b.default.svc.cluster.local 5 CNAME a.default.svc.cluster.local",
    ]);
    server
        .ask("own.default.svc.cluster.local", A)
        .gives(&["own.default.svc.cluster.local 5 CNAME own.default.svc.cluster.local"]);
}

#[test]
fn at_most_ten_links_are_followed() {
    let mut cluster = Cluster::new().plain_service("default/s0", "10.96.0.1");
    for link in 1..=12 {
        let target = format!("s{}.default.svc.cluster.local", link - 1);
        cluster = cluster.external(&format!("default/s{link}"), &target);
    }
    let server = cluster.start();
    let count = |link: usize| {
        let question = Question::new(&format!("s{link}.default.svc.cluster.local"), A);
        let answers = server.send(&question.with_edns(1232)).answers();
        (answers.len(), answers.iter().any(|answer| answer.ends_with(" A 10.96.0.1")))
    };
    assert_eq!(count(1), (2, true));
    assert_eq!(count(10), (11, true));
    let (links, arrived) = count(12);
    assert_eq!((links, arrived), (10, false), "links of 12");
    assert_eq!(count(11), (10, false));
}

#[test]
fn nothing_is_below_it() {
    let server = Cluster::new().external("default/db", "www.example.com").start();
    for name in ["x.db", "_http._tcp.db", "_tcp.db", "www.example.com.db"] {
        server.ask(&format!("{name}.default.svc.cluster.local"), A).does_not_exist();
        server.ask(&format!("{name}.default.svc.cluster.local"), CNAME).does_not_exist();
    }
}

#[test]
fn slices_do_not_give_it_endpoints() {
    let server = Cluster::new()
        .external("default/db", "www.example.com")
        .listed("default/db-1", "db", json!([{"addresses": ["10.244.0.1"], "hostname": "x"}]))
        .start();
    server.ask("x.db.default.svc.cluster.local", A).does_not_exist();
    server
        .ask("db.default.svc.cluster.local", AAAA)
        .gives(&["db.default.svc.cluster.local 5 CNAME www.example.com"]);
}

#[test]
fn a_static_name_may_be_its_target() {
    let server = Cluster::new()
        .external("default/db", "registry.lan")
        .host("registry.lan", &["192.0.2.5"])
        .start();
    server.ask("db.default.svc.cluster.local", A).gives(&[
        "db.default.svc.cluster.local 5 CNAME registry.lan",
        "registry.lan 3600 A 192.0.2.5",
    ]);
}

#[test]
fn a_large_answer_from_outside_is_cut_at_a_whole_record() {
    let records: Vec<String> = (0..1500u16)
        .map(|host| format!("big.example.com 300 A 192.{}.2.{}", host / 250, host % 250))
        .collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let server = Cluster::new().external("default/db", "big.example.com").outside(&records).start();
    let question = Question::new("db.default.svc.cluster.local", A);
    let (plain, large) = (server.send(&question), server.send(&question.clone().with_edns(1232)));
    for (reply, limit) in [(plain, 512), (large, 1232)] {
        assert!(reply.is_cut());
        let first = "db.default.svc.cluster.local 5 CNAME big.example.com";
        assert_eq!(reply.in_order()[0], first);
        assert!(limit - reply.bytes.len() < 16 + 11, "{} of {limit} bytes", reply.bytes.len());
    }
    let whole = server.send(&question.over(Transport::Tcp));
    assert_eq!((whole.answers().len(), whole.is_cut()), (1501, false));
}
