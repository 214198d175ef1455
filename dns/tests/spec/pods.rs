//! Section 2.6: `a-b-c-d.<ns>.pod.<zone>`, in three ways.

use pontoon_dns::zone::shape::PodNames;
use serde_json::json;

use crate::asked::kind::{A, AAAA, PTR, TXT};
use crate::given::cluster::{Cluster, Server};
use crate::given::objects::{Step, pod, pod_id};
use crate::given::world::reverse;

fn server(pods: PodNames) -> Server {
    Cluster::new()
        .set(|settings| settings.pods = pods)
        .pod("default/db-0", &["10.244.0.1", "fd00:244::1"])
        .pod_with("kube-system/agent", &["10.244.0.2"], json!({"ready": false}))
        .start()
}

#[test]
fn verified_a_pod_of_the_namespace_has_it() {
    let server = server(PodNames::Verified);
    server
        .ask("10-244-0-1.default.pod.cluster.local", A)
        .gives(&["10-244-0-1.default.pod.cluster.local 5 A 10.244.0.1"]);
    server
        .ask("fd00-244--1.default.pod.cluster.local", AAAA)
        .gives(&["fd00-244--1.default.pod.cluster.local 5 AAAA fd00:244::1"]);
    server
        .ask("FD00-244--1.Default.POD.cluster.local", AAAA)
        .gives(&["fd00-244--1.default.pod.cluster.local 5 AAAA fd00:244::1"]);
}

#[test]
fn verified_a_pod_need_not_be_ready() {
    server(PodNames::Verified)
        .ask("10-244-0-2.kube-system.pod.cluster.local", A)
        .gives(&["10-244-0-2.kube-system.pod.cluster.local 5 A 10.244.0.2"]);
}

#[test]
fn verified_nobody_else_has() {
    let server = server(PodNames::Verified);
    for name in [
        "10-244-0-2.default",
        "10-244-0-1.kube-system",
        "10-244-0-1.nowhere",
        "10-244-0-9.default",
        "x.default",
        "10-244-0.default",
        "10-244-0-1-1.default",
        "x.10-244-0-1.default",
        "010-244-0-1.default",
        "10--244-0-1.default",
        "-.default",
        "1-1-1-1.default",
    ] {
        server.ask(&format!("{name}.pod.cluster.local"), A).does_not_exist();
        server.ask(&format!("{name}.pod.cluster.local"), AAAA).does_not_exist();
    }
}

#[test]
fn verified_it_goes_and_comes_with_its_pod() {
    let mut server = server(PodNames::Verified);
    let name = "10-244-0-1.default.pod.cluster.local";
    server.apply(Step::RemovePod("a".parse().unwrap(), pod_id("default/db-0")));
    server.ask(name, A).does_not_exist();
    server.apply(Step::PutPod(pod("kube-system/new", &["10.244.0.1"], json!({}))));
    server.ask(name, A).does_not_exist();
    let moved = "10-244-0-1.kube-system.pod.cluster.local";
    server.ask(moved, A).gives(&[&format!("{moved} 5 A 10.244.0.1")]);
}

#[test]
fn the_other_family_has_no_data() {
    for mode in [PodNames::Verified, PodNames::Insecure] {
        let server = server(mode);
        server.ask("10-244-0-1.default.pod.cluster.local", AAAA).has_no_data();
        server.ask("10-244-0-1.default.pod.cluster.local", TXT).has_no_data();
        server.ask("fd00-244--1.default.pod.cluster.local", A).has_no_data();
    }
}

#[test]
fn insecure_any_address_in_a_namespace_that_exists() {
    let server = server(PodNames::Insecure);
    for (label, address) in
        [("1-2-3-4", "1.2.3.4"), ("0-0-0-0", "0.0.0.0"), ("255-255-255-255", "255.255.255.255")]
    {
        let name = format!("{label}.default.pod.cluster.local");
        server.ask(&name, A).gives(&[&format!("{name} 5 A {address}")]);
    }
    let name = "2001-db8--5.default.pod.cluster.local";
    server.ask(name, AAAA).gives(&[&format!("{name} 5 AAAA 2001:db8::5")]);
    server.ask("1-2-3-4.nowhere.pod.cluster.local", A).does_not_exist();
    for label in ["1-2-3", "1-2-3-256", "a", "1-2-3-4-5", "x-2-3-4"] {
        server.ask(&format!("{label}.default.pod.cluster.local"), A).does_not_exist();
    }
}

#[test]
fn disabled_nobody_has_one() {
    let server = server(PodNames::Disabled);
    server.ask("10-244-0-1.default.pod.cluster.local", A).does_not_exist();
    server.ask("fd00-244--1.default.pod.cluster.local", AAAA).does_not_exist();
}

#[test]
fn a_pod_gives_its_namespace_existence() {
    let server = Cluster::new().pod("lab/x", &["10.244.0.1"]).start();
    server.ask("lab.pod.cluster.local", A).has_no_data();
    server.ask("lab.svc.cluster.local", A).has_no_data();
}

#[test]
fn a_pods_address_has_no_name_by_that() {
    server(PodNames::Verified)
        .ask(&reverse("10.244.0.1"), PTR)
        .does_not_exist_in("244.10.in-addr.arpa");
}
