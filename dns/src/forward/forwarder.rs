//! Questions about names outside, answered from the cache or by upstreams.

use std::path::PathBuf;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::address::Address;
use super::answer::{Age, Kind, Longest};
use super::cache::{Cache, Found};
use super::clock::Clock;
use super::config::{ConfigError, ForwardConfig};
use super::flight::{Flights, Outcome, Refusal, Waiting};
use super::key::Key;
use super::own::Own;
use super::resolv_conf::SYSTEMD;
use super::routes::Routes;
use super::upstream::Manner;
use super::upstream::request::Request;
use super::upstream::tls::{Trust, TrustError, connector};
use crate::answer::outside::{Cached, Outside};
use crate::metrics::{cache, forward};
use crate::wire::code::Rcode;
use crate::wire::name::Name;
use crate::wire::question::Query;
use crate::wire::reply::{Reply, Verdict};

/// Answers questions about names outside. A clone is the same one.
///
/// Names of our own zones must not be asked for here: they would be kept in the cache, behind the
/// store's back.
#[derive(Debug, Clone)]
pub struct Forwarder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cache: Cache,
    routes: Routes,
    flights: Arc<Flights>,
    places: Arc<Semaphore>,
    figures: cache::Cache,
    too_many: Counter,
    stale_after: std::time::Duration,
    clock: Clock,
    runtime: Handle,
}

/// What forwarding needs to know of the host, and is not asked of a person.
#[derive(Debug, Clone)]
pub struct Host {
    /// Where systemd-resolved writes whom it asks.
    pub systemd: PathBuf,
    /// Where we answer ourselves: nobody to ask.
    pub own: Own,
    /// Who signs the certificates of upstreams.
    pub trust: Trust,
    /// The time.
    pub clock: Clock,
    /// Where is counted what the cache does.
    pub cache: cache::Cache,
    /// Where is counted what upstreams do.
    pub forward: forward::Forward,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            systemd: PathBuf::from(SYSTEMD),
            own: Own::default(),
            trust: Trust::default(),
            clock: Clock::default(),
            cache: cache::Cache::default(),
            forward: forward::Forward::default(),
        }
    }
}

/// Why there is no forwarding.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// A setting cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Upstreams over TLS cannot be checked.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Forwarder {
    /// Makes one whose work is done on that runtime.
    ///
    /// # Errors
    /// When a setting cannot be, or nobody can be trusted for upstreams over TLS.
    pub fn new(config: &ForwardConfig, host: Host, runtime: Handle) -> Result<Self, ForwardError> {
        config.validate(&host.own)?;
        let needs_tls = config.addresses().any(|address| address.tls.is_some());
        let manner = Manner {
            timeout: config.timeout,
            idle: config.idle_timeout,
            probe: config.probe_interval,
            longest: Longest::from(&config.cache),
            tls: if needs_tls { Some(connector(&host.trust)?) } else { None },
            forward: host.forward.clone(),
            strays: host.cache.drops.clone(),
        };
        let places = match config.max_concurrent {
            0 => Semaphore::MAX_PERMITS,
            places => places.min(Semaphore::MAX_PERMITS),
        };
        Ok(Self(Arc::new(Inner {
            cache: Cache::new(&config.cache, host.cache.clone()),
            routes: Routes::new(config, host.systemd, host.own, manner),
            flights: Arc::default(),
            places: Arc::new(Semaphore::new(places)),
            figures: host.cache,
            too_many: host.forward.too_many,
            stale_after: config.cache.stale_after,
            clock: host.clock,
            runtime,
        })))
    }

    /// Who is asked, and whether they answer.
    #[must_use]
    pub fn upstreams(&self) -> Vec<(Address, bool)> {
        let upstreams = self.0.routes.upstreams().into_iter();
        upstreams.map(|one| (one.address().clone(), one.health.is_good())).collect()
    }

    /// Gives what the cache has; upstreams are asked meanwhile where it is near its end, or behind it.
    fn give(&self, key: &Key, query: &Query<'_>, found: &Found, limit: usize, out: &mut Vec<u8>) {
        found.entry.answer.write(query, limit, found.age, out);
        self.0.cache.count(found);
        if found.refresh && self.ask(key, query).1 && found.age != Age::Over {
            self.0.figures.prefetches.inc();
        }
    }

    /// Waits as long as it is worth where there is an answer behind its life. Upstreams go on being asked.
    async fn in_good_time(&self, key: &Key, waiting: Waiting) -> Outcome {
        let Inner { cache, clock, stale_after, .. } = &*self.0;
        timeout(*stale_after, waiting.outcome()).await.unwrap_or_else(|_| {
            cache.failed(key, clock.now());
            Err(Refusal::NoAnswer)
        })
    }

    /// Has upstreams asked, if that is not done already; says whether it was not.
    fn ask(&self, key: &Key, query: &Query<'_>) -> (Waiting, bool) {
        let inner = &self.0;
        let (waiting, flight) = inner.flights.join(key);
        let Some(flight) = flight else { return (waiting, false) };
        let Ok(place) = inner.places.clone().try_acquire_owned() else {
            inner.too_many.inc();
            flight.land(Err(Refusal::Busy));
            return (waiting, false);
        };
        let (inner, key, name) = (inner.clone(), key.clone(), query.name.clone());
        let request = Arc::new(Request::of(query));
        self.0.runtime.spawn(async move {
            let pool = inner.routes.towards(&name, inner.clock.now());
            let outcome = match pool.exchange(&request).await.map(Arc::new) {
                Some(answer) => {
                    inner.cache.keep(&key, answer.clone(), inner.clock.now());
                    Ok(answer)
                }
                None => {
                    inner.cache.failed(&key, inner.clock.now());
                    Err(Refusal::NoAnswer)
                }
            };
            drop(place);
            flight.land(outcome);
        });
        (waiting, true)
    }
}

