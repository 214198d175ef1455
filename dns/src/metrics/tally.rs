//! What one listener counts: numbers in fixed places, written without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::label::{Kind, RCODES, TYPES, Zone};
use crate::exchange::Transport;

/// The upper bounds of sizes, bytes: those of CoreDNS.
pub const SIZES: [u32; 14] =
    [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16_000, 32_000, 48_000, 64_000];
/// How many times the shortest time is doubled: times up to 8 s are told apart, as by CoreDNS.
pub const TIMES: usize = 16;
/// The shortest time that is told apart.
pub const SHORTEST: Duration = Duration::from_micros(250);

/// Why a question got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It is no question.
    Malformed,
    /// It is longer than any question.
    TooLong,
    /// The client asked more than it may.
    RateLimited,
    /// Too many others are waiting for answers that take time.
    QueueFull,
    /// The kernel did not take the answer.
    Unsent,
    /// The code that answers broke.
    Panicked,
}

impl Loss {
    /// All of them, with their names.
    pub const ALL: [(Self, &str); 6] = [
        (Self::Malformed, "malformed"),
        (Self::TooLong, "too_long"),
        (Self::RateLimited, "rate_limited"),
        (Self::QueueFull, "queue_full"),
        (Self::Unsent, "unsent"),
        (Self::Panicked, "panicked"),
    ];
}

/// Why a connection was closed before its client did so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// There are too many, in all or of this client.
    TooMany,
    /// Nothing was asked for long.
    Idle,
    /// What came is no question, or the client may not ask.
    Unwelcome,
    /// The client did not take its answers.
    Stuck,
    /// No agreement on TLS.
    Handshake,
}

impl Closed {
    /// All of them, with their names.
    pub const ALL: [(Self, &str); 5] = [
        (Self::TooMany, "too_many"),
        (Self::Idle, "idle"),
        (Self::Unwelcome, "unwelcome"),
        (Self::Stuck, "stuck"),
        (Self::Handshake, "handshake"),
    ];
}

/// What a listener counts.
///
/// Each thread that answers datagrams has one of its own, so that no two processors write to the same
/// memory; those of one listener are added up when somebody looks.
#[derive(Debug)]
pub struct Tally {
    /// Where it listens, as CoreDNS says it: `dns://10.96.0.10:53`.
    pub server: String,
    /// How questions come.
    pub transport: Transport,
    pub(super) zones: [ZoneTally; Zone::COUNT],
    pub(super) losses: [Count; Loss::ALL.len()],
    pub(super) strangers: Count,
    pub(super) opened: Count,
    pub(super) ended: Count,
    pub(super) closed: [Count; Closed::ALL.len()],
}

/// What is counted for a zone.
#[derive(Debug, Default)]
pub(super) struct ZoneTally {
    pub(super) requests: [[Count; TYPES.len()]; 2],
    pub(super) responses: [Count; RCODES.len()],
    pub(super) request_sizes: Spread<{ SIZES.len() + 1 }>,
    pub(super) response_sizes: Spread<{ SIZES.len() + 1 }>,
    pub(super) times: Spread<{ TIMES + 1 }>,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Values by size: how many are up to each bound, and what they come to.
#[derive(Debug)]
pub(super) struct Spread<const BUCKETS: usize> {
    pub(super) buckets: [Count; BUCKETS],
    pub(super) sum: Count,
}

impl<const BUCKETS: usize> Default for Spread<BUCKETS> {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| Count::default()), sum: Count::default() }
    }
}

impl<const BUCKETS: usize> Spread<BUCKETS> {
    fn add(&self, bucket: usize, value: u64, times: u64) {
        self.buckets[bucket.min(BUCKETS - 1)].add(times);
        self.sum.add(value.saturating_mul(times));
    }
}

impl Tally {
    pub(super) fn new(server: String, transport: Transport) -> Self {
        Self {
            server,
            transport,
            zones: Default::default(),
            losses: Default::default(),
            strangers: Count::default(),
            opened: Count::default(),
            ended: Count::default(),
            closed: Default::default(),
        }
    }

    /// An answer of that size went out to a question of that size.
    pub fn answered(&self, kind: Kind, question: usize, answer: usize) {
        let zone = &self.zones[kind.zone as usize];
        zone.requests[usize::from(kind.v6)][kind.rtype].add(1);
        zone.responses[kind.rcode].add(1);
        zone.request_sizes.add(size_bucket(question), question as u64, 1);
        zone.response_sizes.add(size_bucket(answer), answer as u64, 1);
    }

    /// That many answers, by zone, took that long.
    pub fn took(&self, time: Duration, answers: [u64; Zone::COUNT]) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        for (zone, answers) in self.zones.iter().zip(answers) {
            if answers > 0 {
                zone.times.add(time_bucket(time), nanoseconds, answers);
            }
        }
    }

    /// An answer about that zone took that long.
    pub fn took_one(&self, time: Duration, zone: Zone) {
        let mut answers = [0; Zone::COUNT];
        answers[zone as usize] = 1;
        self.took(time, answers);
    }

    /// So many questions got no answer.
    pub fn lost(&self, loss: Loss, questions: u64) {
        self.losses[loss as usize].add(questions);
    }

    /// A question came from somebody who may not ask.
    pub fn refused_stranger(&self) {
        self.strangers.add(1);
    }

    /// A connection was opened.
    pub fn opened(&self) {
        self.opened.add(1);
    }

    /// A connection ended, whoever ended it.
    pub fn ended(&self) {
        self.ended.add(1);
    }

    /// A connection was closed before its client did so.
    pub fn closed(&self, why: Closed) {
        self.closed[why as usize].add(1);
    }
}

fn size_bucket(size: usize) -> usize {
    SIZES.partition_point(|bound| (*bound as usize) < size)
}

fn time_bucket(time: Duration) -> usize {
    let units = time.as_nanos().div_ceil(SHORTEST.as_nanos());
    // 0 and 1 in the first, 2 in the second, 3 and 4 in the third.
    (u128::BITS - units.saturating_sub(1).leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_counted_under_the_first_bound_that_holds_it() {
        for size in [0, 1, 100, 101, 511, 512, 1232, 64_000, 64_001, 65_535] {
            let bucket = size_bucket(size);
            assert!(SIZES.get(bucket).is_none_or(|bound| size <= *bound as usize), "{size}");
            assert!(bucket == 0 || size > SIZES[bucket - 1] as usize, "{size}");
        }
    }

    #[test]
    fn a_time_is_counted_under_the_first_bound_that_holds_it() {
        let bound = |bucket: usize| SHORTEST * (1 << bucket);
        for nanoseconds in [0, 1, 249_999, 250_000, 250_001, 500_000, 500_001, 999_999_999] {
            let time = Duration::from_nanos(nanoseconds);
            let bucket = time_bucket(time);
            assert!(time <= bound(bucket), "{time:?}");
            assert!(bucket == 0 || time > bound(bucket - 1), "{time:?}");
        }
        assert!(time_bucket(Duration::from_secs(9)) >= TIMES);
        assert_eq!(time_bucket(bound(TIMES - 1)), TIMES - 1);
    }
}
