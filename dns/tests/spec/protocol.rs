//! What RFC 1035, 2181, 6891 and their kin ask of any server.

use hickory_proto::op::ResponseCode;

use crate::asked::kind::{A, AAAA, SRV};
use crate::asked::{Question, Reply};
use crate::given::cluster::{Cluster, Server};

const WEB: &str = "web.default.svc.cluster.local";

fn server() -> Server {
    Cluster::new()
        .plain_service("default/web", "10.96.0.1")
        .outside(&["www.example.com 300 A 192.0.2.53"])
        .start()
}

#[test]
fn the_case_of_the_question_is_kept() {
    // Reading compares the question byte by byte.
    let name = "wEb.DeFaUlT.sVc.ClUsTeR.lOcAl";
    let reply = server().ask(name, A);
    let owner = reply.message.answers[0].name.to_string();
    assert_eq!(owner.trim_end_matches('.'), name, "the answer's owner is the question");
    reply.gives(&[&format!("{WEB} 5 A 10.96.0.1")]);
    server().ask("NOTHING.cluster.LOCAL", A).does_not_exist();
    server().ask("WEB.default.SVC.cluster.local", AAAA).has_no_data();
}

#[test]
fn flags_are_echoed() {
    let server = server();
    for (recursion_desired, checking_disabled) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        for name in [WEB, "x.cluster.local", "cluster.local"] {
            for edns in [None, Some((1232, 0, false)), Some((4096, 0, true))] {
                let question = Question::new(name, A);
                let question = Question { recursion_desired, checking_disabled, edns, ..question };
                server.send(&question);
            }
        }
    }
}

#[test]
fn ids_are_echoed() {
    let server = server();
    for id in [0, 1, 0xff, 0x100, 0xffff] {
        server.send(&Question { id, ..Question::new(WEB, A) });
    }
}

#[test]
fn names_outside_are_not_ours() {
    let server = server();
    let reply = server.ask("www.example.com", A);
    assert_eq!(reply.answers(), ["www.example.com 300 A 192.0.2.53"]);
    assert!(!reply.message.metadata.authoritative && reply.message.metadata.recursion_available);
    server.responder.outside().remembers.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(server.ask("www.example.com", A).answers(), ["www.example.com 300 A 192.0.2.53"]);
}

#[test]
fn before_the_store_was_read_nothing_is_denied() {
    let server = Cluster::new()
        .plain_service("default/web", "10.96.0.1")
        .outside(&["www.example.com 300 A 192.0.2.53"])
        .host("registry.lan", &["192.0.2.5"])
        .start_without_store();
    for name in [
        WEB,
        "x.default.svc.cluster.local",
        "x.cluster.local",
        "cluster.local",
        "1.0.96.10.in-addr.arpa",
        "7.7.244.10.in-addr.arpa",
        "10-244-0-1.default.pod.cluster.local",
    ] {
        for kind in [A, SRV, 12] {
            server.ask(name, kind).holds_only(ResponseCode::ServFail);
        }
    }
    // What is not of the store is answered.
    assert_eq!(server.ask("www.example.com", A).answers().len(), 1);
    assert_eq!(server.ask("registry.lan", A).answers().len(), 1);
    server.responder.set_synced();
    server.ask(WEB, A).gives(&[&format!("{WEB} 5 A 10.96.0.1")]);
    server.ask("x.cluster.local", A).does_not_exist();
}

#[test]
fn the_root_and_names_of_one_label_are_asked_for_outside() {
    let server = server();
    for (name, asked) in [(".", ""), ("local", "local"), ("xcluster.local", "xcluster.local")] {
        server.ask(name, A);
        assert_eq!(server.responder.outside().take_asked(), [asked]);
    }
}

#[test]
fn a_dot_or_a_zero_within_a_label_is_part_of_it() {
    // `web\.default.svc.cluster.local` has a label less than `web.default.svc.cluster.local`.
    let mut packet = Question::new("webxdefault.svc.cluster.local", A).packet();
    for byte in [b'.', 0, 0xff, b'\\'] {
        packet[16] = byte;
        let mut messages = server().exchange(&packet, &Question::new(WEB, A));
        let bytes = messages.remove(0);
        assert_eq!(bytes[3] & 15, 3, "NXDOMAIN");
        assert_eq!(bytes[12..packet.len()], packet[12..], "the question");
    }
}

#[test]
fn options_of_edns_that_we_do_not_know_are_passed_over() {
    let mut packet = Question::new(WEB, A).with_edns(1232).packet();
    let length = packet.len();
    packet[length - 1] = 14;
    // A cookie (RFC 7873) and an empty one of local use.
    packet.extend_from_slice(&[0, 10, 0, 4, 1, 2, 3, 4, 0xff, 0xf0, 0, 2, 9, 9]);
    let question = Question::new(WEB, A).with_edns(1232);
    let mut messages = server().exchange(&packet, &question);
    Reply::read(&question, messages.remove(0)).gives(&[&format!("{WEB} 5 A 10.96.0.1")]);
}

#[test]
fn what_we_do_not_need_of_a_question_need_not_be_right() {
    // An address of three bytes, and a client subnet (RFC 7871) of no family behind a question whose
    // answer is put together from others.
    let server = Cluster::new().external("default/db", "www.example.com").start();
    let question = Question::new("DB.default.svc.cluster.local", A);
    let mut address = question.packet();
    address[11] = 1;
    address.extend_from_slice(&[0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 3, 1, 2, 3]);
    let with_edns = question.clone().with_edns(1232);
    let mut subnet = with_edns.packet();
    *subnet.last_mut().unwrap() = 7;
    subnet.extend_from_slice(&[0, 8, 0, 3, 0xff, 0xff, 0xff]);
    for (packet, question) in [(address, question), (subnet, with_edns)] {
        let mut messages = server.exchange(&packet, &question);
        Reply::read(&question, messages.remove(0))
            .gives(&["db.default.svc.cluster.local 5 CNAME www.example.com"]);
    }
}
