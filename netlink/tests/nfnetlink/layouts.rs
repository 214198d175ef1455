//! The tables that Pontoon is made of, written by this crate, read by nft.

use crate::support::{assert_golden, in_netns, nft_text};
use ipnetwork::IpNetwork;
use pontoon_netlink::MacAddr;
use pontoon_netlink::nft::FieldType::{
    EtherAddr, IfName, InetProto, InetService, Ipv4Addr, Ipv6Addr, Number,
};
use pontoon_netlink::nft::{
    AddressType, Batch, Chain, ChainKind, CtKey, Dynset, DynsetOp, Element, Expr, Family, Hook,
    HookPoint, Load, NfProto, Nft, Register, Rule, Set, Table, Tuple, Value, Verdict, m, nat_flags,
    priority, proto,
};
use std::time::Duration;

fn network(text: &str) -> IpNetwork {
    text.parse().unwrap()
}

const ARP: u16 = 0x0806;

/// A pod's frames carry its own MAC and address, in IP and in ARP, or are dropped.
fn anti_spoofing() -> (Table, Batch) {
    let table = Table::new(Family::Bridge, "pontoon").with_comment("made by pontoond");
    let senders4 = Set::new("senders4", &[IfName, EtherAddr, Ipv4Addr]);
    let senders6 = Set::new("senders6", &[IfName, EtherAddr, Ipv6Addr]);
    let ports = Set::new("ports", &[IfName]).with_comment("host ends of pods");
    let mac = MacAddr([0x0a, 0x58, 0x0a, 0xf4, 0x01, 0x02]);
    let mut batch = Batch::new();
    batch.add_table(&table);
    for set in [&senders4, &senders6, &ports] {
        batch.add_set(&table, set);
    }
    let hook = Hook::new(ChainKind::Filter, HookPoint::Prerouting, priority::BRIDGE_FILTER);
    batch.add_chain(&table, &Chain::base("prerouting", hook));
    batch.add_chain(&table, &Chain::new("from_pod").with_comment("only with its own addresses"));
    batch.add_rule(
        &table,
        &Rule::new("prerouting")
            .with(m::in_set(&[Load::IIFNAME], &ports))
            .with(m::goto("from_pod")),
    );
    let v4 = [Load::IIFNAME, Load::ETHER_SADDR, Load::IP_SADDR];
    let v6 = [Load::IIFNAME, Load::ETHER_SADDR, Load::IP6_SADDR];
    let arp = [Load::IIFNAME, Load::ARP_SENDER_MAC, Load::ARP_SENDER_IP];
    for rule in [
        Rule::new("from_pod")
            .with(m::ethertype(NfProto::Ipv4.ethertype()))
            .with(m::in_set(&v4, &senders4))
            .with(m::accept()),
        Rule::new("from_pod")
            .with(m::ethertype(NfProto::Ipv6.ethertype()))
            .with(m::in_set(&v6, &senders6))
            .with(m::accept()),
        Rule::new("from_pod")
            .with(m::ethertype(ARP))
            .with(m::in_set(&arp, &senders4))
            .with(m::accept())
            .with_comment("its own ARP"),
        Rule::new("from_pod").with(m::counter()).with(m::drop()),
    ] {
        batch.add_rule(&table, &rule);
    }
    let key = Value::new().ifname("pv0123456789");
    batch.add_elements(&table, &ports, [Element::new(key)]);
    batch.add_elements(
        &table,
        &senders4,
        [Element::new(key.mac(mac).ip([10, 244, 1, 2])).with_comment("default/web-0")],
    );
    batch.add_elements(
        &table,
        &senders6,
        [Element::new(key.mac(mac).ipv6("fd00:10:244:1::2".parse().unwrap()))],
    );
    (table, batch)
}

#[test]
fn an_anti_spoofing_bridge_table_is_readable() {
    in_netns(|| {
        let (table, batch) = anti_spoofing();
        Nft::open().unwrap().commit(&batch).unwrap();
        assert_golden("anti_spoofing", &nft_text(&table.to_string()));
    });
}

const PODS: Set = Set::new("pods", &[Ipv4Addr]).with_intervals();
const HOST_PORTS: Set = Set::map("hostports", &[InetProto, InetService], &[Ipv4Addr, InetService]);

