//! A real etcd that goes away, comes back, comes back different, or stops in its tracks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pontoon_store::lease_keeper::Status;
use pontoon_store::mirror::Options;
use pontoon_store::{Error, EtcdConfig, EtcdStore, LeaseKeeper, Mirror, Store, Update};

use crate::etcd_server::EtcdServer;
use crate::subject::{brief, next_update, update};

/// A mirror that comes back late enough for the case to prepare what it will find.
fn late_mirror(store: &Arc<dyn Store>) -> Mirror {
    let wait = Duration::from_millis(1500);
    Mirror::follow_with(store.clone(), "", Options { first_wait: wait, longest_wait: wait })
}

/// An etcd with the keys `a` and `b`, and a mirror that has seen them.
async fn begin(server: &EtcdServer) -> (Arc<dyn Store>, Mirror) {
    let store: Arc<dyn Store> = Arc::new(server.store());
    let mut mirror = late_mirror(&store);
    update(&mut mirror).await;
    store.put("a", b"1".to_vec(), None).await.unwrap();
    store.put("b", b"1".to_vec(), None).await.unwrap();
    let mut seen = 0;
    while seen < 2 {
        if let Update::Changes { events, .. } = update(&mut mirror).await {
            seen += events.len();
        }
    }
    (store, mirror)
}

