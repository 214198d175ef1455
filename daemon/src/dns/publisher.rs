//! What the store tells becomes names: the difference of every change, encoded before anybody is
//! kept from asking.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Result;
use pontoon_dns::metrics::Metrics;
use pontoon_dns::zone::names::ServiceNames;
use pontoon_dns::zone::shape::{PodNames, Settings, Shape};
use pontoon_dns::zone::{Change, Zone};
use pontoon_endpoints::Alias;
use pontoon_model::service::ServiceId;
use pontoon_netlink::memory;
use tokio::sync::watch;
use tracing::{info, warn};

use super::Server;
use super::cluster::Cluster;
use crate::services::intake::{Intake, Touched};

/// How names are answered, as far as this node's configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// How long clients may keep an answer, seconds.
    pub ttl: u32,
    /// How names of pods are answered.
    pub pods: PodNames,
    /// Whether endpoints without a hostname are called by the name of their pod.
    pub endpoint_pod_names: bool,
}

/// Makes whoever answers from a first zone.
pub type Make = Box<dyn Fn(Zone, &Cluster, &Metrics) -> Result<Server> + Send>;

/// Who answers, and for which cluster.
#[derive(Debug, Clone)]
pub struct Serving {
    /// Who answers.
    pub server: Arc<Server>,
    /// The cluster as it was when that began.
    pub cluster: Cluster,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Keeps a zone as the store has it.
pub struct Publisher {
    manner: Manner,
    make: Make,
    cluster: Option<Cluster>,
    shape: Option<Arc<Shape>>,
    serving: watch::Sender<Option<Serving>>,
    /// Everything is to be told, whatever was.
    anew: bool,
    /// The last serial number of a process before this one, until this one goes on from it.
    served: Option<u32>,
}

impl Publisher {
    /// One that has nothing to tell yet; whoever answers will be on that channel once the cluster's
    /// domain is known.
    #[must_use]
    pub fn new(manner: Manner, make: Make, serving: watch::Sender<Option<Serving>>) -> Self {
        Self { manner, make, cluster: None, shape: None, serving, anew: false, served: None }
    }

    /// Before this start, names were answered with that serial number.
    pub fn note_served(&mut self, serial: Option<u32>) {
        self.served = self.served.max(serial);
    }

    /// The serial number of what is answered by now.
    #[must_use]
    pub fn serial(&self) -> Option<u32> {
        let serving = self.serving.borrow();
        serving.as_ref().map(|serving| serving.server.serial())
    }

    /// The cluster is this. Whoever answers listens from then on, and fails for the cluster's names until
    /// they are published.
    pub fn set_cluster(&mut self, cluster: &Cluster) {
        if self.cluster.as_ref() == Some(cluster) {
            return;
        }
        let settings = Settings {
            domain: cluster.domain.clone(),
            ttl: self.manner.ttl,
            dns_addresses: cluster.dns_addresses.clone(),
            ranges: cluster.ranges.clone(),
            pods: self.manner.pods,
            endpoint_pod_names: self.manner.endpoint_pod_names,
        };
        self.cluster = Some(cluster.clone());
        let shape = match Shape::new(settings) {
            Ok(shape) => Arc::new(shape),
            Err(error) => {
                warn!(%error, "there is no cluster DNS");
                return;
            }
        };
        let zone = Zone::new(Arc::clone(&shape));
        self.shape = Some(shape);
        self.anew = true;
        match self.server() {
            Some(server) => server.replace(zone),
            None => {
                let metrics = Arc::new(Metrics::new(&zone.shape().origin));
                let cluster = cluster.clone();
                match (self.make)(zone, &cluster, &metrics) {
                    Ok(server) => {
                        let server = Arc::new(server);
                        self.serving.send_replace(Some(Serving { server, cluster, metrics }));
                    }
                    Err(error) => warn!("there is no DNS on this node: {error:#}"),
                }
            }
        }
    }

    fn server(&self) -> Option<Arc<Server>> {
        self.serving.borrow().as_ref().map(|serving| Arc::clone(&serving.server))
    }

    /// Tells what was touched, or everything if that was not told yet. Services in `kept` are as they
    /// were, whatever the store says.
    pub fn publish(&mut self, intake: &mut Intake, touched: Touched, kept: &BTreeSet<ServiceId>) {
        let (Some(shape), Some(server)) = (&self.shape, self.server()) else {
            return;
        };
        let first = std::mem::take(&mut self.anew);
        let touched = if first { intake.everything() } else { touched };
        let mut changes = Vec::new();
        let directory = intake.directory();
        for id in touched.services.iter().filter(|id| !kept.contains(id)) {
            let names = ServiceNames::of(directory, id, shape);
            changes.push(Change::service(id, names.as_ref(), shape));
        }
        for namespace in touched.namespaces {
            let is_there = intake.has_namespace(&namespace);
            changes.push(Change::namespace(namespace, is_there));
        }
        let mut pods = touched.pods;
        if touched.relisted {
            // What is not in the listing is told by nobody.
            let zone = server.zone();
            pods.addresses.extend(zone.pod_addresses());
            pods.aliases.extend(zone.aliases().filter_map(|(name, namespace)| {
                Some(Alias { name: name.parse().ok()?, namespace: namespace.parse().ok()? })
            }));
        }
        for address in pods.addresses {
            // Where two have it, who came first must not matter: it would differ from node to node.
            let namespace = directory.pods_at(address).map(|pod| pod.namespace).min();
            let namespace = namespace.and_then(|name| name.parse().ok());
            changes.push(Change::pod(address, namespace));
        }
        for alias in pods.aliases {
            let addresses = directory.addresses_called(&alias);
            changes.push(Change::alias(alias.name.as_str(), &alias.namespace, &addresses, shape));
        }
        if !changes.is_empty() {
            server.apply(changes, intake.revision());
        }
        if let Some(served) = self.served.take() {
            server.follow_earlier(served, intake.revision());
        }
        if touched.relisted || first {
            // The listing was many times as large as what was kept of it.
            memory::give_back();
        }
        if first {
            server.set_synced();
            let zone = server.zone();
            info!(services = zone.names(), domain = %shape.origin, "names are known");
        }
    }
}

#[cfg(test)]
#[path = "publisher_tests.rs"]
mod tests;
