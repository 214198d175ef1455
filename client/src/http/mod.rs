//! The API that people use, for programs that wait for each answer.
//!
//! ```no_run
//! use pontoon_client::http::{Address, Client};
//! use pontoon_model::object::{Kind, Selection};
//!
//! # fn main() -> Result<(), pontoon_client::http::HttpError> {
//! let client = Client::new(Address::Socket("/run/pontoon/api.sock".into()))?;
//! let pods = Selection {
//!     kind: Kind::Pod,
//!     namespace: None,
//!     names: Vec::new(),
//!     labels: Default::default(),
//! };
//! let list = client.list(&pods)?;
//! for event in client.watch(&pods, Some(&list.metadata.resource_version))? {
//!     println!("{:?}", event?.kind);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Every call takes at most the patience that the client was given ([`Client::with_patience`]), but
//! for events, which are waited for as long as the daemon is heard. What the daemon refuses is
//! [`HttpError::Refused`] with its own words; everything else says what is probably wrong with the
//! daemon or the way to it. One connection is kept for calls that follow each other.
//!
//! | module | its one job |
//! | --- | --- |
//! | `calls` | a method for each thing that can be asked |
//! | `connect` | the way to the daemon: a socket, or TCP with mutual TLS |
//! | `error` | why there is no answer |
//! | `events` | the events of a watch, one by one |

mod calls;
mod connect;
mod error;
mod events;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
pub use hyper::{Method, StatusCode};
use hyper::{Request, Response, header};
use pontoon_model::rest::ApiError;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};

pub use connect::{Address, TlsAddress};
pub use error::HttpError;
pub use events::Events;

/// How long an answer is waited for unless told otherwise: ten thousand objects take their time.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// The longest answer that is read, bytes.
const MAX_ANSWER: usize = 256 << 20;

/// Asks one daemon.
#[derive(Debug)]
pub struct Client {
    address: Address,
    patience: Duration,
    /// How long a watch may say nothing.
    silence: Duration,
    runtime: Runtime,
    /// The connection of the call before.
    kept: RefCell<Option<SendRequest<Full<Bytes>>>>,
}

impl Client {
    /// A client of the daemon there. Nothing is sent yet.
    ///
    /// # Errors
    /// When the process can have no more files.
    pub fn new(address: Address) -> Result<Self, HttpError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| HttpError::absent(&address, error))?;
        Ok(Self {
            address,
            patience: PATIENCE,
            silence: events::SILENCE,
            runtime,
            kept: RefCell::default(),
        })
    }

    /// The same, which waits this long for an answer.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The same, whose watches end when the daemon says nothing for this long.
    #[must_use]
    pub fn with_silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Where the daemon is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Asks, and reads the answer as this type. `body` is JSON.
    ///
    /// # Errors
    /// When the daemon refuses, is not there, or is not understood.
    pub fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path_and_query: &str,
        body: Option<Vec<u8>>,
    ) -> Result<T, HttpError> {
        let text = self.text(method, path_and_query, body)?;
        serde_json::from_slice(&text).map_err(|error| HttpError::undecodable(&self.address, error))
    }

    /// Asks, and reads the answer as it is.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn text(
        &self,
        method: Method,
        path_and_query: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Bytes, HttpError> {
        let answer = async {
            let response = self.exchange(method, path_and_query, body).await?;
            let (head, body) = response.into_parts();
            let read = Limited::new(body, MAX_ANSWER).collect().await;
            let text = read.map_err(|error| HttpError::broken(&self.address, error))?.to_bytes();
            if head.status.is_success() {
                return Ok(text);
            }
            Err(self.refusal(head.status, &text))
        };
        let waited = async { tokio::time::timeout(self.patience, answer).await };
        self.runtime
            .block_on(waited)
            .unwrap_or_else(|_| Err(HttpError::silent(&self.address, self.patience)))
    }

    fn refusal(&self, status: StatusCode, text: &[u8]) -> HttpError {
        match serde_json::from_slice::<ApiError>(text) {
            Ok(error) => HttpError::Refused { status: status.as_u16(), error },
            Err(error) => HttpError::undecodable(&self.address, error),
        }
    }

    /// Sends a request over the kept connection; over a new one when there is none, or the daemon
    /// closed it meanwhile.
    async fn exchange(
        &self,
        method: Method,
        path_and_query: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Response<Incoming>, HttpError> {
        let body = Bytes::from(body.unwrap_or_default());
        let kept = self.kept.borrow_mut().take();
        if let Some(mut sender) = kept
            && sender.ready().await.is_ok()
        {
            let request = self.request(&method, path_and_query, body.clone())?;
            match sender.try_send_request(request).await {
                Ok(response) => {
                    *self.kept.borrow_mut() = Some(sender);
                    return Ok(response);
                }
                // It was closed before anything was sent.
                Err(error) if error.message().is_some() => {}
                // Reading again changes nothing.
                Err(_) if method.is_safe() => {}
                Err(error) => return Err(HttpError::broken(&self.address, error.into_error())),
            }
        }
        let mut sender = connect::connect(&self.address).await?;
        let request = self.request(&method, path_and_query, body)?;
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| HttpError::broken(&self.address, error))?;
        *self.kept.borrow_mut() = Some(sender);
        Ok(response)
    }

    fn request(
        &self,
        method: &Method,
        path_and_query: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, HttpError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path_and_query)
            .header(header::HOST, self.address.authority());
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(body)).map_err(|error| HttpError::broken(&self.address, error))
    }
}
