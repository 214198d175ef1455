//! Who gets an answer: one gate for all listeners.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::limit::rate::Bucket;
use super::limit::{Acl, Limiter, Rate};

/// What a client's question deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// An answer.
    Admitted,
    /// To be told that it may not ask.
    Stranger,
    /// Nothing: its rate is used up.
    TooMuch,
}

/// Who may ask, and how often.
#[derive(Debug)]
pub struct Gate {
    opened: Instant,
    rate: Option<Rate>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    acl: Acl,
    limiter: Option<Limiter>,
    /// What all strangers together get: their addresses may be invented.
    strangers: Bucket,
}

impl Gate {
    /// Lets those ask, each at that rate; without a rate as often as they like.
    #[must_use]
    pub fn new(acl: Acl, rate: Option<Rate>) -> Self {
        let limiter = rate.map(Limiter::new);
        let inner = Mutex::new(Inner { acl, limiter, strangers: Bucket::default() });
        Self { opened: Instant::now(), rate, inner }
    }

    /// From now on those may ask.
    pub fn set_acl(&self, acl: Acl) {
        self.lock().acl = acl;
    }

    /// Whether that client may ask at all.
    pub fn knows(&self, client: IpAddr) -> bool {
        self.lock().acl.admits(client)
    }

    /// Looks at several clients, whose questions came at that time.
    pub fn open(&self, now: Instant) -> Open<'_> {
        Open { gate: self, inner: self.lock(), now }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gate, while somebody looks at clients. Others wait meanwhile.
#[derive(Debug)]
pub struct Open<'a> {
    gate: &'a Gate,
    inner: MutexGuard<'a, Inner>,
    now: Instant,
}

impl Open<'_> {
    /// What a question of this client deserves.
    pub fn admit(&mut self, client: IpAddr) -> Admission {
        let now = self.now.saturating_duration_since(self.gate.opened);
        let inner = &mut *self.inner;
        if !inner.acl.admits(client) {
            return match self.gate.rate {
                Some(rate) if !inner.strangers.take(rate, now) => Admission::TooMuch,
                _ => Admission::Stranger,
            };
        }
        match inner.limiter.as_mut().is_none_or(|limiter| limiter.permits(client, now)) {
            true => Admission::Admitted,
            false => Admission::TooMuch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const POD: [u8; 4] = [10, 42, 0, 7];
    const STRANGER: [u8; 4] = [192, 0, 2, 1];

    fn gate(answers: u32) -> Gate {
        Gate::new(Acl::new(["10.42.0.0/16".parse().unwrap()]), Rate::per_second(answers))
    }

    #[test]
    fn strangers_are_told_so_until_they_are_too_many() {
        let gate = gate(2);
        let now = Instant::now();
        let mut open = gate.open(now);
        let mut ask = |last| open.admit(IpAddr::from([192, 0, 2, last]));
        assert_eq!([ask(1), ask(2)], [Admission::Stranger; 2]);
        assert_eq!(ask(3), Admission::TooMuch);
        assert_eq!(open.admit(POD.into()), Admission::Admitted);
        drop(open);
        let later = now + Duration::from_millis(500);
        assert_eq!(gate.open(later).admit(STRANGER.into()), Admission::Stranger);
    }

    #[test]
    fn a_pod_gets_its_rate_and_no_more() {
        let gate = gate(2);
        let mut open = gate.open(Instant::now());
        let mut ask = || open.admit(POD.into());
        assert_eq!([ask(), ask()], [Admission::Admitted; 2]);
        assert_eq!(ask(), Admission::TooMuch);
    }

    #[test]
    fn without_a_rate_everything_goes() {
        let gate = gate(0);
        let mut open = gate.open(Instant::now());
        for _ in 0..100_000 {
            assert_eq!(open.admit(POD.into()), Admission::Admitted);
            assert_eq!(open.admit(STRANGER.into()), Admission::Stranger);
        }
    }

    #[test]
    fn who_may_ask_changes_while_it_runs() {
        let gate = gate(0);
        assert_eq!(gate.open(Instant::now()).admit(STRANGER.into()), Admission::Stranger);
        gate.set_acl(Acl::new(["192.0.2.0/24".parse().unwrap()]));
        assert_eq!(gate.open(Instant::now()).admit(STRANGER.into()), Admission::Admitted);
        assert_eq!(gate.open(Instant::now()).admit(POD.into()), Admission::Stranger);
    }
}
