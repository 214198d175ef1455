use super::*;
use pontoon_store::Revision;
use proptest::prelude::*;

fn me() -> Identity {
    Identity { name: "me".parse().unwrap(), machine_id: "m-me".into() }
}

fn item(key: &str, value: &str, revision: u64) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: value.into(),
        create_revision: Revision(revision),
        mod_revision: Revision(revision),
        version: 1,
        lease: None,
    }
}

fn node(name: &str, underlay: &str, revision: u64) -> KeyValue {
    let value = format!(
        r#"{{"name":"{name}","machineId":"m-{name}","underlay":"{underlay}","addresses":["{underlay}"],"vxlanMac":"02:00:00:00:00:0a","version":"0"}}"#
    );
    item(&format!("nodes/{name}"), &value, revision)
}

fn subnet(net: &str, owner: &str, revision: u64) -> KeyValue {
    item(
        &format!("subnets/{net}"),
        &format!(r#"{{"node":"{owner}","machineId":"m-{owner}"}}"#),
        revision,
    )
}

fn config() -> KeyValue {
    item("config", &serde_json::to_string(&ClusterConfig::default()).unwrap(), 2)
}

fn view(items: &[KeyValue]) -> ClusterView {
    let mut view = ClusterView::default();
    view.replace(&me().name, 50, items);
    view
}

fn names(peers: &[Peer]) -> Vec<&str> {
    peers.iter().map(|p| p.record.name.as_str()).collect()
}

#[test]
fn a_peer_is_a_node_with_a_subnet() {
    let view = view(&[
        config(),
        node("a", "192.0.2.1", 3),
        node("b", "192.0.2.2", 4),
        subnet("10.244.1.0-24", "a", 5),
    ]);
    let (peers, problems) = view.peers(&me(), &BTreeSet::new());
    assert_eq!((names(&peers), problems), (vec!["a"], vec![]));
}

#[test]
fn a_bad_value_is_told_and_hides_no_other() {
    let view = view(&[
        config(),
        node("a", "192.0.2.1", 3),
        subnet("10.244.1.0-24", "a", 4),
        item("nodes/b", "[]", 5),
        item("nodes/c", &String::from_utf8(node("d", "192.0.2.4", 6).value).unwrap(), 6),
        item("subnets/10.244.2.7-24", "{}", 7),
        item("alive/a", "\u{0}", 8),
        item("something/else", "?", 9),
        node("e", "127.0.0.1", 10),
    ]);
    let (peers, problems) = view.peers(&me(), &BTreeSet::new());
    assert_eq!(names(&peers), ["a"]);
    assert_eq!(problems.len(), 5, "{problems:#?}");
    for key in ["alive/a", "nodes/b", "nodes/c", "nodes/e", "subnets/10.244.2.7-24"] {
        assert!(problems.iter().any(|p| p.starts_with(key)), "{key} in {problems:#?}");
    }
}

#[test]
fn a_value_that_turns_bad_counts_no_longer_and_is_forgotten_when_mended() {
    let mut view = view(&[config(), node("a", "192.0.2.1", 3), subnet("10.244.1.0-24", "a", 4)]);
    view.apply(&me().name, 51, &[Event::Put(item("nodes/a", "oops", 51))]);
    assert!(view.peers(&me(), &BTreeSet::new()).0.is_empty());
    assert_eq!(view.topology, 51);
    view.apply(&me().name, 52, &[Event::Put(node("a", "192.0.2.9", 52))]);
    let (peers, problems) = view.peers(&me(), &BTreeSet::new());
    assert_eq!((names(&peers), problems.len()), (vec!["a"], 0));
}

#[test]
fn of_overlapping_subnets_the_older_stands() {
    let view = view(&[
        config(),
        node("a", "192.0.2.1", 3),
        node("b", "192.0.2.2", 4),
        subnet("10.244.0.0-22", "a", 6),
        subnet("10.244.1.0-24", "b", 5),
        subnet("10.9.0.0-24", "b", 7),
    ]);
    let (peers, problems) = view.peers(&me(), &BTreeSet::new());
    assert_eq!(names(&peers), ["b"]);
    assert_eq!(peers[0].subnets, ["10.244.1.0/24".parse().unwrap()]);
    assert!(
        problems.iter().any(|p| p.contains("10.244.0.0-22: it overlaps 10.244.1.0/24 of node b")),
        "{problems:#?}"
    );
    assert!(problems.iter().any(|p| p.contains("10.9.0.0-24: it lies outside")), "{problems:#?}");
}

#[test]
fn a_host_with_no_network_but_its_loopback_joins_a_cluster_of_one() {
    let view = view(&[config(), node("me", "127.0.0.1", 3)]);
    assert!(view.nodes.contains_key(&me().name));
    assert!(view.peers(&me(), &BTreeSet::new()).1.is_empty());
}

#[test]
fn a_record_with_an_address_of_ours_is_refused() {
    let view = view(&[config(), node("a", "192.0.2.1", 3), subnet("10.244.1.0-24", "a", 4)]);
    let ours = BTreeSet::from(["192.0.2.1".parse().unwrap()]);
    let (peers, problems) = view.peers(&me(), &ours);
    assert!(peers.is_empty());
    assert!(problems[0].contains("192.0.2.1 is an address of this node"), "{problems:?}");
}

fn any_item() -> impl Strategy<Value = KeyValue> {
    let key = prop_oneof![
        Just("config".to_owned()),
        "nodes/[a-c]",
        "alive/[a-c]",
        "subnets/10\\.244\\.[0-3]\\.0-2[2-4]",
        "pods/me/default/[a-c]",
        ".{0,20}",
    ];
    let value = prop_oneof![
        ".{0,40}",
        Just(serde_json::to_string(&ClusterConfig::default()).unwrap()),
        Just(r#"{"node":"a","machineId":"m"}"#.to_owned()),
        Just(r#"{"applied":3}"#.to_owned()),
    ];
    (key, value, 1u64..60).prop_map(|(key, value, revision)| item(&key, &value, revision))
}

proptest! {
    /// Whatever the store holds nothing panics, and the subnets that are routed never overlap.
    #[test]
    fn routed_subnets_never_overlap(items in prop::collection::vec(any_item(), 0..30)) {
        let mut view = view(&items);
        view.apply(&me().name, 70, &items.iter().cloned().map(Event::Put).collect::<Vec<_>>());
        let (peers, _) = view.peers(&me(), &BTreeSet::new());
        let all: Vec<_> = peers.iter().flat_map(|p| p.subnets.iter().copied()).collect();
        for (i, a) in all.iter().enumerate() {
            prop_assert!(all[..i].iter().all(|b| !cidr::overlap(*a, *b)));
        }
    }
}
