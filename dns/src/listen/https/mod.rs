//! Questions over HTTP (RFC 8484), in its versions 1.1 and 2.
//!
//! | module | what it does |
//! | --- | --- |
//! | `request` | the question that a request holds |
//! | `freshness` | how long an answer may be kept |
//! | `activity` | since when nothing happens on a connection |

mod activity;
mod freshness;
mod request;

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;

use super::stream::ask::{Desk, LINGER, Taken};
use crate::exchange::Answers;
use crate::metrics::tally::{Closed, Loss};
use activity::Activity;

/// What is spoken, for the agreement on TLS: the one that is liked best first.
pub(super) const PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];
/// For saying farewell.
const FAREWELL: Duration = Duration::from_millis(500);
/// How much of a request's body may be on its way, bytes: questions are short.
const WINDOW: u32 = 16 * 1024;
/// The least that HTTP/1.1 can do with, bytes.
const BUFFER: usize = 8 * 1024;

/// Answers until the client has gone, asks nothing for long, or the end has come; says why it was
/// closed, unless the client did so.
pub(super) async fn serve<A: Answers>(
    desk: &Arc<Desk<A>>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    client: IpAddr,
) -> Option<Closed> {
    let activity = Arc::new(Activity::default());
    let service = service_fn(|request| {
        let (desk, busy) = (desk.clone(), activity.begin());
        async move {
            let response = respond(&desk, request, client).await;
            drop(busy);
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(BUFFER);
    builder
        .http2()
        .max_concurrent_streams(u32::try_from(desk.limits.in_flight).unwrap_or(u32::MAX))
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let closed = tokio::select! {
        _ = connection.as_mut() => return None,
        () = activity.idle_for(desk.limits.idle) => Some(Closed::Idle),
        () = desk.ending.cancelled() => None,
    };
    if closed.is_none() {
        // Whoever ends the listener sees to it that this does not take for ever.
        tokio::select! {
            _ = connection.as_mut() => return None,
            () = activity.idle_for(LINGER) => {}
        }
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {}
        () = sleep(FAREWELL) => {}
    }
    closed
}

async fn respond<A: Answers>(
    desk: &Desk<A>,
    request: Request<Incoming>,
    client: IpAddr,
) -> Response<Full<Bytes>> {
    let question = match request::question(request, desk.limits.idle).await {
        Ok(question) => question,
        Err(status) => {
            desk.tally.lost(Loss::Malformed, 1);
            return failure(status);
        }
    };
    let answer = match desk.ask(&question, client) {
        Taken::Answer(answer) | Taken::Refusal(answer) => answer,
        Taken::Later => match desk.later(question, client).await.into_iter().next() {
            Some(answer) => answer,
            None => return failure(StatusCode::INTERNAL_SERVER_ERROR),
        },
        Taken::Lost(Loss::RateLimited) => return failure(StatusCode::TOO_MANY_REQUESTS),
        Taken::Lost(Loss::Panicked) => return failure(StatusCode::INTERNAL_SERVER_ERROR),
        Taken::Lost(_) => return failure(StatusCode::BAD_REQUEST),
    };
    let age = HeaderValue::try_from(format!("max-age={}", freshness::seconds(&answer)));
    let mut response = Response::new(Full::new(Bytes::from(answer)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(request::MESSAGE));
    if let Ok(age) = age {
        headers.insert(CACHE_CONTROL, age);
    }
    response
}

fn failure(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    response
}
