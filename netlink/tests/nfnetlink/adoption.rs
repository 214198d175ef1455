//! What was written is read back equal, so that a restart finds nothing to do.

use std::collections::BTreeSet;
use std::time::Duration;

use pontoon_netlink::nft::{
    Batch, Chain, ChainKind, DataType, Element, ElementData, Family, FieldType, Hook, HookPoint,
    Load, Nft, Policy, Rule, Set, Table, Value, Verdict, m, priority,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{in_netns, nft_elements, run};

const TABLE: Table = Table::new(Family::Inet, "nf_adoption");

const FIELDS: [FieldType; 8] = [
    FieldType::Ipv4Addr,
    FieldType::Ipv6Addr,
    FieldType::EtherAddr,
    FieldType::InetProto,
    FieldType::InetService,
    FieldType::IfName,
    FieldType::Mark,
    FieldType::Number,
];

/// Those in network byte order, of which there can be ranges.
const ORDERED: [FieldType; 4] =
    [FieldType::Ipv4Addr, FieldType::Ipv6Addr, FieldType::EtherAddr, FieldType::InetService];

fn field_value(field: FieldType) -> BoxedStrategy<Vec<u8>> {
    match field {
        FieldType::IfName => "[a-z][a-z0-9]{0,14}"
            .prop_map(|name| Value::new().ifname(&name).as_bytes().to_vec())
            .boxed(),
        other => vec(any::<u8>(), other.width()).boxed(),
    }
}

fn value_of(fields: &[FieldType]) -> BoxedStrategy<Value> {
    let parts: Vec<_> = fields.iter().map(|field| field_value(*field)).collect();
    parts.prop_map(|parts| parts.iter().fold(Value::new(), |value, part| value.field(part))).boxed()
}

fn data_type() -> BoxedStrategy<Option<DataType>> {
    prop_oneof![
        Just(None),
        Just(Some(DataType::Verdict)),
        vec(select(&FIELDS[..]), 1..3).prop_map(|fields| Some(DataType::Fields(fields.into()))),
    ]
    .boxed()
}

fn data_of(kind: &Option<DataType>) -> BoxedStrategy<Option<ElementData>> {
    match kind {
        None => Just(None).boxed(),
        Some(DataType::Fields(fields)) => {
            value_of(fields).prop_map(|v| Some(ElementData::Value(v))).boxed()
        }
        Some(DataType::Verdict) => select(vec![
            Verdict::Accept,
            Verdict::Drop,
            Verdict::Return,
            Verdict::Continue,
            Verdict::jump("target"),
            Verdict::goto("target"),
        ])
        .prop_map(|verdict| Some(ElementData::Verdict(verdict)))
        .boxed(),
    }
}

/// What an element has beside its key.
fn rest_of(set: &Set) -> BoxedStrategy<(Option<ElementData>, Option<u64>, Option<String>)> {
    let timeout =
        if set.expires { prop::option::of(1000..9000u64).boxed() } else { Just(None).boxed() };
    (data_of(&set.data), timeout, prop::option::of("[ -~]{1,60}")).boxed()
}

fn dressed(
    element: Element,
    (data, seconds, comment): (Option<ElementData>, Option<u64>, Option<String>),
) -> Element {
    Element {
        data,
        timeout: seconds.map(Duration::from_secs),
        comment: comment.map(Into::into),
        ..element
    }
}

fn shape(interval: bool) -> BoxedStrategy<Set> {
    let fields = if interval { &ORDERED[..] } else { &FIELDS[..] };
    let times = prop_oneof![
        Just((false, None)),
        Just((true, None)),
        (1..90_000u64).prop_map(|seconds| (true, Some(Duration::from_secs(seconds)))),
    ];
    let traits = (prop::option::of("[ -~]{1,60}"), prop::option::of(1000..5000u32));
    (vec(select(fields), 1..4), data_type(), times, traits)
        .prop_map(move |(key, data, (expires, timeout), (comment, size))| Set {
            key: key.into(),
            data,
            interval,
            expires,
            timeout,
            comment: comment.map(Into::into),
            size,
            ..Set::new("generated", &[])
        })
        .boxed()
}

fn plain_set() -> BoxedStrategy<(Set, Vec<Element>)> {
    shape(false)
        .prop_flat_map(|set| {
            let elements = btree_map(value_of(&set.key), rest_of(&set), 0..80);
            (Just(set), elements)
        })
        .prop_map(|(set, elements)| {
            let elements = elements.into_iter().map(|(key, rest)| dressed(Element::new(key), rest));
            (set, elements.collect())
        })
        .boxed()
}

/// Ranges that do not overlap: pairs of neighbours in an ascending sequence. In a concatenation the
/// first field keeps them apart and the others are whatever they are.
fn interval_set() -> BoxedStrategy<(Set, Vec<Element>)> {
    shape(true)
        .prop_flat_map(|set| {
            let first = btree_set(value_of(&set.key[..1]), 0..60);
            let others = value_of(&set.key);
            let rests = vec((others.clone(), others, rest_of(&set)), 30);
            (Just(set), first, rests)
        })
        .prop_map(|(set, bounds, rests)| {
            let bounds: Vec<Value> = bounds.into_iter().collect();
            let elements = bounds.chunks_exact(2).zip(rests).map(|(pair, (one, other, rest))| {
                dressed(
                    Element::range(
                        widened(&set, pair[0], one, other, false),
                        widened(&set, pair[1], one, other, true),
                    ),
                    rest,
                )
            });
            let elements = elements.collect();
            (set, elements)
        })
        .boxed()
}

/// A key whose first field is `first`, and whose others are the lower or the higher ones of two
/// keys.
fn widened(set: &Set, first: Value, one: Value, other: Value, higher: bool) -> Value {
    let mut value = Value::new().field(first.as_bytes());
    let mut offset = set.key[0].width().next_multiple_of(4);
    for field in &set.key[1..] {
        let pick = |value: &Value| value.as_bytes()[offset..offset + field.width()].to_vec();
        let (one, other) = (pick(&one), pick(&other));
        value = value.field(&if higher { one.max(other) } else { one.min(other) });
        offset += field.width().next_multiple_of(4);
    }
    value
}

fn written_and_read((set, elements): &(Set, Vec<Element>)) {
    let mut nft = Nft::open().unwrap();
    let mut batch = Batch::new();
    batch.destroy_table(&TABLE);
    batch.add_table(&TABLE);
    batch.add_chain(&TABLE, &Chain::new("target"));
    batch.add_set(&TABLE, set);
    batch.add_elements(&TABLE, set, elements);
    nft.commit(&batch).unwrap();

    let info = nft.list_table(Family::Inet, &TABLE.name).unwrap().unwrap();
    assert_eq!(info.set("generated").unwrap().set.as_ref(), Some(set));
    let listed = nft.list_elements(&TABLE, set).unwrap();
    let sorted = |elements: &[Element]| {
        let mut elements = elements.to_vec();
        elements.sort_by_key(|element| element.key);
        elements
    };
    assert_eq!(sorted(&listed), sorted(elements));
    let kind = if set.data.is_some() { "map" } else { "set" };
    assert_eq!(nft_elements(kind, &TABLE.to_string(), "generated").len(), elements.len());

    batch.clear();
    batch.delete_elements(&TABLE, set, &listed);
    nft.commit(&batch).unwrap();
    assert_eq!(nft.list_elements(&TABLE, set).unwrap(), []);
}

fn for_all(strategy: fn() -> BoxedStrategy<(Set, Vec<Element>)>) {
    in_netns(move || {
        let config = ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() };
        proptest!(config, |(case in strategy())| written_and_read(&case));
    });
}

