//! The cluster's zone.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Figures of the cluster's zone. Clones count into the same.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Names there are.
    pub names: Gauge,
    /// The serial of its start of authority.
    pub serial: Gauge,
    /// Walks along a pod's search path that were answered at the first step.
    pub autopath: Counter,
}

impl Figures {
    /// Shows it.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "pontoon_dns_zone_names",
            "Names in the cluster's zone",
            self.names.clone(),
        );
        registry.register(
            "pontoon_dns_zone_serial",
            "The serial of the cluster's zone, which rises with each change",
            self.serial.clone(),
        );
        registry.register(
            "pontoon_dns_autopath",
            "Walks along a pod's search path that were answered at their first step",
            self.autopath.clone(),
        );
    }
}
