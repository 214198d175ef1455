//! The columns of services.

use serde_json::Value;

use super::{Columns, labels, list, or_none, text, texts};

pub(super) const COLUMNS: Columns = Columns {
    heads: &["TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)"],
    cells: |service| {
        let kind = text(service, "/spec/type");
        let kind = if kind.is_empty() { "ClusterIP" } else { kind };
        let external = external_ip(service, kind);
        vec![kind.into(), cluster_ip(service).into(), external.into(), ports(service).into()]
    },
    age: true,
    wide: Some(("SELECTOR", |service| labels(service, "/spec/selector"))),
};

fn cluster_ip(service: &Value) -> String {
    let first = texts(service, "/spec/clusterIPs").first().copied();
    or_none(first.unwrap_or_else(|| text(service, "/spec/clusterIP")).to_owned())
}

fn external_ip(service: &Value, kind: &str) -> String {
    if kind == "ExternalName" {
        return or_none(text(service, "/spec/externalName").to_owned());
    }
    let mut addresses = Vec::new();
    if kind == "LoadBalancer" {
        for ingress in list(service, "/status/loadBalancer/ingress") {
            let ip = text(ingress, "/ip");
            addresses.push(if ip.is_empty() { text(ingress, "/hostname") } else { ip });
        }
    }
    addresses.extend(texts(service, "/spec/externalIPs"));
    match (addresses.is_empty(), kind) {
        (true, "LoadBalancer") => "<pending>".to_owned(),
        (true, _) => "<none>".to_owned(),
        (false, _) => addresses.join(","),
    }
}

fn ports(service: &Value) -> String {
    let port = |port: &Value| {
        let number = |field: &str| port.get(field).and_then(Value::as_u64).filter(|n| *n != 0);
        let protocol = text(port, "/protocol");
        let protocol = if protocol.is_empty() { "TCP" } else { protocol };
        let own = number("port").unwrap_or_default();
        match number("nodePort") {
            Some(node) => format!("{own}:{node}/{protocol}"),
            None => format!("{own}/{protocol}"),
        }
    };
    let ports: Vec<String> = list(service, "/spec/ports").iter().map(port).collect();
    or_none(ports.join(","))
}
