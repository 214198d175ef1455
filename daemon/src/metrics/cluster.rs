//! What is known of the cluster, and of this node; read when somebody looks.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;
use tokio::sync::watch;

use super::figure::{gauge, gauges};
use crate::feed::Figures;
use crate::ipam::Usage;
use crate::lease::Identity;
use crate::problems::Problems;
use crate::registrar::Obstacle;
use crate::services::report::Report;
use crate::situation::Situation;

/// Where it is read.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Who the node is.
    pub me: Identity,
    /// What the controller knows.
    pub situation: watch::Receiver<Situation>,
    /// What is known of services.
    pub services: watch::Receiver<Report>,
    /// What is wrong.
    pub problems: Problems,
    /// What stands in the registrar's way.
    pub obstacles: watch::Receiver<Obstacle>,
    /// Whether ADD is served.
    pub ready: watch::Receiver<bool>,
    /// What was heard of the store.
    pub feed: Arc<Figures>,
    /// The addresses of this node.
    pub addresses: Addresses,
}

/// The addresses of this node, as they are now.
#[derive(Clone)]
pub struct Addresses(pub Arc<dyn Fn() -> AddressUse + Send + Sync>);

/// What is used of addresses, and by how many pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressUse {
    /// Pods that are attached.
    pub pods: usize,
    /// What is used of each subnet.
    pub subnets: Vec<Usage>,
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Addresses")
    }
}

impl Collector for Parts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.store(&mut encoder)?;
        self.node(&mut encoder)?;
        self.services(&mut encoder)
    }
}

impl Parts {
    fn store(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let feed = &self.feed;
        let connected = f64::from(u8::from(feed.is_connected()));
        gauge(
            encoder,
            "pontoon_store_connected",
            "Whether the store is followed",
            None,
            connected,
        )?;
        gauge(
            encoder,
            "pontoon_store_staleness",
            "How old the knowledge of the store is: 0 while it is followed, since its loss otherwise",
            Some(&Unit::Seconds),
            feed.staleness().as_secs_f64(),
        )?;
        let applied = self.situation.borrow().view.revision;
        let services = self.services.borrow().revision;
        gauges(
            encoder,
            "pontoon_store_revision",
            "The last revision that was heard of (feed), and that controller and services have taken in",
            None,
            [("feed", feed.revision()), ("controller", applied), ("services", services)]
                .map(|(part, revision)| ([("part", part)], revision as f64)),
        )?;
        gauges(
            encoder,
            "pontoon_feed_queue_length",
            "Updates of the store that wait for the controller or the services",
            None,
            feed.waiting().map(|(part, length)| ([("part", part)], length as f64)),
        )
    }

    fn node(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.situation.borrow().clone();
        let flag = |on: bool| f64::from(u8::from(on));
        let ready = flag(*self.ready.borrow());
        gauge(
            encoder,
            "pontoon_node_ready",
            "Whether pods are attached to this node",
            None,
            ready,
        )?;
        let marks = now.view.marks.get(&self.me.name);
        let cordoned = flag(marks.is_some_and(|marks| marks.cordon.is_some()));
        let help = "Whether people keep new pods from this node";
        gauge(encoder, "pontoon_node_cordoned", help, None, cordoned)?;
        let help = "Things that are wrong, as `pontoon status` says them";
        gauge(encoder, "pontoon_problems", help, None, self.problems.lines().len() as f64)?;
        let obstacle = flag(self.obstacles.borrow().problem.is_some());
        let help = "Whether something keeps this node from being registered";
        gauge(encoder, "pontoon_registrar_obstacle", help, None, obstacle)?;
        let alive = now.view.nodes.keys().filter(|name| now.view.alive.contains_key(*name)).count();
        let silent = now.view.nodes.len() - alive;
        gauges(
            encoder,
            "pontoon_nodes",
            "Nodes of the cluster whose daemons give signs of life (alive), or do not (silent)",
            None,
            [("alive", alive), ("silent", silent)].map(|(state, n)| ([("state", state)], n as f64)),
        )?;
        let AddressUse { pods, subnets } = (self.addresses.0)();
        gauge(encoder, "pontoon_pods", "Pods that are attached to this node", None, pods as f64)?;
        let subnets: Vec<(String, Usage)> =
            subnets.into_iter().map(|usage| (usage.subnet.to_string(), usage)).collect();
        gauges(
            encoder,
            "pontoon_ipam_addresses",
            "Addresses that pods can have, by subnet of this node",
            None,
            subnets
                .iter()
                .map(|(name, usage)| ([("subnet", name.as_str())], usage.capacity as f64)),
        )?;
        gauges(
            encoder,
            "pontoon_ipam_addresses_used",
            "Addresses that pods have, by subnet of this node",
            None,
            subnets.iter().map(|(name, usage)| ([("subnet", name.as_str())], usage.used as f64)),
        )
    }

    fn services(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let report = self.services.borrow().clone();
        let help = "Services that have addresses in the kernel";
        gauge(encoder, "pontoon_services", help, None, report.services as f64)?;
        let help = "Endpoints of services in the kernel, each as often as it has slots";
        gauge(encoder, "pontoon_endpoints", help, None, report.slots() as f64)?;
        gauges(
            encoder,
            "pontoon_services_map_elements",
            "Elements of each map and set of the table inet pontoon-services",
            None,
            report.elements.iter().map(|(map, n)| ([("map", map.name())], f64::from(*n))),
        )
    }
}
