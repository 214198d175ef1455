//! `Service`, v1.

mod addresses;
mod load_balancer;
mod ports;
mod raw;
mod weights;

use std::net::IpAddr;
use std::time::Duration;

use serde_json::Value;

pub use addresses::{AddressWish, FamilyPolicy};
pub(super) use raw::RawService;
pub use weights::WEIGHTS;

use super::error::{At, ManifestError};
use super::label::check_labels;
use super::metadata::Metadata;
use super::warnings::Warnings;
use super::{kind, rules};
use crate::name::{DomainName, Namespace};
use crate::object::Kind;
use crate::selector::Selector;
use crate::service::{Distribution, Service, ServiceId, ServiceKind, TrafficPolicy};
use raw::RawSpec;

/// A service as somebody wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceManifest {
    /// The service. Addresses and ports that are to be allocated are not there yet.
    pub service: Service,
    /// What it says of its addresses.
    pub addresses: AddressWish,
    /// Its labels and annotations.
    pub metadata: Metadata,
    /// The document, without its nulls.
    pub document: Value,
}

/// What is there in every service that a cluster has written, and says nothing new.
pub(super) const MUTED: &[&str] = &["status.conditions"];

/// The time for which Kubernetes remembers a client unless told otherwise, seconds.
const AFFINITY: i64 = 10_800;

pub(super) struct Checked {
    pub(super) service: Service,
    pub(super) addresses: AddressWish,
    pub(super) metadata: Metadata,
}

impl Checked {
    pub(super) fn with(self, document: Value) -> ServiceManifest {
        let Self { service, addresses, metadata } = self;
        ServiceManifest { service, addresses, metadata, document }
    }
}

const KINDS: [(&str, ServiceKind); 4] = [
    ("ClusterIP", ServiceKind::ClusterIp),
    ("NodePort", ServiceKind::NodePort),
    ("LoadBalancer", ServiceKind::LoadBalancer),
    ("ExternalName", ServiceKind::ExternalName),
];

const POLICIES: [(&str, TrafficPolicy); 2] =
    [("Cluster", TrafficPolicy::Cluster), ("Local", TrafficPolicy::Local)];

pub(super) fn check(
    raw: RawService,
    default_namespace: &Namespace,
    warnings: &mut Warnings,
) -> Result<Checked, ManifestError> {
    kind::expect(Kind::Service, raw.api_version.as_deref(), raw.kind.as_deref())?;
    let id = ServiceId {
        namespace: raw.metadata.namespace(default_namespace)?,
        name: raw.metadata.name()?,
    };
    let weights = raw.metadata.annotation::<weights::Weights>(WEIGHTS)?;
    raw.metadata.note_strangers(Kind::Service, &[WEIGHTS], warnings);
    let metadata = raw.metadata.check()?;
    let (at, mut spec) = (At::root("spec"), raw.spec);
    let kind =
        rules::one_of_or(&at.field("type"), spec.kind.as_deref(), &KINDS, ServiceKind::ClusterIp)?;
    let addresses = addresses::check(&at, &spec, kind)?;
    let external_name = external_name(&at, &spec, kind, warnings)?;
    let may_be_empty = addresses.headless || kind == ServiceKind::ExternalName;
    let ports =
        ports::check(&at.field("ports"), std::mem::take(&mut spec.ports), kind, may_be_empty)?;
    check_labels(&at.field("selector"), &spec.selector)?;
    let external_ips = external_ips(&at, &spec)?;
    let external_policy = external_policy(&at, &spec, kind, &external_ips)?;
    if spec.load_balancer_ip.as_deref().is_some_and(|ip| !ip.is_empty()) {
        warnings.add("spec.loadBalancerIP", "not used: what counts is status.loadBalancer.ingress");
    }
    let service = Service {
        id,
        kind,
        ports,
        cluster_ips: addresses.fixed.clone(),
        headless: addresses.headless,
        external_name,
        ingress_ips: load_balancer::ingress_ips(&raw.status, kind, warnings)?,
        source_ranges: load_balancer::source_ranges(&at, &spec, kind)?,
        external_policy,
        internal_policy: rules::one_of_or(
            &at.field("internalTrafficPolicy"),
            spec.internal_traffic_policy.as_deref(),
            &POLICIES,
            TrafficPolicy::Cluster,
        )?,
        affinity: affinity(&at, &spec)?,
        health_check_node_port: load_balancer::health_check_node_port(
            &at,
            &spec,
            kind,
            external_policy,
        )?,
        publish_not_ready: spec.publish_not_ready_addresses,
        distribution: distribution(&at, &spec)?,
        weights: weights.map(|weights| weights.0).unwrap_or_default(),
        selector: Selector::new(spec.selector),
        external_ips,
    };
    unused(&service, warnings);
    Ok(Checked { service, addresses, metadata })
}

