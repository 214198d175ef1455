//! The daemon, as commands see it: what they ask, whatever it travels over.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `error` | why there is no answer |
//! | `watch` | what changes |

mod error;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;

use pontoon_client::{ask, deadline};
use pontoon_model::api::{Code, Failure, Request, Response, Status};
use pontoon_model::cluster::BackendKind;
use pontoon_model::name::{Namespace, NodeName};
use pontoon_model::object::{Documents, Kind, LabelChange, Outcome, Selection};

pub(crate) use error::ApiError;
pub(crate) use watch::Change;

use crate::behind::Around;

/// All objects of a kind in a namespace, or in all.
pub(crate) const fn all_of(kind: Kind, namespace: Option<Namespace>) -> Selection {
    Selection { kind, namespace, names: Vec::new(), labels: BTreeMap::new() }
}

/// Who is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api<'a> {
    socket: &'a Path,
}

/// What was asked, or what the daemon could not do of it. What concerns the daemon as a whole is no
/// [`Failure`] of the one request, but an [`ApiError`].
pub(crate) type Answer<T> = Result<Result<T, Failure>, ApiError>;

impl<'a> Api<'a> {
    /// The daemon at a socket.
    pub(crate) const fn at(socket: &'a Path) -> Self {
        Self { socket }
    }

    /// What the daemon says of itself and its cluster.
    pub(crate) fn status(self) -> Result<Status, ApiError> {
        match self.exchange(&Request::Status)? {
            Response::Status(status) => Ok(*status),
            other => Err(ApiError::strange(&other)),
        }
    }

    /// Objects as documents, sorted by namespace and name.
    pub(crate) fn list(self, wanted: &Selection) -> Answer<Documents> {
        match self.exchange(&Request::Get(wanted.clone()))? {
            Response::Objects(objects) => Ok(Ok(objects)),
            Response::Failed(failure) => Ok(Err(failure)),
            other => Err(ApiError::strange(&other)),
        }
    }

    /// All objects of a kind, with the daemon's refusal for an error.
    pub(crate) fn all(
        self,
        kind: Kind,
        namespace: Option<Namespace>,
    ) -> Result<Documents, ApiError> {
        self.list(&all_of(kind, namespace))?.map_err(ApiError::from)
    }

    /// What stands behind services of a namespace, or of all.
    pub(crate) fn around(self, namespace: Option<Namespace>) -> Result<Around, ApiError> {
        Ok(Around {
            pods: self.all(Kind::Pod, namespace.clone())?,
            slices: self.all(Kind::EndpointSlice, namespace)?,
            nodes: self.all(Kind::Node, None)?,
        })
    }

    /// Creates objects or makes them like these.
    pub(crate) fn apply(self, documents: Documents, dry_run: bool) -> Answer<Vec<Outcome>> {
        self.outcomes(&Request::Apply { documents, dry_run })
    }

    /// Deletes objects.
    pub(crate) fn delete(self, objects: Selection) -> Answer<Vec<Outcome>> {
        self.outcomes(&Request::Delete(objects))
    }

    /// Changes labels of objects.
    pub(crate) fn label(self, objects: Selection, change: LabelChange) -> Answer<Vec<Outcome>> {
        self.outcomes(&Request::Label { objects, change })
    }

    /// Frees what a node holds.
    pub(crate) fn remove_node(self, name: &NodeName) -> Result<(), ApiError> {
        self.done(&Request::RemoveNode { name: name.clone() })
    }

    /// Changes the cluster's backend.
    pub(crate) fn set_backend(self, kind: BackendKind) -> Result<(), ApiError> {
        self.done(&Request::SetBackend { kind })
    }

    fn done(self, request: &Request) -> Result<(), ApiError> {
        match self.exchange(request)? {
            Response::Done => Ok(()),
            Response::Failed(failure) => Err(failure.into()),
            other => Err(ApiError::strange(&other)),
        }
    }

    fn outcomes(self, request: &Request) -> Answer<Vec<Outcome>> {
        match self.exchange(request)? {
            Response::Outcomes(outcomes) => Ok(Ok(outcomes)),
            Response::Failed(failure) => Ok(Err(failure)),
            other => Err(ApiError::strange(&other)),
        }
    }

    fn exchange(self, request: &Request) -> Result<Response, ApiError> {
        match ask(self.socket, request, deadline::of_request(request)) {
            Ok(Response::Failed(failure)) if failure.code == Code::Store => Err(failure.into()),
            Ok(response) => Ok(response),
            Err(error) => Err(ApiError::unanswered(&error)),
        }
    }
}
