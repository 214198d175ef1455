use super::super::answer::Longest;
use super::super::testing::{Reply, asks};
use super::*;
use crate::wire::question::Query;
use proptest::prelude::*;

fn key(name: &str) -> Key {
    Key::of(&Query::parse(&asks(name, 1, None)).unwrap())
}

fn answer(reply: Reply) -> Answer {
    Answer::read(&reply.bytes(), Longest::from(&CacheConfig::default())).unwrap()
}

fn address(name: &str, ttl: u32) -> Answer {
    answer(Reply::to(&asks(name, 1, None), 0).a(ttl, [1; 4]))
}

fn failure(name: &str) -> Answer {
    answer(Reply::to(&asks(name, 1, None), 2))
}

fn cache(set: impl FnOnce(&mut CacheConfig)) -> Cache {
    let mut config = CacheConfig::default();
    set(&mut config);
    Cache::new(&config, Figures::default())
}

fn entries(cache: &Cache) -> usize {
    assert_eq!(cache.figures.success.entries.get(), cache.store.len() as i64);
    cache.store.len()
}

fn at(seconds: f64) -> Duration {
    // Not from zero, which no clock shows for long.
    Duration::from_secs(1000) + Duration::from_secs_f64(seconds)
}

fn keep(cache: &Cache, name: &str, answer: Answer, seconds: f64) {
    cache.keep(&key(name), Arc::new(answer), at(seconds));
}

#[test]
fn an_answer_ages_and_is_then_behind_its_life() {
    let cache = cache(|_| ());
    keep(&cache, "a.b", address("a.b", 60), 0.0);
    let age = |seconds| cache.find(&key("A.b"), at(seconds)).unwrap().age;
    assert_eq!(age(0.9), Age::Seconds(0));
    assert_eq!(age(59.9), Age::Seconds(59));
    assert_eq!(age(60.0), Age::Over);
    assert_eq!(age(3659.9), Age::Over);
    assert!(cache.find(&key("a.b"), at(3660.0)).is_none());
    assert!(cache.find(&key("a.c"), at(0.0)).is_none());
}

#[test]
fn without_serve_stale_a_life_is_all_there_is() {
    let cache = cache(|config| config.serve_stale = Duration::ZERO);
    keep(&cache, "a.b", address("a.b", 60), 0.0);
    assert!(cache.find(&key("a.b"), at(60.0)).is_none());
}

#[test]
fn what_is_asked_for_often_is_refreshed_in_the_last_tenth() {
    let cache = cache(|config| config.prefetch = 3);
    keep(&cache, "a.b", address("a.b", 100), 0.0);
    let refresh = |seconds| cache.find(&key("a.b"), at(seconds)).unwrap().refresh;
    assert!(!refresh(95.0), "once");
    assert!(!refresh(95.0), "twice");
    assert!(refresh(95.0));
    assert!(!refresh(89.0), "too early");
    cache.failed(&key("a.b"), at(95.0));
    assert!(!refresh(96.0), "just failed");
    let off = super::tests::cache(|config| config.prefetch = 0);
    keep(&off, "a.b", address("a.b", 100), 0.0);
    assert!((0..9).all(|_| !off.find(&key("a.b"), at(95.0)).unwrap().refresh));
}

#[test]
fn rfc_8767_nobody_waits_for_upstreams_that_have_just_failed() {
    let cache = cache(|_| ());
    keep(&cache, "a.b", address("a.b", 60), 0.0);
    let found = |seconds| {
        let found = cache.find(&key("a.b"), at(seconds)).unwrap();
        (found.at_once, found.refresh)
    };
    assert_eq!(found(70.0), (false, true), "upstreams first");
    cache.failed(&key("a.b"), at(70.0));
    assert_eq!(found(71.0), (true, false));
    assert_eq!(found(75.0), (true, true), "they are tried again meanwhile");
    assert_eq!(found(100.0), (false, true), "long ago");
    keep(&cache, "a.b", address("a.b", 60), 101.0);
    assert_eq!(found(102.0), (true, false));
}

