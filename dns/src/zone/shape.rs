//! What the cluster agrees on about its names.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_model::cluster::LONGEST_CLUSTER_DOMAIN;

use crate::wire::name::{Name, NameError};

/// How names of pods made of their addresses are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PodNames {
    /// Not at all.
    Disabled,
    /// With the address that the name says, in any namespace that exists.
    Insecure,
    /// If a pod of that namespace has the address.
    #[default]
    Verified,
}

/// What is asked of [`Shape::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The domain below which the cluster's names are, without a final dot.
    pub domain: String,
    /// How long clients may keep an answer, seconds: 0 to 3600.
    pub ttl: u32,
    /// Where the cluster's DNS is.
    pub dns_addresses: Vec<IpAddr>,
    /// Ranges of services and pods, whose reverse names are ours.
    pub ranges: Vec<IpNetwork>,
    /// How names of pods are answered.
    pub pods: PodNames,
    /// Whether endpoints without a hostname are called by the name of their pod.
    pub endpoint_pod_names: bool,
}

/// The fixed part of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The cluster's domain.
    pub origin: Name,
    /// How long clients may keep an answer, seconds.
    pub ttl: u32,
    /// Where the cluster's DNS is.
    pub dns_addresses: Vec<IpAddr>,
    /// How names of pods are answered.
    pub pods: PodNames,
    /// Whether endpoints without a hostname are called by the name of their pod.
    pub endpoint_pod_names: bool,
    ranges: Vec<Range>,
    server: Name,
    mailbox: Name,
}

/// A range whose reverse names are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    network: IpNetwork,
    /// How many labels its zones have before `in-addr.arpa`: names are cut at octets and nibbles only.
    labels: usize,
}

impl Shape {
    /// Puts the settings together.
    ///
    /// # Errors
    /// When the domain is none that a cluster's configuration may have.
    pub fn new(settings: Settings) -> Result<Self, NameError> {
        let Settings { domain, ttl, dns_addresses, ranges, pods, endpoint_pod_names } = settings;
        if domain.len() > LONGEST_CLUSTER_DOMAIN {
            return Err(NameError::of(&domain));
        }
        let origin = Name::parse(&domain)?;
        let below =
            |labels: [&[u8]; 2]| Name::below(labels, &origin).ok_or_else(|| NameError::of(&domain));
        let server = below([b"ns", b"dns"])?;
        let mailbox = Name::below([b"hostmaster".as_slice()], &origin)
            .ok_or_else(|| NameError::of(&domain))?;
        let ranges = ranges.into_iter().map(|network| {
            let bits = if network.is_ipv4() { 8 } else { 4 };
            Range { network, labels: usize::from(network.prefix()).div_ceil(bits) }
        });
        let ranges = ranges.collect();
        Ok(Self { origin, ttl, dns_addresses, pods, endpoint_pod_names, ranges, server, mailbox })
    }

    /// The name of the cluster's DNS: `ns.dns.` and the domain.
    #[must_use]
    pub fn server(&self) -> &Name {
        &self.server
    }

    /// Whom to write to, as a name.
    #[must_use]
    pub fn mailbox(&self) -> &Name {
        &self.mailbox
    }

    /// How many labels before `in-addr.arpa` or `ip6.arpa` the zone of ours has that holds all
    /// names which end in a network, when there is one. `network` says what the last labels say:
    /// all of those that a zone may have.
    #[must_use]
    pub fn reverse_zone(
        &self,
        said: usize,
        network: impl Fn(usize) -> Option<IpAddr>,
    ) -> Option<usize> {
        self.ranges
            .iter()
            .filter(|range| said >= range.labels)
            .find(|range| network(range.labels).is_some_and(|ip| range.network.contains(ip)))
            .map(|range| range.labels)
    }
}
