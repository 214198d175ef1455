use ipnetwork::IpNetwork;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::FieldType::{EtherAddr, IfName, InetProto, InetService, Ipv4Addr, Number};
use super::*;
use crate::MacAddr;
use crate::nfnetlink::Messages;

const TABLE: Table = Table::new(Family::Inet, "pontoon");
const PORTS: Set = Set::map("ports", &[InetProto, InetService], &[Ipv4Addr, InetService]);
const RANGES: Set = Set::verdict_map("ranges", &[Ipv4Addr]).with_intervals();
const PAIRS: Set = Set::new("pairs", &[IfName, EtherAddr, Ipv4Addr]).with_intervals();

#[test]
fn a_single_field_has_its_own_length_and_several_are_padded() {
    assert_eq!(Value::new().port(80).as_bytes(), [0, 80]);
    assert_eq!(Value::new().proto(6).as_bytes(), [6]);
    let mac = MacAddr([1, 2, 3, 4, 5, 6]);
    assert_eq!(Value::new().mac(mac).as_bytes(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(Value::new().mac(mac).proto(6).as_bytes(), [1, 2, 3, 4, 5, 6, 0, 0, 6, 0, 0, 0]);
    assert_eq!(Value::new().number(1).as_bytes(), 1u32.to_ne_bytes());
    assert_eq!(Value::new().ifname("eth0").as_bytes(), *b"eth0\0\0\0\0\0\0\0\0\0\0\0\0");
    let long = Value::new().ifname("a-name-of-nineteen-");
    assert_eq!(long.as_bytes(), *b"a-name-of-ninet\0");
}

#[test]
fn a_value_beyond_the_kernels_limit_is_empty_and_stays_so() {
    let six = std::net::Ipv6Addr::LOCALHOST;
    let full = (0..4).fold(Value::new(), |value, _| value.ipv6(six));
    assert_eq!(full.as_bytes().len(), 64);
    assert_eq!(full.proto(6).as_bytes(), []);
    assert_eq!(full.proto(6).proto(6).as_bytes(), []);
    assert_ne!(full.proto(6), Value::new());
    assert_eq!(Value::from_bytes(&[7; 65]).as_bytes(), []);
}

#[test]
fn networks_are_ranges_from_their_first_to_their_last_address() {
    let range = |network: &str| match Element::network(network.parse().unwrap()).key {
        ElementKey::Range(first, last) => (first.as_bytes().to_vec(), last.as_bytes().to_vec()),
        other => panic!("{other:?}"),
    };
    assert_eq!(range("10.1.0.0/16"), (vec![10, 1, 0, 0], vec![10, 1, 255, 255]));
    assert_eq!(range("0.0.0.0/0"), (vec![0; 4], vec![255; 4]));
    assert_eq!(range("fd00::7/128").0, range("fd00::7/128").1);
}

#[test]
fn each_change_is_described_as_nft_would_write_it() {
    let mut batch = Batch::new();
    batch.add_table(&TABLE);
    batch.destroy_chain(&TABLE, "old");
    batch.add_set(&TABLE, &PORTS);
    let key = Value::new().proto(proto::UDP).port(53);
    batch.delete_elements(&TABLE, &PORTS, [Element::new(key)]);
    batch.add_elements(&TABLE, &PORTS, [Element::new(key).to_value(Value::new().port(1))]);
    batch.replace_rule(&TABLE, 9, &Rule::new("c").with(m::counter()).with(m::accept()));
    batch.delete_rule(&TABLE, "c", 8);
    batch.flush_set(&TABLE, "ports");
    let bytes = batch.messages().as_bytes();
    let described: Vec<String> =
        Messages::new(bytes).map(|message| describe::describe(bytes, &message, None)).collect();
    assert_eq!(
        described,
        [
            "add table inet pontoon",
            "destroy chain inet pontoon old",
            "add set inet pontoon ports",
            "delete element inet pontoon ports { udp . 53 }",
            "add element inet pontoon ports { udp . 53 : 0x0001 }",
            "replace rule inet pontoon c handle 9 counter immediate",
            "delete rule inet pontoon c handle 8",
            "delete element inet pontoon ports",
        ]
    );
}

/// One of everything that can be encoded.
fn all_kinds() -> Batch {
    let network: IpNetwork = "10.0.0.0/8".parse().unwrap();
    let hook = Hook::new(ChainKind::Nat, HookPoint::Prerouting, priority::DSTNAT);
    let mut batch = Batch::new();
    batch.add_table(&TABLE.with_comment("a comment"));
    batch.add_chain(&TABLE, &Chain::base("base", hook).with_comment("another"));
    for set in [&PORTS, &RANGES, &PAIRS] {
        batch.add_set(&TABLE, set);
    }
    let key = [Load::L4PROTO, Load::DPORT, Load::random(7)];
    let rule = Rule::new("base")
        .with(m::nfproto(NfProto::Ipv4))
        .with(m::saddr(network))
        .with(m::ct_state(m::ct_state_bits::NEW))
        .with(m::between(Load::SPORT, Value::new().port(1), Value::new().port(9)))
        .with(m::update_set(&key, "sticky", None))
        .with(m::limit(5, LimitUnit::Second, 3))
        .with(m::dnat_map(NfProto::Ipv4, &key, &PORTS))
        .with_comment("the rule");
    batch.add_rule(&TABLE, &rule);
    let port = Value::new().proto(6).port(80);
    let range = Element::network(network).to_verdict(Verdict::goto("base")).with_comment("x");
    batch.add_elements(&TABLE, &PORTS, [Element::new(port).to_value(port)]);
    batch.add_elements(&TABLE, &RANGES, [range, Element::catch_all().to_verdict(Verdict::Drop)]);
    let pair = Value::new().ifname("eth0").mac([1; 6]).ip([10, 0, 0, 1]);
    batch.add_elements(&TABLE, &PAIRS, [Element::range(pair, pair)]);
    batch
}

/// Everything that reads messages.
fn read(datagram: &[u8], offset: usize) {
    for message in Messages::new(datagram) {
        let _ = describe::describe(datagram, &message, Some(offset));
        let _ = (decode::table(&message), decode::chain(&message, &TABLE));
        let _ = (decode::rule(&message, &TABLE), decode::set(&message, &TABLE));
        for set in [&PORTS, &RANGES, &PAIRS] {
            let _ = decode::join(decode::elements(&message, set).collect()).count();
        }
    }
    let _ = monitor::events(datagram);
}

#[test]
fn what_was_encoded_is_decoded() {
    let batch = all_kinds();
    let bytes = batch.messages().as_bytes();
    let tables: Vec<_> =
        Messages::new(bytes).filter_map(|message| decode::table(&message)).collect();
    assert_eq!(tables[0], TABLE.with_comment("a comment"));
    let sets = Messages::new(bytes).filter_map(|message| decode::set(&message, &TABLE)?.set);
    let sets: Vec<Set> = sets.filter(|set| set.name == "pairs").collect();
    assert!(sets.contains(&PAIRS));
}

proptest! {
    #[test]
    fn a_damaged_message_is_read_without_panic(
        damage in vec((any::<Index>(), any::<u8>()), 1..20),
        cut in any::<Index>(),
        offset in 0..500usize,
    ) {
        let mut bytes = all_kinds().messages().as_bytes().to_vec();
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        read(&bytes, offset);
        bytes.truncate(cut.index(bytes.len()));
        read(&bytes, offset);
    }

    #[test]
    fn userdata_is_read_without_panic(bytes in vec(any::<u8>(), 0..100)) {
        let _ = (userdata::read_comment(&bytes), userdata::read_rule_digest(&bytes));
        let _ = userdata::read_set_comment(&bytes);
    }

    #[test]
    fn a_successor_has_its_predecessor(bytes in vec(any::<u8>(), 1..17)) {
        let value = Value::from_bytes(&bytes);
        match encode::successor(&value) {
            Some(next) => {
                prop_assert!(next > value);
                prop_assert_eq!(encode::predecessor(&next), Some(value));
            }
            None => prop_assert!(bytes.iter().all(|byte| *byte == 255)),
        }
    }

    #[test]
    fn any_comment_is_cut_to_what_nft_can_read(text in "\\PC{0,200}") {
        let userdata = userdata::comment(Some(&text));
        let read = userdata::read_comment(&userdata).unwrap();
        prop_assert!(read.len() <= 127 && text.starts_with(&read));
        prop_assert!(read.len() + 4 > text.len().min(127));
    }
}

#[test]
fn the_number_of_a_type_names_its_fields() {
    let key = [Ipv4Addr, Number, IfName];
    assert_eq!(set::fields_of_number(set::type_number(&key)).as_deref(), Some(&key[..]));
    assert_eq!(set::fields_of_number(63), None);
}

/// What Linux 6.18 told of a datagram to `[::1]:7777` that a rule marked on its way out, and that a
/// rule of another chain sent back to the policy on its way in; a datagram of netlink each.
const TRACE: [&str; 6] = [
    "a0000000110a000000000000000000000100000008000f000000000a080004000000000308000600145d44a1060002006f00000006000100740000000c00030000000000000000020c00050008000100ffffffff08000c000000000106000d00030400002c00080060093c510009114000000000000000000000000000000001000000000000000000000000000000010d0009008ebd1e610009001c78000000",
    "48000000110a000000000000000000000100000008000f000000000a080004000000000308000600145d44a1060002006f00000006000100740000000c00050008000100ffffffff",
    "44000000110a000000000000000000000100000008000f000000000a080004000000000108000600145d44a1060002006f00000006000100740000000800100000000001",
    "bc000000110a000000000000000000000100000008000f000000000a0800040000000003080006006980c17a07000200696e000006000100740000000c00030000000000000000051400050008000100fffffffc060002006a00000008000a000000000106000b00030400002c00080060093c510009114000000000000000000000000000000001000000000000000000000000000000010d0009008ebd1e610009001c780000001200070000000000000000000000000086dd0000",
    "54000000110a000000000000000000000100000008000f000000000a0800040000000003080006006980c17a060002006a00000006000100740000000c00030000000000000000060c00050008000100fffffffb",
    "44000000110a000000000000000000000100000008000f000000000a0800040000000001080006006980c17a07000200696e000006000100740000000800100000000000",
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

#[test]
#[cfg(target_endian = "little")]
fn a_trace_is_read_as_the_kernel_wrote_it() {
    let seen: Vec<Sighting> = TRACE.iter().flat_map(|hex| trace::read(&bytes(hex))).collect();
    let events: Vec<(&str, TraceEvent)> =
        seen.iter().map(|one| (one.chain.as_str(), one.event.clone())).collect();
    let rule = |handle, verdict| TraceEvent::Rule { handle, verdict };
    assert_eq!(
        events,
        [
            ("o", rule(2, Verdict::Continue)),
            ("o", TraceEvent::End),
            ("o", TraceEvent::Policy(Verdict::Accept)),
            ("in", rule(5, Verdict::goto("j"))),
            ("j", rule(6, Verdict::Return)),
            ("in", TraceEvent::Policy(Verdict::Drop)),
        ]
    );
    let own: std::net::IpAddr = std::net::Ipv6Addr::LOCALHOST.into();
    let headers =
        Headers { source: own, destination: own, protocol: proto::UDP, ports: (36541, 7777) };
    assert_eq!((seen[0].headers, seen[3].headers), (Some(headers), Some(headers)));
    assert_eq!((seen[0].output, seen[3].input, seen[4].headers), (Some(1), Some(1), None));
    assert_eq!((seen[0].family, seen[0].table.as_str()), (Family::Inet, "t"));
    // Each pass has a number of its own.
    assert!(seen[0].packet == seen[2].packet && seen[0].packet != seen[3].packet);
}

proptest! {
    #[test]
    fn no_datagram_is_too_broken_to_be_read(which in 0..TRACE.len(), at in any::<Index>(), byte in any::<u8>(), cut in any::<Index>()) {
        let mut datagram = bytes(TRACE[which]);
        let at = at.index(datagram.len());
        datagram[at] = byte;
        datagram.truncate(cut.index(datagram.len() + 1));
        let _ = trace::read(&datagram);
    }
}
