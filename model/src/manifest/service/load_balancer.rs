//! `status.loadBalancer` and what in `spec` concerns load balancers.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::raw::{RawSpec, RawStatus};
use crate::manifest::error::{At, ManifestError};
use crate::manifest::rules;
use crate::manifest::warnings::Warnings;
use crate::service::{ServiceKind, TrafficPolicy};

/// The addresses at which load balancers' packets arrive unchanged.
pub(super) fn ingress_ips(
    status: &RawStatus,
    kind: ServiceKind,
    warnings: &mut Warnings,
) -> Result<Vec<IpAddr>, ManifestError> {
    let root = At::root("status");
    let balancer = root.field("loadBalancer");
    let list = balancer.field("ingress");
    let ingress = &status.load_balancer.ingress;
    if kind != ServiceKind::LoadBalancer {
        if !ingress.is_empty() {
            warnings.add(&list.to_string(), "not used: the service is not of type LoadBalancer");
        }
        return Ok(Vec::new());
    }
    let mut ips = Vec::new();
    for (index, entry) in ingress.iter().enumerate() {
        let at = list.index(index);
        if entry.hostname.as_deref().is_some_and(|name| !name.is_empty()) {
            warnings.add(&at.field("hostname").to_string(), "not used: only addresses are");
        }
        let mode = entry.ip_mode.as_deref();
        let as_it_is =
            rules::one_of_or(&at.field("ipMode"), mode, &[("VIP", true), ("Proxy", false)], true)?;
        let Some(text) = entry.ip.as_deref().filter(|ip| !ip.is_empty()) else { continue };
        let ip = rules::address(&at.field("ip"), text)?;
        if as_it_is && !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    Ok(ips)
}

pub(super) fn source_ranges(
    spec: &At<'_>,
    raw: &RawSpec,
    kind: ServiceKind,
) -> Result<Vec<IpNetwork>, ManifestError> {
    let at = spec.field("loadBalancerSourceRanges");
    let texts = &raw.load_balancer_source_ranges;
    if kind != ServiceKind::LoadBalancer && !texts.is_empty() {
        return Err(at.wrong("only services of type LoadBalancer have them: leave them out"));
    }
    texts.iter().enumerate().map(|(i, text)| rules::range(&at.index(i), text)).collect()
}

pub(super) fn health_check_node_port(
    spec: &At<'_>,
    raw: &RawSpec,
    kind: ServiceKind,
    policy: TrafficPolicy,
) -> Result<Option<u16>, ManifestError> {
    let at = spec.field("healthCheckNodePort");
    let port = rules::optional_port(&at, raw.health_check_node_port)?;
    if port.is_some() && (kind, policy) != (ServiceKind::LoadBalancer, TrafficPolicy::Local) {
        return Err(at.wrong(
            "only services of type LoadBalancer with externalTrafficPolicy Local have one: leave it out",
        ));
    }
    Ok(port)
}
