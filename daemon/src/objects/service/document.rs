//! A service as it is stored: the document that somebody wrote, with what was allocated.

use std::net::IpAddr;

use pontoon_model::cidr::Family;
use pontoon_model::manifest::{FamilyPolicy, ServiceManifest};
use pontoon_model::service::ServiceKind;
use serde_json::{Map, Value};

use crate::objects::stamp::{Birth, object, stamp};

/// What a service got.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) headless: bool,
    /// `None` for ExternalName.
    pub(super) families: Option<(FamilyPolicy, Vec<Family>)>,
    pub(super) ips: Vec<IpAddr>,
    /// One for each port, or none at all.
    pub(super) node_ports: Vec<u16>,
    pub(super) health_check: Option<u16>,
}

/// Writes what a service got into its document.
pub(super) fn fill(
    manifest: &ServiceManifest,
    given: &Given,
    previous: Option<&Value>,
    birth: &Birth,
) -> Value {
    let service = &manifest.service;
    let mut document = manifest.document.clone();
    stamp(&mut document, Some(&service.id.namespace), previous, birth);
    status(&mut document, service.kind, previous);
    let Some(spec) = object(&mut document, "spec") else { return document };
    spec.insert("type".into(), type_name(service.kind).into());
    addresses(spec, given);
    if let Some(ports) = spec.get_mut("ports").and_then(Value::as_array_mut) {
        for (index, port) in ports.iter_mut().enumerate() {
            let (Some(port), Some(read)) = (port.as_object_mut(), service.ports.get(index)) else {
                continue;
            };
            port.insert("protocol".into(), read.protocol.to_string().into());
            set(port, "nodePort", given.node_ports.get(index).map(|number| (*number).into()));
        }
    }
    set(spec, "healthCheckNodePort", given.health_check.map(Value::from));
    document
}

fn addresses(spec: &mut Map<String, Value>, given: &Given) {
    let texts: Vec<Value> = if given.headless {
        vec!["None".into()]
    } else {
        given.ips.iter().map(|ip| ip.to_string().into()).collect()
    };
    set(spec, "clusterIP", texts.first().cloned());
    set(spec, "clusterIPs", (!texts.is_empty()).then_some(Value::Array(texts)));
    let families = given.families.as_ref();
    set(spec, "ipFamilyPolicy", families.map(|(policy, _)| policy.as_str().into()));
    let names = |families: &[Family]| families.iter().map(|f| f.to_string().into()).collect();
    set(spec, "ipFamilies", families.map(|(_, families)| Value::Array(names(families))));
}

/// Of the status the load balancer's addresses count; left out they stay as they were, since
/// manifests have none.
fn status(document: &mut Value, kind: ServiceKind, previous: Option<&Value>) {
    let Some(members) = document.as_object_mut() else { return };
    let balancer = match members.remove("status") {
        Some(status) => status.get("loadBalancer").cloned(),
        None => previous.and_then(|old| old.get("status")?.get("loadBalancer").cloned()),
    };
    let balancer = balancer.filter(|b| b.as_object().is_some_and(|members| !members.is_empty()));
    if let (Some(balancer), ServiceKind::LoadBalancer) = (balancer, kind) {
        members.insert("status".into(), serde_json::json!({ "loadBalancer": balancer }));
    }
}

fn set(members: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(members.insert(key.to_owned(), value)),
        None => drop(members.remove(key)),
    }
}

fn type_name(kind: ServiceKind) -> &'static str {
    match kind {
        ServiceKind::ClusterIp => "ClusterIP",
        ServiceKind::NodePort => "NodePort",
        ServiceKind::LoadBalancer => "LoadBalancer",
        ServiceKind::ExternalName => "ExternalName",
    }
}
