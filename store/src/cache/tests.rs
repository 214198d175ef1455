use super::*;
use crate::KeyValue;

fn item(key: &str, value: &str, revision: u64) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.into(),
        create_revision: Revision(revision),
        mod_revision: Revision(revision),
        version: 1,
        lease: None,
    }
}

fn snapshot(revision: u64, items: &[KeyValue]) -> Update {
    Update::Snapshot { revision: Revision(revision), items: items.to_vec() }
}

fn changes(revision: u64, events: Vec<Event>) -> Update {
    Update::Changes { revision: Revision(revision), events }
}

fn numbers() -> Cache<u16> {
    Cache::new("n/", |_, value| std::str::from_utf8(value).unwrap_or("").parse::<u16>())
}

#[test]
fn a_snapshot_replaces_what_was_there_and_tells_only_what_differs() {
    let mut cache = numbers();
    assert_eq!(cache.revision(), None);
    let first =
        [item("n/a", "1", 2), item("n/b", "2", 3), item("n/c", "3", 4), item("x/a", "9", 5)];
    let delta = cache.apply(&snapshot(5, &first));
    assert_eq!(
        (delta.changed.len(), delta.removed.len()),
        (3, 0),
        "keys outside the prefix are passed over"
    );
    // As after a wipe: other revisions, `a` the same, `b` changed, `c` gone.
    let delta = cache.apply(&snapshot(3, &[item("n/a", "1", 2), item("n/b", "22", 3)]));
    assert_eq!((delta.changed, delta.removed), (vec!["n/b".to_owned()], vec!["n/c".to_owned()]));
    assert_eq!(cache.revision(), Some(Revision(3)));
    assert!(cache.apply(&snapshot(4, &[item("n/a", "1", 2), item("n/b", "22", 3)])).is_empty());
}

#[test]
fn a_bad_value_is_reported_once_and_takes_the_old_object_away() {
    let mut cache = numbers();
    cache.apply(&snapshot(3, &[item("n/a", "1", 2), item("n/b", "2", 3)]));
    let bad = changes(4, vec![Event::Put(item("n/a", "one", 4))]);
    let delta = cache.apply(&bad);
    assert_eq!(delta.removed, ["n/a"]);
    assert_eq!(delta.rejected.len(), 1);
    assert_eq!((delta.rejected[0].key.as_str(), delta.rejected[0].revision), ("n/a", Revision(4)));
    assert!(delta.rejected[0].error.contains("invalid digit"));
    assert_eq!(cache.apply(&bad).rejected, []);
    assert_eq!((cache.get("n/a"), cache.get("n/b"), cache.rejected().count()), (None, Some(&2), 1));
    let delta = cache.apply(&changes(5, vec![Event::Put(item("n/a", "1", 5))]));
    assert_eq!((delta.changed, cache.rejected().count()), (vec!["n/a".to_owned()], 0));
    cache.apply(&changes(6, vec![Event::Put(item("n/a", "one", 6))]));
    cache.apply(&changes(7, vec![Event::Delete { key: "n/a".to_owned(), revision: Revision(7) }]));
    assert_eq!(cache.rejected().count(), 0);
}

#[test]
fn a_rejection_that_vanishes_with_a_snapshot_is_forgotten() {
    let mut cache = numbers();
    cache.apply(&snapshot(2, &[item("n/a", "one", 2)]));
    assert_eq!(cache.rejected().count(), 1);
    assert!(cache.apply(&snapshot(3, &[])).is_empty());
    assert_eq!(cache.rejected().count(), 0);
}

#[test]
fn a_key_that_comes_and_goes_in_one_update_is_told_as_it_ends() {
    let mut cache = numbers();
    let put = || Event::Put(item("n/a", "1", 2));
    let delete = || Event::Delete { key: "n/a".to_owned(), revision: Revision(3) };
    let delta = cache.apply(&changes(3, vec![put(), delete()]));
    assert_eq!((delta.changed, delta.removed), (vec![], vec!["n/a".to_owned()]));
    let delta = cache.apply(&changes(4, vec![put(), delete(), put()]));
    assert_eq!((delta.changed, delta.removed), (vec!["n/a".to_owned()], vec![]));
}

#[test]
fn an_outage_changes_nothing_and_progress_only_the_revision() {
    let mut cache = numbers();
    cache.apply(&snapshot(2, &[item("n/a", "1", 2)]));
    let error = crate::Error::LeaseNotFound(crate::LeaseId(1));
    assert!(cache.apply(&Update::Lost { error }).is_empty());
    assert_eq!((cache.len(), cache.revision()), (1, Some(Revision(2))));
    cache.apply(&Update::Progress { revision: Revision(9) });
    assert_eq!((cache.len(), cache.revision()), (1, Some(Revision(9))));
}
