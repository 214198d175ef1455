//! The way to the daemon.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::HttpError;

/// Where a daemon serves the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A socket on this host.
    Socket(PathBuf),
    /// A port, with mutual TLS.
    Tls(TlsAddress),
}

/// A port, and what is needed to be trusted there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsAddress {
    /// The daemon's name, or its address, as its certificate has it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The authority of the daemon's certificate (PEM).
    pub ca: PathBuf,
    /// Our certificate (PEM).
    pub cert: PathBuf,
    /// Our key (PEM).
    pub key: PathBuf,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Tls(at) => write!(f, "{}:{}", at.host, at.port),
        }
    }
}

impl Address {
    /// What stands in the header `Host`.
    pub(super) fn authority(&self) -> String {
        match self {
            Self::Socket(_) => "localhost".to_owned(),
            Self::Tls(at) if at.host.contains(':') => format!("[{}]:{}", at.host, at.port),
            Self::Tls(at) => format!("{}:{}", at.host, at.port),
        }
    }
}

/// Connects. The connection lives in the runtime, and moves while something is waited for.
pub(super) async fn connect(address: &Address) -> Result<SendRequest<Full<Bytes>>, HttpError> {
    match address {
        Address::Socket(path) => {
            let stream = UnixStream::connect(path).await;
            converse(address, stream.map_err(|error| HttpError::absent(address, error))?).await
        }
        Address::Tls(at) => {
            let config = config(at)?;
            let name = ServerName::try_from(at.host.clone()).map_err(|error| HttpError::File {
                path: at.host.clone(),
                problem: error.to_string(),
            })?;
            let stream = TcpStream::connect((at.host.as_str(), at.port)).await;
            let stream = stream.map_err(|error| HttpError::absent(address, error))?;
            let _ = stream.set_nodelay(true);
            let agreed = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
            let untrusted = |error: std::io::Error| HttpError::Untrusted {
                address: address.to_string(),
                error: error.to_string(),
            };
            converse(address, agreed.map_err(untrusted)?).await
        }
    }
}

async fn converse<S>(address: &Address, stream: S) -> Result<SendRequest<Full<Bytes>>, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = begun.map_err(|error| HttpError::broken(address, error))?;
    // What ends it is told to the request that waits.
    tokio::spawn(connection);
    Ok(sender)
}

fn config(at: &TlsAddress) -> Result<ClientConfig, HttpError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(&at.ca)? {
        roots.add(authority).map_err(|error| fault(&at.ca, &error))?;
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&at.key)?)
        .map_err(|_| fault(&at.key, &"it holds no key that can be read, in PEM"))?;
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| fault(&at.cert, &error))?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(&at.cert)?, key)
        .map_err(|error| fault(&at.cert, &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    // What exactly is wrong would be told with a part of it, and there may be a key beside them.
    match found.map_err(|_| fault(path, &"the PEM that it holds is broken"))? {
        none if none.is_empty() => Err(fault(path, &"it holds no certificate in PEM")),
        found => Ok(found),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, HttpError> {
    fs::read(path).map_err(|error| fault(path, &error))
}

fn fault(path: &Path, problem: &dyn fmt::Display) -> HttpError {
    HttpError::File { path: path.display().to_string(), problem: problem.to_string() }
}
