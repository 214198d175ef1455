use pontoon_netlink::filter::{Action, Base, Chain, Element, Field, Rule, Set, Table, Test};
use pontoon_netlink::nft::m::ct_status_bits;
use pontoon_netlink::nft::{CmpOp, HookPoint};
use proptest::prelude::*;

use super::fate::{Cause, Fate, fate};
use super::packet::{Device, Packet, Tracking};

fn packet() -> Packet {
    let device = |name: &str, index| Some(Device { name: name.to_owned(), index });
    Packet {
        input: device("pontoon0", 3),
        output: device("eth0", 2),
        source: "10.244.1.2".parse().unwrap(),
        destination: "192.0.2.7".parse().unwrap(),
        protocol: 6,
        ports: (40000, 80),
        tracking: Tracking::New,
        dnat: false,
        snat: false,
    }
}

fn compare(field: Field, op: CmpOp, value: &[u8]) -> Test {
    Test::Compare { field, mask: None, op, value: value.to_vec() }
}

fn input(name: &str) -> Test {
    compare(Field::InName, CmpOp::Eq, name.as_bytes())
}

fn rule(tests: Vec<Test>, action: Action) -> Rule {
    Rule { tests, action }
}

fn chain(name: &str, rules: Vec<Rule>) -> Chain {
    Chain { name: name.to_owned(), base: None, rules }
}

fn table(drops: bool, rules: Vec<Rule>) -> Table {
    let base = Base { point: HookPoint::Forward, priority: 0, drops };
    let forward = Chain { name: "forward".to_owned(), base: Some(base), rules };
    Table {
        name: "ip filter".to_owned(),
        legacy: false,
        ipv4: true,
        ipv6: false,
        chains: vec![forward],
        sets: vec![],
    }
}

fn forward(table: &Table) -> Fate {
    fate(table, HookPoint::Forward, &packet())
}

fn by_rule(chain: &str, number: usize) -> Fate {
    Fate::Dropped(Cause::Rule { chain: chain.to_owned(), number, rejects: false })
}

fn by_policy() -> Fate {
    Fate::Dropped(Cause::Policy { chain: "forward".to_owned() })
}

fn guess() -> Test {
    Test::Unreadable("limit".to_owned())
}

#[test]
fn the_policy_decides_where_no_rule_does() {
    assert_eq!(forward(&table(true, vec![])), by_policy());
    assert_eq!(forward(&table(false, vec![])), Fate::Passes);
    let others = vec![rule(vec![input("docker0\0")], Action::Accept)];
    assert_eq!(forward(&table(true, others)), by_policy());
    let ours = vec![rule(vec![input("pontoon0\0")], Action::Accept)];
    assert_eq!(forward(&table(true, ours)), Fate::Passes);
}

#[test]
fn what_tells_the_sender_is_known_from_what_does_not() {
    let rejects = Cause::Rule { chain: "forward".to_owned(), number: 1, rejects: true };
    let refused = table(false, vec![rule(vec![], Action::Reject)]);
    assert_eq!(forward(&refused), Fate::Dropped(rejects));
    let unsure = table(false, vec![rule(vec![guess()], Action::Reject)]);
    assert_eq!(forward(&unsure), Fate::Passes);
}

