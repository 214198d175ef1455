//! What is counted, for Prometheus: under the names of CoreDNS where the meaning is the same.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`label`] | what an answer is counted by |
//! | [`tally`] | what a listener counts |
//! | `listeners` | the same for all listeners |
//! | `show` | the same as Prometheus reads it |
//! | [`cache`], [`forward`] | answers from outside |
//! | [`zone`] | the cluster's zone |

pub mod cache;
pub mod forward;
pub mod label;
mod listeners;
mod show;
pub mod tally;
pub mod zone;

use std::sync::Arc;

use prometheus_client::registry::Registry;

use crate::exchange::Transport;
use crate::wire::name::Name;
use listeners::Listeners;
use tally::Tally;

/// All that is counted.
#[derive(Debug)]
pub struct Metrics {
    listeners: Arc<Listeners>,
    /// The cache of answers from outside.
    pub cache: cache::Cache,
    /// Questions that were forwarded.
    pub forward: forward::Forward,
    /// The cluster's zone.
    pub zone: zone::Figures,
}

impl Metrics {
    /// Nothing yet, for a cluster of that domain.
    #[must_use]
    pub fn new(domain: &Name) -> Self {
        Self {
            listeners: Arc::new(Listeners::new(&format!("{domain}."))),
            cache: cache::Cache::default(),
            forward: forward::Forward::default(),
            zone: zone::Figures::default(),
        }
    }

    /// Where a thread counts that listens there. What was counted by one that ended goes on.
    #[must_use]
    pub fn tally(&self, server: &str, transport: Transport) -> Arc<Tally> {
        self.listeners.tally(server, transport)
    }

    /// Shows all of it.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.listeners.clone()));
        self.cache.register(registry);
        self.forward.register(registry);
        self.zone.register(registry);
    }
}

#[cfg(test)]
mod tests;
