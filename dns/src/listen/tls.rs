//! Certificates, read again when their files change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::{info, warn};

/// How often files are looked at, when connections come.
const LOOK: Duration = Duration::from_secs(1);

/// A certificate with its key, from two files. A new connection gets what the files say by then, or
/// what they said before if they are unusable.
#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    current: Arc<CertifiedKey>,
    /// Of the files that were read last, usable or not.
    seen: Seen,
    looked: Instant,
}

/// What tells that files have changed: size, time and place of each.
type Seen = [Option<(u64, Option<SystemTime>, u64)>; 2];

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The chain cannot be read.
    #[error(
        "cannot read certificates from {path:?}: {problem}; PEM is expected, the server's first"
    )]
    Chain {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The key cannot be read.
    #[error(
        "cannot read a private key from {path:?}: {problem}; PEM is expected (PKCS #8, PKCS #1 or SEC 1)"
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// They cannot be used together.
    #[error(
        "cannot use the certificates in {chain:?} with the key in {key:?}: {source}; was only one of them renewed?"
    )]
    Pair {
        /// The file of certificates.
        chain: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

impl Certificate {
    /// Reads the certificates, the server's own first, and its key, from files in PEM.
    ///
    /// # Errors
    /// When one is missing or is something else, or they do not belong together.
    pub fn load(chain: &Path, key: &Path) -> Result<Arc<Self>, CertificateError> {
        let seen = seen(chain, key);
        let current = read(chain, key)?;
        let state = Mutex::new(State { current, seen, looked: Instant::now() });
        Ok(Arc::new(Self { chain: chain.to_owned(), key: key.to_owned(), state }))
    }

    /// Reads the files again if they have changed.
    fn refresh(&self) {
        let seen = seen(&self.chain, &self.key);
        if self.lock().seen == seen {
            return;
        }
        let read = read(&self.chain, &self.key);
        let mut state = self.lock();
        state.seen = seen;
        match read {
            Ok(current) => {
                info!(chain = ?self.chain, "certificates have changed");
                state.current = current;
            }
            Err(error) => warn!(%error, "certificates have changed; those before stay in use"),
        }
    }

    /// Whether nobody has looked at the files for a while; from now on somebody has.
    fn is_due(&self) -> bool {
        let mut state = self.lock();
        let due = state.looked.elapsed() >= LOOK;
        if due {
            state.looked = Instant::now();
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.lock().current.clone())
    }
}

/// TLS on connections.
#[derive(Clone)]
pub(super) struct Tls {
    certificate: Arc<Certificate>,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// With that certificate, for these protocols (RFC 7301), the one that is liked best first.
    pub(super) fn new(certificate: &Arc<Certificate>, protocols: &[&str]) -> io::Result<Self> {
        let mut config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(certificate.clone());
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self { certificate: certificate.clone(), acceptor })
    }

    /// Agrees with a client.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        if self.certificate.is_due() {
            let certificate = self.certificate.clone();
            let _ = tokio::task::spawn_blocking(move || certificate.refresh()).await;
        }
        self.acceptor.accept(stream).await
    }
}

fn seen(chain: &Path, key: &Path) -> Seen {
    use std::os::unix::fs::MetadataExt;
    [chain, key].map(|path| {
        let metadata = path.metadata().ok()?;
        Some((metadata.len(), metadata.modified().ok(), metadata.ino()))
    })
}

/// What is wrong with a file. Errors about its content cite it, and it may hold a key.
fn without_content(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "it holds none".to_owned(),
        _ => "what it holds is no PEM, or is broken".to_owned(),
    }
}

fn read(chain: &Path, key: &Path) -> Result<Arc<CertifiedKey>, CertificateError> {
    let unreadable = |error| CertificateError::Chain {
        path: chain.to_owned(),
        problem: without_content(&error),
    };
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(chain).and_then(Iterator::collect).map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(unreadable(pem::Error::NoItemsFound));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| CertificateError::Key {
        path: key.to_owned(),
        problem: without_content(&error),
    })?;
    let certified = CertifiedKey::from_der(certificates, private, &ring::default_provider());
    let certified = certified.map_err(|source| CertificateError::Pair {
        chain: chain.to_owned(),
        key: key.to_owned(),
        source,
    })?;
    Ok(Arc::new(certified))
}
