//! Whoever answers: the zone at once, others later.

use std::net::IpAddr;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use ipnetwork::IpNetwork;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::compose::{self, Part};
use super::hosts::Hosts;
use super::local::{Local, Outcome};
use super::outside::{Cached, Outside};
use super::{search, transfer};
use crate::exchange::{Answers, AtOnce, Transport};
use crate::metrics::zone::Figures;
use crate::wire::code::{Rcode, rtype};
use crate::wire::name::Name;
use crate::wire::question::{Fault, Query};
use crate::wire::reply::{Reply, Verdict, header_only};
use crate::zone::lookup::Found;
use crate::zone::{Change, Zone};

/// How long a walk may wait for others, in all. Behind it the client walks by itself: our own names have
/// been looked at by then, and a denial of them is not to hang on anybody outside.
const WALK_PATIENCE: Duration = Duration::from_secs(1);

/// What is asked of [`Responder::new`].
#[derive(Debug)]
pub struct Options {
    /// Whether a pod's walk along its search path is answered at the first step.
    pub autopath: bool,
    /// The host's own search domains, which pods have behind the cluster's.
    pub search: Vec<Name>,
    /// Names with fixed addresses.
    pub hosts: Hosts,
    /// Who may have the whole zone.
    pub transfer_to: Vec<IpNetwork>,
    /// Where is counted what it has and does.
    pub figures: Figures,
}

/// Answers questions.
#[derive(Debug)]
pub struct Responder<O> {
    zone: RwLock<Zone>,
    synced: watch::Sender<bool>,
    pub(super) outside: O,
    pub(super) hosts: Hosts,
    autopath: bool,
    search: Vec<Name>,
    transfer_to: Vec<IpNetwork>,
    figures: Figures,
}

/// What is left to do for a question.
enum Later {
    Resolve,
    Follow,
    /// The walk goes on outside, with that many labels of the question.
    Walk(usize),
    Transfer,
}

impl<O: Outside> Responder<O> {
    /// One that answers from that zone, and asks that one for the rest.
    #[must_use]
    pub fn new(zone: Zone, outside: O, options: Options) -> Self {
        let Options { autopath, search, hosts, transfer_to, figures } = options;
        let synced = watch::Sender::new(zone.is_synced());
        Self {
            zone: RwLock::new(zone),
            synced,
            outside,
            hosts,
            autopath,
            search,
            transfer_to,
            figures,
        }
    }

    /// The zone, for as long as nobody changes it.
    pub fn zone(&self) -> RwLockReadGuard<'_, Zone> {
        self.zone.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts changes in, all of them before the next question is answered.
    pub fn apply(&self, changes: Vec<Change>, revision: u64) {
        let mut zone = self.zone.write().unwrap_or_else(PoisonError::into_inner);
        zone.apply(changes, revision);
        self.figures.names.set(i64::try_from(zone.names()).unwrap_or(i64::MAX));
        self.figures.serial.set(zone.serial().into());
    }

    /// Answers from another zone from now on. Its serial number is above the one before.
    pub fn replace(&self, mut zone: Zone) {
        let mut current = self.zone.write().unwrap_or_else(PoisonError::into_inner);
        zone.follow(&current);
        *current = zone;
    }

    /// Goes on from the serial number that a process before this one had last, as
    /// [`Zone::follow_earlier`].
    pub fn follow_earlier(&self, served: u32, revision: u64) {
        let mut zone = self.zone.write().unwrap_or_else(PoisonError::into_inner);
        zone.follow_earlier(served, revision);
        self.figures.serial.set(zone.serial().into());
    }

    /// The serial number of the zone.
    pub fn serial(&self) -> u32 {
        self.zone().serial()
    }

    /// The store was read; from now on what is not in the zone does not exist.
    pub fn set_synced(&self) {
        self.zone.write().unwrap_or_else(PoisonError::into_inner).set_synced();
        self.synced.send_replace(true);
    }

