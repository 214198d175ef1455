//! Pods.

use pontoon_model::readiness::READINESS;
use serde_json::Value;

use super::sheet::Sheet;
use super::{Known, metadata};
use crate::behind;
use crate::grid::Cell;
use crate::say::Tone;
use crate::table::{list, text};

pub(super) fn tell(sheet: &mut Sheet, pod: &Value, known: &Known) {
    metadata(sheet, pod, known);
    let node = text(pod, "/spec/nodeName");
    sheet.field("Node", node);
    let addresses: Vec<&str> =
        list(pod, "/status/podIPs").iter().map(|address| text(address, "/ip")).collect();
    sheet.field("Addresses", addresses.join(", "));
    sheet.field("DNS", dns(pod, &addresses, known));
    sheet.field("Ready", ready(pod));
    let check = pod["metadata"]["annotations"][READINESS].as_str();
    sheet.field("Check", check.unwrap_or("<none>: it is ready as soon as it is attached"));
    attachment(sheet, pod, node, known);
    services(sheet, pod, known);
}

fn ready(pod: &Value) -> String {
    let condition = list(pod, "/status/conditions").iter().find(|c| text(c, "/type") == "Ready");
    match condition.map(|condition| text(condition, "/status")) {
        Some("True") => "yes".to_owned(),
        Some(_) => "no: its check does not succeed, or it is going".to_owned(),
        None => "unknown".to_owned(),
    }
}

/// Its name in DNS: its address with dashes, and its own one below a headless service.
fn dns(pod: &Value, addresses: &[&str], known: &Known) -> String {
    let domain = known.status.cluster.as_ref().map_or("cluster.local", |c| &c.cluster_domain);
    let namespace = text(pod, "/metadata/namespace");
    let (hostname, subdomain) = (text(pod, "/spec/hostname"), text(pod, "/spec/subdomain"));
    if !subdomain.is_empty() {
        let name = text(pod, "/metadata/name");
        let hostname = if hostname.is_empty() { name } else { hostname };
        return format!("{hostname}.{subdomain}.{namespace}.svc.{domain}");
    }
    match addresses.first() {
        Some(address) => {
            format!("{}.{namespace}.pod.{domain}", address.replace(['.', ':'], "-"))
        }
        None => String::new(),
    }
}

/// How it hangs on its node. Only the node itself knows.
fn attachment(sheet: &mut Sheet, pod: &Value, node: &str, known: &Known) {
    let status = &known.status;
    if status.node.as_str() != node {
        sheet.field("Attachment", format!("known to node {node} alone: describe it there"));
        return;
    }
    let of_it = status.pods.iter().filter(|attached| {
        attached.pod.name.as_str() == text(pod, "/metadata/name")
            && attached.pod.namespace.as_str() == text(pod, "/metadata/namespace")
    });
    let row = |attached: &pontoon_model::api::PodStatus| {
        let addresses: Vec<String> = attached.addresses.iter().map(ToString::to_string).collect();
        [
            attached.id.container_id.to_string().into(),
            attached.id.ifname.to_string().into(),
            attached.host_interface.as_str().into(),
            addresses.join(",").into(),
        ]
    };
    let rows: Vec<_> = of_it.map(row).collect();
    if rows.is_empty() {
        sheet.remark(format!(
            "node {node} has no attachment of it: it is being taken away, or its record was left behind"
        ));
    }
    sheet.table("Attachments", ["CONTAINER", "INTERFACE", "ON THE HOST", "ADDRESSES"], rows);
}

/// The services that select it, and what they make of it.
fn services(sheet: &mut Sheet, pod: &Value, known: &Known) {
    let name = text(pod, "/metadata/name");
    let mut rows = Vec::new();
    let here = known
        .services
        .iter()
        .filter(|s| text(s, "/metadata/namespace") == text(pod, "/metadata/namespace"));
    for service in here {
        let mut all = behind::of(service, &known.around).into_iter();
        let Some(endpoint) = all.find(|e| e.pod.as_deref() == Some(name)) else { continue };
        let state = match endpoint.held_back {
            None => Cell::toned("gets connections", Tone::Good),
            Some(why) => Cell::toned(format!("gets none: {why}"), Tone::Warn),
        };
        rows.push([text(service, "/metadata/name").into(), state]);
    }
    if rows.is_empty() {
        sheet.remark("no service selects it: `pontoon get svc -o wide` shows what they select");
    }
    sheet.table("Services", ["NAME", "STATE"], rows);
}
