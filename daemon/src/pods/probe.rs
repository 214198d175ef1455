//! One check of a pod.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{HOST, USER_AGENT};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use pontoon_model::pod::PodPort;
use pontoon_model::readiness::Probe;
use pontoon_model::service::{Protocol, TargetPort};
use tokio::net::TcpStream;

/// Why a check failed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The pod has no port of that name.
    #[error("the pod names no TCP port {0:?}: see the annotation pontoon.net/ports")]
    NoSuchPort(String),
    /// No connection.
    #[error("{0}: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// No answer that is HTTP.
    #[error("{0}: {1}")]
    Http(SocketAddr, String),
    /// An answer that says no.
    #[error("{0} answers {1}")]
    Status(SocketAddr, u16),
    /// No answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// Tries once.
///
/// # Errors
/// [`ProbeError`]: the pod is not ready.
pub async fn check(
    probe: &Probe,
    address: IpAddr,
    ports: &[PodPort],
    timeout: Duration,
) -> Result<(), ProbeError> {
    let port = match probe.port() {
        TargetPort::Number(number) => *number,
        TargetPort::Name(name) => ports
            .iter()
            .find(|port| port.name == *name && port.protocol == Protocol::Tcp)
            .map(|port| port.port)
            .ok_or_else(|| ProbeError::NoSuchPort(name.clone()))?,
    };
    let at = SocketAddr::new(address, port);
    let attempt = async {
        let stream = TcpStream::connect(at).await.map_err(|e| ProbeError::Connect(at, e))?;
        match probe {
            Probe::Tcp { .. } => Ok(()),
            Probe::Http { path, host, .. } => get(stream, at, path, host.as_deref()).await,
        }
    };
    tokio::time::timeout(timeout, attempt).await.unwrap_or(Err(ProbeError::TimedOut(timeout)))
}

async fn get(
    stream: TcpStream,
    at: SocketAddr,
    path: &str,
    host: Option<&str>,
) -> Result<(), ProbeError> {
    let failed = |error: &dyn std::fmt::Display| ProbeError::Http(at, error.to_string());
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|e| failed(&e))?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path)
        .header(HOST, host.map_or_else(|| at.to_string(), str::to_owned))
        .header(USER_AGENT, concat!("pontoond/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|e| failed(&e))?;
    let answer = sender.send_request(request).await.map_err(|e| failed(&e));
    connection.abort();
    match answer?.status().as_u16() {
        200..=399 => Ok(()),
        status => Err(ProbeError::Status(at, status)),
    }
}