#[test]
fn a_failure_takes_the_place_of_nothing_else() {
    let cache = cache(|_| ());
    keep(&cache, "new", failure("new"), 0.0);
    assert_eq!(cache.find(&key("new"), at(4.9)).unwrap().entry.answer.kind(), Kind::Failure);
    assert!(cache.find(&key("new"), at(5.0)).is_none(), "never behind its life");
    keep(&cache, "a.b", address("a.b", 60), 0.0);
    keep(&cache, "a.b", failure("a.b"), 70.0);
    let found = cache.find(&key("a.b"), at(71.0)).unwrap();
    assert_eq!((found.entry.answer.kind(), found.at_once), (Kind::Success, true));
    keep(&cache, "a.b", failure("a.b"), 3661.0);
    let found = cache.find(&key("a.b"), at(3662.0)).unwrap();
    assert_eq!(found.entry.answer.kind(), Kind::Failure, "what was too old is replaced");
}

#[test]
fn what_cannot_be_kept_takes_away_what_was() {
    let cache = cache(|_| ());
    for gone in [address("a.b", 0), answer(Reply::to(&asks("a.b", 1, None), 3))] {
        keep(&cache, "a.b", address("a.b", 60), 0.0);
        keep(&cache, "a.b", gone, 1.0);
        assert!(cache.find(&key("a.b"), at(2.0)).is_none());
    }
    keep(&cache, "a.b", address("a.b", 60), 0.0);
    keep(&cache, "a.b", answer(Reply::to(&asks("a.b", 1, None), 0).a(9, [2; 4]).flags(2, 0)), 1.0);
    assert!(cache.find(&key("a.b"), at(2.0)).is_some(), "a truncated answer says nothing");
}

#[test]
fn with_a_size_of_zero_nothing_is_kept() {
    let cache = cache(|config| config.size = 0);
    keep(&cache, "a.b", address("a.b", 60), 0.0);
    assert_eq!(entries(&cache), 0);
}

#[test]
fn a_long_answer_counts_once_for_each_kib() {
    let cache = cache(|config| config.size = 64);
    for number in 0..64 {
        let name = format!("n{number}");
        let long = Reply::to(&asks(&name, 1, None), 0).with(0, 1, 60, &[0; 4000]);
        keep(&cache, &name, answer(long), 0.0);
    }
    assert!(entries(&cache) <= 16, "{}", entries(&cache));
    assert!(cache.figures.success.evictions.get() >= 48);
}

#[test]
fn what_is_asked_for_survives_a_flood_of_what_is_not() {
    let cache = cache(|config| config.size = 100);
    for number in 0..50 {
        let name = format!("used{number}");
        keep(&cache, &name, address(&name, 60), 0.0);
        for _ in 0..3 {
            assert!(cache.find(&key(&name), at(1.0)).is_some());
        }
    }
    for number in 0..5000 {
        let name = format!("once{number}");
        keep(&cache, &name, address(&name, 60), 1.0);
    }
    let left = (0..50).filter(|n| cache.find(&key(&format!("used{n}")), at(2.0)).is_some());
    assert!(left.count() > 25);
}

proptest! {
    #[test]
    fn the_size_bounds_the_number_of_answers(
        size in 0usize..300,
        names in prop::collection::vec(0u32..1000, 0..1500),
    ) {
        let cache = cache(|config| config.size = size);
        for name in names {
            let name = format!("n{name}");
            keep(&cache, &name, address(&name, 60), 0.0);
        }
        // Each part is rounded up to a whole number.
        prop_assert!(entries(&cache) <= size + SHARDS);
    }

    #[test]
    fn what_is_given_is_the_last_kept_and_no_older_than_its_life(
        steps in prop::collection::vec((0u8..4, 1u32..100, 0u32..50), 0..100),
    ) {
        let cache = cache(|config| config.serve_stale = Duration::ZERO);
        let mut kept = std::collections::HashMap::new();
        let mut now = 0;
        for (name, ttl, passed) in steps {
            now += passed;
            let text = format!("n{name}");
            match cache.find(&key(&text), at(f64::from(now))) {
                Some(found) => {
                    let (came, life) = kept[&name];
                    prop_assert_eq!(found.age, Age::Seconds(now - came));
                    prop_assert!(now - came < life);
                }
                None => {
                    if let Some((came, life)) = kept.get(&name) {
                        prop_assert!(now - came >= *life);
                    }
                    keep(&cache, &text, address(&text, ttl), f64::from(now));
                    kept.insert(name, (now, ttl));
                }
            }
        }
    }
}
