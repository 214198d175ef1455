//! What goes wrong with objects, in the words of the socket.

use std::future::Future;
use std::sync::OnceLock;

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::Kind;
use pontoon_store::Error;

/// A field that is wrong in this cluster, or beside what the store has.
pub(super) fn invalid(path: &str, problem: impl std::fmt::Display) -> Failure {
    Failure::new(Code::InvalidObject, format!("{path}: {problem}"), "")
}

pub(super) fn not_found(kind: Kind, name: &str) -> Failure {
    let names = kind.names();
    Failure::new(
        Code::NotFound,
        format!("{} {name} does not exist", names.singular),
        format!("see `pontoon get {}`", names.plural),
    )
}

/// Others were quicker every time.
pub(super) fn busy(what: &str) -> Failure {
    Failure::new(
        Code::TryAgainLater,
        format!("{what} is being changed by others all the time"),
        "nothing was done; try again",
    )
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