fn host_ports() -> (Table, Batch) {
    let table = Table::new(Family::Inet, "pontoon");
    let mut batch = Batch::new();
    batch.add_table(&table);
    batch.add_set(&table, &PODS);
    batch.add_set(&table, &HOST_PORTS);
    for (name, point, order) in [
        ("prerouting", HookPoint::Prerouting, priority::DSTNAT),
        ("output", HookPoint::Output, priority::DSTNAT),
        ("postrouting", HookPoint::Postrouting, priority::SRCNAT),
    ] {
        batch.add_chain(&table, &Chain::base(name, Hook::new(ChainKind::Nat, point, order)));
    }
    batch.add_chain(&table, &Chain::new("hostport"));
    for chain in ["prerouting", "output"] {
        batch.add_rule(
            &table,
            &Rule::new(chain).with(m::daddr_type(AddressType::Local)).with(m::jump("hostport")),
        );
    }
    batch.add_rule(
        &table,
        &Rule::new("hostport").with(m::nfproto(NfProto::Ipv4)).with(m::dnat_map(
            NfProto::Ipv4,
            &[Load::L4PROTO, Load::DPORT],
            &HOST_PORTS,
        )),
    );
    for rule in [
        Rule::new("postrouting").with(m::ct_status(m::ct_status_bits::DNAT)).with(m::ret()),
        Rule::new("postrouting")
            .with(m::nfproto(NfProto::Ipv4))
            .with(m::in_set(&[Load::IP_SADDR], &PODS))
            .with(m::not_in_set(&[Load::IP_DADDR], &PODS))
            .with(m::masquerade(nat_flags::FULLY_RANDOM))
            .with_comment("what leaves the cluster"),
        Rule::new("postrouting")
            .with(m::nfproto(NfProto::Ipv6))
            .with(m::saddr(network("fd00:10:244::/48")))
            .with(m::daddr_not(network("fd00:10:244::/48")))
            .with(m::masquerade(0)),
    ] {
        batch.add_rule(&table, &rule);
    }
    batch.add_elements(
        &table,
        &PODS,
        [Element::network(network("10.244.0.0/16")), Element::network(network("10.200.7.9/32"))],
    );
    batch.add_elements(
        &table,
        &HOST_PORTS,
        [
            Element::new(Value::new().proto(proto::TCP).port(8080))
                .to_value(Value::new().ip([10, 244, 1, 2]).port(80)),
            Element::new(Value::new().proto(proto::UDP).port(5353))
                .to_value(Value::new().ip([10, 244, 1, 3]).port(53)),
        ],
    );
    (table, batch)
}

#[test]
fn a_table_of_masquerade_and_host_ports_is_readable() {
    in_netns(|| {
        let (table, batch) = host_ports();
        Nft::open().unwrap().commit(&batch).unwrap();
        assert_golden("host_ports", &nft_text(&table.to_string()));
    });
}

pub(crate) const SERVICES: Set = Set::verdict_map("services", &[Ipv4Addr, InetProto, InetService]);
pub(crate) const BACKENDS: Set =
    Set::map("backends", &[Ipv4Addr, InetProto, InetService, Number], &[Ipv4Addr, InetService]);
pub(crate) const AFFINITY: Set =
    Set::map("affinity", &[Ipv4Addr, Ipv4Addr, InetProto, InetService], &[Ipv4Addr, InetService])
        .dynamic()
        .with_timeout(Duration::from_secs(10_800))
        .with_size(65_536);

const STICKY: Set = Set::new("sticky", &[Ipv4Addr, InetProto, InetService]);

const SERVICE_KEY: [Load; 3] = [Load::IP_DADDR, Load::L4PROTO, Load::DPORT];

/// Chooses one of `endpoints` and rewrites to it.
fn balance(endpoints: u32) -> Rule {
    let [address, protocol, port] = SERVICE_KEY;
    let key = [address, protocol, port, Load::random(endpoints)];
    Rule::new(format!("lb{endpoints}")).with(m::nfproto(NfProto::Ipv4)).with(m::dnat_map(
        NfProto::Ipv4,
        &key,
        &BACKENDS,
    ))
}

