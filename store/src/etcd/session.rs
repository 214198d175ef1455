//! A connection to one etcd member that has answered, and the login on it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use futures::future::poll_fn;
use prost::Message;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{Service, http};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::config::{Credentials, EtcdConfig};
use super::fault::{Subject, Verdict, explain, verdict};
use super::proto::{
    AuthenticateRequest, AuthenticateResponse, RangeRequest, RangeResponse, StatusRequest,
    StatusResponse,
};
use crate::{Error, Result};

/// One call of etcd's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Method {
    pub(super) path: &'static str,
    /// Doing it twice is as good as once, so it may be tried again when nobody knows whether it was done.
    pub(super) repeatable: bool,
}

impl Method {
    pub(super) const RANGE: Self = Self { path: "/etcdserverpb.KV/Range", repeatable: true };
    pub(super) const TXN: Self = Self { path: "/etcdserverpb.KV/Txn", repeatable: false };
    pub(super) const COMPACT: Self = Self { path: "/etcdserverpb.KV/Compact", repeatable: false };
    pub(super) const WATCH: Self = Self { path: "/etcdserverpb.Watch/Watch", repeatable: true };
    pub(super) const GRANT: Self =
        Self { path: "/etcdserverpb.Lease/LeaseGrant", repeatable: false };
    pub(super) const REVOKE: Self =
        Self { path: "/etcdserverpb.Lease/LeaseRevoke", repeatable: false };
    pub(super) const KEEP_ALIVE: Self =
        Self { path: "/etcdserverpb.Lease/LeaseKeepAlive", repeatable: true };
    pub(super) const STATUS: Self =
        Self { path: "/etcdserverpb.Maintenance/Status", repeatable: true };
    pub(super) const AUTHENTICATE: Self =
        Self { path: "/etcdserverpb.Auth/Authenticate", repeatable: true };
}

/// The longest answer that is taken in one piece, in bytes. Listings are paged to stay below it; etcd keeps the pieces
/// of a watch near its request limit of 1.5 MiB.
const MAX_ANSWER: usize = 16 << 20;

/// HTTP/2 pings on a connection with a watch, to notice a member that is stopped or cut off. etcd allows one every 5 s.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to one member that has answered a first request.
pub(super) struct Session {
    endpoint: String,
    channel: Channel,
    timeout: Duration,
    credentials: Option<Credentials>,
    token: RwLock<Option<MetadataValue<Ascii>>>,
    login: tokio::sync::Mutex<()>,
    broken: AtomicBool,
    version: String,
}

impl Session {
    /// [`Session::open`], in no more time than one connection and one request may take together.
    pub(super) async fn open_in_time(config: &EtcdConfig, uri: &Uri, root: &str) -> Result<Self> {
        let limit = config.connect_timeout + config.request_timeout;
        let opened = tokio::time::timeout(limit, Self::open(config, uri, root)).await;
        opened.unwrap_or_else(|_| {
            Err(explain(&name(uri), "connect", Subject::default(), &late(limit)))
        })
    }

