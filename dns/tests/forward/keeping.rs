//! Answers that are kept, and for how long.

use std::time::Duration;

use pontoon_dns::answer::outside::Outside;
use pontoon_dns::forward::ForwardConfig;
use pontoon_dns::wire::name::Name;
use pontoon_dns::wire::question::Query;

use super::message::{Reply, asks};
use super::toy::{Asked, Toy};
use super::{ask, cached, config, hasty, rcode, said, timed, until};

fn address(last: u8) -> impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static {
    move |asked| vec![Reply::to(&asked.message, 0).a(100, [192, 0, 2, last]).bytes()]
}

fn silence(_: &Asked) -> Vec<Vec<u8>> {
    Vec::new()
}

#[tokio::test]
async fn an_answer_is_given_again_and_ages() {
    let toy = Toy::new(address(1)).await;
    let (forwarder, time, host) = timed(&config(&[&toy]));
    assert!(cached(&forwarder, "a.example").is_none());
    assert_eq!(said(&ask(&forwarder, "a.example").await), [(100, 1)]);
    time.pass(40);
    assert_eq!(said(&ask(&forwarder, "a.example").await), [(60, 1)]);
    assert_eq!(said(&cached(&forwarder, "A.example").unwrap()), [(60, 1)]);
    assert_eq!(toy.asked().len(), 1);
    let cache = &host.cache;
    assert_eq!((cache.requests.get(), cache.misses.get()), (3, 1));
    assert_eq!((cache.success.hits.get(), cache.success.entries.get()), (2, 1));
}

#[tokio::test]
async fn a_denial_is_given_again_for_as_long_as_its_soa_says() {
    let toy = Toy::new(|asked| vec![Reply::to(&asked.message, 3).soa(900, 30).bytes()]).await;
    let (forwarder, time, host) = timed(&config(&[&toy]));
    ask(&forwarder, "a.example").await;
    time.pass(29);
    let answer = cached(&forwarder, "a.example").unwrap();
    assert_eq!((rcode(&answer), said(&answer)), (3, vec![(1, 30)]));
    assert_eq!(host.cache.denial.hits.get(), 1);
    time.pass(1);
    assert!(cached(&forwarder, "a.example").is_none());
}

#[tokio::test]
async fn what_is_popular_is_asked_for_before_its_end_and_nobody_waits() {
    let toy = Toy::new(address(1)).await;
    let (forwarder, time, host) = timed(&config(&[&toy]));
    ask(&forwarder, "a.example").await;
    time.pass(95);
    for _ in 0..2 {
        assert!(cached(&forwarder, "a.example").is_some());
    }
    assert_eq!(toy.asked().len(), 1);
    toy.hold();
    toy.says(address(2));
    for _ in 0..5 {
        assert_eq!(said(&cached(&forwarder, "a.example").unwrap()), [(5, 1)]);
    }
    toy.wait_asked(2).await;
    toy.release();
    until(|| said(&cached(&forwarder, "a.example").unwrap()) == [(100, 2)]).await;
    assert_eq!(toy.asked().len(), 2);
    assert_eq!(host.cache.prefetches.get(), 1);
}

#[tokio::test]
async fn rfc_8767_when_upstreams_fail_what_was_kept_is_given_behind_its_life() {
    let toy = Toy::new(address(1)).await;
    let (forwarder, time, host) = timed(&hasty(&[&toy]));
    ask(&forwarder, "a.example").await;
    toy.says(silence);
    time.pass(200);
    assert!(cached(&forwarder, "a.example").is_none(), "upstreams first");
    assert_eq!(said(&ask(&forwarder, "a.example").await), [(30, 1)]);
    assert_eq!(said(&cached(&forwarder, "a.example").unwrap()), [(30, 1)], "at once now");
    assert_eq!(host.cache.served_stale.get(), 2);
    toy.says(address(2));
    time.pass(6);
    assert_eq!(said(&cached(&forwarder, "a.example").unwrap()), [(30, 1)]);
    until(|| said(&cached(&forwarder, "a.example").unwrap()) == [(100, 2)]).await;
    toy.says(silence);
    time.pass(100 + 3600);
    assert_eq!(rcode(&ask(&forwarder, "a.example").await), 2, "too long ago");
}

