//! What programs look at to know whether the daemon is well: `/metrics`, `/healthz`, `/readyz`, over
//! plain HTTP, to be read and nothing else.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::api::listen::connection;
use crate::dns::publisher::Serving;
use crate::metrics::Source;
use crate::metrics::exposition::{self, Format};
use crate::problems::tell;
use crate::requests::Requests;
use crate::watchdog::Liveness;

/// Connections at once.
const CONNECTIONS: usize = 32;
/// Before an address that cannot be had is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How the problems of this listener begin.
const WHOSE: &str = "metrics and health";

/// Whether it holds, and what is to be said of it, a line each.
pub type Check =
    Box<dyn Fn() -> BoxFuture<'static, Result<Vec<String>, Vec<String>>> + Send + Sync>;

/// What is looked at.
pub struct Parts {
    /// What is counted.
    pub sources: Vec<Source>,
    /// Whether the process is alive and its loops turn.
    pub alive: Check,
    /// Whether the node is ready for pods.
    pub ready: Check,
}

/// What is looked at of a node's daemon.
#[must_use]
pub fn of_node(sources: Vec<Source>, liveness: Liveness, requests: Arc<Requests>) -> Parts {
    let alive = move || {
        let liveness = liveness.clone();
        let check = async move { liveness.check().await };
        check.map(|well| well.map(|()| Vec::new()).map_err(|problem| vec![problem])).boxed()
    };
    let ready = move || std::future::ready(requests.look()).boxed();
    Parts { sources, alive: Box::new(alive), ready: Box::new(ready) }
}

/// What is looked at of a process that answers DNS and does nothing else.
#[must_use]
pub fn of_dns(sources: Vec<Source>, serving: watch::Receiver<Option<Serving>>) -> Parts {
    let alive = || std::future::ready(Ok(Vec::new())).boxed();
    let ready = move || {
        let is_known = |serving: &Serving| serving.server.zone().is_synced();
        let known = serving.borrow().as_ref().is_some_and(is_known);
        let unknown = || vec!["the cluster's names are not known yet".to_owned()];
        std::future::ready(if known { Ok(Vec::new()) } else { Err(unknown()) }).boxed()
    };
    Parts { sources, alive: Box::new(alive), ready: Box::new(ready) }
}

/// Serves for ever, if there is an address to do so.
pub async fn run(address: Option<SocketAddr>, parts: Parts, problems: watch::Sender<Vec<String>>) {
    let Some(address) = address else { return };
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => {
                tell(&problems, WHOSE, Some(format!("metrics.listen: {address}: {error}")));
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    tell(&problems, WHOSE, None);
    info!(%address, "metrics and health are served");
    let router = router(parts);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let stop = CancellationToken::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (router, stop) = (router.clone(), stop.clone());
                tokio::spawn(async move {
                    connection::serve(stream, router, stop).await;
                    drop(slot);
                });
            }
            Err(error) => {
                debug!(%error, "cannot accept a connection for metrics");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn router(parts: Parts) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route(
            "/healthz",
            get(|State(parts): State<Arc<Parts>>| async move { told((parts.alive)().await) }),
        )
        .route(
            "/readyz",
            get(|State(parts): State<Arc<Parts>>| async move { told((parts.ready)().await) }),
        )
        .with_state(Arc::new(parts))
}

async fn metrics(State(parts): State<Arc<Parts>>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::of(accept.unwrap_or_default());
    match exposition::write(&parts.sources, format) {
        Ok(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "the figures cannot be written\n").into_response()
        }
    }
}

fn told(outcome: Result<Vec<String>, Vec<String>>) -> Response {
    let (status, head, lines) = match outcome {
        Ok(notes) => (StatusCode::OK, "ok", notes),
        Err(reasons) => (StatusCode::SERVICE_UNAVAILABLE, "not ok", reasons),
    };
    let mut text = format!("{head}\n");
    for line in lines {
        text.push_str(&line.replace('\n', " "));
        text.push('\n');
    }
    let kind =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, kind, text).into_response()
}
