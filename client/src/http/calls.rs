//! A method for each thing that can be asked.

use hyper::Method;
use pontoon_model::api::Status;
use pontoon_model::cluster::BackendKind;
use pontoon_model::doctor::Report;
use pontoon_model::mesh::Mesh;
use pontoon_model::name::{Namespace, NodeName};
use pontoon_model::object::{Documents, Kind, MetadataChange, Selection};
use pontoon_model::rest::{
    BackendChoice, CordonRequest, MetadataPatch, ObjectList, ObjectOutcome, Outcomes, path,
};
use pontoon_model::trace::{Question, Trace};
use serde::Serialize;
use serde_json::Value;

use super::{Client, Events, HttpError};

impl Client {
    /// What the daemon knows of itself and its cluster.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn status(&self) -> Result<Status, HttpError> {
        self.ask(Method::GET, path::STATUS, None)
    }

    /// What is wrong with the node and its cluster.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn doctor(&self) -> Result<Report, HttpError> {
        self.ask(Method::GET, path::DOCTOR, None)
    }

    /// How well nodes reach each other.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn mesh(&self) -> Result<Mesh, HttpError> {
        self.ask(Method::GET, path::MESH, None)
    }

    /// The objects that a selection without names means, and the state that they are of.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn list(&self, selection: &Selection) -> Result<ObjectList, HttpError> {
        self.ask(Method::GET, &collection(selection, &[]), None)
    }

    /// One object.
    ///
    /// # Errors
    /// As [`Client::ask`]; [`pontoon_model::api::Code::NotFound`] when there is none of that name.
    pub fn get(
        &self,
        kind: Kind,
        namespace: Option<&Namespace>,
        name: &str,
    ) -> Result<Value, HttpError> {
        self.ask(Method::GET, &path::object(kind, namespace, name), None)
    }

    /// What is there of a selection with at most one name, and then what happens to it. With
    /// `since`, which a list or [`Events::version`] says, only what happens behind that state.
    ///
    /// # Errors
    /// As [`Client::ask`]; [`pontoon_model::api::Code::Expired`] when that state is too old.
    pub fn watch(
        &self,
        selection: &Selection,
        since: Option<&str>,
    ) -> Result<Events<'_>, HttpError> {
        let mut query = vec![("watch", "true")];
        query.extend(since.map(|since| ("resourceVersion", since)));
        let target = match selection.names.first() {
            Some(name) => {
                let path = path::object(selection.kind, selection.namespace.as_ref(), name);
                with_query(path, &query)
            }
            None => collection(selection, &query),
        };
        Events::open(self, &target)
    }

    /// Creates objects, or makes those of their names like them.
    ///
    /// # Errors
    /// As [`Client::ask`]; what fails of one object is in its outcome.
    pub fn apply(&self, documents: &Documents, dry_run: bool) -> Result<Outcomes, HttpError> {
        let query: &[(&str, &str)] = if dry_run { &[("dryRun", "true")] } else { &[] };
        self.ask(Method::POST, &with_query(path::APPLY.to_owned(), query), body(documents))
    }

    /// Deletes one object.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn delete(
        &self,
        kind: Kind,
        namespace: Option<&Namespace>,
        name: &str,
    ) -> Result<ObjectOutcome, HttpError> {
        self.ask(Method::DELETE, &path::object(kind, namespace, name), None)
    }

    /// Deletes all objects that a selection without names means.
    ///
    /// # Errors
    /// As [`Client::ask`]; what fails of one object is in its outcome.
    pub fn delete_all(&self, selection: &Selection) -> Result<Outcomes, HttpError> {
        self.ask(Method::DELETE, &collection(selection, &[("all", "true")]), None)
    }

    /// Changes labels and annotations of one object.
    ///
    /// # Errors
    /// As [`Client::ask`]; [`pontoon_model::api::Code::Conflict`] where something has another value
    /// and is not to be overwritten.
    pub fn change(
        &self,
        kind: Kind,
        namespace: Option<&Namespace>,
        name: &str,
        change: &MetadataChange,
    ) -> Result<ObjectOutcome, HttpError> {
        let target = with_query(path::object(kind, namespace, name), &overwrite(change));
        self.ask(Method::PATCH, &target, body(&MetadataPatch::from(change)))
    }

    /// Changes labels and annotations of all objects that a selection without names means.
    ///
    /// # Errors
    /// As [`Client::ask`]; what fails of one object is in its outcome.
    pub fn change_all(
        &self,
        selection: &Selection,
        change: &MetadataChange,
    ) -> Result<Outcomes, HttpError> {
        let mut query = vec![("all", "true")];
        query.extend(overwrite(change));
        let target = collection(selection, &query);
        self.ask(Method::PATCH, &target, body(&MetadataPatch::from(change)))
    }

    /// Frees everything that a node holds that is gone for good.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn remove_node(&self, name: &NodeName) -> Result<ObjectOutcome, HttpError> {
        self.delete(Kind::Node, None, name.as_str())
    }

    /// Keeps new pods from a node.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn cordon(
        &self,
        name: &NodeName,
        reason: Option<String>,
    ) -> Result<ObjectOutcome, HttpError> {
        let target = format!("{}/cordon", path::object(Kind::Node, None, name.as_str()));
        self.ask(Method::POST, &target, body(&CordonRequest { reason }))
    }

    /// Lets new pods to a node again.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn uncordon(&self, name: &NodeName) -> Result<ObjectOutcome, HttpError> {
        let target = format!("{}/uncordon", path::object(Kind::Node, None, name.as_str()));
        self.ask(Method::POST, &target, None)
    }

    /// Follows a packet.
    ///
    /// # Errors
    /// As [`Client::ask`]; [`pontoon_model::api::Code::NotFound`] when who or what is named is not
    /// there.
    pub fn trace(&self, question: &Question) -> Result<Trace, HttpError> {
        self.ask(Method::POST, path::TRACE, body(question))
    }

    /// Changes how packets cross hosts.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn set_backend(&self, kind: BackendKind) -> Result<BackendChoice, HttpError> {
        self.ask(Method::PUT, path::BACKEND, body(&BackendChoice { kind }))
    }
}

fn collection(selection: &Selection, query: &[(&str, &str)]) -> String {
    let path = path::collection(selection.kind, selection.namespace.as_ref());
    let labels = path::label_selector(selection);
    let labels = labels.as_deref().map(|labels| ("labelSelector", labels));
    let query: Vec<(&str, &str)> = query.iter().copied().chain(labels).collect();
    with_query(path, &query)
}

fn with_query(path: String, query: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        query.iter().map(|(key, value)| format!("{key}={}", path::encoded(value))).collect();
    if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) }
}

fn overwrite(change: &MetadataChange) -> Vec<(&'static str, &'static str)> {
    let all = [&change.labels, &change.annotations];
    let refused = all.iter().any(|change| !change.is_empty() && !change.overwrite);
    refused.then_some(("overwrite", "false")).into_iter().collect()
}

/// None of what is sent cannot be written.
fn body(document: &impl Serialize) -> Option<Vec<u8>> {
    serde_json::to_vec(document).ok()
}
