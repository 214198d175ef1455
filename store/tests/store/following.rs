//! Mirror, cache and lease keeper, on both engines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pontoon_store::lease_keeper::Status;
use pontoon_store::{Cache, Event, LeaseKeeper, Mirror, Store, Update};

use crate::subject::{brief, update};

conformance!(
    mirror_begins_with_a_snapshot_and_goes_on_with_changes,
    mirror_of_an_empty_store_begins_with_an_empty_snapshot,
    cache_serves_what_is_good_and_reports_the_rest,
    keeper_keeps_its_keys_and_ends_them,
    keeper_changes_and_removes_keys,
    keeper_puts_its_keys_again,
);

async fn mirror_begins_with_a_snapshot_and_goes_on_with_changes(store: Arc<dyn Store>) {
    store.put("nodes/a", b"1".to_vec(), None).await.unwrap();
    let before = store.put("other", b"1".to_vec(), None).await.unwrap();
    let mut mirror = Mirror::follow(store.clone(), "nodes/");
    let Update::Snapshot { revision, items } = update(&mut mirror).await else { panic!() };
    assert_eq!((revision, items.len()), (before, 1));
    let last = store.put("nodes/b", b"2".to_vec(), None).await.unwrap();
    let Update::Changes { revision, events } = update(&mut mirror).await else { panic!() };
    assert_eq!((revision, brief(&events)), (last, vec!["+nodes/b=2".to_owned()]));
}

async fn mirror_of_an_empty_store_begins_with_an_empty_snapshot(store: Arc<dyn Store>) {
    let mut mirror = Mirror::follow(store.clone(), "");
    let Update::Snapshot { items, .. } = update(&mut mirror).await else { panic!() };
    assert_eq!(items, []);
    store.put("a", b"1".to_vec(), None).await.unwrap();
    let Update::Changes { events, .. } = update(&mut mirror).await else { panic!() };
    assert_eq!(brief(&events), ["+a=1"]);
}

async fn cache_serves_what_is_good_and_reports_the_rest(store: Arc<dyn Store>) {
    store.put("ports/good", b"80".to_vec(), None).await.unwrap();
    store.put("ports/bad", b"eighty".to_vec(), None).await.unwrap();
    let mut mirror = Mirror::follow(store.clone(), "");
    let mut cache =
        Cache::new("ports/", |_, value| std::str::from_utf8(value).unwrap_or("").parse::<u16>());
    let delta = cache.apply(&update(&mut mirror).await);
    assert_eq!(delta.changed, ["ports/good"]);
    assert_eq!(delta.rejected.len(), 1);
    assert_eq!(delta.rejected[0].key, "ports/bad");
    let last = store.put("ports/bad", b"443".to_vec(), None).await.unwrap();
    while cache.revision() < Some(last) {
        cache.apply(&update(&mut mirror).await);
    }
    assert_eq!(cache.iter().collect::<Vec<_>>(), [("ports/bad", &443), ("ports/good", &80)]);
    assert_eq!(cache.rejected().count(), 0);
}

fn one_key() -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([("alive/a".to_owned(), b"1".to_vec())])
}

async fn held(keeper: &LeaseKeeper) -> pontoon_store::LeaseId {
    let mut status = keeper.status();
    let held = status.wait_for(|status| matches!(status, Status::Held { .. }));
    let held = tokio::time::timeout(Duration::from_secs(10), held).await.unwrap().unwrap().clone();
    let Status::Held { lease, .. } = held else { panic!("{held:?}") };
    lease
}

/// Waits for an event that fits, in what changes under `alive/`.
async fn wait_for(mirror: &mut Mirror, fits: impl Fn(&Event) -> bool) {
    loop {
        if let Update::Changes { events, .. } = update(mirror).await
            && events.iter().any(&fits)
        {
            return;
        }
    }
}

async fn keeper_keeps_its_keys_and_ends_them(store: Arc<dyn Store>) {
    let keeper = LeaseKeeper::start(store.clone(), Duration::from_secs(2), one_key());
    let lease = held(&keeper).await;
    for _ in 0..5 {
        assert_eq!(store.get("alive/a").await.unwrap().unwrap().lease, Some(lease));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    keeper.stop().await.unwrap();
    assert_eq!(store.get("alive/a").await.unwrap(), None);
}

async fn keeper_changes_and_removes_keys(store: Arc<dyn Store>) {
    let mut mirror = Mirror::follow(store.clone(), "alive/");
    update(&mut mirror).await;
    let keeper = LeaseKeeper::start(store.clone(), Duration::from_secs(30), one_key());
    held(&keeper).await;
    keeper.set("alive/a", "2");
    keeper.set("alive/b", "1");
    wait_for(&mut mirror, |event| matches!(event, Event::Put(item) if item.key == "alive/b")).await;
    assert_eq!(store.get("alive/a").await.unwrap().unwrap().value, b"2");
    keeper.remove("alive/a");
    wait_for(&mut mirror, |event| matches!(event, Event::Delete { key, .. } if key == "alive/a"))
        .await;
    assert!(store.get("alive/b").await.unwrap().is_some());
}

async fn keeper_puts_its_keys_again(store: Arc<dyn Store>) {
    let keeper = LeaseKeeper::start(store.clone(), Duration::from_secs(3), one_key());
    let first = held(&keeper).await;
    let mut mirror = Mirror::follow(store.clone(), "alive/");
    update(&mut mirror).await;
    let put = |event: &Event| matches!(event, Event::Put(item) if item.key == "alive/a" && item.value == b"1");
    store.delete("alive/a").await.unwrap();
    wait_for(&mut mirror, put).await;
    store.put("alive/a", b"intruder".to_vec(), None).await.unwrap();
    wait_for(&mut mirror, put).await;
    store.revoke(first).await.unwrap();
    wait_for(&mut mirror, put).await;
    let second = store.get("alive/a").await.unwrap().unwrap().lease.unwrap();
    assert_ne!(first, second);
}
