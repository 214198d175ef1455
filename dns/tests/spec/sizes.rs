//! How much an answer may be, and what becomes of more (RFC 1035, 2181, 6891).

use pontoon_dns::exchange::Transport;
use serde_json::{Value, json};

use crate::asked::Question;
use crate::asked::kind::{A, AAAA, SRV};
use crate::given::cluster::{Cluster, Server};

fn many(count: u8) -> Server {
    let hosts: Vec<Value> =
        (0..count).map(|host| json!({"addresses": [format!("10.244.0.{host}")]})).collect();
    let six: Vec<Value> =
        (0..count).map(|host| json!({"addresses": [format!("fd00:244::{host:x}")]})).collect();
    Cluster::new()
        .headless("default/db")
        .listed("default/db-4", "db", hosts.into())
        .listed("default/db-6", "db", six.into())
        .start()
}

#[test]
fn what_does_not_fit_is_cut_at_a_whole_record() {
    let server = many(200);
    for (kind, name) in [
        (A, "db.default.svc.cluster.local"),
        (AAAA, "db.default.svc.cluster.local"),
        (SRV, "db.default.svc.cluster.local"),
        (SRV, "_http._tcp.db.default.svc.cluster.local"),
    ] {
        let all = server.send(&Question::new(name, kind).over(Transport::Tcp));
        assert!(!all.is_cut());
        let all = all.answers();
        assert!(all.len() >= 200);
        let mut last = 0;
        for size in [0, 511, 512, 513, 600, 1000, 1231, 1232, 1233, 4096, 65_535] {
            let reply = server.send(&Question::new(name, kind).with_edns(size));
            assert!(reply.is_cut(), "{size}");
            let some = reply.answers();
            assert!(some.len() >= last && some.len() < all.len(), "{size}: {} answers", some.len());
            assert!(some.iter().all(|answer| all.contains(answer)));
            let room = usize::from(size).clamp(512, 1232) - reply.bytes.len();
            assert!(room < 90, "{room} bytes are left of {size}");
            last = some.len();
        }
        let plain = server.send(&Question::new(name, kind));
        assert!(plain.is_cut() && plain.bytes.len() <= 512);
    }
}

#[test]
fn what_fits_is_not_cut() {
    let name = "db.default.svc.cluster.local";
    // 12 of header, 34 of question, 16 an address: 29 fit into 512, 73 into 1232 with EDNS.
    for (count, size, is_cut) in
        [(29, None, false), (30, None, true), (73, Some(1232), false), (74, Some(1232), true)]
    {
        let mut question = Question::new(name, A);
        question.edns = size.map(|size| (size, 0, false));
        let reply = many(count).send(&question);
        assert_eq!((reply.is_cut(), count), (is_cut, count));
    }
}

#[test]
fn streams_carry_all() {
    let server = many(200);
    for transport in [Transport::Tcp, Transport::Tls, Transport::Https] {
        for kind in [A, AAAA, SRV] {
            let question = Question::new("db.default.svc.cluster.local", kind).over(transport);
            let reply = server.send(&question);
            assert!(!reply.is_cut());
            assert!(reply.answers().len() >= 200);
        }
    }
}

#[test]
fn a_cut_answer_has_other_records_each_time() {
    let server = many(200);
    let ask = || server.ask("db.default.svc.cluster.local", A).answers();
    let seen: std::collections::BTreeSet<String> = (0..100).flat_map(|_| ask()).collect();
    assert!(seen.len() > 150, "{} of 200", seen.len());
}
