//! What another program does to the ruleset is noticed; what we do is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pontoon_netlink::nft::FieldType::Ipv4Addr;
use pontoon_netlink::nft::{Batch, Chain, Element, Event, Family, Monitor, Nft, Set, Table, Value};

use crate::support::{in_netns, run};

const TABLE: Table = Table::new(Family::Inet, "nf_monitor");
const HOSTS: Set = Set::new("hosts", &[Ipv4Addr]);

fn with_runtime<T: Send + 'static>(test: impl AsyncFnOnce() -> T + Send + 'static) {
    in_netns(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test())
    });
}

/// Everything up to the end of the next transaction.
async fn transaction(monitor: &mut Monitor) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(5), monitor.next()).await;
        let event = next.expect("no event").unwrap();
        let is_last = matches!(event, Event::Committed { .. } | Event::Overrun);
        events.push(event);
        if is_last {
            return events;
        }
    }
}

fn ours() -> Batch {
    let mut batch = Batch::new();
    batch.add_table(&TABLE);
    batch.add_set(&TABLE, &HOSTS);
    batch.add_chain(&TABLE, &Chain::new("things"));
    let hosts = (1..50_000u32).map(|host| Element::new(Value::new().ip(host.to_be_bytes())));
    batch.add_elements(&TABLE, &HOSTS, hosts);
    batch
}

#[test]
fn a_foreign_flush_is_noticed_and_our_own_changes_are_not() {
    with_runtime(async || {
        let mut nft = Nft::open().unwrap();
        let mut monitor = Monitor::open(&[nft.port()]).unwrap();
        nft.commit(&ours()).unwrap();
        run("nft", &["flush", "ruleset"]);
        let events = transaction(&mut monitor).await;
        let name = || "nf_monitor".to_owned();
        let deleted = Event::TableDeleted { family: Family::Inet, name: name() };
        assert!(events.contains(&deleted), "{events:?}");
        let Some(Event::Committed { process_name, generation, .. }) = events.last() else {
            panic!("{events:?}")
        };
        assert_eq!(process_name, "nft");
        assert_eq!(*generation, nft.generation().unwrap());
    });
}

#[test]
fn a_foreign_change_names_the_table() {
    with_runtime(async || {
        let mut nft = Nft::open().unwrap();
        nft.commit(&ours()).unwrap();
        let mut monitor = Monitor::open(&[nft.port()]).unwrap();
        let changed = |name: &str| Event::Changed { family: Family::Inet, name: name.to_owned() };
        run("nft", &["add", "table", "inet", "nf_other"]);
        assert_eq!(transaction(&mut monitor).await[..1], [changed("nf_other")]);
        run("nft", &["delete", "element", "inet", "nf_monitor", "hosts", "{ 0.0.0.7, 0.0.0.9 }"]);
        let events = transaction(&mut monitor).await;
        assert_eq!(events.len(), 2, "{events:?}");
        assert_eq!(events[0], changed("nf_monitor"));
        run("nft", &["add", "rule", "inet", "nf_monitor", "things", "counter"]);
        assert_eq!(transaction(&mut monitor).await[0], changed("nf_monitor"));
    });
}

#[test]
fn another_connection_of_ours_is_a_stranger_unless_it_is_named() {
    with_runtime(async || {
        let (mut named, mut stranger) = (Nft::open().unwrap(), Nft::open().unwrap());
        let another = Nft::open().unwrap();
        let mut monitor = Monitor::open(&[another.port(), named.port()]).unwrap();
        named.commit(&ours()).unwrap();
        let mut batch = Batch::new();
        batch.delete_table(&TABLE);
        stranger.commit(&batch).unwrap();
        let events = transaction(&mut monitor).await;
        assert!(matches!(
            events[..],
            [Event::Changed { .. }, ..] | [Event::TableDeleted { .. }, ..]
        ));
        assert!(events.iter().any(|event| matches!(event, Event::TableDeleted { .. })));
    });
}

#[test]
fn too_many_events_are_an_overrun_and_then_it_goes_on() {
    with_runtime(async || {
        let mut nft = Nft::open().unwrap();
        let mut monitor = Monitor::open(&[]).unwrap();
        nft.commit(&ours()).unwrap();
        let mut seen = Vec::new();
        while !seen.contains(&Event::Overrun) {
            seen = transaction(&mut monitor).await;
        }
        let idle = async { while monitor.next().await.is_ok() {} };
        assert!(tokio::time::timeout(Duration::from_millis(200), idle).await.is_err());
        run("nft", &["flush", "ruleset"]);
        let events = transaction(&mut monitor).await;
        assert!(
            matches!(events.last(), Some(Event::Committed { .. } | Event::Overrun)),
            "{events:?}"
        );
    });
}

/// A large transaction is not listened to; what happens meanwhile is noticed all the same.
#[test]
fn a_foreign_change_during_a_large_transaction_of_ours_is_an_overrun() {
    with_runtime(async || {
        let mut nft = Nft::open().unwrap();
        let mut monitor = Monitor::open(&[nft.port()]).unwrap();
        let mut flush = Batch::new();
        flush.destroy_table(&TABLE);
        let stop = Arc::new(AtomicBool::new(false));
        let other = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let mut stranger = Nft::open().unwrap();
                let mut batch = Batch::new();
                let table = Table::new(Family::Ip6, "nf_stranger");
                batch.add_table(&table);
                batch.delete_table(&table);
                while !stop.load(Ordering::Relaxed) {
                    stranger.commit(&batch).unwrap();
                }
            }
        });
        let mut has_overrun = false;
        for _ in 0..50 {
            nft.commit(&flush).unwrap();
            nft.commit(&ours()).unwrap();
            while let Ok(event) =
                tokio::time::timeout(Duration::from_millis(1), monitor.next()).await
            {
                has_overrun |= event.unwrap() == Event::Overrun;
                if has_overrun {
                    break;
                }
            }
            if has_overrun {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
        other.join().unwrap();
        assert!(has_overrun);
    });
}