impl Outside for Forwarder {
    fn cached(&self, query: &Query<'_>, limit: usize, out: &mut Vec<u8>) -> Cached {
        let key = Key::of(query);
        let found = self.0.cache.find(&key, self.0.clock.now()).filter(|found| found.at_once);
        let Some(found) = found else { return Cached::Miss };
        self.0.figures.requests.inc();
        self.give(&key, query, &found, limit, out);
        Cached::Hit
    }

    async fn resolve(&self, query: &Query<'_>, limit: usize) -> Vec<u8> {
        let inner = &self.0;
        let mut out = Vec::with_capacity(512);
        let key = Key::of(query);
        inner.figures.requests.inc();
        let found = inner.cache.find(&key, inner.clock.now());
        if let Some(found) = found.as_ref().filter(|found| found.at_once) {
            self.give(&key, query, found, limit, &mut out);
            return out;
        }
        inner.figures.misses.inc();
        let (waiting, _) = self.ask(&key, query);
        let outcome = match &found {
            None => waiting.outcome().await,
            Some(_) => self.in_good_time(&key, waiting).await,
        };
        match (outcome, found) {
            (Ok(answer), found) if answer.kind() != Kind::Failure || found.is_none() => {
                answer.write(query, limit, Age::Seconds(0), &mut out);
            }
            (_, Some(stale)) => {
                inner.cache.count(&stale);
                stale.entry.answer.write(query, limit, stale.age, &mut out);
            }
            (Err(Refusal::Busy), None) => refuse(query, limit, Rcode::Refused, &mut out),
            (_, None) => refuse(query, limit, Rcode::ServFail, &mut out),
        }
        out
    }

    async fn lookup(&self, name: &Name, rtype: u16) -> Vec<u8> {
        let message = Request::about(name.wire(), rtype).without_edns().map(|one| one.numbered(0));
        let message = message.unwrap_or_default();
        match Query::parse(&message) {
            Ok(query) => self.resolve(&query, usize::from(u16::MAX)).await,
            Err(_) => Vec::new(),
        }
    }
}

/// An answer without records.
fn refuse(query: &Query<'_>, limit: usize, rcode: Rcode, out: &mut Vec<u8>) {
    let verdict = Verdict { rcode, authoritative: false, recursion_available: true };
    Reply::begin(query, limit, out).finish(verdict);
}
