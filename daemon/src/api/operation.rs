//! From a request to a handler: what is true of all operations.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Extension, RawPathParams, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use futures::future::BoxFuture;
use pontoon_model::api::{Code, Failure};
use pontoon_model::name::{NameError, Namespace};
use pontoon_model::object::{Kind, Selection};
use pontoon_model::rest::MAX_BODY;
use serde::de::DeserializeOwned;
use tracing::info;

use super::query::{Parameter, Query};
use super::{Api, Caller, reply};

/// A client that begins a request ends it.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that anything but a watch takes: thousands of objects, one by one.
const HANDLING_TIMEOUT: Duration = Duration::from_secs(300);

/// What answers.
pub(crate) type Handler = fn(Context) -> BoxFuture<'static, Result<Response, Failure>>;

/// One thing that can be asked.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// The path, with `{namespace}` and `{name}` in it.
    pub(crate) path: String,
    /// Names it for generated clients.
    pub(crate) id: String,
    /// In a sentence.
    pub(crate) summary: String,
    /// The kind of objects that it is about.
    pub(crate) kind: Option<Kind>,
    pub(crate) query: &'static [Parameter],
    /// What is sent.
    pub(crate) body: Option<Shape>,
    /// What is answered when it is done, by status.
    pub(crate) answers: Vec<(u16, Shape)>,
    pub(crate) handler: Handler,
}

/// What a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A type of [`pontoon_model`] by its name.
    Named(&'static str),
    /// The same, which may be left out.
    Optional(&'static str),
    /// An object of a kind.
    Object(Kind),
    /// A list of objects of a kind, or events of a watch.
    List(Kind),
    /// One document, or an array of them.
    Manifests,
    /// Any object: the document that describes the API.
    Anything,
}

/// A request as handlers see it.
pub(crate) struct Context {
    pub(crate) api: Arc<Api>,
    pub(crate) caller: Caller,
    pub(crate) kind: Option<Kind>,
    pub(crate) namespace: Option<Namespace>,
    pub(crate) name: Option<String>,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Operation {
    /// The route to its handler.
    pub(crate) fn route(&self) -> MethodRouter<Arc<Api>> {
        let (kind, query, handler) = (self.kind, self.query, self.handler);
        let with_body = self.body.is_some();
        let run = move |State(api): State<Arc<Api>>,
                        Extension(caller): Extension<Caller>,
                        path: RawPathParams,
                        request: Request| async move {
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let by = caller.clone();
            let asked = async move {
                let mut context = Context {
                    api,
                    caller,
                    kind,
                    namespace: None,
                    name: None,
                    query: Query::read(request.uri().query().unwrap_or_default(), query)?,
                    headers: request.headers().clone(),
                    body: Bytes::new(),
                };
                context.take_path(&path)?;
                if !request.method().is_safe() {
                    refuse_pages(request.headers())?;
                }
                if with_body {
                    context.body = read(request).await?;
                }
                handler(context).await
            };
            if method.is_safe() {
                return in_time(asked).await;
            }
            let changed = async move {
                let response = in_time(asked).await;
                let (by, status) = (by.named().await, response.status().as_u16());
                info!(by, %method, path = uri.path(), status, "over the API");
                response
            };
            // Who hangs up leaves no change half done, and none that nobody is told of.
            tokio::spawn(changed).await.unwrap_or_else(|_| {
                reply::failed(Failure::new(Code::Internal, "it failed; please report this", ""))
            })
        };
        let filter = MethodFilter::try_from(self.method.clone()).unwrap_or(MethodFilter::GET);
        on(filter, run)
    }
}

async fn in_time(asked: impl Future<Output = Result<Response, Failure>>) -> Response {
    match tokio::time::timeout(HANDLING_TIMEOUT, asked).await {
        Ok(outcome) => outcome.unwrap_or_else(reply::failed),
        Err(_) => reply::failed(Failure::new(
            Code::TryAgainLater,
            format!("it is not done after {} s", HANDLING_TIMEOUT.as_secs()),
            "part of it may be; ask for less at once",
        )),
    }
}

/// A page in a browser would come with its user's certificate. Browsers say so of all that is not
/// only read (Fetch, section 3.1, and Fetch Metadata); nobody else does.
fn refuse_pages(headers: &HeaderMap) -> Result<(), Failure> {
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        return Err(Failure::new(
            Code::NotAllowed,
            "a page in a browser may not change anything",
            "use `pontoon`, or a client that is no browser",
        ));
    }
    Ok(())
}

async fn read(request: Request) -> Result<Bytes, Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    let is_json = |kind: &[u8]| {
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        kind.eq_ignore_ascii_case(b"application/json")
            || (kind.len() > 17
                && kind[..12].eq_ignore_ascii_case(b"application/")
                && kind[kind.len() - 5..].eq_ignore_ascii_case(b"+json"))
    };
    // A page in a browser can send any other kind without being asked first.
    let is_json = kind.is_some_and(is_json);
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), MAX_BODY)).await {
        Ok(Ok(bytes)) if is_json || bytes.is_empty() => Ok(bytes),
        Ok(Ok(_)) => Err(Failure::new(
            Code::Decode,
            "the body is not JSON",
            "send it with `content-type: application/json`",
        )),
        Ok(Err(error)) if is_length(&error) => Err(Failure::new(
            Code::TooLong,
            "the request is too long",
            format!("at most {MAX_BODY} bytes: send it in parts"),
        )),
        Ok(Err(error)) => {
            Err(Failure::new(Code::Decode, "the request ended early", error.to_string()))
        }
        Err(_) => Err(Failure::new(
            Code::Decode,
            "the request did not end in time",
            format!("it is read for {} s", BODY_TIMEOUT.as_secs()),
        )),
    }
}

fn is_length(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = cause.source();
    }
    false
}

impl Context {
    fn take_path(&mut self, path: &RawPathParams) -> Result<(), Failure> {
        for (key, value) in path {
            if key == "namespace" {
                let namespace = value.parse().map_err(|error: NameError| {
                    Failure::new(Code::Decode, error.to_string(), "").of_field("namespace")
                })?;
                self.namespace = Some(namespace);
            } else {
                self.name = Some(value.to_owned());
            }
        }
        Ok(())
    }

    /// The objects that are meant.
    pub(crate) fn selection(&self) -> Result<Selection, Failure> {
        let kind = self.kind.ok_or_else(|| Failure::new(Code::Internal, "it is of no kind", ""))?;
        let labels = self.query.labels()?;
        let names = self.name.clone().into_iter().collect();
        Ok(Selection { kind, namespace: self.namespace.clone(), names, labels })
    }

    /// The body as a document of this type.
    pub(crate) fn document<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::new(Code::Decode, "the body cannot be read", error.to_string())
        })
    }
}
