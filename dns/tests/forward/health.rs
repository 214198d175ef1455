//! Who is asked, and how many questions at once.

use std::collections::BTreeMap;

use pontoon_dns::forward::ForwardConfig;
use pontoon_dns::forward::config::Policy;

use super::message::{Reply, asks, name};
use super::toy::{Asked, Toy};
use super::{ask, config, forwarder, hasty, rcode, resolve, said, timed, until};

/// An answer whose last byte tells who gave it.
fn by(who: u8) -> impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static {
    move |asked| vec![Reply::to(&asked.message, 0).a(60, [192, 0, 2, who]).bytes()]
}

fn only(code: u8) -> impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static {
    move |asked| vec![Reply::to(&asked.message, code).bytes()]
}

fn silence(_: &Asked) -> Vec<Vec<u8>> {
    Vec::new()
}

fn in_order(upstreams: &[&Toy]) -> ForwardConfig {
    ForwardConfig { policy: Policy::Ordered, ..hasty(upstreams) }
}

#[tokio::test]
async fn one_that_is_dead_gives_way_to_the_next_and_comes_back() {
    let (one, two) = (Toy::new(silence).await, Toy::new(by(2)).await);
    let (forwarder, _, host) = timed(&in_order(&[&one, &two]));
    let is_good = |at: usize| {
        let upstreams = forwarder.upstreams();
        let found =
            upstreams.iter().find(|(address, _)| address.socket == [&one, &two][at].address);
        found.unwrap().1
    };
    for name in ["a.example", "b.example"] {
        assert_eq!(said(&ask(&forwarder, name).await), [(60, 2)]);
    }
    assert!(!is_good(0) && is_good(1));
    assert_eq!(said(&ask(&forwarder, "c.example").await), [(60, 2)]);
    assert_eq!(one.asked().len(), 2, "it is asked last from now on");
    one.says(by(1));
    until(|| is_good(0)).await;
    assert_eq!(said(&ask(&forwarder, "d.example").await), [(60, 1)]);
    assert_eq!(host.forward.all_broken.get(), 0);
}

#[tokio::test]
async fn when_all_are_down_one_is_tried_nevertheless() {
    let toy = Toy::new(silence).await;
    let config = ForwardConfig {
        // No trial finds out before the question does.
        probe_interval: std::time::Duration::from_secs(600),
        ..hasty(&[&toy])
    };
    let (forwarder, _, host) = timed(&config);
    assert_eq!(rcode(&ask(&forwarder, "a.example").await), 2);
    assert!(!forwarder.upstreams()[0].1, "it was asked twice");
    toy.says(by(1));
    assert_eq!(said(&ask(&forwarder, "a.example").await), [(60, 1)]);
    assert!(forwarder.upstreams()[0].1);
    assert_eq!(host.forward.all_broken.get(), 1);
}

#[tokio::test]
async fn a_lost_datagram_is_sent_once_more() {
    let toy = Toy::new(silence).await;
    let forwarder = forwarder(&hasty(&[&toy]));
    let asked = tokio::spawn({
        let forwarder = forwarder.clone();
        async move { ask(&forwarder, "a.example").await }
    });
    toy.wait_asked(1).await;
    toy.says(by(1));
    assert_eq!(said(&asked.await.unwrap()), [(60, 1)]);
    assert!(forwarder.upstreams()[0].1);
}

#[tokio::test]
async fn who_cannot_tell_is_believed_when_the_other_cannot_either() {
    let (one, two) = (Toy::new(only(2)).await, Toy::new(by(2)).await);
    let forwarder = forwarder(&in_order(&[&one, &two]));
    assert_eq!(said(&ask(&forwarder, "a.example").await), [(60, 2)]);
    two.says(only(5));
    assert_eq!(rcode(&ask(&forwarder, "b.example").await), 2, "the first one's word");
    one.says(only(3));
    assert_eq!(rcode(&ask(&forwarder, "c.example").await), 3);
    assert_eq!(two.asked().len(), 2, "that there is no such name, one can tell");
    assert!(forwarder.upstreams().iter().all(|(_, good)| *good));
}

