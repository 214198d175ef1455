//! Changing labels and annotations of objects that are there.

use pontoon_model::api::{Code, Failure};
use pontoon_model::key::Key;
use pontoon_model::manifest::{self, HOSTNAME, SUBDOMAIN, label};
use pontoon_model::name::{DnsLabel, Namespace};
use pontoon_model::named_port::{NamedPorts, PORTS};
use pontoon_model::node::NodeMarks;
use pontoon_model::object::{LabelChange, MetadataChange, OutcomeResult};
use pontoon_model::readiness::{READINESS, Readiness};
use pontoon_model::selector::Labels;
use pontoon_store::Store;
use serde_json::Value;

use super::failure::invalid;
use super::project::Item;
use super::seen::Seen;
use super::stamp::{Birth, object, stamp};
use super::{node, pods, single};

/// What all annotations of an object may have together, bytes; Kubernetes' own limit.
const ANNOTATIONS: usize = 256 << 10;

/// Checks the change itself.
pub(super) fn check(change: &MetadataChange) -> Result<(), Failure> {
    for (what, change) in [("labels", &change.labels), ("annotations", &change.annotations)] {
        let path = format!("metadata.{what}");
        for (key, value) in &change.set {
            label::check_key(key).map_err(|error| invalid(&path, error))?;
            if what == "labels" {
                label::check_value(value)
                    .map_err(|error| invalid(&format!("{path}[{key}]"), error))?;
            }
            if change.remove.contains(key) {
                return Err(invalid(&path, format!("{key:?} is both set and taken away")));
            }
        }
    }
    let size: usize = change.annotations.set.iter().map(|(key, text)| key.len() + text.len()).sum();
    if size > ANNOTATIONS {
        let problem =
            format!("{size} bytes are more than the {ANNOTATIONS} that an object may have");
        return Err(invalid("metadata.annotations", problem));
    }
    Ok(())
}

pub(super) async fn change(
    store: &dyn Store,
    item: &Item,
    change: &MetadataChange,
) -> Result<OutcomeResult, Failure> {
    let result = match &item.key {
        Key::Pod(..) => {
            let key = item.key.to_string();
            pods::change(store, &key, &Seen::default(), false, |record| {
                check_meanings(change)?;
                alter("label", &mut record.labels, &change.labels)?;
                alter("annotation", &mut record.annotations, &change.annotations)
            })
            .await
        }
        Key::Node(name) => {
            node::mark(store, name, |marks: &mut NodeMarks| {
                alter("label", &mut marks.labels, &change.labels)?;
                alter("annotation", &mut marks.annotations, &change.annotations)
            })
            .await
        }
        key => {
            let read = Seen::default();
            single::change(store, key, &read, false, |old| document(item, old, change)).await
        }
    };
    Ok(match result? {
        OutcomeResult::Unchanged => OutcomeResult::Unchanged,
        _ if change.annotations.is_empty() => OutcomeResult::Labeled,
        _ if change.labels.is_empty() => OutcomeResult::Annotated,
        _ => OutcomeResult::Configured,
    })
}

/// Annotations by which a pod says something to Pontoon: its node would pass over a broken one.
fn check_meanings(change: &MetadataChange) -> Result<(), Failure> {
    for (key, text) in &change.annotations.set {
        let wrong = |error: &dyn std::fmt::Display| {
            Err(invalid(&format!("metadata.annotations[{key}]"), error))
        };
        let checked = match key.as_str() {
            PORTS => text.parse::<NamedPorts>().map_or_else(|e| wrong(&e), |_| Ok(())),
            READINESS => text.parse::<Readiness>().map_or_else(|e| wrong(&e), |_| Ok(())),
            HOSTNAME | SUBDOMAIN => text.parse::<DnsLabel>().map_or_else(|e| wrong(&e), |_| Ok(())),
            _ => Ok(()),
        };
        checked?;
    }
    Ok(())
}

/// A document with the metadata changed. A namespace that nobody wrote is written for it.
fn document(item: &Item, old: Option<&Value>, change: &MetadataChange) -> Result<Value, Failure> {
    let mut document = match (old, &item.key) {
        (Some(old), _) => old.clone(),
        (None, Key::Namespace(_)) => {
            let mut document = item.document.clone();
            if let Some(members) = document.as_object_mut() {
                members.remove("status");
            }
            stamp(&mut document, None, None, &Birth::now());
            document
        }
        (None, key) => {
            return Err(Failure::new(Code::NotFound, format!("{key} has just gone"), ""));
        }
    };
    for (what, field, change) in
        [("label", "labels", &change.labels), ("annotation", "annotations", &change.annotations)]
    {
        if change.is_empty() {
            continue;
        }
        let mut values: Labels =
            serde_json::from_value(document["metadata"][field].take()).unwrap_or_default();
        alter(what, &mut values, change)?;
        if let Some(metadata) = object(&mut document, "metadata") {
            metadata.remove(field);
            if !values.is_empty() {
                metadata.insert(field.to_owned(), serde_json::json!(values));
            }
        }
    }
    // A label may mean something: that of a slice names its service.
    manifest::parse(document.clone(), &Namespace::default())?;
    Ok(document)
}

fn alter(what: &str, values: &mut Labels, change: &LabelChange) -> Result<(), Failure> {
    for (key, value) in &change.set {
        match values.get(key) {
            Some(old) if old != value && !change.overwrite => {
                return Err(Failure::new(
                    Code::Conflict,
                    format!("{what} {key} is {old:?} already"),
                    "use --overwrite to change it",
                ));
            }
            _ => drop(values.insert(key.clone(), value.clone())),
        }
    }
    for key in &change.remove {
        values.remove(key);
    }
    Ok(())
}
