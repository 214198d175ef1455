//! What is said where nothing is found: the nearest that is there.

use std::collections::BTreeSet;

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::Kind;
use pontoon_model::rest::labels::{Requirement, Test};
use serde_json::Value;

use crate::api::Api;
use crate::scope::Scope;
use crate::table::text;
use crate::{say, suggest};

/// A failure that concerns one name, with what was probably meant.
pub(crate) fn explain(
    api: &Api,
    kind: Kind,
    scope: &Scope,
    name: &str,
    failure: &Failure,
) -> String {
    if failure.code != Code::NotFound {
        return failure.to_string();
    }
    let all = api.all(kind, None).unwrap_or_default();
    match meant(kind, scope, name, &all) {
        Some(hint) => format!("{}; {hint}", failure.msg),
        None => failure.to_string(),
    }
}

fn meant(kind: Kind, scope: &Scope, name: &str, all: &[Value]) -> Option<String> {
    let place = |object: &Value| text(object, "/metadata/namespace").to_owned();
    let asked = scope.namespace().filter(|_| kind.names().namespaced);
    let elsewhere: BTreeSet<String> =
        all.iter().filter(|o| text(o, "/metadata/name") == name).map(place).collect();
    if let Some(first) = elsewhere.first().filter(|_| asked.is_some()) {
        return Some(format!("there is one in namespace {first}: use -n {first}"));
    }
    let here = all.iter().filter(|o| asked.as_ref().is_none_or(|a| place(o) == a.as_str()));
    let near = suggest::nearest(name, here.map(|object| text(object, "/metadata/name")))?;
    Some(format!("did you mean {near}?"))
}

/// Says that there is nothing of the kinds that were asked for.
pub(crate) fn none(api: &Api, kinds: &[Kind], scope: &Scope) {
    for kind in kinds {
        let place = scope.place(*kind);
        say::aside(format_args!("No {} found{place}.", kind.names().plural));
    }
    let Some(first) = kinds.first() else { return };
    if let Some(hint) =
        namespace_hint(api, *first, scope).or_else(|| label_hint(api, *first, scope))
    {
        say::aside(hint);
    }
}

/// That there is no such namespace. `default` always is.
fn namespace_hint(api: &Api, kind: Kind, scope: &Scope) -> Option<String> {
    let asked = scope.namespace().filter(|_| kind.names().namespaced)?;
    if asked == Default::default() {
        return None;
    }
    let all = api.all(Kind::Namespace, None).ok()?;
    let names: Vec<&str> = all.iter().map(|namespace| text(namespace, "/metadata/name")).collect();
    if names.contains(&asked.as_str()) {
        return None;
    }
    let near = suggest::nearest(asked.as_str(), names);
    let near = near.map(|near| format!(" Did you mean {near}?")).unwrap_or_default();
    Some(format!("Nothing at all is in namespace {asked}.{near}"))
}

/// That no object has such a label.
fn label_hint(api: &Api, kind: Kind, scope: &Scope) -> Option<String> {
    let wanted = scope.selector.as_ref()?;
    let namespace = scope.namespace().filter(|_| kind.names().namespaced);
    let all = api.all(kind, namespace).ok()?;
    let labels: BTreeSet<(&str, &str)> = all
        .iter()
        .filter_map(|object| object["metadata"]["labels"].as_object())
        .flatten()
        .map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
        .collect();
    let keys: BTreeSet<&str> = labels.iter().map(|(key, _)| *key).collect();
    let plural = kind.names().plural;
    for Requirement { key, test } in wanted.iter() {
        let key = key.as_str();
        // Where something is not to be, nothing is misspelt that somebody misses.
        let (Test::Exists | Test::In(_)) = test else { continue };
        if !keys.contains(key) {
            let near = suggest::nearest(key, keys);
            let near = near.map(|near| format!(" Did you mean {near}?")).unwrap_or_default();
            return Some(format!("None of the {plural} has a label {key}.{near}"));
        }
        let Test::In(wished) = test else { continue };
        if let Some(value) = wished.first().filter(|_| wished.len() == 1)
            && !labels.contains(&(key, value))
        {
            let values = labels.iter().filter(|(own, _)| *own == key).map(|(_, value)| *value);
            let near = suggest::nearest(value, values);
            let near = near.map(|near| format!(" Did you mean {key}={near}?")).unwrap_or_default();
            return Some(format!("None of the {plural} has {key}={value}.{near}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        scope: Scope,
    }

    fn hint(arguments: &[&str], name: &str) -> Option<String> {
        let all = [("default", "web"), ("default", "api"), ("prod", "billing")]
            .map(|(namespace, name)| json!({"metadata": {"namespace": namespace, "name": name}}));
        let words = std::iter::once("pontoon").chain(arguments.iter().copied());
        meant(Kind::Service, &Typed::parse_from(words).scope, name, &all)
    }

    #[test]
    fn a_name_is_looked_for_in_other_namespaces_and_among_its_likes() {
        let there = Some("there is one in namespace prod: use -n prod".to_owned());
        assert_eq!(hint(&[], "billing"), there);
        assert_eq!(hint(&[], "wbe"), Some("did you mean web?".to_owned()));
        assert_eq!(hint(&["-n", "prod"], "wbe"), None);
        assert_eq!(hint(&["-n", "prod"], "biling"), Some("did you mean billing?".to_owned()));
        assert_eq!(hint(&[], "database"), None);
    }
}
