//! Pods behind a service.

use pontoon_model::named_port::PORTS;
use pontoon_model::readiness::READINESS;
use serde_json::Value;

use super::{Around, Endpoint};
use crate::table::{list, text, texts};

pub(super) fn of(service: &Value, around: &Around) -> Vec<Endpoint> {
    let Some(selector) = service["spec"]["selector"].as_object().filter(|s| !s.is_empty()) else {
        return Vec::new();
    };
    let namespace = text(service, "/metadata/namespace");
    let selected = |pod: &&Value| {
        text(pod, "/metadata/namespace") == namespace
            && selector.iter().all(|(key, value)| pod["metadata"]["labels"].get(key) == Some(value))
    };
    let of = |pod: &Value| {
        let (ports, missing) = ports(service, pod);
        let held_back = held_back(pod, around).or(missing);
        let node = text(pod, "/spec/nodeName").to_owned();
        let name = text(pod, "/metadata/name").to_owned();
        let one = move |address: String| Endpoint {
            address,
            pod: Some(name.clone()),
            slice: None,
            node: node.clone(),
            ports: ports.clone(),
            held_back: held_back.clone(),
        };
        addresses(service, pod).into_iter().map(one).collect::<Vec<_>>()
    };
    around.pods.iter().filter(selected).flat_map(of).collect()
}

/// Those of the families that the service has.
fn addresses(service: &Value, pod: &Value) -> Vec<String> {
    let families = texts(service, "/spec/ipFamilies");
    let is_meant = |address: &&str| {
        let family = if address.contains(':') { "IPv6" } else { "IPv4" };
        families.is_empty() || families.contains(&family)
    };
    let all = list(pod, "/status/podIPs").iter().map(|address| text(address, "/ip"));
    all.filter(is_meant).map(str::to_owned).collect()
}

/// Why a pod takes no connections.
fn held_back(pod: &Value, around: &Around) -> Option<String> {
    let node = text(pod, "/spec/nodeName");
    let ready = |object: &Value| {
        list(object, "/status/conditions")
            .iter()
            .find(|condition| text(condition, "/type") == "Ready")
            .map(|condition| text(condition, "/status") == "True")
    };
    let host = around.nodes.iter().find(|known| text(known, "/metadata/name") == node);
    match host {
        None => return Some(format!("its node {node} is not known")),
        Some(host) if ready(host) == Some(false) => {
            return Some(format!("its node {node} has not been heard of"));
        }
        Some(_) => {}
    }
    if ready(pod) != Some(false) {
        return None;
    }
    let check = pod["metadata"]["annotations"][READINESS].as_str();
    Some(match check {
        Some(check) => format!("its check {check} does not succeed"),
        None => format!("its node {node} does not say that it is ready"),
    })
}

type Ports = Vec<(String, u64, String)>;

/// The pod's ports for those of the service, and what is said when it lacks one.
fn ports(service: &Value, pod: &Value) -> (Ports, Option<String>) {
    let (mut ports, mut missing) = (Vec::new(), None);
    for port in list(service, "/spec/ports") {
        let protocol = text(port, "/protocol");
        let protocol = if protocol.is_empty() { "TCP" } else { protocol };
        let number = match &port["targetPort"] {
            Value::String(name) => {
                let found = named_port(pod, name, protocol);
                if found.is_none() {
                    missing = Some(format!("it has no port named {name} ({protocol})"));
                }
                found
            }
            target => target.as_u64().or_else(|| port["port"].as_u64()),
        };
        if let Some(number) = number {
            ports.push((text(port, "/name").to_owned(), number, protocol.to_owned()));
        }
    }
    // With one port left it takes what comes for that.
    if ports.is_empty() { (ports, missing) } else { (ports, None) }
}

fn named_port(pod: &Value, name: &str, protocol: &str) -> Option<u64> {
    let annotated = pod["metadata"]["annotations"][PORTS].as_str().unwrap_or_default();
    let annotated = annotated.split(',').find_map(|port| {
        let (own, number) = port.trim().split_once('=')?;
        let (number, spoken) = number.split_once('/').unwrap_or((number, "TCP"));
        (own == name && spoken == protocol).then(|| number.parse().ok()).flatten()
    });
    annotated.or_else(|| {
        let mut all = list(pod, "/spec/containers").iter().flat_map(|c| list(c, "/ports"));
        let meant = |port: &&Value| {
            let spoken = text(port, "/protocol");
            text(port, "/name") == name && (spoken == protocol || spoken.is_empty())
        };
        all.find(meant)?["containerPort"].as_u64()
    })
}