#[tokio::test]
async fn round_robin_asks_each_in_turn() {
    let (one, two) = (Toy::new(by(1)).await, Toy::new(by(2)).await);
    let config = ForwardConfig { policy: Policy::RoundRobin, ..config(&[&one, &two]) };
    let forwarder = forwarder(&config);
    for number in 0..10 {
        ask(&forwarder, &format!("n{number}.example")).await;
    }
    assert_eq!((one.asked().len(), two.asked().len()), (5, 5));
}

#[tokio::test]
async fn random_asks_all() {
    let (one, two) = (Toy::new(by(1)).await, Toy::new(by(2)).await);
    let forwarder = forwarder(&config(&[&one, &two]));
    for number in 0..60 {
        ask(&forwarder, &format!("n{number}.example")).await;
    }
    assert!(one.asked().len() > 5 && two.asked().len() > 5);
}

#[tokio::test]
async fn more_than_may_be_under_way_are_refused_at_once() {
    let toy = Toy::new(by(1)).await;
    let (forwarder, _, host) = timed(&ForwardConfig { max_concurrent: 2, ..config(&[&toy]) });
    toy.hold();
    let waiting = ["a.example", "b.example"].map(|name| {
        let forwarder = forwarder.clone();
        tokio::spawn(async move { ask(&forwarder, name).await })
    });
    toy.wait_asked(2).await;
    assert_eq!(rcode(&ask(&forwarder, "c.example").await), 5);
    assert_eq!(host.forward.too_many.get(), 1);
    toy.release();
    for answer in waiting {
        assert_eq!(said(&answer.await.unwrap()), [(60, 1)]);
    }
    assert_eq!(said(&ask(&forwarder, "c.example").await), [(60, 1)]);
}

#[tokio::test]
async fn the_same_question_is_asked_once_and_answered_to_each() {
    let toy = Toy::new(by(1)).await;
    let forwarder = forwarder(&config(&[&toy]));
    toy.hold();
    let names = ["web.example", "WEB.example", "web.EXAMPLE"];
    let waiting: Vec<_> = (0..9u8)
        .map(|number| {
            let forwarder = forwarder.clone();
            let mut question = asks(names[usize::from(number % 3)], 1, None);
            question[1] = number;
            tokio::spawn(async move { (resolve(&forwarder, &question).await, question) })
        })
        .collect();
    toy.wait_asked(1).await;
    // Another type is another question.
    let addresses = asks("web.example", 28, None);
    let (other, ()) = tokio::join!(resolve(&forwarder, &addresses), async {
        toy.wait_asked(2).await;
        toy.release();
    });
    assert_eq!(other[12..25], name("web.example"));
    for answer in waiting {
        let (answer, question) = answer.await.unwrap();
        assert_eq!(answer[..2], question[..2]);
        assert_eq!(answer[12..question.len()], question[12..]);
        assert_eq!(said(&answer), [(60, 1)]);
    }
    let mut asked = BTreeMap::new();
    for question in toy.asked() {
        *asked.entry(question.message[12 + 13 + 1]).or_insert(0) += 1;
    }
    assert_eq!(asked, BTreeMap::from([(1, 1), (28, 1)]));
}

#[tokio::test]
async fn who_goes_away_takes_no_answer_from_others() {
    let toy = Toy::new(by(1)).await;
    let forwarder = forwarder(&config(&[&toy]));
    toy.hold();
    let first = tokio::spawn({
        let forwarder = forwarder.clone();
        async move { ask(&forwarder, "a.example").await }
    });
    toy.wait_asked(1).await;
    let second = tokio::spawn({
        let forwarder = forwarder.clone();
        async move { ask(&forwarder, "a.example").await }
    });
    first.abort();
    assert!(first.await.is_err());
    toy.release();
    assert_eq!(said(&second.await.unwrap()), [(60, 1)]);
    assert_eq!(toy.asked().len(), 1);
}
