//! Several upstreams that know the same: which is asked first, and which next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus_client::metrics::counter::Counter;
use rand::Rng;
use rand::seq::SliceRandom;

use super::answer::{Answer, Kind};
use super::config::Policy;
use super::upstream::Upstream;
use super::upstream::request::Request;

/// How many upstreams are asked for one answer. Clients wait for five seconds, and then ask again.
const TRIES: usize = 2;

/// Upstreams that know the same.
#[derive(Debug)]
pub struct Pool {
    upstreams: Vec<Arc<Upstream>>,
    policy: Policy,
    turn: AtomicUsize,
    /// Counts the questions for which none was known to answer.
    all_broken: Counter,
}

impl Pool {
    /// These.
    #[must_use]
    pub fn new(upstreams: Vec<Arc<Upstream>>, policy: Policy, all_broken: Counter) -> Self {
        Self { upstreams, policy, turn: AtomicUsize::new(0), all_broken }
    }

    /// Who they are.
    #[must_use]
    pub fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    /// Asks one, and another when that fails; one that is alone is asked twice. Who answers that he cannot
    /// tell is believed only when the other cannot either. Within tokio.
    pub async fn exchange(&self, request: &Arc<Request>) -> Option<Answer> {
        let mut unsure: Option<Answer> = None;
        for (upstream, is_good) in self.tries() {
            if unsure.is_some() && !is_good {
                break;
            }
            match upstream.exchange(request).await {
                Ok(answer) if answer.kind() == Kind::Failure && self.upstreams.len() > 1 => {
                    unsure.get_or_insert(answer);
                }
                Ok(answer) => return Some(answer),
                Err(_) => {}
            }
        }
        unsure
    }

    fn tries(&self) -> Vec<(&Arc<Upstream>, bool)> {
        let good: Vec<bool> = self.upstreams.iter().map(|one| one.health.is_good()).collect();
        if !good.is_empty() && !good.contains(&true) {
            self.all_broken.inc();
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let order = order(self.policy, &good, turn, &mut rand::rng());
        order.into_iter().cycle().take(TRIES).map(|at| (&self.upstreams[at], good[at])).collect()
    }
}

/// The order in which upstreams are asked: by policy those that answer, then at random those that do
/// not.
fn order(policy: Policy, good: &[bool], turn: usize, random: &mut impl Rng) -> Vec<usize> {
    let (mut first, mut last): (Vec<_>, Vec<_>) = (0..good.len()).partition(|at| good[*at]);
    match policy {
        Policy::Random => first.shuffle(random),
        Policy::RoundRobin if !first.is_empty() => {
            let turn = turn % first.len();
            first.rotate_left(turn);
        }
        Policy::RoundRobin | Policy::Ordered => {}
    }
    last.shuffle(random);
    first.append(&mut last);
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn ordered(policy: Policy, good: &[bool], turn: usize) -> Vec<usize> {
        order(policy, good, turn, &mut StdRng::seed_from_u64(turn as u64))
    }

    #[test]
    fn ordered_asks_the_first_that_answers() {
        assert_eq!(ordered(Policy::Ordered, &[true, true, true], 5), [0, 1, 2]);
        assert_eq!(ordered(Policy::Ordered, &[false, true, true], 5), [1, 2, 0]);
    }

    #[test]
    fn round_robin_asks_each_in_turn() {
        let firsts = |good: &[bool]| -> Vec<usize> {
            (0..4).map(|turn| ordered(Policy::RoundRobin, good, turn)[0]).collect()
        };
        assert_eq!(firsts(&[true, true, true]), [0, 1, 2, 0]);
        assert_eq!(firsts(&[true, false, true]), [0, 2, 0, 2]);
        assert!(ordered(Policy::RoundRobin, &[], 3).is_empty());
    }

    #[test]
    fn random_asks_each_about_as_often() {
        let mut firsts = [0; 3];
        for turn in 0..3000 {
            firsts[ordered(Policy::Random, &[true; 3], turn)[0]] += 1;
        }
        assert!(firsts.iter().all(|count| (900..1100).contains(count)), "{firsts:?}");
    }

    #[test]
    fn when_all_are_down_any_is_tried() {
        let firsts: std::collections::BTreeSet<usize> =
            (0..50).map(|turn| ordered(Policy::Ordered, &[false; 3], turn)[0]).collect();
        assert_eq!(firsts.len(), 3);
    }

    proptest! {
        #[test]
        fn everybody_is_there_once_and_who_answers_first(
            good in prop::collection::vec(any::<bool>(), 0..8),
            turn in 0usize..100,
            policy in prop::sample::select(vec![Policy::Random, Policy::RoundRobin, Policy::Ordered]),
        ) {
            let order = ordered(policy, &good, turn);
            let mut all = order.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (0..good.len()).collect::<Vec<_>>());
            prop_assert!(order.is_sorted_by_key(|at| !good[*at]));
        }
    }
}
