//! That what is told change by change is what is read at once.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const KINDS: [Kind; 6] =
    [Kind::Service, Kind::EndpointSlice, Kind::Namespace, Kind::Pod, Kind::Node, Kind::Subnet];

/// Keys of few objects, so that they meet.
fn key() -> impl Strategy<Value = String> {
    let one_of = |from: &[&'static str]| prop::sample::select(from.to_vec());
    let kinds = [
        "services/default/",
        "services/shop/",
        "endpointslices/shop/",
        "namespaces/",
        "pods/a/shop/",
        "pods/b/default/",
        "nodes/",
        "alive/",
        "marks/",
        "subnets/10.244.",
        "cluster-ips/10.96.0.",
        "nonsense/",
    ];
    (one_of(&kinds), one_of(&["a", "b", "shop"]), 1..3u8).prop_map(|(prefix, name, number)| {
        match prefix {
            "subnets/10.244." => format!("{prefix}{number}.0-24"),
            "cluster-ips/10.96.0." => format!("{prefix}{number}"),
            _ => format!("{prefix}{name}"),
        }
    })
}

/// What stands under a key: right for some kinds, wrong for others.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let record = |name: &str, underlay: &str| {
        json!({"name": name, "machineId": "m", "underlay": underlay, "addresses": ["192.0.2.1"],
            "vxlanMac": "02:00:00:00:00:01", "zone": "z", "version": "1"})
    };
    let values = [
        json!({"metadata": {"name": "a", "labels": {"app": "web"}}}),
        json!({"node": "a", "machineId": "m"}),
        json!({"node": "b", "machineId": "m"}),
        record("a", "192.0.2.1"),
        record("a", "192.0.2.2"),
        json!({"labels": {"disk": "ssd"}, "cordon": {"by": "user x", "at": "now"}}),
        json!({"applied": 7}),
        json!("nonsense"),
    ];
    prop::sample::select(values.to_vec()).prop_map(|value| value.to_string().into_bytes())
}

/// Puts, and deletions where there is no value.
fn steps() -> impl Strategy<Value = Vec<(String, Option<Vec<u8>>)>> {
    prop::collection::vec((key(), prop::option::weighted(0.7, value())), 0..60)
}

type Shown = BTreeMap<String, Value>;

/// Without what says how it came about: a sign of life that went leaves its trace in it.
fn shown(mut item: Item) -> (String, Value) {
    if let Some(metadata) = item.document["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    (item.key.to_string(), item.document)
}

proptest! {
    #[test]
    fn changes_lead_to_what_a_listing_shows(steps in steps()) {
        for kind in KINDS {
            let mut followed = Projection::of(kind).unwrap();
            let mut objects: Shown = followed.replace(&[]).into_iter().map(shown).collect();
            let mut store: BTreeMap<String, KeyValue> = BTreeMap::new();
            for (revision, (key, value)) in (2..).zip(&steps) {
                let revision = Revision(revision);
                let event = match value {
                    Some(value) => {
                        let (key, value) = (key.clone(), value.clone());
                        let item = KeyValue {
                            key: key.clone(), value, create_revision: revision, mod_revision: revision,
                            version: 1, lease: None,
                        };
                        store.insert(key, item.clone());
                        Event::Put(item)
                    }
                    None if store.remove(key).is_some() => {
                        Event::Delete { key: key.clone(), revision }
                    }
                    None => continue,
                };
                for change in followed.change(&event) {
                    match change {
                        Change::Is(item) => {
                            let (key, document) = shown(*item);
                            objects.insert(key, document);
                        }
                        Change::Gone { key, last } => {
                            let was = objects.remove(&key.to_string());
                            if let Some(last) = last {
                                prop_assert_eq!(was, Some(shown(*last).1));
                            }
                        }
                    }
                }
            }
            let mut fresh = Projection::of(kind).unwrap();
            let keys: Vec<KeyValue> = store.into_values().collect();
            let listed: Shown = fresh.replace(&keys).into_iter().map(shown).collect();
            prop_assert_eq!(objects, listed, "{}", kind);
        }
    }
}

#[test]
fn a_node_is_shown_with_all_that_is_known_of_it() {
    let item = |key: &str, value: Value, revision: u64| KeyValue {
        key: key.to_owned(),
        value: value.to_string().into_bytes(),
        create_revision: Revision(revision),
        mod_revision: Revision(revision),
        version: 1,
        lease: None,
    };
    let keys = [
        item(
            "nodes/a",
            json!({"name": "a", "machineId": "secret", "underlay": "192.0.2.1",
                "addresses": ["2001:db8::1", "192.0.2.1"], "vxlanMac": "02:00:00:00:00:01",
                "zone": "z", "version": "0.1.0"}),
            3,
        ),
        item("alive/a", json!({"applied": 3}), 9),
        item("subnets/10.244.1.0-24", json!({"node": "a", "machineId": "secret"}), 4),
        item(
            "marks/a",
            json!({"labels": {"disk": "ssd"}, "cordon": {"by": "user ops", "at": "2026-01-01T00:00:00Z"}}),
            8,
        ),
        item("subnets/10.244.2.0-24", json!({"node": "ghost", "machineId": "m"}), 5),
    ];
    let found = Projection::of(Kind::Node).unwrap().replace(&keys);
    assert_eq!(found.len(), 1, "what has no record is no node");
    assert_eq!(
        found[0].document,
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "a", "resourceVersion": "9",
                "labels": {"disk": "ssd", "topology.kubernetes.io/zone": "z"}},
            "spec": {"podCIDRs": ["10.244.1.0/24"], "unschedulable": true,
                "cordon": {"by": "user ops", "at": "2026-01-01T00:00:00Z"}},
            "status": {
                "addresses": [{"type": "InternalIP", "address": "192.0.2.1"},
                    {"type": "InternalIP", "address": "2001:db8::1"}],
                "conditions": [{"type": "Ready", "status": "True", "reason": "DaemonAlive"}],
                "nodeInfo": {"pontoonVersion": "0.1.0", "vxlanMAC": "02:00:00:00:00:01"},
            },
        })
    );
}
