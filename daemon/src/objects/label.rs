//! Changing labels of objects that are there.

use pontoon_model::api::{Code, Failure};
use pontoon_model::key::Key;
use pontoon_model::manifest::{self, label};
use pontoon_model::name::Namespace;
use pontoon_model::object::{LabelChange, OutcomeResult};
use pontoon_model::selector::Labels;
use pontoon_store::Store;
use serde_json::Value;

use super::failure::invalid;
use super::read::Item;
use super::stamp::{Birth, object, stamp};
use super::{pods, single};

/// Checks the change itself.
pub(super) fn check(change: &LabelChange) -> Result<(), Failure> {
    for (key, value) in &change.set {
        label::check_key(key).map_err(|error| invalid("metadata.labels", error))?;
        label::check_value(value)
            .map_err(|error| invalid(&format!("metadata.labels[{key}]"), error))?;
        if change.remove.contains(key) {
            return Err(invalid("metadata.labels", format!("{key:?} is both set and taken away")));
        }
    }
    Ok(())
}

pub(super) async fn label(
    store: &dyn Store,
    item: &Item,
    change: &LabelChange,
) -> Result<OutcomeResult, Failure> {
    let result = match &item.key {
        Key::Pod(..) => {
            let key = item.key.to_string();
            pods::change(store, &key, false, |record| relabel(&mut record.labels, change)).await
        }
        key => single::change(store, key, false, |old| document(item, old, change)).await,
    };
    Ok(match result? {
        OutcomeResult::Unchanged => OutcomeResult::Unchanged,
        _ => OutcomeResult::Labeled,
    })
}

/// A document with the labels changed. A namespace that nobody wrote is written for it.
fn document(item: &Item, old: Option<&Value>, change: &LabelChange) -> Result<Value, Failure> {
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
    let mut labels: Labels =
        serde_json::from_value(document["metadata"]["labels"].take()).unwrap_or_default();
    relabel(&mut labels, change)?;
    if let Some(metadata) = object(&mut document, "metadata") {
        metadata.remove("labels");
        if !labels.is_empty() {
            metadata.insert("labels".to_owned(), serde_json::json!(labels));
        }
    }
    // A label may mean something: that of a slice names its service.
    manifest::parse(document.clone(), &Namespace::default())?;
    Ok(document)
}

fn relabel(labels: &mut Labels, change: &LabelChange) -> Result<(), Failure> {
    for (key, value) in &change.set {
        match labels.get(key) {
            Some(old) if old != value && !change.overwrite => {
                return Err(Failure::new(
                    Code::Conflict,
                    format!("label {key} is {old:?} already"),
                    "use --overwrite to change it",
                ));
            }
            _ => drop(labels.insert(key.clone(), value.clone())),
        }
    }
    for key in &change.remove {
        labels.remove(key);
    }
    Ok(())
}
