//! Operations read as commands, and every one of them can be encoded.

mod arbitrary;

use std::convert::Infallible;

use netlink_packet_core::{NetlinkHeader, NetlinkMessage};
use proptest::prelude::*;

use super::encode::Devices;
use super::*;
use crate::neighbour::FdbKind;
use crate::route::RouteKind;
use crate::wire;

fn name(text: &str) -> LinkName {
    LinkName::try_new(text).unwrap()
}

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);

fn link_examples() -> Vec<Op> {
    let port = BridgePort { hairpin: Some(true), learning: Some(false), ..BridgePort::default() };
    let bridge = NewBridge {
        mac: Some(MAC),
        mtu: Some(1450),
        alias: Some("ours".into()),
        settings: BridgeSettings {
            ageing: Some(std::time::Duration::from_secs(120)),
            mcast_snooping: Some(false),
            ..BridgeSettings::default()
        },
        ..NewBridge::new(name("pontoon0"))
    };
    let veth = NewVeth {
        mtu: Some(1450),
        master: Some(name("pontoon0")),
        up: true,
        group: Some(77),
        alias: Some("default/web".into()),
        port: Some(port),
        no_link_local: true,
        queues: Some(1),
        peer: VethPeer { name: name("eth0"), mac: Some(MAC), mtu: Some(1450), netns: None },
        ..NewVeth::new(name("pv7"), name("eth0"))
    };
    let vxlan = NewVxlan {
        mac: Some(MAC),
        no_link_local: true,
        ..NewVxlan::new(
            name("pontoon.1"),
            VxlanSettings {
                local: Some("192.0.2.1".parse().unwrap()),
                dev: Some(name("eth0")),
                ..VxlanSettings::new(1, 8472)
            },
        )
    };
    let external = VxlanSettings { external: true, gpe: true, ..VxlanSettings::new(0, 4790) };
    let change = LinkChange {
        up: Some(false),
        mtu: Some(1400),
        master: Some(Master::Leave),
        alias: Some(String::new()),
        name: Some(name("new")),
        ..LinkChange::default()
    };
    vec![
        Op::CreateBridge(bridge),
        Op::CreateVeth(veth),
        Op::CreateVxlan(vxlan),
        Op::CreateVxlan(NewVxlan { up: false, ..NewVxlan::new(name("gpe"), external) }),
        Op::SetLink { dev: name("old"), change },
        Op::SetLink { dev: name("lo"), change: LinkChange::up() },
        Op::SetBridgePort { dev: name("pv7"), port },
        Op::DeleteLink { dev: name("pv7") },
        Op::DeleteLinkGroup { group: 77 },
    ]
}

fn net_examples() -> Vec<Op> {
    let dev = name("pontoon.1");
    let net = |text: &str| text.parse().unwrap();
    let ip = |text: &str| text.parse().unwrap();
    let peer = Route {
        onlink: true,
        protocol: 112,
        ..Route::via(net("10.244.2.0/24"), ip("10.244.2.0"), dev)
    };
    let full = Route {
        src: Some(ip("192.0.2.1")),
        mtu: Some(1450),
        table: 100,
        metric: 50,
        ..Route::via(net("10.0.0.1/32"), ip("fe80::1"), dev)
    };
    let address = Address::new(dev, net("10.244.1.0/32"));
    let address6 = Address { noprefixroute: true, ..Address::new(dev, net("fd00::7/64")) };
    let service = Address { deprecated: true, ..Address::new(dev, net("fd00:96::a/128")) };
    let entry = |kind| FdbEntry { dev, mac: MAC, kind };
    let rule = Rule {
        iif: Some(name("pontoon0")),
        from: Some(net("10.244.0.0/16")),
        mark: Some((0x10, 0xff)),
        protocol: 112,
        ..Rule::to_table(true, 100, 1000)
    };
    vec![
        Op::AddAddress(Address { scope: crate::Scope::Link, ..address.clone() }),
        Op::ReplaceAddress(address6),
        Op::ReplaceAddress(service),
        Op::DeleteAddress(address),
        Op::ReplaceRoute(peer.clone()),
        Op::AddRoute(full),
        Op::DeleteRoute(peer),
        Op::AddRoute(Route::default_via(ip("fd00::1"), dev)),
        Op::AddRoute(Route::direct(net("::/0"), dev)),
        Op::AddRoute(Route::dropping(net("10.244.0.0/16"), RouteKind::Blackhole)),
        Op::AddRoute(Route::dropping(net("fd00::/48"), RouteKind::Unreachable)),
        Op::ReplaceNeighbour(Neighbour::permanent(dev, ip("10.244.2.0"), MAC)),
        Op::DeleteNeighbour { dev, ip: ip("fd00:2::") },
        Op::ReplaceFdb(entry(FdbKind::Remote(ip("192.0.2.2")))),
        Op::DeleteFdb(entry(FdbKind::Static)),
        Op::AddRule(rule),
        Op::DeleteRule(Rule::to_table(false, 254, 0)),
    ]
}

