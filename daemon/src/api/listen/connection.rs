//! One client's connection.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::write_timeout::WriteTimeout;

/// The longest wait for the head of a request, and between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest head.
const HEAD: usize = 64 << 10;

/// Answers what comes over a connection, until it ends or `stop` says so.
pub async fn serve<S>(stream: S, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(WriteTimeout::new(stream)), service);
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            debug!(%error, "a client of the API went away");
        },
        () = stop.cancelled() => {}
    }
}
