//! What goes wrong with objects, in the words of the socket.

use std::future::Future;
use std::sync::OnceLock;

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::Kind;
use pontoon_store::Error;

/// A field that is wrong in this cluster, or beside what the store has.
pub(super) fn invalid(path: &str, problem: impl std::fmt::Display) -> Failure {
    Failure::new(Code::InvalidObject, format!("{path}: {problem}"), "").of_field(path)
}

/// There is no such object.
pub(crate) fn not_found(kind: Kind, name: &str) -> Failure {
    let names = kind.names();
    Failure::new(
        Code::NotFound,
        format!("{} {name} does not exist", names.singular),
        format!("see `pontoon get {}`", names.plural),
    )
}

/// What comes about by itself is not written by people.
pub(super) fn computed(kind: Kind) -> Failure {
    let instead = match kind {
        Kind::Endpoints => "change the pods or slices that they are computed from",
        Kind::Subnet => "`pontoon node remove` frees those of a node that is gone",
        Kind::Node => "`pontoon node remove` removes one that is gone",
        _ => "its node writes it",
    };
    let names = kind.names().plural;
    Failure::new(Code::InvalidObject, format!("{names} cannot be written or deleted"), instead)
}

/// Others were quicker every time.
pub(super) fn busy(what: &str) -> Failure {
    Failure::new(
        Code::TryAgainLater,
        format!("{what} is being changed by others all the time"),
        "nothing was done; try again",
    )
}

/// Nothing can be checked or allocated without it.
pub(crate) fn config_unknown() -> Failure {
    Failure::new(Code::Store, "the cluster's configuration is not known", "is the store there?")
}

pub(super) fn store(error: Error) -> Failure {
    match error {
        Error::Invalid(fault) => {
            Failure::new(Code::InvalidObject, "the store cannot hold it", fault.to_string())
        }
        error => Failure::new(Code::Store, "the store did not take it", error.to_string()),
    }
}

/// Whether the store is away, for a request about many objects: each would wait for it in vain.
#[derive(Debug, Default)]
pub(super) struct Away(OnceLock<Failure>);

impl Away {
    /// Does something with the store, unless it was found away.
    pub(super) async fn unless<T>(
        &self,
        task: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        if let Some(failure) = self.0.get() {
            return Err(failure.clone());
        }
        let result = task.await;
        if let Err(failure) = &result
            && failure.code == Code::Store
        {
            // Of several that found out at once the first is as good as any.
            let _ = self.0.set(failure.clone());
        }
        result
    }
}
