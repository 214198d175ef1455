//! The daemon, as commands see it: what they ask, whatever it travels over.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `server` | where the daemon is |
//! | `error` | why there is no answer |
//! | `watch` | what changes |

mod error;
mod server;
mod watch;

use pontoon_client::http::{Client, HttpError};
use pontoon_model::api::{Code, Failure, Status};
use pontoon_model::doctor::Report;
use pontoon_model::mesh::Mesh;
use pontoon_model::name::{Namespace, NodeName};
use pontoon_model::object::{Documents, Kind, MetadataChange, Outcome, OutcomeResult, Selection};
use pontoon_model::rest::{self, LabelSelector, ObjectOutcome, Outcomes};
use pontoon_model::trace::{Question, Trace};
use serde_json::Value;

pub(crate) use error::ApiError;
pub(crate) use server::Server;
pub(crate) use watch::Change;

use crate::behind::Around;

/// All objects of a kind in a namespace, or in all.
pub(crate) const fn all_of(kind: Kind, namespace: Option<Namespace>) -> Selection {
    Selection { kind, namespace, names: Vec::new(), labels: LabelSelector::new() }
}

/// Who is asked.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
}

/// What was asked, or what the daemon could not do of it. What concerns the daemon as a whole is no
/// [`Failure`] of the one request, but an [`ApiError`].
pub(crate) type Answer<T> = Result<Result<T, Failure>, ApiError>;

impl Api {
    /// The daemon there.
    ///
    /// # Errors
    /// When what is said of it does not fit together.
    pub(crate) fn of(server: &Server) -> Result<Self, ApiError> {
        let client = Client::new(server.address()?).map_err(ApiError::from)?;
        Ok(Self { client })
    }

    /// What the daemon says of itself and its cluster.
    pub(crate) fn status(&self) -> Result<Status, ApiError> {
        self.client.status().map_err(ApiError::from)
    }

    /// What is wrong with its node and its cluster.
    pub(crate) fn doctor(&self) -> Result<Report, ApiError> {
        self.client.doctor().map_err(ApiError::from)
    }

    /// How well nodes reach each other.
    pub(crate) fn mesh(&self) -> Result<Mesh, ApiError> {
        self.client.mesh().map_err(ApiError::from)
    }

    /// One object.
    pub(crate) fn get(
        &self,
        kind: Kind,
        namespace: Option<&Namespace>,
        name: &str,
    ) -> Answer<Value> {
        answered(self.client.get(kind, namespace, name))
    }

    /// The objects of a selection without names, sorted by namespace and name.
    pub(crate) fn list(&self, selection: &Selection) -> Result<Documents, ApiError> {
        Ok(self.client.list(selection)?.items)
    }

    /// All objects of a kind.
    pub(crate) fn all(
        &self,
        kind: Kind,
        namespace: Option<Namespace>,
    ) -> Result<Documents, ApiError> {
        self.list(&all_of(kind, namespace))
    }

    /// What stands behind services of a namespace, or of all.
    pub(crate) fn around(&self, namespace: Option<Namespace>) -> Result<Around, ApiError> {
        Ok(Around {
            pods: self.all(Kind::Pod, namespace.clone())?,
            slices: self.all(Kind::EndpointSlice, namespace)?,
            nodes: self.all(Kind::Node, None)?,
        })
    }

    /// Follows a packet.
    pub(crate) fn trace(&self, question: &Question) -> Answer<Trace> {
        answered(self.client.trace(question))
    }

    /// Creates objects or makes them like these.
    pub(crate) fn apply(&self, documents: &Documents, dry_run: bool) -> Answer<Vec<Outcome>> {
        answered(self.client.apply(documents, dry_run).map(several))
    }

    /// Deletes objects.
    pub(crate) fn delete(&self, objects: &Selection) -> Answer<Vec<Outcome>> {
        if objects.names.is_empty() {
            return answered(self.client.delete_all(objects).map(several));
        }
        self.each(objects, |name| {
            self.client.delete(objects.kind, objects.namespace.as_ref(), name)
        })
    }

    /// Changes labels and annotations of objects.
    pub(crate) fn change(
        &self,
        objects: &Selection,
        change: &MetadataChange,
    ) -> Answer<Vec<Outcome>> {
        if objects.names.is_empty() {
            return answered(self.client.change_all(objects, change).map(several));
        }
        self.each(objects, |name| {
            self.client.change(objects.kind, objects.namespace.as_ref(), name, change)
        })
    }

    /// Does something with each object that is named. What concerns one does not stop the next.
    fn each(
        &self,
        objects: &Selection,
        ask: impl Fn(&str) -> Result<ObjectOutcome, HttpError>,
    ) -> Answer<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(objects.names.len());
        for name in &objects.names {
            outcomes.push(match answered(ask(name))? {
                Ok(outcome) => of_wire(outcome),
                Err(failure) => Outcome {
                    kind: Some(objects.kind),
                    namespace: objects.namespace.clone(),
                    name: name.clone(),
                    result: OutcomeResult::Failed(failure),
                    warnings: Vec::new(),
                    document: None,
                },
            });
        }
        Ok(Ok(outcomes))
    }

    /// Frees what a node holds.
    pub(crate) fn remove_node(&self, name: &NodeName) -> Answer<()> {
        answered(self.client.remove_node(name).map(drop))
    }

    /// Keeps new pods from a node; says whether that is new.
    pub(crate) fn cordon(&self, name: &NodeName, reason: Option<String>) -> Answer<bool> {
        answered(self.client.cordon(name, reason).map(is_new))
    }

    /// Lets new pods to a node again; says whether that is new.
    pub(crate) fn uncordon(&self, name: &NodeName) -> Answer<bool> {
        answered(self.client.uncordon(name).map(is_new))
    }

    /// Changes the cluster's backend.
    pub(crate) fn set_backend(
        &self,
        kind: pontoon_model::cluster::BackendKind,
    ) -> Result<(), ApiError> {
        Ok(self.client.set_backend(kind).map(drop)?)
    }
}

fn is_new(outcome: ObjectOutcome) -> bool {
    outcome.result != rest::Done::Unchanged
}

/// Sorts what concerns one request from what concerns the daemon.
fn answered<T>(answer: Result<T, HttpError>) -> Answer<T> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(HttpError::Refused { error, .. }) if error.code != Code::Store => {
            Ok(Err(error::failure(error)))
        }
        Err(error) => Err(error.into()),
    }
}

fn several(outcomes: Outcomes) -> Vec<Outcome> {
    outcomes.items.into_iter().map(of_wire).collect()
}

fn of_wire(outcome: ObjectOutcome) -> Outcome {
    let ObjectOutcome { kind, namespace, name, result, error, warnings, document } = outcome;
    let result = match (error, result) {
        (Some(error), _) => OutcomeResult::Failed(error::failure(error)),
        (None, rest::Done::Created) => OutcomeResult::Created,
        (None, rest::Done::Configured) => OutcomeResult::Configured,
        (None, rest::Done::Unchanged) => OutcomeResult::Unchanged,
        (None, rest::Done::Labeled) => OutcomeResult::Labeled,
        (None, rest::Done::Annotated) => OutcomeResult::Annotated,
        (None, rest::Done::Deleted) => OutcomeResult::Deleted,
        (None, rest::Done::Failed) => {
            OutcomeResult::Failed(Failure::new(Code::Internal, "pontoond does not say why", ""))
        }
    };
    Outcome { kind, namespace, name, result, warnings, document }
}
