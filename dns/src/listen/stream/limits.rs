//! How many connections there may be, and how long nothing may happen on one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::limit::rate::Client;

/// What connections may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of a client; of all together that may not ask.
    pub per_client: usize,
    /// Questions of a connection that wait for their answers; more are not read meanwhile.
    pub in_flight: usize,
    /// How long a connection stays on which there is no whole question, or no answer is taken.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 1000, per_client: 100, in_flight: 100, idle: Duration::from_secs(10) }
    }
}

/// The connections there are.
#[derive(Debug)]
pub(super) struct Places {
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// By client; `None` is all strangers.
    clients: HashMap<Option<Client>, usize>,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    client: Option<Client>,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, taken: Mutex::default() }
    }

    /// A place for a connection of that client, or of a stranger, if there is one.
    pub(super) fn take(self: &Arc<Self>, client: Option<Client>) -> Option<Place> {
        let mut taken = self.lock();
        let own = taken.clients.get(&client).copied().unwrap_or_default();
        if taken.all >= self.limits.connections || own >= self.limits.per_client {
            return None;
        }
        taken.all += 1;
        taken.clients.insert(client, own + 1);
        Some(Place { places: self.clone(), client })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        match taken.clients.get_mut(&self.client) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.clients.remove(&self.client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: usize, per_client: usize) -> Arc<Places> {
        Arc::new(Places::new(Limits { connections, per_client, ..Limits::default() }))
    }

    fn client(text: &str) -> Option<Client> {
        Some(Client::address(text.parse().unwrap()))
    }

    #[test]
    fn a_client_takes_no_more_than_its_share() {
        let places = places(10, 2);
        let first = places.take(client("10.0.0.1"));
        let second = places.take(client("10.0.0.1"));
        assert!(first.is_some() && second.is_some());
        assert!(places.take(client("10.0.0.1")).is_none());
        assert!(places.take(client("10.0.0.2")).is_some());
        drop(first);
        assert!(places.take(client("10.0.0.1")).is_some());
    }

    #[test]
    fn all_together_take_no_more_than_there_is() {
        let places = places(3, 2);
        let addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
        let taken = addresses.map(|address| places.take(client(address)));
        assert!(taken.iter().all(Option::is_some));
        assert!(places.take(client("10.0.0.4")).is_none());
        drop(taken);
        assert!(places.take(client("10.0.0.4")).is_some());
    }

    #[test]
    fn strangers_are_one_client() {
        let places = places(10, 2);
        let taken = [places.take(None), places.take(None)];
        assert!(taken.iter().all(Option::is_some));
        assert!(places.take(None).is_none());
        assert!(places.take(client("10.0.0.1")).is_some());
    }

    #[test]
    fn nothing_is_remembered_of_clients_that_have_gone() {
        let places = places(10, 2);
        drop([places.take(client("10.0.0.1")), places.take(client("fd00::1")), places.take(None)]);
        assert!(places.lock().clients.is_empty());
        assert_eq!(places.lock().all, 0);
    }
}