/// The same for a service with session affinity: the endpoint that is remembered for the client, or
/// any.
///
/// nft 1.0 dies on an assertion when it lists a rule that puts the result of one map into another
/// (the rule is sound, and its netlink form is accepted). So the choice is not remembered here but
/// where the rewritten packet leaves: see [`remember`].
fn balance_with_affinity(endpoints: u32) -> [Rule; 2] {
    let chain = format!("sticky{endpoints}");
    let client = [Load::IP_SADDR, Load::IP_DADDR, Load::L4PROTO, Load::DPORT];
    let rule = Rule::new(chain).with(m::nfproto(NfProto::Ipv4));
    let known = rule.clone().with(m::dnat_map(NfProto::Ipv4, &client, &AFFINITY));
    let [address, protocol, port] = SERVICE_KEY;
    let slot = [address, protocol, port, Load::random(endpoints)];
    [known, rule.with(m::dnat_map(NfProto::Ipv4, &slot, &BACKENDS))]
}

/// Remembers for the client of a sticky service the endpoint that its new connection went to.
fn remember(chain: &'static str) -> Rule {
    let original = Tuple::Original;
    let [address, port] = [CtKey::DstIp(original), CtKey::DstPort(original)].map(Load::Ct);
    let client = [Load::Ct(CtKey::SrcIp(original)), address, Load::L4PROTO, port];
    let (load_client, after) = m::key_registers(&client, Register::FIRST);
    let (load_endpoint, _) = m::key_registers(&[Load::IP_DADDR, Load::DPORT], after);
    Rule::new(chain)
        .with(m::nfproto(NfProto::Ipv4))
        .with(m::in_set(&[address, Load::L4PROTO, port], &STICKY))
        .with(load_client)
        .with(load_endpoint)
        .with(Expr::Dynset(Dynset {
            op: DynsetOp::Update,
            set: (&AFFINITY).into(),
            key: Register::FIRST,
            data: Some(after),
            timeout: None,
            exprs: Vec::new(),
        }))
}

/// One TCP service with three endpoints and one with two and session affinity.
pub(crate) fn services() -> (Table, Batch) {
    let table = Table::new(Family::Inet, "pontoon");
    let mut batch = Batch::new();
    batch.add_table(&table);
    for set in [&SERVICES, &BACKENDS, &AFFINITY, &STICKY] {
        batch.add_set(&table, set);
    }
    for chain in ["lb3", "sticky2", "reject", "services"] {
        batch.add_chain(&table, &Chain::new(chain));
    }
    for (name, point) in [("prerouting", HookPoint::Prerouting), ("output", HookPoint::Output)] {
        let hook = Hook::new(ChainKind::Nat, point, priority::DSTNAT);
        batch.add_chain(&table, &Chain::base(name, hook));
        batch.add_rule(&table, &Rule::new(name).with(m::jump("services")));
    }
    let hook = Hook::new(ChainKind::Nat, HookPoint::Postrouting, priority::SRCNAT - 1);
    batch.add_chain(&table, &Chain::base("learn", hook));
    batch.add_rule(&table, &remember("learn"));
    batch.add_rule(
        &table,
        &Rule::new("services")
            .with(m::nfproto(NfProto::Ipv4))
            .with(m::verdict_map(&SERVICE_KEY, &SERVICES)),
    );
    batch.add_rule(&table, &balance(3));
    for rule in balance_with_affinity(2) {
        batch.add_rule(&table, &rule);
    }
    let (web, sticky) = (service([10, 96, 0, 10], 80), service([10, 96, 0, 11], 443));
    batch.add_elements(
        &table,
        &SERVICES,
        [
            Element::new(web).to_verdict(Verdict::goto("lb3")),
            Element::new(sticky).to_verdict(Verdict::goto("sticky2")),
        ],
    );
    batch.add_elements(&table, &STICKY, [Element::new(sticky)]);
    let backends = (0..3).map(|slot| (web, slot)).chain((0..2).map(|slot| (sticky, slot)));
    batch.add_elements(
        &table,
        &BACKENDS,
        backends.map(|(service, slot): (Value, u8)| {
            Element::new(service.number(u32::from(slot))).to_value(endpoint(slot))
        }),
    );
    (table, batch)
}

/// The address and port of an endpoint.
pub(crate) fn endpoint(slot: u8) -> Value {
    Value::new().ip([10, 244, slot, 2]).port(8080)
}

/// The key of a TCP service.
pub(crate) fn service(address: [u8; 4], port: u16) -> Value {
    Value::new().ip(address).proto(proto::TCP).port(port)
}

#[test]
fn a_table_of_services_is_readable() {
    in_netns(|| {
        let (table, batch) = services();
        Nft::open().unwrap().commit(&batch).unwrap();
        assert_golden("services", &nft_text(&table.to_string()));
    });
}