#[test]
fn other_places_and_families_are_other_tables_business() {
    let closed = table(true, vec![]);
    assert_eq!(fate(&closed, HookPoint::Input, &packet()), Fate::Passes);
    let (source, destination) = ("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap());
    let v6 = Packet { source, destination, ..packet() };
    assert_eq!(fate(&closed, HookPoint::Forward, &v6), Fate::Passes);
}

#[test]
fn addresses_names_ports_and_sets_are_compared_as_the_kernel_does() {
    let masked = |op| Test::Compare {
        field: Field::Network { offset: 12, length: 4 },
        mask: Some(vec![255, 255, 0, 0]),
        op,
        value: vec![10, 244, 0, 0],
    };
    let port = |from: u16, to: u16| Test::Between {
        field: Field::Transport { offset: 2, length: 2 },
        from: from.to_be_bytes().to_vec(),
        to: to.to_be_bytes().to_vec(),
        negated: false,
    };
    let among = |negated| Test::Among {
        key: vec![Field::InName, Field::Transport { offset: 2, length: 2 }],
        set: "s".to_owned(),
        negated,
    };
    let kind = |field, bits: u16| Test::Compare {
        field,
        mask: Some(bits.to_ne_bytes().to_vec()),
        op: CmpOp::Ne,
        value: vec![0; 2],
    };
    let cases = [
        (masked(CmpOp::Eq), true),
        (masked(CmpOp::Ne), false),
        (input("pon"), true),
        (input("pon\0"), false),
        (compare(Field::OutIndex, CmpOp::Eq, &2u32.to_ne_bytes()), true),
        (compare(Field::Protocol, CmpOp::Ge, &[6]), true),
        (compare(Field::Protocol, CmpOp::Lt, &[6]), false),
        (port(80, 80), true),
        (port(81, 90), false),
        (among(false), true),
        (among(true), false),
        (kind(Field::SourceKind, 1 << 1), true),
        (kind(Field::SourceKind, 1 << 2), false),
        (kind(Field::DestinationKind, 1 << 1 | 1 << 3), true),
        (kind(Field::DestinationKind, 1 << 2), false),
    ];
    for (test, matches) in cases {
        let mut table = table(false, vec![rule(vec![test.clone()], Action::Drop)]);
        let from = b"pontoon0\0\0\0\0\0\0\0\0\0\x46\0\0".to_vec();
        let to = b"pontoon0\0\0\0\0\0\0\0\0\0\x5a\0\0".to_vec();
        let elements = Some(vec![Element { keys: Some((from, to)), action: None }]);
        table.sets.push(Set { name: "s".to_owned(), elements });
        let expected = if matches { by_rule("forward", 1) } else { Fate::Passes };
        assert_eq!(forward(&table), expected, "{test:?}");
    }
}

#[test]
fn what_cannot_be_read_makes_a_drop_probable_and_a_passage_no_less_sure() {
    let maybe = |action| rule(vec![guess()], action);
    let probably = Fate::ProbablyDropped(Cause::Policy { chain: "forward".to_owned() });
    assert_eq!(forward(&table(true, vec![maybe(Action::Accept)])), probably);
    assert_eq!(forward(&table(false, vec![maybe(Action::Drop)])), Fate::Passes);
    assert_eq!(forward(&table(true, vec![maybe(Action::Drop)])), by_policy());
    let known_not = rule(vec![guess(), input("docker0\0")], Action::Accept);
    assert_eq!(forward(&table(true, vec![known_not])), by_policy());
    let unreadable = rule(vec![], Action::Unreadable("queue".to_owned()));
    assert_eq!(forward(&table(true, vec![unreadable])), probably);
}

#[test]
fn what_may_leave_a_chain_before_it_drops_is_dropped_only_probably() {
    let maybe = |action| rule(vec![guess()], action);
    let probably = |chain: &str, number| {
        Fate::ProbablyDropped(Cause::Rule { chain: chain.to_owned(), number, rejects: false })
    };
    let drop = || rule(vec![], Action::Drop);
    let leaves = [Action::Return, Action::Goto("falls".to_owned())];
    for leave in leaves {
        let rules = || vec![maybe(leave.clone()), drop()];
        let mut base = table(false, rules());
        base.chains.push(chain("falls", vec![]));
        assert_eq!(forward(&base), probably("forward", 2), "{leave:?}");
        // Either way it is dropped.
        base.chains[0].base.as_mut().unwrap().drops = true;
        assert_eq!(forward(&base), by_rule("forward", 2), "{leave:?}");
        let jump = vec![rule(vec![], Action::Jump("drops".to_owned()))];
        let mut called = table(false, jump);
        called.chains.extend([chain("falls", vec![]), chain("drops", rules())]);
        assert_eq!(forward(&called), probably("drops", 2), "{leave:?}");
        called.chains[0].base.as_mut().unwrap().drops = true;
        assert_eq!(forward(&called), by_rule("drops", 2), "{leave:?}");
        // Unless the chain before accepts what comes back to it.
        called.chains[0].rules.push(rule(vec![input("pontoon0\0")], Action::Accept));
        assert_eq!(forward(&called), probably("drops", 2), "{leave:?}");
    }
    // A jump comes back to the drop.
    let mut back = table(false, vec![maybe(Action::Jump("falls".to_owned())), drop()]);
    back.chains.push(chain("falls", vec![]));
    assert_eq!(forward(&back), by_rule("forward", 2));
}

#[test]
fn jumps_come_back_and_gotos_do_not() {
    let mut table = table(
        false,
        vec![
            rule(vec![], Action::Jump("returns".to_owned())),
            rule(vec![], Action::Goto("falls".to_owned())),
            rule(vec![], Action::Drop),
        ],
    );
    table
        .chains
        .push(chain("returns", vec![rule(vec![], Action::Return), rule(vec![], Action::Drop)]));
    table.chains.push(chain("falls", vec![]));
    assert_eq!(forward(&table), Fate::Passes);
    table.chains[2].rules.push(rule(vec![], Action::Drop));
    assert_eq!(forward(&table), by_rule("falls", 1));
    table.chains[0].rules.remove(1);
    assert_eq!(forward(&table), by_rule("forward", 2));
}

#[test]
fn a_map_says_what_becomes_of_a_packet() {
    let by_map = Action::ByMap { key: vec![Field::InName], map: "m".to_owned() };
    let mut table = table(true, vec![rule(vec![], by_map)]);
    assert_eq!(
        forward(&table),
        Fate::ProbablyDropped(Cause::Policy { chain: "forward".to_owned() }),
        "a map that cannot be read may accept"
    );
    let mut name = b"pontoon0".to_vec();
    name.resize(16, 0);
    let element = |keys, action| Element { keys, action: Some(action) };
    let exact = element(Some((name.clone(), name)), Action::Accept);
    let any = element(None, Action::Drop);
    table.sets.push(Set { name: "m".to_owned(), elements: Some(vec![any.clone(), exact]) });
    assert_eq!(forward(&table), Fate::Passes);
    table.sets[0].elements = Some(vec![any]);
    assert_eq!(forward(&table), by_rule("forward", 1));
    table.sets[0].elements = Some(vec![]);
    assert_eq!(forward(&table), by_policy());
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Accept),
        Just(Action::Drop),
        Just(Action::Return),
        Just(Action::Continue),
        (0usize..3).prop_map(|n| Action::Jump(format!("c{n}"))),
        (0usize..3).prop_map(|n| Action::Goto(format!("c{n}"))),
    ]
}