/// Fields that are right and have no effect on this service.
fn unused(service: &Service, warnings: &mut Warnings) {
    let reason = if service.headless {
        "not used: a headless service is not balanced here"
    } else if service.kind == ServiceKind::ExternalName {
        "not used: a service of type ExternalName has no endpoints"
    } else {
        return;
    };
    if service.affinity.is_some() {
        warnings.add("spec.sessionAffinity", reason);
    }
    if !service.weights.is_empty() {
        warnings.add(&format!("metadata.annotations[{WEIGHTS}]"), reason);
    }
    if service.kind == ServiceKind::ExternalName && service.selector.is_some() {
        warnings.add("spec.selector", reason);
    }
}

fn external_name(
    at: &At<'_>,
    spec: &RawSpec,
    kind: ServiceKind,
    warnings: &mut Warnings,
) -> Result<Option<DomainName>, ManifestError> {
    let at = at.field("externalName");
    let name = spec.external_name.as_deref().filter(|name| !name.is_empty());
    if kind != ServiceKind::ExternalName {
        if name.is_some() {
            warnings.add(&at.to_string(), "not used: the service is not of type ExternalName");
        }
        return Ok(None);
    }
    let name = name.ok_or_else(|| at.wrong("it is missing: give the DNS name to lead to"))?;
    let plain = name.strip_suffix('.').unwrap_or(name);
    if plain.parse::<IpAddr>().is_ok() {
        return Err(at.wrong_text(
            name,
            "is an address: DNS can lead a name to a name only; use a Service without selector and an EndpointSlice",
        ));
    }
    match plain.parse() {
        Ok(name) => Ok(Some(name)),
        Err(_) => {
            Err(at.wrong_text(name, "is no DNS name such as db.example.com, in small letters"))
        }
    }
}

fn external_ips(at: &At<'_>, spec: &RawSpec) -> Result<Vec<IpAddr>, ManifestError> {
    let at = at.field("externalIPs");
    let mut ips = Vec::new();
    for (index, text) in spec.external_ips.iter().enumerate() {
        let ip = rules::address(&at.index(index), text)?;
        if !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    Ok(ips)
}

fn external_policy(
    at: &At<'_>,
    spec: &RawSpec,
    kind: ServiceKind,
    external_ips: &[IpAddr],
) -> Result<TrafficPolicy, ManifestError> {
    let at = at.field("externalTrafficPolicy");
    let word = spec.external_traffic_policy.as_deref().filter(|word| !word.is_empty());
    let policy = rules::one_of_or(&at, word, &POLICIES, TrafficPolicy::Cluster)?;
    let from_outside = match kind {
        ServiceKind::NodePort | ServiceKind::LoadBalancer => true,
        ServiceKind::ClusterIp => !external_ips.is_empty(),
        ServiceKind::ExternalName => false,
    };
    if word.is_some() && !from_outside {
        return Err(at.wrong(
            "only services that are reached from outside have one (type NodePort or LoadBalancer, or externalIPs): leave it out",
        ));
    }
    Ok(policy)
}

fn affinity(at: &At<'_>, spec: &RawSpec) -> Result<Option<Duration>, ManifestError> {
    let words = [("None", false), ("ClientIP", true)];
    let sticky = rules::one_of_or(
        &at.field("sessionAffinity"),
        spec.session_affinity.as_deref(),
        &words,
        false,
    )?;
    let config = at.field("sessionAffinityConfig");
    if !sticky {
        return match &spec.session_affinity_config {
            Some(_) => Err(config.wrong("it is for sessionAffinity ClientIP: leave it out")),
            None => Ok(None),
        };
    }
    let client_ip = spec.session_affinity_config.as_ref().and_then(|c| c.client_ip.as_ref());
    let seconds = client_ip.and_then(|client_ip| client_ip.timeout_seconds).unwrap_or(AFFINITY);
    if !(1..=86_400).contains(&seconds) {
        let client_ip = config.field("clientIP");
        let problem = format!("{seconds} is not in 1..=86400");
        return Err(client_ip.field("timeoutSeconds").wrong(problem));
    }
    Ok(Some(Duration::from_secs(seconds.unsigned_abs())))
}

fn distribution(at: &At<'_>, spec: &RawSpec) -> Result<Distribution, ManifestError> {
    let words = [
        ("PreferSameNode", Distribution::PreferSameNode),
        ("PreferSameZone", Distribution::PreferSameZone),
        ("PreferClose", Distribution::PreferSameZone),
    ];
    let word = spec.traffic_distribution.as_deref();
    rules::one_of_or(&at.field("trafficDistribution"), word, &words, Distribution::Even)
}
