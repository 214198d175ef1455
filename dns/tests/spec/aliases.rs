//! Names that runtimes give their containers in a network.

use serde_json::{Value, json};

use crate::asked::Question;
use crate::asked::kind::{A, AAAA, PTR, SRV};
use crate::given::cluster::{Cluster, Server};
use crate::given::objects::{Step, pod, pod_id};
use crate::given::world::reverse;

fn called(aliases: &[&str]) -> Value {
    json!({"aliases": aliases})
}

fn server() -> Server {
    Cluster::new()
        .pod_with("default/a", &["10.244.0.1", "fd00:244::1"], called(&["db", "cache"]))
        .pod_with("default/b", &["10.244.0.2"], called(&["db"]))
        .pod_with("default/c", &["10.244.0.3"], json!({"aliases": ["db"], "ready": false}))
        .start()
}

#[test]
fn an_alias_leads_to_all_ready_pods_that_have_it() {
    let server = server();
    server.ask("db.default.svc.cluster.local", A).gives(&[
        "db.default.svc.cluster.local 5 A 10.244.0.1",
        "db.default.svc.cluster.local 5 A 10.244.0.2",
    ]);
    server
        .ask("CACHE.default.svc.cluster.local", AAAA)
        .gives(&["cache.default.svc.cluster.local 5 AAAA fd00:244::1"]);
    server.ask("db.default.svc.cluster.local", SRV).has_no_data();
}

#[test]
fn an_alias_is_known_in_its_namespace_only() {
    let server = server();
    for name in ["db.kube-system.svc", "db.svc", "db", "x.db.default.svc", "db.default.pod"] {
        server.ask(&format!("{name}.cluster.local"), A).does_not_exist();
    }
    // Others find it from there.
    let question = Question::new("db.default.kube-system.svc.cluster.local", A);
    server.send(&question.from("10.244.0.1")).does_not_exist();
}

#[test]
fn an_alias_goes_with_its_pods() {
    let mut server = server();
    for name in ["a", "b"] {
        let id = pod_id(&format!("default/{name}"));
        server.apply(Step::RemovePod("a".parse().unwrap(), id));
    }
    server.ask("db.default.svc.cluster.local", A).does_not_exist();
    server.apply(Step::PutPod(pod("default/c", &["10.244.0.3"], called(&["db"]))));
    server
        .ask("db.default.svc.cluster.local", A)
        .gives(&["db.default.svc.cluster.local 5 A 10.244.0.3"]);
}

#[test]
fn a_service_goes_before_an_alias() {
    let server = Cluster::new()
        .pod_with("default/a", &["10.244.0.1"], called(&["db"]))
        .plain_service("default/db", "10.96.0.1")
        .start();
    server
        .ask("db.default.svc.cluster.local", A)
        .gives(&["db.default.svc.cluster.local 5 A 10.96.0.1"]);
}

#[test]
fn an_address_is_not_named_after_an_alias() {
    server().ask(&reverse("10.244.0.1"), PTR).does_not_exist_in("244.10.in-addr.arpa");
}
