//! What of the cluster's configuration its names depend on.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_model::cluster::ClusterConfig;

/// The part of the configuration that names depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The domain below which the cluster's names are.
    pub domain: String,
    /// Where every node answers.
    pub dns_addresses: Vec<IpAddr>,
    /// Ranges whose reverse names are ours.
    pub ranges: Vec<IpNetwork>,
    /// Where pods' addresses come from.
    pub pods: Vec<IpNetwork>,
}

impl Cluster {
    /// That of a cluster.
    #[must_use]
    pub fn of(config: &ClusterConfig) -> Self {
        let ranges = config.service_cidrs.iter().chain(&config.pod_cidrs);
        Self {
            domain: config.cluster_domain.clone(),
            dns_addresses: config.dns_addresses(),
            ranges: ranges.copied().collect(),
            pods: config.pod_cidrs.clone(),
        }
    }
}
