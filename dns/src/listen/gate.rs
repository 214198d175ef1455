//! Who gets an answer: one gate for all listeners.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::limit::rate::{Bucket, Client};
use super::limit::{Acl, Limiter, Rate};
use crate::wire::code::rtype;
use crate::wire::name::Name;
use crate::wire::question::Query;

/// How often the addresses of this host are read, while somebody asks who is not known otherwise.
const LOOK: Duration = Duration::from_secs(1);

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
    acl: Acl,
    single: Acl,
    copies: Option<Copies>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    here: Option<Here>,
    limiter: Option<Limiter>,
    /// What all strangers together get: their addresses may be invented.
    strangers: Bucket,
}

/// Who keeps copies of a zone.
#[derive(Debug)]
struct Copies {
    peers: Acl,
    zone: Name,
}

impl Copies {
    /// Whether a question is one that a copy takes: how new the zone is (RFC 1034, section 4.3.5), and
    /// the zone.
    fn take(&self, message: &[u8]) -> bool {
        Query::parse(message).is_ok_and(|query| {
            matches!(query.rtype, rtype::SOA | rtype::AXFR | rtype::IXFR)
                && query.name.wire() == self.zone.wire()
        })
    }
}

/// The addresses of this host, which come and go.
#[derive(Debug)]
struct Here {
    read: fn() -> Vec<IpAddr>,
    found: Vec<IpAddr>,
    looked: Option<Instant>,
}

impl Here {
    fn has(&mut self, client: IpAddr, now: Instant) -> bool {
        if self.looked.is_none_or(|at| now.saturating_duration_since(at) >= LOOK) {
            self.found = (self.read)();
            self.looked = Some(now);
        }
        self.found.contains(&client.to_canonical())
    }
}

impl Gate {
    /// Lets those ask, each at that rate; without a rate as often as they like.
    #[must_use]
    pub fn new(acl: Acl, rate: Option<Rate>) -> Self {
        let limiter = rate.map(Limiter::new);
        let inner = Mutex::new(Inner { here: None, limiter, strangers: Bucket::default() });
        let single = Acl::default();
        Self { opened: Instant::now(), rate, acl, single, copies: None, inner }
    }

    /// In these networks each address is a client by itself, as of pods, which send from their own only.
    #[must_use]
    pub fn with_single(self, single: Acl) -> Self {
        Self { single, ..self }
    }

    /// Those may ask for what a copy of that zone takes, and for nothing else.
    #[must_use]
    pub fn with_copies(self, peers: Acl, zone: Name) -> Self {
        Self { copies: Some(Copies { peers, zone }), ..self }
    }

    /// This host may ask, whatever its addresses are; they are read when somebody unknown asks.
    #[must_use]
    pub fn with_host(mut self, read: fn() -> Vec<IpAddr>) -> Self {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.here = Some(Here { read, found: Vec::new(), looked: None });
        self
    }

    /// Who that is, where it may ask for anything at all.
    pub fn client(&self, address: IpAddr) -> Option<Client> {
        let is_known = self.acl.admits(address)
            || self.copies.as_ref().is_some_and(|copies| copies.peers.admits(address))
            || self.lock().is_here(address, Instant::now());
        is_known.then(|| self.counted(address))
    }

    /// Looks at several clients, whose questions came at that time.
    pub fn open(&self, now: Instant) -> Open<'_> {
        Open { gate: self, inner: self.lock(), now }
    }

    /// Whom an address counts as.
    fn counted(&self, address: IpAddr) -> Client {
        match self.single.admits(address) {
            true => Client::address(address),
            false => Client::network(address),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn is_here(&mut self, client: IpAddr, now: Instant) -> bool {
        self.here.as_mut().is_some_and(|here| here.has(client, now))
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
    /// What this question of this client deserves.
    pub fn admit(&mut self, client: IpAddr, message: &[u8]) -> Admission {
        let now = self.now.saturating_duration_since(self.gate.opened);
        let Self { gate, inner, .. } = self;
        let copies = gate.copies.as_ref();
        let may_ask = gate.acl.admits(client)
            || copies.is_some_and(|copies| copies.peers.admits(client) && copies.take(message))
            || inner.is_here(client, self.now);
        if !may_ask {
            return match gate.rate {
                Some(rate) if !inner.strangers.take(rate, now) => Admission::TooMuch,
                _ => Admission::Stranger,
            };
        }
        let client = gate.counted(client);
        match inner.limiter.as_mut().is_none_or(|limiter| limiter.permits(client, now)) {
            true => Admission::Admitted,
            false => Admission::TooMuch,
        }
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
