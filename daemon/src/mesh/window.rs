//! The last probes on one way, and what they come to.

use std::collections::VecDeque;
use std::time::Duration;

use pontoon_model::mesh::Quality;

/// So many probes are looked at.
pub const SIZE: usize = 10;
/// Of fewer nothing is said.
const ENOUGH: usize = 3;

/// The last probes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// Microseconds until the answer; nothing for those that had none.
    results: VecDeque<Option<u32>>,
}

impl Window {
    /// A probe was answered after that time, or it was not.
    ///
    /// Whoever has just come may not listen yet: a few losses before the first answer are no losses, if
    /// that answer comes.
    pub fn record(&mut self, time: Option<Duration>) {
        let new = time.map(|time| u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
        let waited = self.results.len() < ENOUGH && self.results.iter().all(Option::is_none);
        if new.is_some() && waited {
            self.results.clear();
        }
        self.results.push_back(new);
        if self.results.len() > SIZE {
            self.results.pop_front();
        }
    }

    /// What they come to; nothing before there are enough.
    #[must_use]
    pub fn quality(&self) -> Option<Quality> {
        let all = self.results.len();
        if all < ENOUGH {
            return None;
        }
        let mut times: Vec<u32> = self.results.iter().flatten().copied().collect();
        times.sort_unstable();
        let lost = all - times.len();
        // One lost is never nothing, and one answered is never all.
        let percent = (lost * 100).div_ceil(all).min(if times.is_empty() { 100 } else { 99 });
        Some(Quality {
            loss_percent: u8::try_from(percent).unwrap_or(100),
            rtt_us: times.get(times.len() / 2).copied(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pontoon_model::mesh::Grade;
    use proptest::prelude::*;

    fn of(results: &[Option<u32>]) -> Window {
        let mut window = Window::default();
        for result in results {
            window.record(result.map(|us| Duration::from_micros(us.into())));
        }
        window
    }

    #[test]
    fn who_has_just_come_is_given_a_moment_and_who_never_answers_is_not() {
        assert_eq!(of(&[Some(1), Some(1)]).quality(), None);
        let well = Some(Quality { loss_percent: 0, rtt_us: Some(2) });
        assert_eq!(of(&[None, None, Some(1), Some(2), Some(3)]).quality(), well);
        let lost = Some(Quality { loss_percent: 100, rtt_us: None });
        assert_eq!(of(&[None, None]).quality(), None);
        assert_eq!(of(&[None, None, None]).quality(), lost);
    }

    proptest! {
        #[test]
        fn it_is_what_the_last_probes_were(
            before in proptest::collection::vec(proptest::option::of(1..9u32), 0..30),
            last in proptest::collection::vec(proptest::option::of(100..999u32), SIZE),
        ) {
            let window = of(&[&before[..], &last[..]].concat());
            let quality = window.quality().unwrap();
            let times: Vec<u32> = last.iter().flatten().copied().collect();
            if before.len() >= ENOUGH {
                prop_assert_eq!(usize::from(quality.loss_percent), (SIZE - times.len()) * 100 / SIZE);
            }
            prop_assert_eq!(quality.loss_percent == 100, times.is_empty());
            prop_assert_eq!(quality.rtt_us.is_none(), times.is_empty());
            prop_assert!(quality.rtt_us.is_none_or(|median| times.contains(&median)));
            // From wherever it was, as many answers as it holds heal it, and as many losses break it.
            let mut healed = window.clone();
            let mut broken = window;
            for _ in 0..SIZE {
                healed.record(Some(Duration::from_millis(1)));
                broken.record(None);
            }
            prop_assert_eq!(healed.quality().unwrap().grade(), Grade::Good);
            prop_assert_eq!(broken.quality().unwrap().loss_percent, 100);
        }
    }
}
