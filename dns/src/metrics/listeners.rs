//! What the listeners counted, added up when somebody looks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::label::Zone;
use super::tally::{Spread, Tally};
use crate::exchange::Transport;

/// The tallies of all listeners there are or were.
#[derive(Debug)]
pub(super) struct Listeners {
    tallies: Mutex<Vec<Arc<Tally>>>,
    zones: [(Zone, String); Zone::COUNT],
}

impl Listeners {
    /// For a cluster of that domain.
    pub(super) fn new(domain: &str) -> Self {
        let zones = [
            (Zone::Cluster, domain),
            (Zone::ReverseV4, "in-addr.arpa."),
            (Zone::ReverseV6, "ip6.arpa."),
            (Zone::Outside, "."),
            // No zone can be called so.
            (Zone::Dropped, "dropped"),
        ];
        let zones = zones.map(|(zone, name)| (zone, name.to_owned()));
        Self { tallies: Mutex::default(), zones }
    }

    /// A tally that nobody writes to now, of that listener.
    pub(super) fn tally(&self, server: &str, transport: Transport) -> Arc<Tally> {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let free = tallies.iter().find(|tally| {
            Arc::strong_count(tally) == 1 && tally.server == server && tally.transport == transport
        });
        free.cloned().unwrap_or_else(|| {
            let tally = Arc::new(Tally::new(server.to_owned(), transport));
            tallies.push(tally.clone());
            tally
        })
    }

    /// The tallies of each listener.
    pub(super) fn by_server(&self) -> Vec<Server> {
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let mut servers: BTreeMap<(&str, &str), Vec<Arc<Tally>>> = BTreeMap::new();
        for tally in tallies.iter() {
            let key = (tally.server.as_str(), protocol(tally.transport));
            servers.entry(key).or_default().push(tally.clone());
        }
        let servers = servers.into_iter();
        servers
            .map(|((name, proto), tallies)| Server { name: name.to_owned(), proto, tallies })
            .collect()
    }

    /// Each listener with each zone, and its name.
    pub(super) fn each<'a>(
        &'a self,
        servers: &'a [Server],
    ) -> impl Iterator<Item = (&'a Server, (Zone, &'a str))> {
        let zones = || self.zones.iter().map(|(zone, name)| (*zone, name.as_str()));
        servers.iter().flat_map(move |server| zones().map(move |zone| (server, zone)))
    }
}

/// As CoreDNS says it, to which TLS and HTTP are TCP; the name of the server tells them apart.
fn protocol(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp | Transport::Tls | Transport::Https => "tcp",
    }
}

/// A listener, and what its threads counted.
pub(super) struct Server {
    name: String,
    /// Its protocol, by which CoreDNS tells servers apart.
    pub(super) proto: &'static str,
    tallies: Vec<Arc<Tally>>,
}

impl Server {
    pub(super) fn sum(&self, of: impl Fn(&Tally) -> u64) -> u64 {
        self.tallies.iter().map(|tally| of(tally)).sum()
    }

    pub(super) fn spread<const N: usize>(
        &self,
        of: impl Fn(&Tally) -> &Spread<N>,
    ) -> ([u64; N], u64) {
        let buckets =
            std::array::from_fn(|bucket| self.sum(|tally| of(tally).buckets[bucket].get()));
        (buckets, self.sum(|tally| of(tally).sum.get()))
    }

    pub(super) fn labels(&self) -> [(&'static str, &str); 2] {
        [("server", &self.name), ("proto", self.proto)]
    }
}
