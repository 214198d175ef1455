//! Services, endpoint slices, namespaces, pods and nodes, as people apply, read, delete and label them.
//!
//! | module | its one job |
//! | --- | --- |
//! | `apply` | documents to objects |
//! | `service` | services, and the addresses and ports that they hold |
//! | `single` | objects that hold nothing else |
//! | `pods`, `node` | the records of pods, and what people say of nodes |
//! | `endpoints` | who stands behind services, asked of the task that knows |
//! | [`project`] | what the store's keys come to as objects |
//! | `read`, `delete`, `label` | what they say |
//! | `seen` | which state of an object a document changes |
//! | `stamp` | metadata as it is stored |

mod apply;
mod backend;
mod delete;
pub(crate) mod endpoints;
mod failure;
mod label;
mod node;
mod pods;
pub(crate) mod project;
pub(crate) mod read;
mod seen;
mod service;
mod single;
mod stamp;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use pontoon_model::api::Failure;
use pontoon_model::cluster::{BackendKind, ClusterConfig};
use pontoon_model::name::NodeName;
use pontoon_model::object::{
    Documents, Kind, LabelChange, MetadataChange, Outcome, OutcomeResult, Selection,
};
use pontoon_store::Store;

use crate::services::inquiry::Inquiries;
use crate::view::ClusterView;
use failure::Away;
pub(crate) use failure::{config_unknown, not_found};
use project::Item;

/// The objects of a cluster.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn Store>,
    endpoints: Inquiries,
}

/// Objects, sorted by namespace and name, and the state that they are of.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// As Kubernetes would show them.
    pub documents: Documents,
    /// Watched from here, nothing is missed; empty where objects were read one by one.
    pub version: String,
}

impl Objects {
    /// The objects in a store, and the endpoints of its services.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, endpoints: Inquiries) -> Self {
        Self { store, endpoints }
    }

    /// Their store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Whoever knows the endpoints of services.
    #[must_use]
    pub fn endpoints(&self) -> &Inquiries {
        &self.endpoints
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
        self.list(selection).await.map(|listed| listed.documents)
    }

    /// The documents of objects, and the state that they are of.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn list(&self, selection: &Selection) -> Result<Listed, Failure> {
        let (items, missing, version) = if selection.kind == Kind::Endpoints {
            let (items, position) = endpoints::select(&self.endpoints, selection).await?;
            let is_there = |name: &String| items.iter().any(|item| item.name == *name);
            let missing = selection.names.iter().find(|name| !is_there(name)).cloned();
            (items, missing, position.to_string())
        } else {
            let found = read::select(&*self.store, selection).await?;
            let version = found.revision.map(|revision| revision.to_string()).unwrap_or_default();
            (found.items, found.missing.into_iter().next(), version)
        };
        match missing {
            Some(name) => Err(failure::not_found(selection.kind, &full_name(selection, &name))),
            None => {
                let documents = items.into_iter().map(|item| item.document).collect();
                Ok(Listed { documents, version })
            }
        }
    }

    /// Deletes objects.
    ///
    /// # Errors
    /// When the store cannot be read; what else goes wrong is said of each object.
    pub async fn delete(&self, selection: &Selection) -> Result<Vec<Outcome>, Failure> {
        if matches!(selection.kind, Kind::Node | Kind::Subnet | Kind::Endpoints) {
            return Err(failure::computed(selection.kind));
        }
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
        let change = MetadataChange { labels: change.clone(), annotations: LabelChange::default() };
        self.change(selection, &change).await
    }

    /// Changes labels and annotations of objects.
    ///
    /// # Errors
    /// When the change is wrong in itself, or the store cannot be read.
    pub async fn change(
        &self,
        selection: &Selection,
        change: &MetadataChange,
    ) -> Result<Vec<Outcome>, Failure> {
        label::check(change)?;
        if matches!(selection.kind, Kind::Subnet | Kind::Endpoints) {
            return Err(failure::computed(selection.kind));
        }
        let found = read::select(&*self.store, selection).await?;
        let (mut outcomes, away) = (Vec::new(), Away::default());
        for item in &found.items {
            let result = away.unless(label::change(&*self.store, item, change)).await;
            let result = result.unwrap_or_else(OutcomeResult::Failed);
            outcomes.push(outcome(selection, item, result, Vec::new()));
        }
        outcomes.extend(missing(selection, found.missing));
        Ok(outcomes)
    }
}

impl Objects {
    /// Frees everything that a node holds in the store, if its daemon is not there.
    ///
    /// # Errors
    /// When there is no such node, it is alive, or the store does not answer.
    pub async fn remove_node(&self, view: &ClusterView, name: &NodeName) -> Result<(), Failure> {
        node::remove(&*self.store, view, name).await
    }

    /// Keeps new pods from a node; `by` says who wants that.
    ///
    /// # Errors
    /// When there is no such node, or the store does not answer.
    pub async fn cordon(
        &self,
        name: &NodeName,
        by: &str,
        reason: Option<String>,
    ) -> Result<Outcome, Failure> {
        let result = node::cordon(&*self.store, name, by, reason).await?;
        Ok(of_node(name, result))
    }

    /// Lets new pods to a node again.
    ///
    /// # Errors
    /// When there is no such node, or the store does not answer.
    pub async fn uncordon(&self, name: &NodeName) -> Result<Outcome, Failure> {
        let result = node::uncordon(&*self.store, name).await?;
        Ok(of_node(name, result))
    }

    /// Changes the backend of the running cluster.
    ///
    /// # Errors
    /// When the cluster has no configuration yet, or the store does not answer.
    pub async fn set_backend(&self, kind: BackendKind) -> Result<(), Failure> {
        backend::set(&*self.store, kind).await
    }
}

fn of_node(name: &NodeName, result: OutcomeResult) -> Outcome {
    let (kind, name) = (Some(Kind::Node), name.to_string());
    Outcome { kind, namespace: None, name, result, warnings: Vec::new(), document: None }
}

fn outcome(
    selection: &Selection,
    item: &Item,
    result: OutcomeResult,
    warnings: Vec<String>,
) -> Outcome {
    let (namespace, name) = (item.namespace.clone(), item.name.clone());
    Outcome { kind: Some(selection.kind), namespace, name, result, warnings, document: None }
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
        document: None,
    })
}

fn full_name(selection: &Selection, name: &str) -> String {
    match &selection.namespace {
        Some(namespace) if selection.kind.names().namespaced => format!("{namespace}/{name}"),
        _ => name.to_owned(),
    }
}
