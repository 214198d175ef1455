//! Forgetting connections, with real flows, counted by `conntrack` of conntrack-tools.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::support::{in_netns, run};
use pontoon_netlink::conntrack::{Conntrack, Filter};
use pontoon_netlink::nft::{
    Batch, Chain, ChainKind, Family, Hook, HookPoint, NfProto, Nft, Rule, Table, m, priority, proto,
};

/// A namespace where connections are tracked, and 10.96.0.10:53/udp is rewritten to 127.0.0.2:5353.
fn tracked() {
    for address in ["10.244.0.1/32", "10.244.0.2/32", "10.244.0.3/32", "fd00::1/128", "fd00::2/128"]
    {
        run("ip", &["address", "add", address, "dev", "lo", "nodad"]);
    }
    run("ip", &["route", "add", "10.96.0.0/16", "dev", "lo"]);
    let table = Table::new(Family::Inet, "nf_ct");
    let mut batch = Batch::new();
    batch.add_table(&table);
    let hook = Hook::new(ChainKind::Nat, HookPoint::Output, priority::DSTNAT);
    batch.add_chain(&table, &Chain::base("output", hook));
    batch.add_rule(
        &table,
        &Rule::new("output")
            .with(m::nfproto(NfProto::Ipv4))
            .with(m::daddr("10.96.0.10/32".parse().unwrap()))
            .with(m::l4proto(proto::UDP))
            .with(m::dport(53))
            .with(m::dnat(ip("10.244.0.3"), Some(5353))),
    );
    // A rule that asks for the state of both families has both tracked.
    let state = m::ct_state(m::ct_state_bits::INVALID);
    batch.add_rule(&table, &Rule::new("output").with(state).with(m::drop()));
    Nft::open().unwrap().commit(&batch).unwrap();
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Sends one datagram from one address to another.
fn flow(from: &str, to: &str) {
    UdpSocket::bind(from).unwrap().send_to(b"x", to).unwrap();
}

/// Connections that conntrack-tools count for a filter.
fn tools_count(family: &str, filter: &[&str]) -> usize {
    let args: Vec<&str> = ["-L", "-f", family].into_iter().chain(filter.iter().copied()).collect();
    run("conntrack", &args).lines().count()
}

#[test]
fn an_empty_table_costs_one_question() {
    in_netns(|| {
        let mut table = Conntrack::open().unwrap();
        assert_eq!(table.count().unwrap(), 0);
        let start = std::time::Instant::now();
        for _ in 0..100 {
            assert_eq!(table.delete(&Filter::involving([ip("10.244.0.1")])).unwrap(), 0);
        }
        println!("a deletion in an empty table: {:?}", start.elapsed() / 100);
    });
}

#[test]
fn all_connections_of_a_released_address_are_forgotten_and_no_other() {
    in_netns(|| {
        tracked();
        flow("10.244.0.1:1001", "10.244.0.2:2000");
        flow("10.244.0.2:1002", "10.244.0.1:2000");
        flow("10.244.0.2:1003", "10.244.0.3:2000");
        let mut table = Conntrack::open().unwrap();
        for _ in 0..1000 {
            flow("[fd00::1]:1004", "[fd00::2]:2000");
            if table.count().unwrap() > 3 {
                break;
            }
            // An IPv6 address that is new may lose what is sent to it; the same again is the same connection.
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(table.count().unwrap(), 4);
        assert_eq!(table.delete(&Filter::involving([ip("10.244.0.1")])).unwrap(), 2);
        assert_eq!(tools_count("ipv4", &[]), 1);
        assert_eq!(tools_count("ipv6", &[]), 1);
        assert_eq!(table.delete(&Filter::involving([ip("fd00::2"), ip("10.244.0.3")])).unwrap(), 2);
        assert_eq!(table.count().unwrap(), 0);
    });
}

#[test]
fn a_flow_through_a_service_is_found_by_service_and_by_endpoint() {
    in_netns(|| {
        tracked();
        flow("10.244.0.1:1001", "10.96.0.10:53");
        flow("10.244.0.1:1001", "10.244.0.2:53");
        let mut table = Conntrack::open().unwrap();
        let by_endpoint = Filter::all()
            .protocol(proto::UDP)
            .original_destination(socket("10.96.0.10:53"))
            .reply_source(socket("10.244.0.3:5353"));
        let [flow] = table.list(&by_endpoint).unwrap().try_into().unwrap();
        assert_eq!(flow.original.destination, ip("10.96.0.10"));
        assert_eq!(flow.reply.source, ip("10.244.0.3"));
        assert_eq!(flow.reply.source_port, 5353);
        assert!(flow.involves(ip("10.244.0.3")));
        assert_eq!(table.list(&by_endpoint.clone().protocol(proto::TCP)).unwrap(), []);
        let other = by_endpoint.clone().reply_source(socket("10.244.0.3:5354"));
        assert_eq!(table.delete(&other).unwrap(), 0);
        assert_eq!(table.delete(&by_endpoint).unwrap(), 1);
        assert_eq!(tools_count("ipv4", &["-d", "10.244.0.2"]), 1);
    });
}

#[test]
fn a_list_agrees_with_conntrack_tools() {
    in_netns(|| {
        tracked();
        for port in 1..=50 {
            flow(&format!("10.244.0.1:{}", 2000 + port), &format!("10.244.0.2:{port}"));
        }
        let mut table = Conntrack::open().unwrap();
        let flows = table.list(&Filter::all().original_source(ip("10.244.0.1"))).unwrap();
        assert_eq!(flows.len(), tools_count("ipv4", &["-s", "10.244.0.1"]));
        assert_eq!(table.list(&Filter::all().original_destination(7)).unwrap().len(), 1);
        assert_eq!(table.list(&Filter::involving([])).unwrap(), []);
    });
}
