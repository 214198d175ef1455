//! The whole zone, to those who may have it (RFC 5936).

use std::collections::BTreeSet;

use hickory_proto::op::{Message, ResponseCode};
use pontoon_dns::exchange::Transport;
use serde_json::json;

use crate::asked::kind::{A, AXFR, IXFR, SOA};
use crate::asked::{Question, Reply, written};
use crate::given::cluster::{Cluster, Server};

fn cluster() -> Cluster {
    let endpoints = json!([{"addresses": ["10.244.0.1"], "hostname": "h"}]);
    Cluster::new()
        .transfers_to("192.0.2.0/24")
        .plain_service("default/web", "10.96.0.1")
        .headless("default/db")
        .headless("default/nobody")
        .listed("default/db-1", "db", endpoints)
        .external("default/ext", "www.example.com")
        .pod_with("default/p", &["10.244.0.9", "fd00:244::9"], json!({"aliases": ["called"]}))
}

fn question() -> Question {
    Question::new("cluster.local", AXFR).over(Transport::Tcp)
}

/// The records of all messages, in their order.
fn transfer(server: &Server) -> Vec<String> {
    let question = question();
    let mut records = Vec::new();
    for bytes in server.exchange(&question.packet(), &question) {
        assert!(bytes.len() <= 65_535);
        let message = Message::from_vec(&bytes).unwrap();
        assert_eq!(message.metadata.id, question.id);
        assert_eq!(message.metadata.response_code, ResponseCode::NoError);
        assert!(message.metadata.authoritative && !message.metadata.truncation);
        assert!(!message.answers.is_empty());
        records.extend(message.answers.iter().map(written));
    }
    records
}

#[test]
fn it_begins_and_ends_with_the_start_of_authority() {
    let server = cluster().start();
    let records = transfer(&server);
    let start = server.ask("cluster.local", SOA).answers();
    assert_eq!((records.first(), records.last()), (start.first(), start.first()));
    assert_eq!(records.iter().filter(|record| record.contains(" SOA ")).count(), 2);
}

#[test]
fn it_has_every_record_once() {
    let records = transfer(&cluster().start());
    let inner: BTreeSet<&str> = records[1..].iter().map(String::as_str).collect();
    assert_eq!(inner.len(), records.len() - 1, "twice: {records:?}");
    let expected: BTreeSet<&str> = [
        &records[0],
        "cluster.local 5 NS ns.dns.cluster.local",
        "ns.dns.cluster.local 5 A 10.96.0.10",
        "ns.dns.cluster.local 5 AAAA fd00:96::a",
        "dns-version.cluster.local 5 TXT 1.1.0",
        "web.default.svc.cluster.local 5 A 10.96.0.1",
        "web.default.svc.cluster.local 5 SRV 0 100 80 web.default.svc.cluster.local",
        "db.default.svc.cluster.local 5 A 10.244.0.1",
        "db.default.svc.cluster.local 5 SRV 0 100 8080 h.db.default.svc.cluster.local",
        "h.db.default.svc.cluster.local 5 A 10.244.0.1",
        "_http._tcp.db.default.svc.cluster.local 5 SRV 0 100 8080 h.db.default.svc.cluster.local",
        "ext.default.svc.cluster.local 5 CNAME www.example.com",
        "called.default.svc.cluster.local 5 A 10.244.0.9",
        "called.default.svc.cluster.local 5 AAAA fd00:244::9",
        "10-244-0-9.default.pod.cluster.local 5 A 10.244.0.9",
        "fd00-244--9.default.pod.cluster.local 5 AAAA fd00:244::9",
    ]
    .into();
    assert_eq!(inner, expected);
}

#[test]
fn a_large_zone_comes_in_several_messages() {
    let mut cluster = cluster();
    for number in 0..1000 {
        let address = format!("10.97.{}.{}", number / 250, number % 250);
        cluster = cluster.plain_service(&format!("default/web-{number}"), &address);
    }
    let server = cluster.start();
    let question = question();
    assert!(server.exchange(&question.packet(), &question).len() > 2);
    let records = transfer(&server);
    for number in [0, 499, 999] {
        let address = format!("10.97.{}.{}", number / 250, number % 250);
        let wanted = format!("web-{number}.default.svc.cluster.local 5 A {address}");
        assert_eq!(records.iter().filter(|record| **record == wanted).count(), 1, "{wanted}");
    }
    assert_eq!(records.len(), 17 + 2000);
}

#[track_caller]
fn refused(server: &Server, question: &Question) {
    let mut messages = server.exchange(&question.packet(), question);
    assert_eq!(messages.len(), 1);
    Reply::read(question, messages.remove(0)).holds_only(ResponseCode::Refused);
}

#[test]
fn strangers_are_refused() {
    let server = cluster().start();
    for client in ["192.0.3.1", "10.244.0.9", "127.0.0.1", "2001:db8::1"] {
        refused(&server, &question().from(client));
    }
    let closed = Cluster::new().start();
    refused(&closed, &question());
}

#[test]
fn other_names_than_our_zone_are_refused() {
    let server = cluster().start();
    for name in ["svc.cluster.local", "local", "example.com", "web.default.svc.cluster.local"] {
        refused(&server, &Question { name: name.to_owned(), ..question() });
    }
    assert!(server.responder.outside().take_asked().is_empty());
}

#[test]
fn a_datagram_does_not_carry_it() {
    // RFC 5936, section 4.2.
    let question = question().over(Transport::Udp);
    let server = cluster().start();
    let reply = server.send(&question);
    assert_ne!(reply.code(), ResponseCode::NoError);
    assert!(reply.answers().is_empty());
}

#[test]
fn changes_are_asked_for_in_a_datagram_and_given_as_the_whole_zone() {
    // RFC 1995, sections 2 and 4: the newest SOA alone where the rest does not fit.
    let server = cluster().start();
    let start = server.ask("cluster.local", SOA).answers();
    let question = Question { rtype: IXFR, ..question() };
    let datagram = server.send(&question.clone().over(Transport::Udp));
    assert_eq!(datagram.answers(), start);
    let messages = server.exchange(&question.packet(), &question);
    let records: usize = messages.iter().map(|m| Message::from_vec(m).unwrap().answers.len()).sum();
    assert_eq!(records, transfer(&server).len());
}

#[test]
fn before_the_store_was_read_there_is_none() {
    let server = cluster().start_without_store();
    let question = question();
    let mut messages = server.exchange(&question.packet(), &question);
    Reply::read(&question, messages.remove(0)).holds_only(ResponseCode::ServFail);
}

#[test]
fn a_question_for_an_address_is_none_for_the_zone() {
    let server = cluster().start();
    let question = Question::new("web.default.svc.cluster.local", A).over(Transport::Tcp);
    server.send(&question).gives(&["web.default.svc.cluster.local 5 A 10.96.0.1"]);
}
