//! Where the cluster's DNS is, and for which domain.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::{ClusterConfig, ClusterConfigError};
use crate::cidr::{self, Family};
use crate::name::DomainName;

/// The longest domain below which every service's name fits, bytes: a name has 253 with its dots, a
/// service and its namespace have 63 each, and `svc` stands before the domain.
pub const LONGEST_CLUSTER_DOMAIN: usize = 253 - 63 - 1 - 63 - 1 - 3 - 1;

impl ClusterConfig {
    /// The addresses at which every node answers cluster DNS, one a family at the most; none when
    /// there is no DNS. Unless told otherwise the tenth of each service CIDR that is long enough.
    #[must_use]
    pub fn dns_addresses(&self) -> Vec<IpAddr> {
        match &self.dns_addresses {
            Some(addresses) => addresses.clone(),
            None => self.service_cidrs.iter().filter_map(|range| cidr::nth(*range, 10)).collect(),
        }
    }

    /// Those of them that pods can ask: in the families that pods have addresses of.
    #[must_use]
    pub fn dns_addresses_of_pods(&self) -> Vec<IpAddr> {
        let mut addresses = self.dns_addresses();
        addresses.retain(|ip| self.pod_cidr(Family::of(*ip)).is_some());
        addresses
    }

    pub(super) fn check_dns_addresses(&self) -> Result<(), ClusterConfigError> {
        let field = "dnsAddresses";
        let given = self.dns_addresses.as_deref().unwrap_or_default();
        for (index, ip) in given.iter().enumerate() {
            let family = Family::of(*ip);
            if given[..index].iter().any(|other| Family::of(*other) == family) {
                let problem = format!("{ip} is the second {family} address: give one a family");
                return Err(ClusterConfigError::new(field, problem));
            }
            let offset =
                |range: &IpNetwork| cidr::offset(*range, *ip).map(|offset| (*range, offset));
            let Some((range, offset)) = self.service_cidrs.iter().find_map(offset) else {
                let problem =
                    format!("{ip} is in no service CIDR: use one that is, or leave it out");
                return Err(ClusterConfigError::new(field, problem));
            };
            let is_last = family == Family::V4 && offset == cidr::size_less_one(range);
            if offset == 0 || is_last {
                let problem =
                    format!("{ip} is {range}'s network or broadcast address: use another");
                return Err(ClusterConfigError::new(field, problem));
            }
        }
        Ok(())
    }

    pub(super) fn check_domain(&self) -> Result<(), ClusterConfigError> {
        let domain = &self.cluster_domain;
        let problem = if domain.parse::<DomainName>().is_err() {
            format!("{domain:?} is no domain name: write it like cluster.local, with no final dot")
        } else if domain.len() > LONGEST_CLUSTER_DOMAIN {
            format!(
                "{domain:?} has {} bytes, and below more than {LONGEST_CLUSTER_DOMAIN} not every service's name fits: use a shorter one",
                domain.len()
            )
        } else {
            return Ok(());
        };
        Err(ClusterConfigError::new("clusterDomain", problem))
    }
}
