//! Services and their endpoints.

use serde_json::Value;

use super::sheet::Sheet;
use super::{Known, metadata};
use crate::behind::{self, Endpoint};
use crate::grid::Cell;
use crate::say::Tone;
use crate::table::{labels, list, text, texts};

pub(super) fn tell(sheet: &mut Sheet, service: &Value, known: &Known) {
    metadata(sheet, service, known);
    let spec = |field: &str| text(service, &format!("/spec/{field}")).to_owned();
    let kind = if spec("type").is_empty() { "ClusterIP".to_owned() } else { spec("type") };
    sheet.field("Type", &kind);
    if kind == "ExternalName" {
        sheet.field("Stands for", spec("externalName"));
        sheet.field("DNS", dns(service, known));
        return;
    }
    sheet.field("Selector", labels(service, "/spec/selector"));
    addresses(sheet, service, &kind);
    sheet.field("DNS", dns(service, known));
    traffic(sheet, service);
    let endpoints = behind::of(service, &known.around);
    ports(sheet, service, &endpoints);
    table(sheet, &endpoints);
    remarks(sheet, service, &kind, &endpoints, known);
}

fn addresses(sheet: &mut Sheet, service: &Value, kind: &str) {
    let ips = texts(service, "/spec/clusterIPs");
    let ips = if ips.is_empty() { vec![text(service, "/spec/clusterIP")] } else { ips };
    let headless = ips == ["None"];
    let shown = if headless {
        "None (headless: DNS leads to the endpoints)".to_owned()
    } else {
        ips.join(", ")
    };
    sheet.field("Cluster IPs", shown);
    let policy = text(service, "/spec/ipFamilyPolicy");
    let families = texts(service, "/spec/ipFamilies").join(", ");
    if !families.is_empty() {
        let policy = if policy.is_empty() { String::new() } else { format!(" ({policy})") };
        sheet.field("Families", format!("{families}{policy}"));
    }
    sheet.field_if("External IPs", texts(service, "/spec/externalIPs").join(", "));
    if kind == "LoadBalancer" {
        let ingress = list(service, "/status/loadBalancer/ingress").iter().map(|ingress| {
            let ip = text(ingress, "/ip");
            if ip.is_empty() { text(ingress, "/hostname") } else { ip }
        });
        let ingress: Vec<&str> = ingress.collect();
        let pending = "<pending>: no load balancer has given it an address";
        let shown = if ingress.is_empty() { pending.to_owned() } else { ingress.join(", ") };
        sheet.field("Load balancer", shown);
        sheet.field_if("Only from", texts(service, "/spec/loadBalancerSourceRanges").join(", "));
    }
}

fn traffic(sheet: &mut Sheet, service: &Value) {
    let or = |field: &str, default: &str| {
        let own = text(service, &format!("/spec/{field}"));
        if own.is_empty() { default.to_owned() } else { own.to_owned() }
    };
    let mut affinity = or("sessionAffinity", "None");
    let timeout = service.pointer("/spec/sessionAffinityConfig/clientIP/timeoutSeconds");
    if affinity != "None" {
        let seconds = timeout.and_then(Value::as_u64).unwrap_or(10_800);
        affinity.push_str(&format!(" for {seconds} s"));
    }
    sheet.field("Affinity", affinity);
    let policies = format!(
        "from inside to {}, from outside to {}",
        whose(&or("internalTrafficPolicy", "Cluster")),
        whose(&or("externalTrafficPolicy", "Cluster"))
    );
    sheet.field("Traffic", policies);
    sheet.field_if("Prefers", or("trafficDistribution", ""));
    let port = service.pointer("/spec/healthCheckNodePort").and_then(Value::as_u64);
    sheet.field_if("Health port", port.map(|port| port.to_string()).unwrap_or_default());
}

fn whose(policy: &str) -> &'static str {
    if policy == "Local" { "the same node's endpoints alone" } else { "all endpoints" }
}

/// The name that pods look up.
fn dns(service: &Value, known: &Known) -> String {
    let domain = known.status.cluster.as_ref().map_or("cluster.local", |c| &c.cluster_domain);
    let (name, namespace) = (text(service, "/metadata/name"), text(service, "/metadata/namespace"));
    format!("{name}.{namespace}.svc.{domain}")
}

