//! The cluster's configuration: what every node must agree on. Key `config` of the store.

mod dns;

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

use crate::cidr::{self, Family};
use crate::port_range::PortRange;

pub use self::dns::LONGEST_CLUSTER_DOMAIN;

/// What every node of a cluster shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClusterConfig {
    /// The ranges that node subnets are cut from, one a family at the most.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub pod_cidrs: Vec<IpNetwork>,
    /// Prefix length of an IPv4 node subnet: 16 to 30, not shorter than the pod CIDR's.
    #[serde(default = "default_node_prefix_v4")]
    pub node_prefix_v4: u8,
    /// Prefix length of an IPv6 node subnet: 64 to 126, not shorter than the pod CIDR's.
    #[serde(default = "default_node_prefix_v6")]
    pub node_prefix_v6: u8,
    /// The ranges that services' cluster IPs come from, one a family at the most.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub service_cidrs: Vec<IpNetwork>,
    /// The ports that services of type NodePort and LoadBalancer get at every node.
    #[serde(default)]
    pub node_port_range: PortRange,
    /// How packets cross hosts.
    #[serde(default)]
    pub backend: Backend,
    /// The domain below which cluster names live, without a final dot.
    #[serde(default = "default_domain")]
    pub cluster_domain: String,
    /// What was said of [`ClusterConfig::dns_addresses`], which is how to read it: absent for the
    /// usual ones, empty for no DNS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_addresses: Option<Vec<IpAddr>>,
}

/// How packets cross hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// The kind.
    pub kind: BackendKind,
    /// UDP port of the VXLAN device.
    #[serde(default = "default_vxlan_port")]
    pub vxlan_port: u16,
    /// VXLAN network identifier, 1 to 16,777,215 (RFC 7348, section 5).
    #[serde(default = "default_vni")]
    pub vxlan_vni: u32,
}

/// The backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BackendKind {
    /// Encapsulation in UDP (RFC 7348): works over any underlay that carries UDP between the nodes.
    Vxlan,
    /// A plain route by the peer's own address; every peer must be on the same link.
    HostGw,
    /// `host-gw` to peers on the same link, `vxlan` to the others.
    Auto,
}

impl std::fmt::Display for BackendKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Vxlan => "vxlan",
            Self::HostGw => "host-gw",
            Self::Auto => "auto",
        })
    }
}

impl std::str::FromStr for BackendKind {
    type Err = ClusterConfigError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "vxlan" => Ok(Self::Vxlan),
            "host-gw" => Ok(Self::HostGw),
            "auto" => Ok(Self::Auto),
            _ => Err(ClusterConfigError::new(
                "backend.kind",
                format!("{text:?} is no backend: use vxlan, host-gw or auto"),
            )),
        }
    }
}

/// A cluster configuration that cannot be used: which field, and what would be right.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {problem}")]
pub struct ClusterConfigError {
    /// The field, as the store's JSON spells it.
    pub field: &'static str,
    /// What is wrong with its value and what would be right.
    pub problem: String,
}

impl ClusterConfigError {
    fn new(field: &'static str, problem: String) -> Self {
        Self { field, problem }
    }
}

fn default_node_prefix_v4() -> u8 {
    24
}
fn default_node_prefix_v6() -> u8 {
    64
}
fn default_domain() -> String {
    "cluster.local".into()
}
fn default_vxlan_port() -> u16 {
    8472
}
fn default_vni() -> u32 {
    1
}

impl Default for Backend {
    fn default() -> Self {
        Self {
            kind: BackendKind::Vxlan,
            vxlan_port: default_vxlan_port(),
            vxlan_vni: default_vni(),
        }
    }
}

