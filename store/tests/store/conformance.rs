//! One suite that both engines pass.

use std::sync::Arc;
use std::time::Duration;

use pontoon_store::{Compare, Created, Error, KeyValue, Op, OpResponse, Revision, Store, Txn};

use crate::subject::{brief, events_until, next};

conformance!(
    get_returns_what_was_put,
    list_sees_only_the_prefix_sorted,
    list_at_a_revision_shows_the_past,
    list_is_paged_at_one_revision,
    list_in_the_future_is_refused,
    watch_brings_changes_as_they_happen,
    watch_from_the_past_brings_what_was_missed,
    watch_keeps_a_transaction_together,
    watch_in_the_future_is_refused,
    txn_compares,
    txn_takes_one_branch_at_one_revision,
    txn_that_changes_nothing_keeps_the_revision,
    txn_with_the_same_key_twice_is_refused,
    values_and_keys_that_cannot_be_are_refused,
    create_has_exactly_one_winner,
    delete_tells_whether_there_was_a_key,
    lease_that_runs_out_deletes_its_keys,
    lease_that_is_kept_alive_keeps_its_keys,
    lease_revoked_deletes_its_keys_at_one_revision,
    lease_let_go_by_a_put_does_not_delete_the_key,
    lease_that_is_gone_is_an_error,
    compaction_forgets_the_past_and_keeps_the_present,
    compaction_ends_a_watch_from_before,
    health_tells_the_revision,
);

fn text(item: Option<KeyValue>) -> Option<String> {
    item.map(|item| String::from_utf8(item.value).unwrap())
}

fn keys(items: &[KeyValue]) -> Vec<&str> {
    items.iter().map(|item| item.key.as_str()).collect()
}

async fn put(store: &Arc<dyn Store>, key: &str, value: &str) -> Revision {
    store.put(key, value.into(), None).await.unwrap()
}

async fn get_returns_what_was_put(store: Arc<dyn Store>) {
    assert_eq!(store.get("nodes/a").await.unwrap(), None);
    let first = put(&store, "nodes/a", "1").await;
    let second = put(&store, "nodes/a", "2").await;
    assert!(second > first);
    let expected = KeyValue {
        key: "nodes/a".to_owned(),
        value: b"2".to_vec(),
        create_revision: first,
        mod_revision: second,
        version: 2,
        lease: None,
    };
    assert_eq!(store.get("nodes/a").await.unwrap(), Some(expected));
    assert_eq!(store.get("nodes").await.unwrap(), None);
}

async fn list_sees_only_the_prefix_sorted(store: Arc<dyn Store>) {
    for key in ["pods/b/x", "nodes/b", "nodes/a", "nodesnot", "nodes/ä"] {
        put(&store, key, key).await;
    }
    let last = put(&store, "config", "{}").await;
    let listing = store.list("nodes/", None).await.unwrap();
    assert_eq!(keys(&listing.items), ["nodes/a", "nodes/b", "nodes/ä"]);
    assert_eq!(listing.revision, last);
    let all = store.list("", None).await.unwrap();
    assert_eq!(
        keys(&all.items),
        ["config", "nodes/a", "nodes/b", "nodes/ä", "nodesnot", "pods/b/x"]
    );
    assert_eq!(store.list("absent/", None).await.unwrap().items, []);
}

