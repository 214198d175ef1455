//! Services, endpoint slices, namespaces and pods, as people apply, read, delete and label them.
//!
//! | module | its one job |
//! | --- | --- |
//! | `apply` | documents to objects |
//! | `service` | services, and the addresses and ports that they hold |
//! | `single` | objects that hold nothing else |
//! | `pods` | the records of pods |
//! | `read`, `delete`, `label` | what they say |
//! | `stamp` | metadata as it is stored |

mod apply;
mod delete;
mod failure;
mod label;
mod pods;
mod read;
mod service;
mod single;
mod stamp;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use pontoon_model::api::Failure;
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::object::{Documents, LabelChange, Outcome, OutcomeResult, Selection};
use pontoon_store::Store;

use failure::Away;
use read::Item;

/// The objects of a cluster.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn Store>,
}

impl Objects {
    /// The objects in a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Creates objects, or makes those of their names like them; with `dry_run` nothing is written.
    pub async fn apply(
        &self,
        config: &ClusterConfig,
        documents: Documents,
        dry_run: bool,
    ) -> Vec<Outcome> {
        apply::apply(&*self.store, config, documents, dry_run).await
    }

    /// The documents of objects, sorted by namespace and name.
    ///
    /// # Errors
    /// When the store does not answer, or a name is nothing's.
    pub async fn get(&self, selection: &Selection) -> Result<Documents, Failure> {
        let found = read::select(&*self.store, selection).await?;
        match found.missing.first() {
            Some(name) => Err(failure::not_found(selection.kind, &full_name(selection, name))),
            None => Ok(found.items.into_iter().map(|item| item.document).collect()),
        }
    }

    /// Deletes objects.
    ///
    /// # Errors
    /// When the store cannot be read; what else goes wrong is said of each object.
    pub async fn delete(&self, selection: &Selection) -> Result<Vec<Outcome>, Failure> {
        let found = read::select(&*self.store, selection).await?;
        let (mut outcomes, away) = (Vec::new(), Away::default());
        for item in &found.items {
            let (result, warnings) = match away.unless(delete::delete(&*self.store, item)).await {
                Ok(done) => done,
                Err(failure) => (OutcomeResult::Failed(failure), Vec::new()),
            };
            outcomes.push(outcome(selection, item, result, warnings));
        }
        outcomes.extend(missing(selection, found.missing));
        Ok(outcomes)
    }

    /// Changes labels of objects.
    ///
    /// # Errors
    /// When the change is wrong in itself, or the store cannot be read.
    pub async fn label(
        &self,
        selection: &Selection,
        change: &LabelChange,
    ) -> Result<Vec<Outcome>, Failure> {
        label::check(change)?;
        let found = read::select(&*self.store, selection).await?;
        let (mut outcomes, away) = (Vec::new(), Away::default());
        for item in &found.items {
            let result = away.unless(label::label(&*self.store, item, change)).await;
            let result = result.unwrap_or_else(OutcomeResult::Failed);
            outcomes.push(outcome(selection, item, result, Vec::new()));
        }
        outcomes.extend(missing(selection, found.missing));
        Ok(outcomes)
    }
}

fn outcome(
    selection: &Selection,
    item: &Item,
    result: OutcomeResult,
    warnings: Vec<String>,
) -> Outcome {
    let (namespace, name) = (item.namespace.clone(), item.name.clone());
    Outcome { kind: Some(selection.kind), namespace, name, result, warnings }
}

fn missing(selection: &Selection, names: Vec<String>) -> impl Iterator<Item = Outcome> + '_ {
    names.into_iter().map(|name| Outcome {
        kind: Some(selection.kind),
        namespace: selection.namespace.clone(),
        result: OutcomeResult::Failed(failure::not_found(
            selection.kind,
            &full_name(selection, &name),
        )),
        name,
        warnings: Vec::new(),
    })
}

fn full_name(selection: &Selection, name: &str) -> String {
    match &selection.namespace {
        Some(namespace) if selection.kind.names().namespaced => format!("{namespace}/{name}"),
        _ => name.to_owned(),
    }
}
