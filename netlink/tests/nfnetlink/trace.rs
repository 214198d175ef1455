//! What becomes of packets, as the kernel tells it.

use std::net::UdpSocket;
use std::time::Duration;

use pontoon_netlink::nft::*;

use crate::support::{in_netns, nft_tables, run};

const TABLE: Table = Table::new(Family::Inet, "nf_trace");

/// Marks datagrams to port 7777, before anybody else looks at them.
fn mark(nft: &mut Nft) {
    let hook = Hook::new(ChainKind::Filter, HookPoint::Output, priority::RAW - 100);
    let mut batch = Batch::new();
    batch.add_owned_table(&TABLE);
    batch.add_chain(&TABLE, &Chain::base("mark", hook));
    let rule = Rule::new("mark").with(m::l4proto(proto::UDP)).with(m::dport(7777)).with([
        Expr::Immediate(Register::FIRST, Value::from_bytes(&[1])),
        Expr::MetaSet(MetaKey::NfTrace, Register::FIRST),
    ]);
    batch.add_rule(&TABLE, &rule);
    nft.commit(&batch).unwrap();
}

async fn sightings(traces: &mut Traces) -> Vec<Sighting> {
    let mut seen = Vec::new();
    while let Ok(more) = tokio::time::timeout(Duration::from_millis(500), traces.next()).await {
        seen.extend(more.unwrap());
    }
    seen
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_marked_packet_is_seen_in_every_chain_until_a_rule_drops_it() {
    in_netns(|| {
        runtime().block_on(async {
            let mut traces = Traces::open().unwrap();
            let mut nft = Nft::open().unwrap();
            mark(&mut nft);
            run("nft", &["add table ip filter; add chain ip filter output { type filter hook output priority 0; }; add chain ip filter judge; add rule ip filter output udp dport 7777 jump judge; add rule ip filter judge udp dport 9 accept; add rule ip filter judge counter drop"]);
            let listed = nft.list_table(Family::Ip, "filter").unwrap().unwrap();
            let drop = listed.chain("judge").unwrap().rules[1].handle;
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            assert!(socket.send_to(b"x", "127.0.0.1:7777").is_err(), "a drop at output is told");
            let seen = sightings(&mut traces).await;
            let places: Vec<(&str, &str)> =
                seen.iter().map(|seen| (seen.table.as_str(), seen.chain.as_str())).collect();
            let output = ("filter", "output");
            let mark = ("nf_trace", "mark");
            assert_eq!(places, [mark, mark, mark, output, ("filter", "judge")]);
            let last = seen.last().unwrap();
            let event = TraceEvent::Rule { handle: drop, verdict: Verdict::Drop };
            assert_eq!((&last.event, last.family), (&event, Family::Ip));
            assert_eq!(seen[1].event, TraceEvent::End);
            assert_eq!(seen[2].event, TraceEvent::Policy(Verdict::Accept));
            let jump = Verdict::jump("judge");
            assert!(matches!(&seen[3].event, TraceEvent::Rule { verdict, .. } if *verdict == jump));
            let headers = seen[0].headers.unwrap();
            assert_eq!(headers.ports, (socket.local_addr().unwrap().port(), 7777));
            assert_eq!((headers.protocol, headers.destination), (proto::UDP, [127, 0, 0, 1].into()));
            assert!(seen.iter().all(|one| one.packet == seen[0].packet));
            assert_eq!((seen[0].input, seen[0].output, seen[3].output), (None, Some(1), Some(1)));
            // What nobody marked is not told of.
            run("nft", &["flush chain ip filter judge"]);
            let _ = socket.send_to(b"x", "127.0.0.1:7778");
            assert_eq!(sightings(&mut traces).await, []);
        });
    });
}

#[test]
fn a_marked_packet_is_seen_on_its_way_in_too_over_ipv6() {
    in_netns(|| {
        runtime().block_on(async {
            let mut traces = Traces::open().unwrap();
            let mut nft = Nft::open().unwrap();
            mark(&mut nft);
            run("nft", &["add table inet other; add chain inet other in { type filter hook input priority 0; policy drop; }"]);
            let socket = UdpSocket::bind("[::1]:0").unwrap();
            socket.send_to(b"x", "[::1]:7777").unwrap();
            let seen = sightings(&mut traces).await;
            let last = seen.last().unwrap();
            assert_eq!((last.chain.as_str(), &last.event), ("in", &TraceEvent::Policy(Verdict::Drop)));
            // To the kernel it is another packet when it comes in.
            let inward: Vec<&Sighting> = seen.iter().filter(|s| s.packet == last.packet).collect();
            assert_eq!((inward.len(), inward[0].input), (2, Some(1)));
            assert_eq!(inward[0].headers.unwrap().source.to_string(), "::1");
        });
    });
}

#[test]
fn an_owned_table_goes_with_its_connection() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        mark(&mut nft);
        assert!(nft_tables().contains("nf_trace"));
        let mut other = Nft::open().unwrap();
        let mut batch = Batch::new();
        batch.delete_table(&TABLE);
        assert!(other.commit(&batch).is_err(), "nobody else may change it");
        drop(nft);
        assert!(!nft_tables().contains("nf_trace"));
    });
}