#[tokio::test]
async fn rfc_8767_who_is_slow_is_not_waited_for_but_heard() {
    let toy = Toy::new(address(1)).await;
    let mut config = config(&[&toy]);
    config.cache.stale_after = Duration::from_millis(20);
    let (forwarder, time, _) = timed(&config);
    ask(&forwarder, "a.example").await;
    time.pass(200);
    toy.hold();
    toy.says(address(2));
    assert_eq!(said(&ask(&forwarder, "a.example").await), [(30, 1)]);
    toy.release();
    until(|| said(&cached(&forwarder, "a.example").unwrap()) == [(100, 2)]).await;
    assert_eq!(toy.asked().len(), 2);
}

#[tokio::test]
async fn a_failure_is_no_better_than_what_was_kept() {
    let toy = Toy::new(address(1)).await;
    let (forwarder, time, _) = timed(&config(&[&toy]));
    ask(&forwarder, "a.example").await;
    toy.says(|asked| vec![Reply::to(&asked.message, 2).bytes()]);
    time.pass(200);
    assert_eq!(said(&ask(&forwarder, "a.example").await), [(30, 1)]);
    assert_eq!(rcode(&ask(&forwarder, "b.example").await), 2);
    assert_eq!(rcode(&cached(&forwarder, "b.example").unwrap()), 2);
    time.pass(5);
    assert!(cached(&forwarder, "b.example").is_none());
}

#[tokio::test]
async fn when_too_many_are_under_way_what_was_kept_is_given() {
    let toy = Toy::new(address(1)).await;
    let (forwarder, time, host) = timed(&ForwardConfig { max_concurrent: 1, ..config(&[&toy]) });
    ask(&forwarder, "a.example").await;
    time.pass(200);
    toy.hold();
    let other = tokio::spawn({
        let forwarder = forwarder.clone();
        async move { ask(&forwarder, "b.example").await }
    });
    toy.wait_asked(2).await;
    assert_eq!(said(&ask(&forwarder, "a.example").await), [(30, 1)]);
    assert_eq!(host.forward.too_many.get(), 1);
    toy.release();
    other.await.unwrap();
}

#[tokio::test]
async fn who_follows_a_name_and_who_asks_for_it_share_what_is_kept() {
    let toy = Toy::new(address(1)).await;
    let (forwarder, _, _) = timed(&config(&[&toy]));
    let answer = forwarder.lookup(&Name::parse("A.example").unwrap(), 1).await;
    assert_eq!(said(&answer), [(100, 1)]);
    assert_eq!(answer[10..12], [0, 0], "without EDNS");
    assert!(cached(&forwarder, "a.example").is_some());
}

#[tokio::test]
async fn a_long_answer_is_kept_whole_and_cut_for_who_takes_less() {
    let toy = Toy::new(|asked| {
        let reply = Reply::to(&asked.message, 0);
        vec![(0..60).fold(reply, |reply, last| reply.a(100, [192, 0, 2, last])).bytes()]
    })
    .await;
    let (forwarder, _, _) = timed(&config(&[&toy]));
    let question = asks("a.example", 1, Some(1232));
    let query = Query::parse(&question).unwrap();
    assert_eq!(said(&forwarder.resolve(&query, 1232).await).len(), 60);
    let short = cached(&forwarder, "a.example").unwrap();
    assert!(short.len() <= 512 && short[2] & 0x02 != 0);
    assert_eq!(said(&short).len(), (512 - 27) / 16);
    assert_eq!(toy.asked().len(), 1);
}
