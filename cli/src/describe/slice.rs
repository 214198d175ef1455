//! Endpoint slices.

use serde_json::Value;

use super::sheet::Sheet;
use super::{Known, metadata};
use crate::grid::Cell;
use crate::say::Tone;
use crate::suggest;
use crate::table::{list, text, texts};

pub(super) fn tell(sheet: &mut Sheet, slice: &Value, known: &Known) {
    metadata(sheet, slice, known);
    let owner = slice["metadata"]["labels"]["kubernetes.io/service-name"].as_str();
    sheet.field("Service", owner.unwrap_or_default());
    sheet.field("Address type", text(slice, "/addressType"));
    let port = |port: &Value| {
        let name = text(port, "/name");
        let protocol = text(port, "/protocol");
        let number = port["port"].as_u64().map(|number| number.to_string());
        [
            if name.is_empty() { "<unset>" } else { name }.into(),
            number.unwrap_or_else(|| "<unset>".to_owned()).into(),
            if protocol.is_empty() { "TCP" } else { protocol }.into(),
        ]
    };
    let ports = list(slice, "/ports").iter().map(port).collect();
    sheet.table("Ports", ["NAME", "PORT", "PROTOCOL"], ports);
    let endpoints = list(slice, "/endpoints").iter().map(endpoint).collect();
    sheet.table("Endpoints", ["ADDRESSES", "HOSTNAME", "NODE", "ZONE", "STATE"], endpoints);
    remarks(sheet, slice, owner, known);
}

fn endpoint(endpoint: &Value) -> [Cell; 5] {
    let or_none = |field: &str| {
        let own = text(endpoint, field);
        Cell::from(if own.is_empty() { "<none>" } else { own })
    };
    let is = |condition: &str| endpoint["conditions"][condition].as_bool();
    let state = match (is("ready"), is("serving"), is("terminating")) {
        (_, Some(true), Some(true)) => Cell::toned("terminating, and still serving", Tone::Warn),
        (_, _, Some(true)) => Cell::toned("terminating", Tone::Warn),
        (Some(false), _, _) => Cell::toned("not ready", Tone::Warn),
        _ => Cell::toned("ready", Tone::Good),
    };
    let addresses = texts(endpoint, "/addresses").join(",").into();
    [addresses, or_none("/hostname"), or_none("/nodeName"), or_none("/zone"), state]
}

fn remarks(sheet: &mut Sheet, slice: &Value, owner: Option<&str>, known: &Known) {
    let Some(owner) = owner else {
        sheet.remark("it belongs to no service: give it the label kubernetes.io/service-name");
        return;
    };
    let here = known
        .services
        .iter()
        .filter(|s| text(s, "/metadata/namespace") == text(slice, "/metadata/namespace"));
    let names: Vec<&str> = here.map(|service| text(service, "/metadata/name")).collect();
    if !names.contains(&owner) {
        let near = suggest::nearest(owner, names);
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        sheet.remark(format!("there is no service {owner} in its namespace{near}"));
    }
}