#[test]
fn sets_and_maps_are_read_back_equal() {
    for_all(plain_set);
}

#[test]
fn sets_and_maps_of_ranges_are_read_back_equal() {
    for_all(interval_set);
}

#[test]
fn a_restart_finds_nothing_to_do() {
    in_netns(|| {
        let mut nft = Nft::open().unwrap();
        let table = TABLE.with_comment("all of it");
        let hook = Hook::new(ChainKind::Filter, HookPoint::Forward, priority::FILTER - 10);
        let chains = [
            Chain::base("forward", hook.with_policy(Policy::Drop)).with_comment("what is routed"),
            Chain::new("target").with_comment("jumped to"),
        ];
        let rules = [
            Rule::new("forward")
                .with(m::counter())
                .with(m::iifname("eth0"))
                .with(m::jump("target")),
            Rule::new("forward")
                .with(m::eq(Load::L4PROTO, Value::new().proto(6)))
                .with(m::accept()),
            Rule::new("target").with(m::reject_port()).with_comment("closed"),
        ];
        let mut batch = Batch::new();
        batch.add_table(&table);
        chains.iter().for_each(|chain| batch.add_chain(&table, chain));
        rules.iter().for_each(|rule| batch.add_rule(&table, rule));
        nft.commit(&batch).unwrap();
        // Another program's rule has no digest of ours; its change of a rule of ours neither.
        run(
            "nft",
            &["add", "rule", "inet", "nf_adoption", "target", "drop", "comment", "\"closed\""],
        );

        let info = nft.list_table(Family::Inet, &table.name).unwrap().unwrap();
        assert_eq!(info.table, table);
        let found: Vec<&Chain> = info.chains.iter().map(|info| &info.chain).collect();
        assert_eq!(found, chains.iter().collect::<Vec<_>>());
        let digests = |chain: &str| -> Vec<Option<u64>> {
            info.chain(chain).unwrap().rules.iter().map(|rule| rule.digest).collect()
        };
        assert_eq!(digests("forward"), [Some(rules[0].digest()), Some(rules[1].digest())]);
        assert_eq!(digests("target"), [Some(rules[2].digest()), None]);
        assert_eq!(info.generation, nft.generation().unwrap());
        assert_eq!(nft.list_table(Family::Ip, &table.name).unwrap(), None);
    });
}

