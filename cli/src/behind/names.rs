//! Labels that were meant and are not there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Around;
use crate::suggest;
use crate::table::text;

/// What is said of a selector that finds no pod: the nearest that would.
pub(crate) fn near_misses(service: &Value, around: &Around) -> Option<String> {
    let selector = service["spec"]["selector"].as_object().filter(|s| !s.is_empty())?;
    let namespace = text(service, "/metadata/namespace");
    let matches = |pod: &&Value| {
        selector.iter().filter(|(k, v)| pod["metadata"]["labels"].get(k) == Some(v)).count()
    };
    if around
        .pods
        .iter()
        .any(|pod| text(pod, "/metadata/namespace") == namespace && matches(&pod) == selector.len())
    {
        return None;
    }
    let here: Vec<&Value> =
        around.pods.iter().filter(|p| text(p, "/metadata/namespace") == namespace).collect();
    let written: Vec<String> =
        selector.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or("?"))).collect();
    let said = format!("no pod of namespace {namespace} has the labels {}", written.join(","));
    if here.is_empty() {
        return Some(format!("{said}: there are no pods in it"));
    }
    let labels: BTreeSet<String> = here
        .iter()
        .filter_map(|pod| pod["metadata"]["labels"].as_object())
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or("?")))
        .collect();
    let wrong = written.iter().find(|label| !labels.contains(*label));
    let near = wrong.and_then(|wrong| Some((wrong, suggest::nearest(wrong, &labels)?)));
    Some(match (near, wrong) {
        (Some((wrong, near)), _) => format!("{said}: none has {wrong}, but there is {near}"),
        (None, Some(wrong)) => format!("{said}: none has {wrong}"),
        (None, None) => format!("{said}: each is there, but no pod has all of them"),
    })
}
