//! How many answers a client gets: a token bucket a client, in a table of fixed size.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

/// Buckets in the table: clients that share one by chance share its rate.
const BUCKETS: usize = 1 << 14;

/// How many answers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Answers a second.
    pub per_second: NonZeroU32,
    /// Answers at once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// A second's answers at once; `None` for 0, which is no limit.
    #[must_use]
    pub fn per_second(answers: u32) -> Option<Self> {
        let answers = NonZeroU32::new(answers)?;
        Some(Self { per_second: answers, burst: answers })
    }

    /// What an answer costs.
    fn interval(self) -> u64 {
        1_000_000_000_u64.div_ceil(u64::from(self.per_second.get()))
    }

    /// How far a bucket may be overdrawn before an answer.
    fn tolerance(self) -> u64 {
        self.interval() * u64::from(self.burst.get() - 1)
    }
}

/// A token bucket: when it will be full again, in nanoseconds of the clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bucket(u64);

impl Bucket {
    /// Takes a token, if there is one.
    pub fn take(&mut self, rate: Rate, now: Duration) -> bool {
        self.take_cost(rate.interval(), rate.tolerance(), nanoseconds(now))
    }

    fn take_cost(&mut self, interval: u64, tolerance: u64, now: u64) -> bool {
        let full = self.0.max(now);
        let granted = full - now <= tolerance;
        if granted {
            self.0 = full.saturating_add(interval);
        }
        granted
    }
}

/// The buckets of all clients.
///
/// A client always has the same bucket, so that it never gets more than its rate; nothing is allocated
/// or evicted, however many addresses ask.
#[derive(Debug)]
pub struct Limiter<S = RandomState> {
    buckets: Box<[Bucket]>,
    interval: u64,
    tolerance: u64,
    hasher: S,
}

impl Limiter {
    /// Full buckets.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self::with_hasher(rate, RandomState::new())
    }
}

impl<S: BuildHasher> Limiter<S> {
    /// Full buckets, given to clients by that hash.
    pub fn with_hasher(rate: Rate, hasher: S) -> Self {
        Self {
            buckets: vec![Bucket::default(); BUCKETS].into(),
            interval: rate.interval(),
            tolerance: rate.tolerance(),
            hasher,
        }
    }

    /// Whether that client gets an answer at that time of a clock that does not go back.
    pub fn permits(&mut self, client: Client, now: Duration) -> bool {
        let hash = self.hasher.hash_one(client);
        let bucket = &mut self.buckets[hash as usize % BUCKETS];
        bucket.take_cost(self.interval, self.tolerance, nanoseconds(now))
    }
}

/// Who counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(u128);

impl Client {
    /// An address by itself.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.to_ipv6_mapped().to_bits()),
            IpAddr::V6(v6) => Self(v6.to_bits()),
        }
    }

    /// An IPv4 address, or an IPv6 network of 64 bits, in which a host has any address.
    #[must_use]
    pub fn network(address: IpAddr) -> Self {
        match address.to_canonical() {
            v4 @ IpAddr::V4(_) => Self::address(v4),
            IpAddr::V6(v6) => Self(v6.to_bits() >> 64 << 64),
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "rate_tests.rs"]
mod tests;
