//! What it costs to forget the connections of one address among many. Prints, and checks only what
//! holds on any machine.

use std::net::{IpAddr, UdpSocket};

use crate::support::{in_netns, run, timed};
use pontoon_netlink::conntrack::{Conntrack, Filter};
use pontoon_netlink::nft::{
    Batch, Chain, ChainKind, Family, Hook, HookPoint, Nft, Rule, Table, m, priority,
};

const FLOWS: u32 = 60_000;

#[test]
fn one_address_among_many_connections() {
    in_netns(|| {
        let table = Table::new(Family::Ip, "nf_ct");
        let mut batch = Batch::new();
        batch.add_table(&table);
        let hook = Hook::new(ChainKind::Filter, HookPoint::Output, priority::FILTER);
        batch.add_chain(&table, &Chain::base("output", hook));
        let state = m::ct_state(m::ct_state_bits::INVALID);
        batch.add_rule(&table, &Rule::new("output").with(state).with(m::drop()));
        Nft::open().unwrap().commit(&batch).unwrap();
        run("ip", &["address", "add", "10.244.0.0/16", "dev", "lo"]);
        let socket = UdpSocket::bind("10.244.0.1:1").unwrap();
        for number in 0..FLOWS {
            let port = 1 + u16::try_from(number % 60_000).unwrap();
            let _ = socket.send_to(b"x", ("10.244.0.2", port));
        }
        let one = UdpSocket::bind("10.244.0.9:1").unwrap();
        let _ = one.send_to(b"x", "10.244.0.2:9");
        let mut table = Conntrack::open().unwrap();
        println!("{} connections", table.count().unwrap());
        let address: IpAddr = "10.244.0.9".parse().unwrap();
        for filter in [Filter::all().original_source(address), Filter::involving([address])] {
            let (found, cost) = timed(|| table.list(&filter).unwrap());
            assert_eq!(found.len(), 1);
            println!("{filter:?}: {cost:?}");
        }
    });
}
