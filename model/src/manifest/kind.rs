//! Which kind of object a document is.

use serde_json::Value;

use super::error::{At, ManifestError, shown};
use crate::object::Kind;

/// The kind of a document.
///
/// # Errors
/// When it is none that Pontoon serves, with the nearest that is.
pub fn kind_of(document: &Value) -> Result<Kind, ManifestError> {
    let Some(object) = document.as_object() else {
        let problem = "the document is no object: write one with apiVersion, kind and metadata";
        return Err(ManifestError { path: String::new(), problem: problem.to_owned() });
    };
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    check(text("apiVersion"), text("kind"))
}

/// The documents in a `List`, as `kubectl get -o yaml` writes several; or the document itself.
#[must_use]
pub fn items(mut document: Value) -> Vec<Value> {
    let list =
        document.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List"));
    let (Some(kind), Some(Value::Array(_))) = (list.map(str::to_owned), document.get("items"))
    else {
        return vec![document];
    };
    let Value::Array(mut items) = document["items"].take() else { return Vec::new() };
    // Items of a list of one kind may leave it out.
    for item in items.iter_mut().filter_map(Value::as_object_mut).filter(|_| !kind.is_empty()) {
        item.entry("kind").or_insert_with(|| kind.as_str().into());
        item.entry("apiVersion").or_insert_with(|| document["apiVersion"].clone());
    }
    items
}

/// Checks that a document is of the kind that it is read as.
pub(super) fn expect(
    expected: Kind,
    api_version: Option<&str>,
    kind: Option<&str>,
) -> Result<(), ManifestError> {
    let found = check(api_version.unwrap_or_default(), kind.unwrap_or_default())?;
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (found.names().kind, expected.names().kind);
    Err(At::root("kind").wrong(format!("{found} stands where a {expected} belongs")))
}

fn check(api_version: &str, kind: &str) -> Result<Kind, ManifestError> {
    if kind.is_empty() {
        return Err(At::root("kind").wrong(format!("it is missing: served are {}", served())));
    }
    let Some(found) = Kind::ALL.into_iter().find(|known| known.names().kind == kind) else {
        let hint = nearest(kind).map(|near| format!("did you mean {near}? ")).unwrap_or_default();
        let said = format!("{} is not served; {hint}served are {}", shown(kind), served());
        return Err(At::root("kind").wrong(said));
    };
    let right = found.names().api_version;
    if api_version == right {
        return Ok(found);
    }
    let found =
        if api_version.is_empty() { "it is missing".to_owned() } else { shown(api_version) };
    Err(At::root("apiVersion").wrong(format!("{found}: {kind} is of {right}")))
}

/// That nobody applies objects of a kind.
pub(super) fn not_applied(kind: Kind) -> ManifestError {
    let name = kind.names().kind;
    let instead = match kind {
        Kind::Endpoints => "write an EndpointSlice, or label pods",
        Kind::Node => "the daemon of its host makes it; label it with `pontoon label`",
        _ => "the daemons make it",
    };
    At::root("kind").wrong(format!("{name} is not applied: {instead}; served are {}", served()))
}

fn served() -> String {
    let kinds =
        Kind::APPLIED.map(|kind| format!("{} ({})", kind.names().kind, kind.names().api_version));
    kinds.join(", ")
}

fn nearest(kind: &str) -> Option<&'static str> {
    let lower = kind.to_lowercase();
    let names = |kind: Kind| {
        let names = kind.names();
        [names.singular, names.plural].into_iter().chain(names.short.iter().copied())
    };
    if ["endpoint", "endpoints", "ep"].contains(&lower.as_str()) {
        return Some(Kind::EndpointSlice.names().kind);
    }
    let likeness = |kind: Kind| {
        names(kind).map(|name| strsim::jaro_winkler(&lower, name)).max_by(f64::total_cmp)
    };
    Kind::APPLIED
        .into_iter()
        .filter_map(|kind| Some((likeness(kind)?, kind)))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.85)
        .map(|(_, kind)| kind.names().kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(api_version: &str, kind: &str) -> String {
        kind_of(&json!({"apiVersion": api_version, "kind": kind})).unwrap_err().to_string()
    }

    #[test]
    fn every_kind_is_known_by_its_names() {
        for kind in Kind::ALL {
            let names = kind.names();
            let document = json!({"apiVersion": names.api_version, "kind": names.kind});
            assert_eq!(kind_of(&document), Ok(kind));
        }
    }

    #[test]
    fn a_strange_kind_is_answered_with_those_served_and_the_nearest() {
        let served = "Service (v1), EndpointSlice (discovery.k8s.io/v1), Namespace (v1), Pod (v1)";
        for (kind, near) in [
            ("Servce", "Service"),
            ("service", "Service"),
            ("Endpoint", "EndpointSlice"),
            ("po", "Pod"),
        ] {
            let said = said("v1", kind);
            assert!(said.contains(&format!("did you mean {near}? served are {served}")), "{said}");
        }
        let said = said("apps/v1", "Deployment");
        assert_eq!(said, format!("kind: \"Deployment\" is not served; served are {served}"));
    }

    #[test]
    fn lists_are_taken_apart() {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [{"kind": "Pod"}, 1]});
        assert_eq!(items(list), [json!({"kind": "Pod"}), json!(1)]);
        let list = json!({"apiVersion": "v1", "kind": "ServiceList", "items": [{"metadata": {}}]});
        assert_eq!(items(list), [json!({"apiVersion": "v1", "kind": "Service", "metadata": {}})]);
        for alone in [json!({"kind": "Pod"}), json!([1]), json!({"kind": "List"}), json!(null)] {
            assert_eq!(items(alone.clone()), [alone]);
        }
    }

    #[test]
    fn a_wrong_version_is_answered_with_the_right_one() {
        assert_eq!(
            said("discovery.k8s.io/v1beta1", "EndpointSlice"),
            "apiVersion: \"discovery.k8s.io/v1beta1\": EndpointSlice is of discovery.k8s.io/v1"
        );
        assert_eq!(said("", "Pod"), "apiVersion: it is missing: Pod is of v1");
        assert!(kind_of(&json!([])).is_err() && kind_of(&json!({})).is_err());
    }
}