#[test]
fn an_operation_reads_as_the_command_that_does_the_same() {
    let said = link_examples()
        .into_iter()
        .chain(net_examples())
        .map(|op| format!("{op}\n"))
        .collect::<String>();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/op/tests/commands.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &said).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    assert!(said == golden, "{path} differs; UPDATE_GOLDEN=1 accepts what is now:\n{said}");
}

struct Numbered;

impl Devices for Numbered {
    type Error = Infallible;

    fn index(&mut self, name: LinkName) -> Result<u32, Infallible> {
        Ok(u32::from(name.as_str().as_bytes()[0]))
    }
}

fn bytes_of(op: &Op) -> Vec<Vec<u8>> {
    let Ok(requests) = op.encode(&mut Numbered);
    let serialize = |request: super::encode::Request| {
        let mut message = NetlinkMessage::new(NetlinkHeader::default(), request.message.into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        bytes
    };
    requests.into_iter().map(serialize).collect()
}

#[test]
fn a_request_asks_only_for_what_is_to_change() {
    let count = |op: &Op| bytes_of(op).len();
    let veth = NewVeth::new(name("a"), name("b"));
    assert_eq!(count(&Op::CreateVeth(veth.clone())), 1);
    assert_eq!(count(&Op::CreateVeth(NewVeth { up: true, group: Some(1), ..veth.clone() })), 1);
    assert_eq!(count(&Op::CreateVeth(NewVeth { no_link_local: true, ..veth })), 2);
    assert_eq!(count(&Op::CreateBridge(NewBridge { up: false, ..NewBridge::new(name("a")) })), 1);
}

proptest! {
    #[test]
    fn every_operation_can_be_encoded_and_shown(op in arbitrary::op()) {
        for bytes in bytes_of(&op) {
            // A message whose lengths are right is read to its end.
            let frames: Vec<_> = wire::frames(&bytes).collect();
            prop_assert_eq!(frames.len(), 1);
            prop_assert_eq!(frames[0].payload.len() + 16, bytes.len());
            prop_assert!(bytes.len() < 4096, "{} bytes", bytes.len());
        }
        prop_assert!(!op.to_string().is_empty());
    }

    #[test]
    fn a_route_that_is_encoded_is_decoded_as_it_was(route in arbitrary::planned_route()) {
        let [bytes] = &bytes_of(&Op::AddRoute(route.clone()))[..] else { panic!("one request") };
        let index = route.dev.map(|dev| u32::from(dev.as_str().as_bytes()[0]));
        let decoded = Route::decode(&bytes[16..], &mut |found| {
            assert_eq!(Some(found), index);
            route.dev.unwrap()
        });
        prop_assert_eq!(decoded, Some(route));
    }

    #[test]
    fn nothing_that_arrives_makes_a_decoder_fail(payload in arbitrary::payload()) {
        let mut name_of = LinkName::unnamed;
        let _ = crate::Link::decode(&payload, &mut name_of);
        let _ = crate::AddressInfo::decode(&payload, &mut name_of);
        let _ = Route::decode(&payload, &mut name_of);
        let _ = crate::RouteLookup::decode(&payload, &mut name_of);
        let _ = Neighbour::decode(&payload, &mut name_of);
        let _ = FdbEntry::decode(&payload, &mut name_of);
        let _ = Rule::decode(&payload);
        for frame in wire::frames(&payload) {
            let _ = crate::transport::Verdict::of(&frame);
        }
        let frame = wire::Frame { kind: 2, flags: 0x200, sequence: 1, payload: &payload };
        let _ = crate::transport::Verdict::of(&frame);
    }
}