#[test]
fn a_digest_changes_with_any_part_of_a_rule() {
    let rule = |port, comment: &'static str| {
        Rule::new("c")
            .with(m::l4proto(6))
            .with(m::dport(port))
            .with(m::accept())
            .with_comment(comment)
    };
    let digests: BTreeSet<u64> = [
        rule(80, "a"),
        rule(81, "a"),
        rule(80, "b"),
        rule(80, "a").with(m::counter()),
        Rule::new("c").with(m::accept()).with(m::l4proto(6)).with(m::dport(80)).with_comment("a"),
    ]
    .iter()
    .map(Rule::digest)
    .collect();
    assert_eq!(digests.len(), 5);
    // Kept in the kernel across versions of this program: it must not depend on the compiler.
    assert_eq!(rule(80, "a").digest(), rule(80, "a").digest());
}

#[test]
fn a_foreign_set_of_other_types_is_listed_without_its_shape() {
    in_netns(|| {
        run("nft", &["add", "table", "inet", "nf_adoption"]);
        run("nft", &["add", "set", "inet", "nf_adoption", "marks", "{ type ct_state; }"]);
        run("nft", &["add", "chain", "inet", "nf_adoption", "c"]);
        run("nft", &["add", "rule", "inet", "nf_adoption", "c", "tcp dport { 1, 2 } accept"]);
        let info = Nft::open().unwrap().list_table(Family::Inet, "nf_adoption").unwrap().unwrap();
        assert_eq!(info.sets.len(), 1, "the rule's own, nameless set is no set of the table");
        assert_eq!(info.set("marks").unwrap().set, None);
    });
}