fn any_rules() -> impl Strategy<Value = Vec<Rule>> {
    let test = prop_oneof![Just(input("pontoon0\0")), Just(input("docker0\0")), Just(guess()),];
    let rules = (prop::collection::vec(test, 0..3), any_action()).prop_map(|(t, a)| rule(t, a));
    prop::collection::vec(rules, 0..5)
}

fn any_table() -> impl Strategy<Value = Table> {
    (any::<bool>(), any_rules(), prop::collection::vec(any_rules(), 3)).prop_map(
        |(drops, first, more)| {
            let mut table = table(drops, first);
            for (n, rules) in more.into_iter().enumerate() {
                table.chains.push(chain(&format!("c{n}"), rules));
            }
            table
        },
    )
}

proptest! {
    /// What the mend of every finding does: it puts a rule before all others.
    #[test]
    fn a_rule_in_front_decides(table in any_table(), accepts in any::<bool>()) {
        let mut table = table;
        let action = if accepts { Action::Accept } else { Action::Drop };
        table.chains[0].rules.insert(0, rule(vec![input("pontoon0\0")], action));
        let expected = if accepts { Fate::Passes } else { by_rule("forward", 1) };
        prop_assert_eq!(forward(&table), expected);
    }

    /// A rule that cannot match changes nothing.
    #[test]
    fn strangers_rules_change_nothing(table in any_table(), action in any_action()) {
        let before = forward(&table);
        let mut table = table;
        table.chains[0].rules.push(rule(vec![input("docker0\0")], action));
        prop_assert_eq!(forward(&table), before);
    }
}

#[test]
fn who_a_packet_is_for_and_from_is_an_address_of_the_host() {
    let local = |field| Test::Compare {
        field,
        mask: Some((1u16 << 2).to_ne_bytes().to_vec()),
        op: CmpOp::Ne,
        value: vec![0; 2],
    };
    let closed = |point, field| {
        let mut table = table(true, vec![rule(vec![local(field)], Action::Accept)]);
        table.chains[0].base.as_mut().unwrap().point = point;
        table
    };
    let inward = Packet { output: None, ..packet() };
    let table = closed(HookPoint::Input, Field::DestinationKind);
    assert_eq!(fate(&table, HookPoint::Input, &inward), Fate::Passes);
    let outward = Packet { input: None, ..packet() };
    let table = closed(HookPoint::Output, Field::SourceKind);
    assert_eq!(fate(&table, HookPoint::Output, &outward), Fate::Passes);
}

#[test]
fn an_answer_or_what_was_rewritten_passes_where_only_such_do() {
    let state = 2u32.to_ne_bytes().to_vec();
    let established =
        Test::Compare { field: Field::State, mask: Some(state), op: CmpOp::Ne, value: vec![0; 4] };
    let chain = Chain {
        name: "forward".to_owned(),
        base: Some(Base { point: HookPoint::Forward, priority: 0, drops: true }),
        rules: vec![rule(vec![established], Action::Accept)],
    };
    let table = Table {
        name: "inet filter".to_owned(),
        legacy: false,
        ipv4: true,
        ipv6: true,
        chains: vec![chain],
        sets: Vec::new(),
    };
    let rewritten = Test::Compare {
        field: Field::Status,
        mask: Some(ct_status_bits::DNAT.to_ne_bytes().to_vec()),
        op: CmpOp::Ne,
        value: vec![0; 4],
    };
    let of_service = self::table(true, vec![rule(vec![rewritten], Action::Accept)]);
    assert_eq!(forward(&of_service), by_policy());
    let to_service = Packet { dnat: true, ..packet() };
    assert_eq!(fate(&of_service, HookPoint::Forward, &to_service), Fate::Passes);
    let answer = Packet { tracking: Tracking::Answer, ..packet() };
    assert_eq!(fate(&table, HookPoint::Forward, &answer), Fate::Passes);
    assert!(matches!(fate(&table, HookPoint::Forward, &packet()), Fate::Dropped(_)));
}
