//! `EndpointSlice`, discovery.k8s.io/v1.

use serde::Deserialize;
use serde_json::Value;

use super::decode::from_object;
use super::error::{At, ManifestError};
use super::metadata::{Metadata, RawMetadata};
use super::warnings::Warnings;
use super::{kind, rules};
use crate::cidr::Family;
use crate::endpoint::{Conditions, EndpointSlice, SliceEndpoint, SliceId, SlicePort};
use crate::name::{NameError, Namespace, NodeName, ServiceName};
use crate::object::Kind;
use crate::service::ServiceId;

/// The label that says which service a slice belongs to.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The most endpoints of a slice, as in Kubernetes.
const MAX_ENDPOINTS: usize = 1000;

/// A slice as somebody wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct SliceManifest {
    /// The slice.
    pub slice: EndpointSlice,
    /// Its labels and annotations.
    pub metadata: Metadata,
    /// The document, without its nulls.
    pub document: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawSlice {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: RawMetadata,
    address_type: Option<String>,
    endpoints: Vec<RawEndpoint>,
    ports: Vec<RawPort>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
struct RawEndpoint {
    addresses: Vec<String>,
    conditions: RawConditions,
    hostname: Option<String>,
    node_name: Option<String>,
    zone: Option<String>,
    hints: RawHints,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
struct RawConditions {
    ready: Option<bool>,
    serving: Option<bool>,
    terminating: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
struct RawHints {
    for_zones: Vec<RawHint>,
    for_nodes: Vec<RawHint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
struct RawHint {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
struct RawPort {
    name: Option<String>,
    protocol: Option<String>,
    port: Option<i64>,
}

from_object!(RawSlice, RawEndpoint, RawConditions, RawHints, RawHint, RawPort);

pub(super) fn check(
    raw: RawSlice,
    default_namespace: &Namespace,
    warnings: &mut Warnings,
) -> Result<(EndpointSlice, Metadata), ManifestError> {
    kind::expect(Kind::EndpointSlice, raw.api_version.as_deref(), raw.kind.as_deref())?;
    let namespace = raw.metadata.namespace(default_namespace)?;
    let id = SliceId { namespace: namespace.clone(), name: raw.metadata.name()? };
    let metadata = raw.metadata.check()?;
    let service = service_of(&metadata, namespace, warnings)?;
    let family = family(raw.address_type.as_deref())?;
    let at = At::root("endpoints");
    if raw.endpoints.len() > MAX_ENDPOINTS {
        let problem =
            format!("{} are too many: at most {MAX_ENDPOINTS} in a slice", raw.endpoints.len());
        return Err(at.wrong(problem));
    }
    let endpoints = raw.endpoints.into_iter().enumerate();
    let endpoints = endpoints
        .map(|(i, raw)| endpoint(&at.index(i), raw, family, warnings))
        .collect::<Result<_, _>>()?;
    let ports = ports(raw.ports, warnings)?;
    Ok((EndpointSlice { id, service, family, ports, endpoints }, metadata))
}

fn service_of(
    metadata: &Metadata,
    namespace: Namespace,
    warnings: &mut Warnings,
) -> Result<Option<ServiceId>, ManifestError> {
    match metadata.labels.get(SERVICE_NAME).map(String::as_str) {
        None | Some("") => {
            warnings.add(
                "metadata.labels",
                &format!("without {SERVICE_NAME} the slice belongs to no service, and is not used"),
            );
            Ok(None)
        }
        Some(name) => {
            let at = At::root("metadata");
            let at = at.field("labels");
            let name: ServiceName = name
                .parse()
                .map_err(|error: NameError| at.key(SERVICE_NAME).wrong(error.to_string()))?;
            Ok(Some(ServiceId { namespace, name }))
        }
    }
}

fn family(address_type: Option<&str>) -> Result<Family, ManifestError> {
    let at = At::root("addressType");
    match address_type {
        Some("IPv4") => Ok(Family::V4),
        Some("IPv6") => Ok(Family::V6),
        Some("FQDN") => Err(at.wrong(
            "FQDN is not served: packets go to addresses, not to names; use IPv4 or IPv6, or a Service of type ExternalName",
        )),
        None | Some("") => Err(at.wrong("it is missing: use IPv4 or IPv6")),
        Some(other) => Err(at.wrong_text(other, "is not one of IPv4, IPv6")),
    }
}

fn endpoint(
    at: &At<'_>,
    raw: RawEndpoint,
    family: Family,
    warnings: &mut Warnings,
) -> Result<SliceEndpoint, ManifestError> {
    let addresses = at.field("addresses");
    let mut first = None;
    for (index, text) in raw.addresses.iter().enumerate() {
        let at = addresses.index(index);
        let address = rules::address(&at, text)?;
        if Family::of(address) != family {
            return Err(at.wrong(format!("{address} is not of the slice's addressType {family}")));
        }
        if first.is_some() {
            warnings.add(&at.to_string(), "not used: of an endpoint's addresses the first counts");
        }
        first = first.or(Some(address));
    }
    let address = first.ok_or_else(|| addresses.wrong("it is empty: give an address"))?;
    if let Some(hostname) = &raw.hostname {
        rules::label(&at.field("hostname"), hostname)?;
    }
    let node = |at: At<'_>, name: &str| {
        name.parse::<NodeName>().map_err(|error| at.wrong(error.to_string()))
    };
    let ready = raw.conditions.ready.unwrap_or(true);
    let hints = at.field("hints");
    let for_nodes = hints.field("forNodes");
    Ok(SliceEndpoint {
        address,
        conditions: Conditions {
            ready,
            serving: raw.conditions.serving.unwrap_or(ready),
            terminating: raw.conditions.terminating.unwrap_or(false),
        },
        hostname: raw.hostname,
        node: raw.node_name.map(|name| node(at.field("nodeName"), &name)).transpose()?,
        zone: raw.zone.filter(|zone| !zone.is_empty()),
        zone_hints: raw.hints.for_zones.into_iter().map(|hint| hint.name).collect(),
        node_hints: raw
            .hints
            .for_nodes
            .into_iter()
            .enumerate()
            .map(|(i, hint)| node(for_nodes.index(i), &hint.name))
            .collect::<Result<_, _>>()?,
    })
}

fn ports(raw: Vec<RawPort>, warnings: &mut Warnings) -> Result<Vec<SlicePort>, ManifestError> {
    let root = At::root("ports");
    let mut ports: Vec<SlicePort> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.into_iter().enumerate() {
        let at = root.index(index);
        let name = raw.name.unwrap_or_default();
        if !name.is_empty() {
            rules::label(&at.field("name"), &name)?;
        }
        let protocol = rules::protocol(&at.field("protocol"), raw.protocol.as_deref())?;
        let Some(number) = raw.port else {
            warnings.add(
                &at.field("port").to_string(),
                "not used: a port without a number stands for all ports, which no service forwards",
            );
            continue;
        };
        let port = rules::port(&at.field("port"), number)?;
        if ports.iter().any(|other| other.name == name) {
            return Err(at
                .field("name")
                .wrong_text(&name, "is the name of a port before it: give each its own"));
        }
        ports.push(SlicePort { name, protocol, port });
    }
    Ok(ports)
}