async fn list_at_a_revision_shows_the_past(store: Arc<dyn Store>) {
    let first = put(&store, "a", "1").await;
    let second = put(&store, "b", "1").await;
    let third = put(&store, "a", "2").await;
    store.delete("b").await.unwrap();
    let at = async |revision| {
        let listing = store.list("", Some(revision)).await.unwrap();
        assert_eq!(listing.revision, revision);
        listing
            .items
            .into_iter()
            .map(|item| format!("{}={}", item.key, String::from_utf8(item.value).unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(at(first).await, ["a=1"]);
    assert_eq!(at(second).await, ["a=1", "b=1"]);
    assert_eq!(at(third).await, ["a=2", "b=1"]);
    assert_eq!(keys(&store.list("", None).await.unwrap().items), ["a"]);
}

async fn list_is_paged_at_one_revision(store: Arc<dyn Store>) {
    // 2,500 keys are three pages, and 24 values of 1 MiB are more than one answer may hold.
    for block in 0..25 {
        let ops = (0..100).map(|i| Op::put(format!("small/{block:02}/{i:02}"), "x"));
        let txn = Txn { success: ops.collect(), ..Txn::new() };
        store.txn(txn).await.unwrap();
    }
    for i in 0..24 {
        store.put(&format!("large/{i:02}"), vec![b'x'; 1 << 20], None).await.unwrap();
    }
    let small = store.list("small/", None).await.unwrap();
    assert_eq!(small.items.len(), 2500);
    assert!(small.items.is_sorted_by(|a, b| a.key < b.key));
    let large = store.list("large/", None).await.unwrap();
    assert_eq!(large.items.len(), 24);
    assert!(large.items.iter().all(|item| item.value.len() == 1 << 20));
}

async fn list_in_the_future_is_refused(store: Arc<dyn Store>) {
    let now = put(&store, "a", "1").await;
    let error = store.list("", Some(now.next())).await.unwrap_err();
    assert!(
        matches!(error, Error::FutureRevision { requested, .. } if requested == now.next()),
        "{error}"
    );
    assert!(error.needs_relist());
}

async fn watch_brings_changes_as_they_happen(store: Arc<dyn Store>) {
    let now = store.list("", None).await.unwrap().revision;
    let mut watch = store.watch("nodes/", now.next()).await.unwrap();
    put(&store, "nodes/a", "1").await;
    put(&store, "pods/a", "1").await;
    store.delete("nodes/a").await.unwrap();
    let last = put(&store, "nodes/b", "2").await;
    let events = events_until(&mut watch, last).await;
    assert_eq!(brief(&events), ["+nodes/a=1", "-nodes/a", "+nodes/b=2"]);
    assert!(events.is_sorted_by_key(pontoon_store::Event::revision));
}

async fn watch_from_the_past_brings_what_was_missed(store: Arc<dyn Store>) {
    let first = put(&store, "a", "1").await;
    put(&store, "a", "2").await;
    store.delete("a").await.unwrap();
    let last = put(&store, "b", "1").await;
    let mut watch = store.watch("", first).await.unwrap();
    assert_eq!(brief(&events_until(&mut watch, last).await), ["+a=1", "+a=2", "-a", "+b=1"]);
    let mut watch = store.watch("", last).await.unwrap();
    assert_eq!(brief(&events_until(&mut watch, last).await), ["+b=1"]);
}

async fn watch_keeps_a_transaction_together(store: Arc<dyn Store>) {
    let now = store.list("", None).await.unwrap().revision;
    let mut watch = store.watch("", now.next()).await.unwrap();
    let ops: Vec<Op> = (0..100).map(|i| Op::put(format!("k{i:03}"), vec![b'x'; 10_000])).collect();
    let outcome = store.txn(Txn { success: ops, ..Txn::new() }).await.unwrap();
    let batch = loop {
        let batch = next(&mut watch).await;
        if !batch.events.is_empty() {
            break batch;
        }
    };
    assert_eq!((batch.revision, batch.events.len()), (outcome.revision, 100));
}

async fn watch_in_the_future_is_refused(store: Arc<dyn Store>) {
    let now = put(&store, "a", "1").await;
    let error = store.watch("", Revision(now.0 + 2)).await.unwrap_err();
    assert!(matches!(error, Error::FutureRevision { .. }), "{error}");
}

async fn txn_compares(store: Arc<dyn Store>) {
    let created = put(&store, "k", "1").await;
    let modified = put(&store, "k", "2").await;
    let (k, none) = (|| "k".to_owned(), || "none".to_owned());
    let cases = [
        (Compare::Absent(none()), true),
        (Compare::Absent(k()), false),
        (Compare::Exists(k()), true),
        (Compare::Exists(none()), false),
        (Compare::CreateRevision(k(), created), true),
        (Compare::CreateRevision(k(), modified), false),
        (Compare::CreateRevision(none(), Revision(0)), true),
        (Compare::ModRevision(k(), modified), true),
        (Compare::ModRevision(k(), created), false),
        (Compare::ModRevision(none(), Revision(0)), true),
        (Compare::Version(k(), 2), true),
        (Compare::Version(k(), 1), false),
        (Compare::Version(none(), 0), true),
        (Compare::Value(k(), b"2".to_vec()), true),
        (Compare::Value(k(), b"1".to_vec()), false),
        (Compare::Value(none(), Vec::new()), false),
    ];
    for (compare, holds) in cases {
        let outcome = store.txn(Txn::new().when(compare.clone())).await.unwrap();
        assert_eq!(outcome.succeeded, holds, "{compare:?}");
        let both = Txn::new().when(Compare::Exists(k())).when(compare.clone());
        assert_eq!(store.txn(both).await.unwrap().succeeded, holds, "with another: {compare:?}");
    }
}

async fn txn_takes_one_branch_at_one_revision(store: Arc<dyn Store>) {
    put(&store, "old/a", "1").await;
    let before = put(&store, "old/b", "1").await;
    let txn = Txn::new()
        .when(Compare::Exists("old/a".to_owned()))
        .then(Op::Get("new".to_owned()))
        .then(Op::put("new", "2"))
        .then(Op::Get("new".to_owned()))
        .then(Op::DeletePrefix("old/".to_owned()))
        .then(Op::Delete("absent".to_owned()))
        .otherwise(Op::put("wrong", "branch"));
    let outcome = store.txn(txn.clone()).await.unwrap();
    assert!(outcome.succeeded);
    assert_eq!(outcome.revision, before.next());
    let [
        OpResponse::Get(None),
        OpResponse::Put,
        OpResponse::Get(Some(new)),
        OpResponse::Deleted(2),
        OpResponse::Deleted(0),
    ] = outcome.responses.as_slice()
    else {
        panic!("{:?}", outcome.responses)
    };
    assert_eq!((new.mod_revision, new.version), (outcome.revision, 1));
    assert_eq!(keys(&store.list("", None).await.unwrap().items), ["new"]);
    let outcome = store.txn(txn).await.unwrap();
    assert!(!outcome.succeeded);
    assert_eq!(text(store.get("wrong").await.unwrap()).as_deref(), Some("branch"));
}

async fn txn_that_changes_nothing_keeps_the_revision(store: Arc<dyn Store>) {
    let now = put(&store, "a", "1").await;
    let outcome = store.txn(Txn::new().then(Op::Get("a".to_owned()))).await.unwrap();
    assert_eq!(outcome.revision, now);
    assert_eq!(store.delete("absent").await.unwrap().revision, now);
    assert_eq!(store.list("", None).await.unwrap().revision, now);
}

async fn txn_with_the_same_key_twice_is_refused(store: Arc<dyn Store>) {
    for op in [Op::put("a", "2"), Op::Delete("a".to_owned()), Op::DeletePrefix(String::new())] {
        let error = store.txn(Txn::new().then(Op::put("a", "1")).then(op)).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
    }
    assert_eq!(store.get("a").await.unwrap(), None);
}

async fn values_and_keys_that_cannot_be_are_refused(store: Arc<dyn Store>) {
    for error in [
        store.put("", b"x".to_vec(), None).await.unwrap_err(),
        store.get("").await.unwrap_err(),
        store.put("a", vec![0; (1 << 20) + 1], None).await.unwrap_err(),
        store
            .txn(Txn { success: vec![Op::Get("a".to_owned()); 129], ..Txn::new() })
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        assert!(!error.is_retryable());
    }
    let odd = [b"".to_vec(), vec![0, 255, 10]];
    for value in odd {
        store.put("odd \0 key/é", value.clone(), None).await.unwrap();
        assert_eq!(store.get("odd \0 key/é").await.unwrap().unwrap().value, value);
    }
}

async fn create_has_exactly_one_winner(store: Arc<dyn Store>) {
    let attempts = (0..32).map(|i: u8| {
        let store = store.clone();
        tokio::spawn(
            async move { store.create("subnets/10.0.0.0-24", vec![i], None).await.unwrap() },
        )
    });
    let mut winners = Vec::new();
    let mut held = Vec::new();
    for (i, attempt) in attempts.collect::<Vec<_>>().into_iter().enumerate() {
        match attempt.await.unwrap() {
            Created::New(revision) => winners.push((i, revision)),
            Created::Exists(item) => held.push(item),
        }
    }
    let [(winner, revision)] = winners[..] else { panic!("{winners:?}") };
    assert!(
        held.iter()
            .all(|item| usize::from(item.value[0]) == winner && item.create_revision == revision)
    );
}

async fn delete_tells_whether_there_was_a_key(store: Arc<dyn Store>) {
    let put = put(&store, "a", "1").await;
    let deleted = store.delete("a").await.unwrap();
    assert!(deleted.existed);
    assert_eq!(deleted.revision, put.next());
    assert!(!store.delete("a").await.unwrap().existed);
}

async fn lease_that_runs_out_deletes_its_keys(store: Arc<dyn Store>) {
    let lease = store.grant(Duration::from_millis(900)).await.unwrap();
    assert!(
        lease.ttl >= Duration::from_secs(1) && lease.ttl <= Duration::from_secs(3),
        "{lease:?}"
    );
    let begun = std::time::Instant::now();
    let first = store.put("alive/a", b"".to_vec(), Some(lease.id)).await.unwrap();
    store.put("alive/b", b"".to_vec(), Some(lease.id)).await.unwrap();
    assert_eq!(store.get("alive/a").await.unwrap().unwrap().lease, Some(lease.id));
    let mut watch = store.watch("alive/", first).await.unwrap();
    let mut events = Vec::new();
    while events.len() < 4 {
        events.extend(next(&mut watch).await.events);
    }
    assert!(begun.elapsed() + Duration::from_millis(50) >= lease.ttl, "{:?}", begun.elapsed());
    assert_eq!(brief(&events), ["+alive/a=", "+alive/b=", "-alive/a", "-alive/b"]);
    assert_eq!(store.list("", None).await.unwrap().items, []);
    assert_eq!(store.keep_alive(lease.id).await, Err(Error::LeaseNotFound(lease.id)));
}

async fn lease_that_is_kept_alive_keeps_its_keys(store: Arc<dyn Store>) {
    let lease = store.grant(Duration::from_secs(2)).await.unwrap();
    store.put("alive/a", b"".to_vec(), Some(lease.id)).await.unwrap();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(store.keep_alive(lease.id).await.unwrap(), lease.ttl);
    }
    assert!(store.get("alive/a").await.unwrap().is_some());
}

async fn lease_revoked_deletes_its_keys_at_one_revision(store: Arc<dyn Store>) {
    let lease = store.grant(Duration::from_secs(60)).await.unwrap();
    store.put("alive/b", b"".to_vec(), Some(lease.id)).await.unwrap();
    let last = store.put("alive/a", b"".to_vec(), Some(lease.id)).await.unwrap();
    let mut watch = store.watch("", last.next()).await.unwrap();
    store.revoke(lease.id).await.unwrap();
    let batch = next(&mut watch).await;
    assert_eq!(brief(&batch.events), ["-alive/a", "-alive/b"]);
    assert_eq!(batch.revision, last.next());
    assert_eq!(store.revoke(lease.id).await, Err(Error::LeaseNotFound(lease.id)));
}

async fn lease_let_go_by_a_put_does_not_delete_the_key(store: Arc<dyn Store>) {
    let lease = store.grant(Duration::from_secs(60)).await.unwrap();
    let other = store.grant(Duration::from_secs(60)).await.unwrap();
    for key in ["detached", "moved", "deleted", "kept"] {
        store.put(key, b"1".to_vec(), Some(lease.id)).await.unwrap();
    }
    store.put("detached", b"2".to_vec(), None).await.unwrap();
    store.put("moved", b"2".to_vec(), Some(other.id)).await.unwrap();
    store.delete("deleted").await.unwrap();
    put(&store, "deleted", "again").await;
    store.revoke(lease.id).await.unwrap();
    assert_eq!(keys(&store.list("", None).await.unwrap().items), ["deleted", "detached", "moved"]);
}

async fn lease_that_is_gone_is_an_error(store: Arc<dyn Store>) {
    let lease = store.grant(Duration::from_secs(60)).await.unwrap().id;
    store.revoke(lease).await.unwrap();
    let txn = Txn::new().then(Op::put("a", "1")).then(Op::Put {
        key: "b".to_owned(),
        value: Vec::new(),
        lease: Some(lease),
    });
    assert_eq!(store.txn(txn).await, Err(Error::LeaseNotFound(lease)));
    assert_eq!(store.list("", None).await.unwrap().items, [], "nothing of it was carried out");
    assert_eq!(store.keep_alive(lease).await, Err(Error::LeaseNotFound(lease)));
}

async fn compaction_forgets_the_past_and_keeps_the_present(store: Arc<dyn Store>) {
    let first = put(&store, "a", "1").await;
    put(&store, "b", "1").await;
    store.delete("b").await.unwrap();
    let third = put(&store, "a", "2").await;
    let last = put(&store, "c", "1").await;
    store.compact(third).await.unwrap();
    assert_eq!(keys(&store.list("", Some(third)).await.unwrap().items), ["a"]);
    assert_eq!(keys(&store.list("", Some(last)).await.unwrap().items), ["a", "c"]);
    assert_eq!(text(store.get("a").await.unwrap()).as_deref(), Some("2"));
    let error = store.list("", Some(first)).await.unwrap_err();
    assert!(matches!(error, Error::Compacted { requested, .. } if requested == first), "{error}");
    assert!(matches!(store.compact(third).await, Err(Error::Compacted { .. })));
    assert!(matches!(store.compact(last.next()).await, Err(Error::FutureRevision { .. })));
}

async fn compaction_ends_a_watch_from_before(store: Arc<dyn Store>) {
    let first = put(&store, "a", "1").await;
    put(&store, "a", "2").await;
    let last = put(&store, "a", "3").await;
    store.compact(last).await.unwrap();
    let error = match store.watch("", first).await {
        Ok(mut watch) => watch.next().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, Error::Compacted { requested, .. } if requested == first), "{error}");
    assert!(error.needs_relist());
    let mut watch = store.watch("", last).await.unwrap();
    assert_eq!(brief(&events_until(&mut watch, last).await), ["+a=3"]);
}

async fn health_tells_the_revision(store: Arc<dyn Store>) {
    let now = put(&store, "a", "1").await;
    let health = store.health().await.unwrap();
    assert_eq!(health.revision, now);
    assert_eq!(health.alarms, Vec::<String>::new());
    assert!(
        health.version.starts_with("etcd 3.") || health.version.starts_with("embedded"),
        "{health:?}"
    );
}
