use super::*;
use pontoon_store::Revision;
use serde_json::{Value, json};

fn item(key: &str, value: &Value, created: u64) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: serde_json::to_vec(value).unwrap(),
        create_revision: Revision(created),
        mod_revision: Revision(created),
        version: 1,
        lease: None,
    }
}

fn service(name: &str) -> KeyValue {
    let document = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "default", "name": name},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"],
            "ipFamilies": ["IPv4"], "ports": [{"port": 80, "protocol": "TCP"}],
            "selector": {"app": name}}
    });
    item(&format!("services/default/{name}"), &document, 5)
}

fn config(created: u64) -> KeyValue {
    item("config", &json!({}), created)
}

fn snapshot(revision: u64, items: Vec<KeyValue>) -> Update {
    Update::Snapshot { revision: Revision(revision), items }
}

fn delete(key: &str) -> Event {
    Event::Delete { key: key.to_owned(), revision: Revision(9) }
}

fn changes(events: Vec<Event>) -> Update {
    Update::Changes { revision: Revision(9), events }
}

fn id(name: &str) -> ServiceId {
    ServiceId { namespace: "default".parse().unwrap(), name: name.parse().unwrap() }
}

fn intake() -> Intake {
    let mut intake = Intake::new("me".parse().unwrap());
    assert!(!intake.is_known());
    intake.take(snapshot(6, vec![config(1), service("a"), service("b")]));
    assert!(intake.is_known());
    assert_eq!(intake.take_touched().services, [id("a"), id("b")]);
    intake
}

#[test]
fn a_service_that_left_while_nobody_listened_is_planned_once_more() {
    let mut intake = intake();
    assert_eq!(intake.take(snapshot(8, vec![config(1), service("b")])), Taken::Changes);
    assert!(intake.take_touched().services.contains(&id("a")));
    assert!(intake.directory().service(&id("a")).is_none());
}

#[test]
fn a_store_that_has_lost_the_cluster_does_not_take_its_services_away() {
    for wiped in [vec![], vec![config(3)], vec![config(7)]] {
        let taken = intake().take(snapshot(8, wiped));
        assert_eq!(taken, Taken::Wiped { lost: vec![id("a"), id("b")] });
    }
    let older = intake().take(snapshot(2, vec![config(1)]));
    assert_eq!(older, Taken::Wiped { lost: vec![id("a"), id("b")] });
    let all = ["config", "services/default/a", "services/default/b"].map(delete).to_vec();
    let deleted = intake().take(changes(all));
    assert_eq!(deleted, Taken::Wiped { lost: vec![id("a"), id("b")] });
}

#[test]
fn a_deleted_service_is_gone() {
    let mut intake = intake();
    assert_eq!(intake.take(changes(vec![delete("services/default/a")])), Taken::Changes);
    assert_eq!(intake.take_touched().services, [id("a")]);
    assert!(intake.directory().service(&id("a")).is_none());
}

#[test]
fn what_is_wrong_is_reported_and_the_rest_is_served() {
    let mut intake = intake();
    let mut broken = service("a");
    broken.value = b"{".to_vec();
    let mut renamed = service("c");
    renamed.key = "services/default/d".to_owned();
    intake.take(changes([broken, renamed, service("e")].map(Event::Put).to_vec()));
    let problems: Vec<String> = intake.problems().collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[1].contains("services/default/d: the object calls itself default/c"));
    assert!(intake.directory().service(&id("a")).is_none(), "it is not what it was before");
    assert!(intake.directory().service(&id("e")).is_some());
    intake.take(changes(vec![Event::Put(service("a")), delete("services/default/d")]));
    assert_eq!(intake.problems().count(), 0);
}
