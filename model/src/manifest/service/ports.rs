//! `spec.ports`

use super::raw::RawPort;
use crate::manifest::error::{At, ManifestError};
use crate::manifest::rules::{self, IntOrString};
use crate::service::{ServiceKind, ServicePort, TargetPort};

pub(super) fn check(
    at: &At<'_>,
    raw: Vec<RawPort>,
    kind: ServiceKind,
    may_be_empty: bool,
) -> Result<Vec<ServicePort>, ManifestError> {
    if raw.is_empty() && !may_be_empty {
        return Err(
            at.wrong("it is missing: only headless services and ExternalName have no ports")
        );
    }
    let several = raw.len() > 1;
    let mut ports: Vec<ServicePort> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.into_iter().enumerate() {
        let at = at.index(index);
        let port = port(&at, raw, kind, several)?;
        clash(&at, &port, &ports)?;
        ports.push(port);
    }
    Ok(ports)
}

fn port(
    at: &At<'_>,
    raw: RawPort,
    kind: ServiceKind,
    several: bool,
) -> Result<ServicePort, ManifestError> {
    let name = raw.name.unwrap_or_default();
    if !name.is_empty() {
        rules::label(&at.field("name"), &name)?;
    } else if several {
        return Err(at.field("name").wrong("it is missing: name each of several ports"));
    }
    let protocol = rules::protocol(&at.field("protocol"), raw.protocol.as_deref())?;
    let number = raw.port.ok_or_else(|| at.field("port").wrong("it is missing: use 1 to 65535"))?;
    let port = rules::port(&at.field("port"), number)?;
    let target = match raw.target_port {
        // Go writes 0 for what is absent.
        None | Some(IntOrString::Int(0)) => TargetPort::Number(port),
        Some(IntOrString::String(name)) if name.is_empty() => TargetPort::Number(port),
        Some(found) => rules::target_port(&at.field("targetPort"), found)?,
    };
    let node_port = rules::optional_port(&at.field("nodePort"), raw.node_port)?;
    if node_port.is_some() && !matches!(kind, ServiceKind::NodePort | ServiceKind::LoadBalancer) {
        return Err(at.field("nodePort").wrong(
            "only services of type NodePort or LoadBalancer have one: change spec.type, or leave it out",
        ));
    }
    Ok(ServicePort { name, protocol, port, target, node_port })
}

fn clash(at: &At<'_>, port: &ServicePort, before: &[ServicePort]) -> Result<(), ManifestError> {
    for other in before {
        if other.name == port.name {
            let rule = "is the name of a port before it: give each its own";
            return Err(at.field("name").wrong_text(&port.name, rule));
        }
        if other.protocol != port.protocol {
            continue;
        }
        if other.port == port.port {
            let problem = format!("{}/{} is served by a port before it", port.port, port.protocol);
            return Err(at.field("port").wrong(problem));
        }
        if let Some(node_port) = port.node_port.filter(|_| other.node_port == port.node_port) {
            let problem = format!("{node_port}/{} is that of a port before it", port.protocol);
            return Err(at.field("nodePort").wrong(problem));
        }
    }
    Ok(())
}