fn ports(sheet: &mut Sheet, service: &Value, endpoints: &[Endpoint]) {
    let row = |port: &Value| {
        let number = |field: &str| {
            let number = port[field].as_u64().filter(|number| *number != 0);
            number.map(|number| number.to_string())
        };
        let name = text(port, "/name");
        let protocol = text(port, "/protocol");
        let protocol = if protocol.is_empty() { "TCP" } else { protocol };
        let target = match &port["targetPort"] {
            Value::String(name) => Some(name.clone()),
            _ => number("targetPort").or_else(|| number("port")),
        };
        let serves = |endpoint: &&Endpoint| {
            endpoint.held_back.is_none()
                && endpoint.ports.iter().any(|(own, _, spoken)| own == name && spoken == protocol)
        };
        let ready = endpoints.iter().filter(serves).count();
        let tone = if ready == 0 { Tone::Bad } else { Tone::Good };
        let unset = || "<unset>".to_owned();
        [
            if name.is_empty() { unset() } else { name.to_owned() }.into(),
            format!("{}/{protocol}", number("port").unwrap_or_else(unset)).into(),
            target.unwrap_or_else(unset).into(),
            number("nodePort").unwrap_or_else(|| "<none>".to_owned()).into(),
            Cell::toned(ready.to_string(), tone),
        ]
    };
    let rows = list(service, "/spec/ports").iter().map(row).collect();
    sheet.table("Ports", ["NAME", "PORT", "TARGET", "NODE PORT", "READY ENDPOINTS"], rows);
}

fn table(sheet: &mut Sheet, endpoints: &[Endpoint]) {
    let row = |endpoint: &Endpoint| {
        let from = match (&endpoint.pod, &endpoint.slice) {
            (Some(pod), _) => format!("pod {pod}"),
            (None, Some(slice)) => format!("slice {slice}"),
            (None, None) => "<none>".to_owned(),
        };
        let ports: Vec<String> =
            endpoint.ports.iter().map(|(_, port, _)| port.to_string()).collect();
        let node = if endpoint.node.is_empty() { "<none>" } else { &endpoint.node };
        let state = match &endpoint.held_back {
            None => Cell::toned("ready", Tone::Good),
            Some(why) => Cell::toned(format!("not ready: {why}"), Tone::Warn),
        };
        [endpoint.address.as_str().into(), ports.join(",").into(), from.into(), node.into(), state]
    };
    let rows = endpoints.iter().map(row).collect();
    sheet.table("Endpoints", ["ADDRESS", "PORTS", "FROM", "NODE", "STATE"], rows);
}

fn remarks(sheet: &mut Sheet, service: &Value, kind: &str, endpoints: &[Endpoint], known: &Known) {
    if let Some(miss) = behind::near_misses(service, &known.around) {
        sheet.remark(miss);
    }
    let selects = service["spec"]["selector"].as_object().is_some_and(|s| !s.is_empty());
    if !selects && behind::slices_of(service, &known.around).next().is_none() {
        let name = text(service, "/metadata/name");
        sheet.remark(format!(
            "it selects no pods, and no endpoint slice has the label kubernetes.io/service-name={name}"
        ));
    }
    let headless = text(service, "/spec/clusterIP") == "None";
    if endpoints.iter().all(|endpoint| endpoint.held_back.is_some()) && !headless {
        sheet.remark("nobody is ready: connections are refused at once");
    }
    if kind == "LoadBalancer" && text(service, "/spec/externalTrafficPolicy") == "Local" {
        sheet.remark("a node without an endpoint drops what comes from outside, so that the load balancer goes elsewhere");
    }
}

/// The endpoints of a service, by themselves.
pub(super) fn endpoints(sheet: &mut Sheet, endpoints: &Value, known: &Known) {
    metadata(sheet, endpoints, known);
    let same = |service: &&Value| {
        ["/metadata/name", "/metadata/namespace"]
            .iter()
            .all(|path| text(service, path) == text(endpoints, path))
    };
    let Some(service) = known.services.iter().find(same) else {
        sheet.remark("there is no service of this name");
        return;
    };
    let all = behind::of(service, &known.around);
    sheet.field("Selector", labels(service, "/spec/selector"));
    table(sheet, &all);
    if let Some(miss) = behind::near_misses(service, &known.around) {
        sheet.remark(miss);
    }
}
