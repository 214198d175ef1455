//! What the daemon counts of itself, for Prometheus. What is counted while something happens costs
//! an atomic addition; everything else is read when somebody looks.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`figure`] | numbers and durations, written without a lock |
//! | [`cni`] | calls of container runtimes |
//! | [`store`] | calls to the store |
//! | [`work`] | what it takes to make the kernel follow |
//! | [`cluster`] | what is known of the cluster, and of this node |
//! | [`mesh`] | how well this node reaches its peers |
//! | [`host`] | connection tracking, and the daemon as a process |
//! | [`exposition`] | all of it as text |

pub mod cluster;
pub mod cni;
pub mod exposition;
pub mod figure;
pub mod host;
pub mod mesh;
pub mod store;
#[cfg(test)]
mod tests;
pub mod work;

use std::sync::Arc;

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// Shows a part's figures. It is asked at every look, so that parts may come and go.
pub type Source = Box<dyn Fn(&mut Registry) + Send + Sync>;

/// What the parts of the daemon count.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Calls of container runtimes.
    pub cni: Arc<cni::Cni>,
    /// Calls to the store.
    pub store: Arc<store::StoreCalls>,
    /// What the controller does.
    pub controller: Arc<work::Work>,
    /// What is done for services.
    pub services: Arc<work::Work>,
}

impl Metrics {
    /// Shows all of it.
    pub fn register(&self, registry: &mut Registry) {
        register_process(registry);
        registry.register_collector(Box::new(Arc::clone(&self.cni)));
        registry.register_collector(Box::new(Arc::clone(&self.store)));
        for (part, work) in [("controller", &self.controller), ("services", &self.services)] {
            registry.register_collector(Box::new(work::Shown::new(part, work)));
        }
    }
}

/// Shows which daemon it is, and what it takes of its host.
pub fn register_process(registry: &mut Registry) {
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("pontoon_build", "The daemon that answers", build);
    registry.register_collector(Box::new(host::Host));
}
