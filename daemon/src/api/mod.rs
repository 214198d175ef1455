//! The API that people and their programs use: JSON over HTTP, on a Unix socket, and over TCP with
//! mutual TLS when that is asked for.
//!
//! | module | its one job |
//! | --- | --- |
//! | `operation` | from a request to a handler, and what is true of all of them |
//! | `operations` | the table of all there is, and the handlers |
//! | `query`, `reply`, `caller` | parameters; answers and errors; who asks |
//! | `watch` | what happens to objects, as server-sent events |
//! | [`openapi`] | the document that describes it, made of the same table |
//! | [`listen`] | sockets, certificates, connections |

mod caller;
pub mod listen;
pub mod openapi;
mod operation;
mod operations;
mod query;
mod reply;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::response::Response;
use futures::future::BoxFuture;
use pontoon_model::api::{Code, Failure, Status};
use pontoon_model::doctor::Report;
use pontoon_model::mesh::Mesh;
use pontoon_model::trace::{Question, Trace};
use tokio::sync::Semaphore;
use tokio::sync::watch::Receiver;

use crate::feed::Changes;
use crate::objects::Objects;
use crate::situation::Situation;
pub use caller::Caller;

/// What the API answers from.
pub struct Parts {
    /// The cluster's objects.
    pub objects: Objects,
    /// What the controller knows.
    pub situation: Receiver<Situation>,
    /// What happens in the store.
    pub changes: Changes,
    /// What the daemon says of itself.
    pub status: Box<dyn Fn() -> Status + Send + Sync>,
    /// Looks for what is wrong.
    pub doctor: Box<dyn Fn() -> BoxFuture<'static, Report> + Send + Sync>,
    /// How well nodes reach each other.
    pub mesh: Box<dyn Fn() -> Mesh + Send + Sync>,
    /// Follows packets.
    pub trace: Box<dyn Fn(Question) -> BoxFuture<'static, Result<Trace, Failure>> + Send + Sync>,
}

/// What the handlers share.
pub(crate) struct Api {
    pub(crate) parts: Parts,
    /// Free places for watches.
    pub(crate) watches: Arc<Semaphore>,
}

/// The API; a connection adds who asks, as a [`Caller`] in the request's extensions.
pub fn router(parts: Parts) -> Router {
    let mut router = Router::new();
    for operation in operations::all() {
        router = router.route(&operation.path, operation.route());
    }
    let api = Arc::new(Api { parts, watches: Arc::new(Semaphore::new(watch::AT_ONCE)) });
    router.fallback(unknown).method_not_allowed_fallback(wrong_method).with_state(api)
}

async fn unknown(uri: Uri) -> Response {
    let failure = Failure::new(Code::NotFound, format!("there is nothing at {}", uri.path()), "");
    reply::failed(failure)
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let what = format!("{} does not take {method}", uri.path());
    reply::failed(Failure::new(Code::WrongMethod, what, ""))
}
