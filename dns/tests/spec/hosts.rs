//! Names with fixed addresses, as `/etc/hosts` has them.

use crate::asked::kind::{A, AAAA, MX, PTR};
use crate::asked::{Question, in_any_order};
use crate::given::cluster::{Cluster, Server};
use crate::given::world::reverse;

fn server() -> Server {
    Cluster::new()
        .host("registry.lan", &["192.0.2.5", "192.0.2.6", "2001:db8::5"])
        .host("Mirror.LAN", &["192.0.2.5"])
        .outside(&["registry.lan 300 A 203.0.113.1", "www.example.com 300 A 192.0.2.53"])
        .start()
}

#[test]
fn a_static_name_has_its_addresses() {
    let server = server();
    assert_eq!(
        server.ask("registry.lan", A).answers(),
        ["registry.lan 3600 A 192.0.2.5", "registry.lan 3600 A 192.0.2.6"]
    );
    assert_eq!(server.ask("registry.lan", AAAA).answers(), ["registry.lan 3600 AAAA 2001:db8::5"]);
    assert_eq!(server.ask("REGISTRY.Lan", A).answers().len(), 2);
    assert_eq!(server.ask("mirror.lan", A).answers(), ["mirror.lan 3600 A 192.0.2.5"]);
    assert!(server.responder.outside().take_asked().is_empty());
}

#[test]
fn an_address_has_its_static_names() {
    let name = reverse("192.0.2.5");
    let expected = [format!("{name} 3600 PTR registry.lan"), format!("{name} 3600 PTR mirror.lan")];
    let answers = server().ask(&name, PTR).answers();
    assert_eq!(answers, in_any_order(&expected.each_ref().map(String::as_str)));
    let name = reverse("2001:db8::5");
    assert_eq!(server().ask(&name, PTR).answers(), [format!("{name} 3600 PTR registry.lan")]);
}

#[test]
fn other_types_of_a_static_name_have_no_data() {
    let server = server();
    for (name, kind) in [("mirror.lan", AAAA), ("registry.lan", MX)] {
        let reply = server.ask(name, kind);
        assert_eq!(reply.code(), hickory_proto::op::ResponseCode::NoError);
        assert!(reply.answers().is_empty());
    }
    assert!(server.responder.outside().take_asked().is_empty());
}

#[test]
fn names_below_and_above_are_asked_for_outside() {
    let server = server();
    for name in ["x.registry.lan", "lan", "www.example.com"] {
        server.ask(name, A);
        assert_eq!(server.responder.outside().take_asked(), [name]);
    }
}

#[test]
fn a_pod_finds_it_along_its_search_path() {
    let server = Cluster::new()
        .host("registry.lan", &["192.0.2.5"])
        .pod("default/client", &["10.244.0.9"])
        .start();
    let question = Question::new("registry.lan.default.svc.cluster.local", A).from("10.244.0.9");
    assert_eq!(
        server.send(&question).in_order(),
        [
            "registry.lan.default.svc.cluster.local 5 CNAME registry.lan",
            "registry.lan 3600 A 192.0.2.5",
        ]
    );
}