impl Default for ClusterConfig {
    /// What a daemon without a configuration file gives its cluster: flannel's pod range and
    /// kubeadm's service range.
    fn default() -> Self {
        let v4 = |a, b, c, d, prefix| {
            IpNetwork::new(IpAddr::from([a, b, c, d]), prefix).into_iter().collect::<Vec<_>>()
        };
        Self {
            pod_cidrs: v4(10, 244, 0, 0, 16),
            node_prefix_v4: default_node_prefix_v4(),
            node_prefix_v6: default_node_prefix_v6(),
            service_cidrs: v4(10, 96, 0, 0, 12),
            node_port_range: PortRange::default(),
            backend: Backend::default(),
            cluster_domain: default_domain(),
            dns_addresses: None,
        }
    }
}

impl ClusterConfig {
    /// The pod CIDR of a family.
    #[must_use]
    pub fn pod_cidr(&self, family: Family) -> Option<IpNetwork> {
        self.pod_cidrs.iter().copied().find(|c| Family::of_network(*c) == family)
    }

    /// The prefix length of a node subnet of a family.
    #[must_use]
    pub fn node_prefix(&self, family: Family) -> u8 {
        match family {
            Family::V4 => self.node_prefix_v4,
            Family::V6 => self.node_prefix_v6,
        }
    }

    /// Checks what serde cannot: ranges, overlaps, prefix lengths.
    ///
    /// # Errors
    /// The first field that cannot be used.
    pub fn validate(&self) -> Result<(), ClusterConfigError> {
        let fail = |field, problem| Err(ClusterConfigError::new(field, problem));
        if self.pod_cidrs.is_empty() {
            return fail(
                "podCidrs",
                "empty: give one range, such as 10.244.0.0/16, for each address family".into(),
            );
        }
        check_ranges("podCidrs", &self.pod_cidrs)?;
        check_ranges("serviceCidrs", &self.service_cidrs)?;
        for pods in &self.pod_cidrs {
            if let Some(services) = self.service_cidrs.iter().find(|s| cidr::overlap(*pods, **s)) {
                return fail(
                    "serviceCidrs",
                    format!("{services} overlaps the pod CIDR {pods}: use a range of its own"),
                );
            }
            let family = Family::of_network(*pods);
            let (field, longest) = match family {
                Family::V4 => ("nodePrefixV4", 30),
                Family::V6 => ("nodePrefixV6", 126),
            };
            let prefix = self.node_prefix(family);
            // More than 2²⁴ addresses a node would only cost memory and time to look through.
            let shortest = pods.prefix().max(if family == Family::V4 { 8 } else { 16 });
            if !(shortest..=longest).contains(&prefix) {
                return fail(
                    field,
                    format!(
                        "/{prefix} does not fit: node subnets of {pods} are /{shortest} to /{longest}"
                    ),
                );
            }
        }
        self.check_dns_addresses()?;
        if !(1..1 << 24).contains(&self.backend.vxlan_vni) {
            return fail(
                "backend.vxlanVni",
                format!("{} is not in 1..=16777215", self.backend.vxlan_vni),
            );
        }
        if self.backend.vxlan_port == 0 {
            return fail("backend.vxlanPort", "0 is no UDP port: the usual one is 8472".into());
        }
        self.check_domain()
    }
}

fn check_ranges(field: &'static str, ranges: &[IpNetwork]) -> Result<(), ClusterConfigError> {
    for (i, range) in ranges.iter().enumerate() {
        if !cidr::is_canonical(*range) {
            let right = format!("{}/{}", range.network(), range.prefix());
            return Err(ClusterConfigError::new(
                field,
                format!("{range} has host bits set: did you mean {right}?"),
            ));
        }
        let special = range.network().is_loopback()
            || range.network().is_multicast()
            || range.network().is_unspecified();
        if special {
            return Err(ClusterConfigError::new(
                field,
                format!(
                    "{range} cannot be routed between hosts: use a private range such as 10.244.0.0/16"
                ),
            ));
        }
        if ranges[..i].iter().any(|r| Family::of_network(*r) == Family::of_network(*range)) {
            return Err(ClusterConfigError::new(
                field,
                format!("two {} ranges: give one a family", Family::of_network(*range)),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
