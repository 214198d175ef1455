//! The daemon, as commands see it: what they ask, whatever it travels over.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `cluster` | nodes and subnets as documents |
//! | `error` | why there is no answer |
//! | `watch` | what changes |

mod cluster;
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

use crate::behind::{self, Around};
use crate::kinds::Resource;

/// Objects to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Their kind.
    pub(crate) resource: Resource,
    /// Their namespace; `None` means all.
    pub(crate) namespace: Option<Namespace>,
    /// Their names; empty means all that the labels leave.
    pub(crate) names: Vec<String>,
    /// Labels that they must have, with these values where there are any.
    pub(crate) labels: BTreeMap<String, Option<String>>,
}

impl Wanted {
    /// All objects of a kind in a namespace, or in all.
    pub(crate) fn all(resource: Resource, namespace: Option<Namespace>) -> Self {
        Self { resource, namespace, names: Vec::new(), labels: BTreeMap::new() }
    }

    fn selection(&self, kind: Kind) -> Selection {
        let Self { namespace, names, labels, .. } = self.clone();
        Selection { kind, namespace, names, labels }
    }
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
    pub(crate) fn list(self, wanted: &Wanted) -> Answer<Documents> {
        match wanted.resource.stored() {
            Some(kind) => match self.exchange(&Request::Get(wanted.selection(kind)))? {
                Response::Objects(objects) => Ok(Ok(objects)),
                Response::Failed(failure) => Ok(Err(failure)),
                other => Err(ApiError::strange(&other)),
            },
            None => {
                let all = match wanted.resource {
                    Resource::Node => cluster::nodes(&self.status()?),
                    Resource::Subnet => cluster::subnets(&self.status()?),
                    _ => self.endpoints(wanted.namespace.clone())?,
                };
                Ok(chosen(all, wanted))
            }
        }
    }

    /// All objects of a kind, with the daemon's refusal for an error.
    pub(crate) fn all(
        self,
        resource: Resource,
        namespace: Option<Namespace>,
    ) -> Result<Documents, ApiError> {
        self.list(&Wanted::all(resource, namespace))?.map_err(ApiError::from)
    }

    fn endpoints(self, namespace: Option<Namespace>) -> Result<Documents, ApiError> {
        let services = self.all(Kind::Service.into(), namespace.clone())?;
        let around = self.around(namespace)?;
        Ok(services.iter().map(|service| behind::document(service, &around)).collect())
    }

    /// What stands behind services of a namespace, or of all.
    pub(crate) fn around(self, namespace: Option<Namespace>) -> Result<Around, ApiError> {
        Ok(Around {
            pods: self.all(Kind::Pod.into(), namespace.clone())?,
            slices: self.all(Kind::EndpointSlice.into(), namespace)?,
            nodes: self.all(Resource::Node, None)?,
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

/// Those of all that are wanted.
fn chosen(all: Documents, wanted: &Wanted) -> Result<Documents, Failure> {
    let name = |object: &serde_json::Value| object["metadata"]["name"].as_str().map(str::to_owned);
    for wished in &wanted.names {
        if !all.iter().any(|object| name(object).as_ref() == Some(wished)) {
            let names = wanted.resource.names();
            return Err(Failure::new(
                Code::NotFound,
                format!("{} {wished} does not exist", names.singular),
                format!("see `pontoon get {}`", names.plural),
            ));
        }
    }
    let has = |object: &serde_json::Value| {
        wanted.labels.iter().all(|(key, value)| {
            match object["metadata"]["labels"].get(key).and_then(serde_json::Value::as_str) {
                None => false,
                Some(own) => value.as_ref().is_none_or(|value| value == own),
            }
        })
    };
    let named = |object: &serde_json::Value| {
        wanted.names.is_empty() || name(object).is_some_and(|name| wanted.names.contains(&name))
    };
    Ok(all.into_iter().filter(|object| named(object) && has(object)).collect())
}
