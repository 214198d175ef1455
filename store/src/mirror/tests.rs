use super::*;

fn item(key: &str, revision: u64) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Vec::new(),
        create_revision: Revision(revision),
        mod_revision: Revision(revision),
        version: 1,
        lease: None,
    }
}

#[test]
fn diff_deletes_and_puts_what_differs() {
    let old = [item("a", 2), item("b", 3), item("c", 4)];
    let new = [item("b", 3), item("c", 6), item("d", 7)];
    let events = diff(&old, &new, Revision(8));
    let deleted = Event::Delete { key: "a".to_owned(), revision: Revision(8) };
    assert_eq!(events, [deleted, Event::Put(item("c", 6)), Event::Put(item("d", 7))]);
    assert_eq!(diff(&new, &new, Revision(8)), []);
}

#[test]
fn the_anchor_is_the_last_change_that_still_stands() {
    let mut position =
        Position { revision: Revision(3), anchor: Some(("a".to_owned(), Revision(3))) };
    position.advance(Revision(4), &[Event::Put(item("b", 4))]);
    assert_eq!(position.anchor, Some(("b".to_owned(), Revision(4))));
    position.advance(Revision(5), &[Event::Delete { key: "a".to_owned(), revision: Revision(5) }]);
    assert_eq!(position.anchor, Some(("b".to_owned(), Revision(4))));
    position.advance(Revision(6), &[Event::Delete { key: "b".to_owned(), revision: Revision(6) }]);
    assert_eq!((position.revision, position.anchor), (Revision(6), None));
}