async fn expect_lost(mirror: &mut Mirror) {
    let Update::Lost { error } = update(mirror).await else { panic!("not lost") };
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirror_goes_on_where_it_was_after_a_restart() {
    let Some(mut server) = EtcdServer::start().await else { return };
    let (store, mut mirror) = begin(&server).await;
    server.crash();
    expect_lost(&mut mirror).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.resume().await;
    let Update::Progress { .. } = next_update(&mut mirror).await else {
        panic!("back without a snapshot")
    };
    store.put("c", b"1".to_vec(), None).await.unwrap();
    let Update::Changes { events, .. } = update(&mut mirror).await else {
        panic!("told lost once, then changes")
    };
    assert_eq!(brief(&events), ["+c=1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirror_brings_what_it_missed() {
    let Some(mut server) = EtcdServer::start().await else { return };
    let (_store, mut mirror) = begin(&server).await;
    server.crash();
    expect_lost(&mut mirror).await;
    server.resume().await;
    server.ctl(&["put", "/pontoon-test/v1/c", "1"]);
    server.ctl(&["del", "/pontoon-test/v1/a"]);
    let mut missed = Vec::new();
    while missed.len() < 2 {
        match update(&mut mirror).await {
            Update::Changes { events, .. } => missed.extend(brief(&events)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(missed, ["+c=1", "-a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirror_lists_again_when_its_place_was_compacted() {
    let Some(mut server) = EtcdServer::start().await else { return };
    let (_store, mut mirror) = begin(&server).await;
    server.crash();
    expect_lost(&mut mirror).await;
    server.resume().await;
    // Not through the mirror's own store, which would open the way for it.
    let other = server.store();
    other.delete("a").await.unwrap();
    let last = other.put("c", b"1".to_vec(), None).await.unwrap();
    other.compact(last).await.unwrap();
    let Update::Snapshot { revision, items } = update(&mut mirror).await else {
        panic!("a snapshot")
    };
    assert_eq!(revision, last);
    assert_eq!(items.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["b", "c"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirror_lists_again_when_etcd_was_wiped() {
    let Some(mut server) = EtcdServer::start().await else { return };
    let (_store, mut mirror) = begin(&server).await;
    server.wipe();
    expect_lost(&mut mirror).await;
    server.resume().await;
    let Update::Snapshot { items, .. } = update(&mut mirror).await else { panic!("a snapshot") };
    assert_eq!(items, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirror_lists_again_when_etcd_was_wiped_and_has_come_as_far() {
    let Some(mut server) = EtcdServer::start().await else { return };
    let (_store, mut mirror) = begin(&server).await;
    server.wipe();
    expect_lost(&mut mirror).await;
    server.resume().await;
    for i in 0..20 {
        server.ctl(&["put", "/pontoon-test/v1/new", &i.to_string()]);
    }
    let Update::Snapshot { items, .. } = update(&mut mirror).await else { panic!("a snapshot") };
    assert_eq!(items.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["new"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirror_notices_an_etcd_that_is_frozen() {
    let Some(server) = EtcdServer::start().await else { return };
    let (store, mut mirror) = begin(&server).await;
    let begun = Instant::now();
    server.freeze();
    // Each of its threads stops by itself, on a busy machine not before it has answered once more.
    let error = loop {
        match store.get("a").await {
            Ok(_) => assert!(begun.elapsed() < Duration::from_secs(1), "it is not frozen"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3), "a call ends in time: {:?}", begun.elapsed());
    expect_lost(&mut mirror).await;
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    server.thaw();
    server.ctl(&["put", "/pontoon-test/v1/c", "1"]);
    loop {
        match update(&mut mirror).await {
            Update::Changes { events, .. } => {
                assert_eq!(brief(&events), ["+c=1"]);
                break;
            }
            Update::Lost { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_fail_fast_while_etcd_is_away_and_work_once_it_is_back() {
    let Some(mut server) = EtcdServer::start().await else { return };
    let (store, _mirror) = begin(&server).await;
    server.crash();
    let begun = Instant::now();
    for _ in 0..20 {
        let error = store.put("c", b"1".to_vec(), None).await.unwrap_err();
        assert!(matches!(&error, Error::Unavailable(fault) if fault.hint.is_some()), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    server.resume().await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    store.put("c", b"1".to_vec(), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_goes_through_after_a_restart_that_nobody_noticed() {
    let Some(mut server) = EtcdServer::start().await else { return };
    let store = server.store();
    store.put("a", b"1".to_vec(), None).await.unwrap();
    server.crash();
    server.resume().await;
    store.put("a", b"2".to_vec(), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeper_puts_its_keys_into_a_wiped_etcd() {
    let Some(mut server) = EtcdServer::start().await else { return };
    let store: Arc<dyn Store> = Arc::new(server.store());
    let keys = BTreeMap::from([("alive/a".to_owned(), b"1".to_vec())]);
    let keeper = LeaseKeeper::start(store.clone(), Duration::from_secs(3), keys);
    let mut status = keeper.status();
    status.wait_for(|status| matches!(status, Status::Held { .. })).await.unwrap();
    server.wipe();
    let failing = status.wait_for(|status| matches!(status, Status::Failing { .. }));
    tokio::time::timeout(Duration::from_secs(10), failing).await.unwrap().unwrap();
    server.resume().await;
    let held = status.wait_for(|status| matches!(status, Status::Held { .. }));
    tokio::time::timeout(Duration::from_secs(10), held).await.unwrap().unwrap();
    assert!(store.get("alive/a").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_loses_a_member_goes_on() {
    let Some(mut members) = EtcdServer::start_cluster(3).await else { return };
    let endpoints = members.iter().map(EtcdServer::endpoint).collect();
    let config = EtcdConfig { endpoints, ..members[0].config() };
    let store: Arc<dyn Store> = Arc::new(EtcdStore::new(config).unwrap());
    store.put("a", b"1".to_vec(), None).await.unwrap();
    let mut mirror = Mirror::follow(store.clone(), "");
    update(&mut mirror).await;
    let used = store.health().await.unwrap().target;
    assert!(store.examine().await.members.iter().all(|member| member.fault.is_none()));
    let member = members.iter_mut().find(|member| member.endpoint() == used).unwrap();
    member.crash();
    let examined = store.examine().await;
    let away: Vec<&str> =
        examined.members.iter().filter(|m| m.fault.is_some()).map(|m| m.target.as_str()).collect();
    assert_eq!(away, [used.as_str()]);
    assert!(examined.clock.is_some(), "another member tells the time");
    // The write that meets the crash may be lost; whether it was applied nobody knows, so it is not sent twice.
    let mut failures = 0;
    while store.put("b", b"1".to_vec(), None).await.is_err() {
        failures += 1;
        assert!(failures < 20, "another member takes over");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_ne!(store.health().await.unwrap().target, used);
    loop {
        match update(&mut mirror).await {
            Update::Changes { events, .. } if brief(&events).contains(&"+b=1".to_owned()) => break,
            Update::Changes { .. } | Update::Lost { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    for member in &mut members {
        member.crash();
    }
    let error = store.get("a").await.unwrap_err();
    let Error::Unavailable(fault) = &error else { panic!("{error}") };
    assert_eq!(fault.target, "3 endpoints", "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_without_quorum_says_so() {
    let Some(mut members) = EtcdServer::start_cluster(3).await else { return };
    let store = members[0].store();
    store.put("a", b"1".to_vec(), None).await.unwrap();
    members[1].crash();
    members[2].crash();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let error = store.get("a").await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    eprintln!("{error}");
}