    /// Waits until the store was read.
    pub async fn wait_synced(&self) {
        // Cannot fail: the sender is here.
        let _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    /// Who asks others.
    pub fn outside(&self) -> &O {
        &self.outside
    }

    /// Answers at once, or says what is left to do.
    fn begin(
        &self,
        query: &Query<'_>,
        client: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> Option<Later> {
        if matches!(query.rtype, rtype::AXFR | rtype::IXFR) {
            return self.begin_transfer(query, client, transport, out);
        }
        let limit = query.limit(transport);
        let zone = self.zone();
        let found = zone.find(&query.name, query.rtype);
        if !zone.is_synced() && !matches!(found, Found::Elsewhere) {
            refuse(query, limit, Rcode::ServFail, out);
            return None;
        }
        let local = Local { zone: &zone, query, limit, recursion_available: true };
        if let Found::Nothing(apex) = found {
            if let Some(typed) = search::typed(&local, client).filter(|_| self.autopath) {
                match search::walk(&local, typed, out) {
                    Outcome::Answered => {
                        self.figures.autopath.inc();
                        return None;
                    }
                    Outcome::Elsewhere | Outcome::Alias => return Some(Later::Walk(typed)),
                }
            }
            local.nothing(apex, Rcode::NxDomain, out);
            return None;
        }
        match local.answer(&found, out) {
            Outcome::Answered => None,
            Outcome::Alias => Some(Later::Follow),
            Outcome::Elsewhere => {
                drop(zone);
                if self.hosts.answer(query, limit, out) == Outcome::Answered
                    || self.outside.cached(query, limit, out) == Cached::Hit
                {
                    return None;
                }
                Some(Later::Resolve)
            }
        }
    }

    fn begin_transfer(
        &self,
        query: &Query<'_>,
        client: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> Option<Later> {
        let limit = query.limit(transport);
        let zone = self.zone();
        let is_ours = query.name.wire() == zone.shape().origin.wire();
        let may = self.transfer_to.iter().any(|range| range.contains(client));
        let streams = matches!(transport, Transport::Tcp | Transport::Tls);
        if !is_ours || !may || (!streams && query.rtype == rtype::AXFR) {
            refuse(query, limit, Rcode::Refused, out);
            return None;
        }
        if !zone.is_synced() {
            refuse(query, limit, Rcode::ServFail, out);
            return None;
        }
        if streams {
            return Some(Later::Transfer);
        }
        // RFC 1995, section 2: over UDP the serial number, and the rest over TCP.
        let local = Local { zone: &zone, query, limit, recursion_available: true };
        local.authority(out);
        None
    }

    /// Goes on with the walk along the search path where it leaves the cluster; `None` where nobody knows
    /// the name.
    async fn walk(&self, query: &Query<'_>, typed: usize, limit: usize) -> Option<Vec<u8>> {
        let head =
            |parent: &Name| Name::below((0..typed).map(|index| query.name.label(index)), parent);
        let ttl;
        let path: Vec<Name> = {
            let zone = self.zone();
            ttl = zone.shape().ttl;
            let cluster = [query.name.from(typed + 1), query.name.from(typed + 2)];
            let cluster = cluster.into_iter().filter_map(Name::read);
            cluster.chain(self.search.iter().cloned()).chain([Name::root()]).collect()
        };
        let deadline = Instant::now() + WALK_PATIENCE;
        for name in path.iter().filter_map(head) {
            let Ok(part) = timeout_at(deadline, self.follow(&name, query.rtype)).await else {
                break;
            };
            if !part.is_name() {
                continue;
            }
            if part.answers.is_empty() {
                return self.nothing_of_that_type(query, limit);
            }
            let mut part = part;
            let first = compose::cname(query.name_as_asked(), name.wire(), ttl);
            part.answers.splice(0..0, first);
            self.figures.autopath.inc();
            return Some(compose::reply(query, limit, part, false));
        }
        None
    }

    /// Says that the walk led to a name without such records; `None` where the name that was asked for
    /// exists by now. It is a name of ours, so how long that holds is ours to say: with another's start of
    /// authority, whoever keeps it would not see the name when it comes.
    fn nothing_of_that_type(&self, query: &Query<'_>, limit: usize) -> Option<Vec<u8>> {
        let zone = self.zone();
        let Found::Nothing(apex) = zone.find(&query.name, query.rtype) else { return None };
        let mut out = Vec::new();
        let local = Local { zone: &zone, query, limit, recursion_available: true };
        local.nothing(apex, Rcode::NoError, &mut out);
        self.figures.autopath.inc();
        Some(out)
    }

    /// Answers for a name of ours as it is now, whatever it was when the question came.
    fn as_it_is(&self, query: &Query<'_>, limit: usize, out: &mut Vec<u8>) -> Outcome {
        let zone = self.zone();
        let local = Local { zone: &zone, query, limit, recursion_available: true };
        local.answer(&zone.find(&query.name, query.rtype), out)
    }

    /// Answers for a name that stands for another.
    async fn alias(&self, query: &Query<'_>, limit: usize) -> Vec<Vec<u8>> {
        let Some(name) = Name::read(query.name_as_asked()) else { return Vec::new() };
        let part: Part = self.follow(&name, query.rtype).await;
        vec![compose::reply(query, limit, part, true)]
    }
}

impl<O: Outside> Answers for Responder<O> {
    fn at_once(
        &self,
        message: &[u8],
        client: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> AtOnce {
        let query = match Query::parse(message) {
            Ok(query) => query,
            Err((Fault::Question(rcode), Some(query))) => {
                refuse(&query, query.limit(transport), rcode, out);
                return AtOnce::Answered;
            }
            Err((Fault::Header(rcode) | Fault::Question(rcode), _)) => {
                header_only(message, rcode, out);
                return AtOnce::Answered;
            }
            Err((Fault::Drop, _)) => return AtOnce::Dropped,
        };
        match self.begin(&query, client, transport, out) {
            None => AtOnce::Answered,
            Some(_) => AtOnce::Later,
        }
    }

    async fn later(&self, message: Vec<u8>, client: IpAddr, transport: Transport) -> Vec<Vec<u8>> {
        let Ok(query) = Query::parse(&message) else { return Vec::new() };
        let limit = query.limit(transport);
        let mut out = Vec::new();
        match self.begin(&query, client, transport, &mut out) {
            None => vec![out],
            Some(Later::Resolve) => vec![self.outside.resolve(&query, limit).await],
            Some(Later::Walk(typed)) => match self.walk(&query, typed, limit).await {
                Some(reply) => vec![reply],
                None if self.as_it_is(&query, limit, &mut out) == Outcome::Answered => vec![out],
                None => self.alias(&query, limit).await,
            },
            Some(Later::Transfer) => transfer::whole(&self.zone(), &query),
            Some(Later::Follow) => self.alias(&query, limit).await,
        }
    }
}

/// Answers with a code alone.
pub(super) fn refuse(query: &Query<'_>, limit: usize, rcode: Rcode, out: &mut Vec<u8>) {
    Reply::begin(query, limit, out).finish(Verdict {
        rcode,
        authoritative: false,
        recursion_available: true,
    });
}
