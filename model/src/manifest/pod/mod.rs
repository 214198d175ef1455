//! `Pod`, v1: what concerns the network of one that a container runtime runs.

mod probe;

use serde::Deserialize;

use super::decode::from_object;
use super::error::{At, ManifestError};
use super::metadata::{Metadata, RawMetadata};
use super::warnings::Warnings;
use super::{kind, rules};
use crate::name::{DnsLabel, Namespace, PodId};
use crate::named_port::{NamedPorts, PORTS};
use crate::object::Kind;
use crate::pod::PodPort;
use crate::readiness::{READINESS, Readiness};
use probe::RawProbe;

/// The annotation with which a pod's hostname is kept.
pub const HOSTNAME: &str = "pontoon.net/hostname";
/// The annotation with which a pod's subdomain is kept: the headless service that names it.
pub const SUBDOMAIN: &str = "pontoon.net/subdomain";

/// A pod as somebody wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct PodManifest {
    /// Namespace and name.
    pub id: PodId,
    /// Its labels and annotations.
    pub metadata: Metadata,
    /// The ports that it has names for: of the annotation `pontoon.net/ports`, or else of its
    /// containers.
    pub ports: NamedPorts,
    /// How to find out whether it is ready: by the annotation `pontoon.net/readiness`, or else by
    /// its containers' `readinessProbe`.
    pub readiness: Option<Readiness>,
    /// `spec.hostname`, or else the annotation `pontoon.net/hostname`.
    pub hostname: Option<DnsLabel>,
    /// `spec.subdomain`, or else the annotation `pontoon.net/subdomain`.
    pub subdomain: Option<DnsLabel>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawPod {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: RawMetadata,
    spec: RawSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
struct RawSpec {
    hostname: Option<String>,
    subdomain: Option<String>,
    host_network: bool,
    readiness_gates: Vec<serde::de::IgnoredAny>,
    containers: Vec<RawContainer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
struct RawContainer {
    ports: Vec<RawPort>,
    readiness_probe: Option<RawProbe>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
struct RawPort {
    name: Option<String>,
    container_port: Option<i64>,
    protocol: Option<String>,
    host_port: Option<i64>,
}

from_object!(RawPod, RawSpec, RawContainer, RawPort);

/// Most of a pod is the runtime's business; what is of the network and has no effect is named below.
pub(super) const MUTED: &[&str] = &["spec", "status"];

pub(super) fn check(
    raw: RawPod,
    default_namespace: &Namespace,
    warnings: &mut Warnings,
) -> Result<PodManifest, ManifestError> {
    kind::expect(Kind::Pod, raw.api_version.as_deref(), raw.kind.as_deref())?;
    let id =
        PodId { namespace: raw.metadata.namespace(default_namespace)?, name: raw.metadata.name()? };
    let annotated_ports = raw.metadata.annotation::<NamedPorts>(PORTS)?;
    let annotated_readiness = raw.metadata.annotation::<Readiness>(READINESS)?;
    raw.metadata.note_strangers(Kind::Pod, &[PORTS, READINESS, HOSTNAME, SUBDOMAIN], warnings);
    let metadata = raw.metadata.check()?;
    let spec = At::root("spec");
    let hostname = label(&spec.field("hostname"), raw.spec.hostname, &metadata, HOSTNAME)?;
    let subdomain = label(&spec.field("subdomain"), raw.spec.subdomain, &metadata, SUBDOMAIN)?;
    if raw.spec.host_network {
        warnings.add("spec.hostNetwork", "not used: a pod in the host's network is not Pontoon's");
    }
    if !raw.spec.readiness_gates.is_empty() {
        warnings.add("spec.readinessGates", "not used");
    }
    let containers = spec.field("containers");
    let mut ports = Vec::new();
    let mut probed: Option<Readiness> = None;
    for (index, raw) in raw.spec.containers.into_iter().enumerate() {
        let at = containers.index(index);
        container_ports(&at.field("ports"), raw.ports, &mut ports, warnings)?;
        let Some(raw) = raw.readiness_probe else { continue };
        let at = at.field("readinessProbe");
        let found = probe::check(&at, raw, warnings)?;
        if annotated_readiness.is_some() {
            warnings.add(&at.to_string(), &format!("not used: the annotation {READINESS} counts"));
        } else if probed.is_some() {
            warnings.add(&at.to_string(), "not used: a pod has one check, its first");
        } else {
            probed = found;
        }
    }
    let ports = match annotated_ports {
        Some(annotated) => {
            if !ports.is_empty() {
                warnings.add(
                    "spec.containers",
                    &format!("ports are not used: the annotation {PORTS} counts"),
                );
            }
            annotated
        }
        None => {
            let (ports, left) = NamedPorts::first_of_each(ports);
            for port in left {
                let said = format!("port {:?} is not used: one before it has the name", port.name);
                warnings.add("spec.containers", &said);
            }
            ports
        }
    };
    Ok(PodManifest {
        id,
        metadata,
        ports,
        readiness: annotated_readiness.or(probed),
        hostname,
        subdomain,
    })
}

/// A field, or else the annotation that keeps it.
fn label(
    at: &At<'_>,
    field: Option<String>,
    metadata: &Metadata,
    annotation: &str,
) -> Result<Option<DnsLabel>, ManifestError> {
    let field = field.filter(|text| !text.is_empty());
    let Some(text) = field.or_else(|| metadata.annotations.get(annotation).cloned()) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| at.wrong_text(&text, rules::LABEL_RULE))
}

fn container_ports(
    list: &At<'_>,
    raw: Vec<RawPort>,
    ports: &mut Vec<PodPort>,
    warnings: &mut Warnings,
) -> Result<(), ManifestError> {
    for (index, raw) in raw.into_iter().enumerate() {
        let at = list.index(index);
        let number = at.field("containerPort");
        let port =
            raw.container_port.ok_or_else(|| number.wrong("it is missing: use 1 to 65535"))?;
        let port = rules::port(&number, port)?;
        let protocol = rules::protocol(&at.field("protocol"), raw.protocol.as_deref())?;
        if raw.host_port.is_some_and(|port| port != 0) {
            let said = "not used: host ports come from the container runtime";
            warnings.add(&at.field("hostPort").to_string(), said);
        }
        let Some(name) = raw.name.filter(|name| !name.is_empty()) else { continue };
        if !rules::is_port_name(&name) {
            return Err(at.field("name").wrong_text(&name, rules::PORT_NAME_RULE));
        }
        ports.push(PodPort { name, port, protocol });
    }
    Ok(())
}