    /// Connects, logs in, and makes sure that the member can serve: it answers a read that needs the quorum.
    async fn open(config: &EtcdConfig, uri: &Uri, root: &str) -> Result<Self> {
        let endpoint = name(uri);
        let failed = |operation: &str, status: &Status| {
            explain(&endpoint, operation, Subject::default(), status)
        };
        let channel = connect(config, uri).await.map_err(|error| match error {
            Refusal::Setting(error) => error,
            Refusal::Status(status) => failed("connect", &status),
        })?;
        let mut session = Self {
            endpoint: endpoint.clone(),
            channel,
            timeout: config.request_timeout,
            credentials: config.credentials()?,
            token: RwLock::new(None),
            login: tokio::sync::Mutex::new(()),
            broken: AtomicBool::new(false),
            version: String::new(),
        };
        match session.log_in(None).await {
            Err(status) if verdict(&status) == Verdict::AuthenticationOff => {
                tracing::warn!(
                    endpoint,
                    "etcd has authentication turned off, the configured user is not used"
                );
                session.credentials = None;
            }
            result => result.map_err(|status| failed("log in", &status))?,
        }
        // Told to whoever asks it, even without a quorum; a later etcd may want a login for it.
        let status: Result<StatusResponse, Status> =
            session.unary(Method::STATUS, StatusRequest {}).await;
        session.version = status.map_or_else(|_| "unknown".to_owned(), |status| status.version);
        let probe = RangeRequest { limit: 1, keys_only: true, ..super::convert::range(root, "") };
        let _: RangeResponse = session
            .unary(Method::RANGE, probe)
            .await
            .map_err(|status| failed("read the store", &status))?;
        Ok(session)
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// etcd's version, such as `3.4.23`, or `unknown`.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Makes the next call look for a member that answers.
    pub(super) fn give_up(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_login(&self) -> bool {
        self.credentials.is_some()
    }

    pub(super) fn token(&self) -> Option<MetadataValue<Ascii>> {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs in, unless somebody else did since the token was `stale`.
    pub(super) async fn log_in(&self, stale: Option<MetadataValue<Ascii>>) -> Result<(), Status> {
        let Some(Credentials { username, password }) = self.credentials.clone() else {
            return Ok(());
        };
        let _turn = self.login.lock().await;
        if self.token() != stale {
            return Ok(());
        }
        let request = AuthenticateRequest { name: username, password };
        let answer: AuthenticateResponse = self.unary(Method::AUTHENTICATE, request).await?;
        let token = answer
            .token
            .parse()
            .map_err(|_| Status::internal("etcd gave a token that is not ASCII"))?;
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Ok(())
    }

    pub(super) async fn unary<Q, A>(&self, method: Method, request: Q) -> Result<A, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let call = async {
            let mut grpc = self.grpc().await?;
            let codec = ProstCodec::<Q, A>::default();
            grpc.unary(self.request(method, request), PathAndQuery::from_static(method.path), codec)
                .await
        };
        Ok(self.in_time(call).await?.into_inner())
    }

    /// What time it is at the member. Over TLS one server answers gRPC and HTTP, and dates the latter.
    pub(super) async fn date(&self) -> Option<SystemTime> {
        let mut channel = self.channel.clone();
        let request = http::Request::head(super::clock::PATH).body(Body::empty()).ok()?;
        let answer = async {
            poll_fn(|context| channel.poll_ready(context)).await?;
            channel.call(request).await
        };
        let answer = tokio::time::timeout(self.timeout, answer).await.ok()?.ok()?;
        super::clock::parse(answer.headers().get(http::header::DATE)?.to_str().ok()?)
    }

    /// Opens a stream both ways. Waits for the answer's beginning only; the stream itself may take for ever.
    pub(super) async fn stream<Q, A>(
        &self,
        method: Method,
        requests: impl futures::Stream<Item = Q> + Send + 'static,
    ) -> Result<Streaming<A>, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let call = async {
            let mut grpc = self.grpc().await?;
            let codec = ProstCodec::<Q, A>::default();
            grpc.streaming(
                self.request(method, requests),
                PathAndQuery::from_static(method.path),
                codec,
            )
            .await
        };
        Ok(self.in_time(call).await?.into_inner())
    }

    /// Waits no longer than a request may take.
    pub(super) async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        tokio::time::timeout(self.timeout, call).await.unwrap_or_else(|_| Err(late(self.timeout)))
    }

    async fn grpc(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER);
        grpc.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
        Ok(grpc)
    }

    fn request<T>(&self, method: Method, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        // A member that lost its leader refuses rather than serves what may be stale, and ends its watches.
        metadata.insert("hasleader", MetadataValue::from_static("true"));
        if let Some(token) = self.token()
            && method != Method::AUTHENTICATE
        {
            metadata.insert("token", token);
        }
        request
    }
}

enum Refusal {
    Setting(Error),
    Status(Status),
}

async fn connect(config: &EtcdConfig, uri: &Uri) -> Result<Channel, Refusal> {
    let transport =
        |error: tonic::transport::Error| Refusal::Status(Status::from_error(Box::new(error)));
    let mut endpoint = Endpoint::from(uri.clone())
        .connect_timeout(config.connect_timeout)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(false);
    if let Some(tls) = config.tls(uri).map_err(Refusal::Setting)? {
        endpoint = endpoint.tls_config(tls).map_err(transport)?;
    }
    match tokio::time::timeout(config.connect_timeout, endpoint.connect()).await {
        Ok(channel) => channel.map_err(transport),
        Err(_) => Err(Refusal::Status(late(config.connect_timeout))),
    }
}

/// An endpoint as it is written in messages.
pub(super) fn name(uri: &Uri) -> String {
    uri.to_string().trim_end_matches('/').to_owned()
}

fn late(limit: Duration) -> Status {
    Status::deadline_exceeded(format!("no answer within {limit:?}"))
}
