//! As much of a Kubernetes API server as kube-proxy asks of one: lists and watches in JSON, over
//! plain HTTP on a loopback.

mod objects;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context, Result};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use pontoon_lab::Netns;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;

pub(crate) use objects::Resource;
use objects::{Objects, Since};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A server; it ends when dropped.
#[derive(Debug)]
pub(crate) struct KubeApi {
    at: SocketAddr,
    objects: Arc<Objects>,
    _runtime: Runtime,
}

impl KubeApi {
    /// Starts one on a free port of a namespace's loopback.
    pub(crate) fn start(netns: &Netns) -> Result<Self> {
        let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = netns.run(bind)?.context("the API server cannot listen")?;
        listener.set_nonblocking(true)?;
        let at = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("cannot start a runtime")?;
        let objects = Arc::new(Objects::default());
        let listener = runtime.block_on(async { tokio::net::TcpListener::from_std(listener) })?;
        runtime.spawn(accept(listener, Arc::clone(&objects)));
        Ok(Self { at, objects, _runtime: runtime })
    }

    /// Where clients of the namespace find it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Creates or changes an object, and tells those who watch.
    pub(crate) fn put(&self, resource: Resource, object: Value) {
        self.objects.put(resource, object);
    }
}

async fn accept(listener: tokio::net::TcpListener, objects: Arc<Objects>) {
    // Without a connection there is nothing to serve; kube-proxy tries again.
    while let Ok((stream, _)) = listener.accept().await {
        let _sooner_rather_than_fuller = stream.set_nodelay(true);
        let objects = Arc::clone(&objects);
        let service = service_fn(move |request| answer(Arc::clone(&objects), request));
        // An error is the client's, who went away.
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(
    objects: Arc<Objects>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().trim_end_matches('/').to_owned();
    if request.method() == Method::POST {
        // Events that kube-proxy reports: taken, and forgotten.
        let sent = request.into_body().collect().await.map(|body| body.to_bytes());
        return Ok(respond(StatusCode::CREATED, whole(sent.unwrap_or_default())));
    }
    let query = Query(request.uri().query().unwrap_or_default());
    if let Some(resource) = Resource::of_path(&path) {
        return Ok(respond(StatusCode::OK, collection(&objects, resource, query)));
    }
    let found = path
        .rsplit_once('/')
        .and_then(|(parent, name)| objects.get(Resource::of_path(parent)?, name));
    let (status, document) = match (path.as_str(), found) {
        (_, Some(object)) => (StatusCode::OK, object),
        ("/version", _) => (
            StatusCode::OK,
            json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux/amd64"}),
        ),
        _ => (
            StatusCode::NOT_FOUND,
            json!({
                "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "NotFound",
                "message": format!("{path} is not served here"), "code": 404,
            }),
        ),
    };
    Ok(respond(status, whole(document.to_string().into())))
}

fn collection(objects: &Objects, resource: Resource, query: Query<'_>) -> Body {
    if !query.is_true("watch") {
        return whole(objects.list(resource));
    }
    // A client that asks for the state first gets it as events, and is told where it ends.
    let since = match query.get("resourceVersion") {
        _ if query.is_true("sendInitialEvents") => Since::Beginning { bookmark: true },
        None | Some("" | "0") => Since::Beginning { bookmark: false },
        Some(version) => Since::Version(version.parse().unwrap_or_default()),
    };
    let events = UnboundedReceiverStream::new(objects.watch(resource, since));
    StreamBody::new(events.map(|event| Ok(Frame::data(event)))).boxed_unsync()
}

fn whole(text: Bytes) -> Body {
    Full::new(text).boxed_unsync()
}

fn respond(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// The part of an address behind the question mark. What is looked for needs no percent signs.
#[derive(Debug, Clone, Copy)]
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    fn get(self, name: &str) -> Option<&'a str> {
        let pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
    }

    fn is_true(self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "1"))
    }
}

#[cfg(test)]
mod tests;
