//! Mutual TLS: our certificate, and the authorities whose certificates clients must have.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_util::sync::CancellationToken;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// Names that are longer are cut.
const NAME: usize = 128;

/// What is in force.
#[derive(Debug, Clone)]
pub struct Current {
    /// What connections begin with.
    pub config: Arc<ServerConfig>,
    /// The authorities of clients, as they were read.
    pub clients: Vec<CertificateDer<'static>>,
    /// Ends the connections that began with it.
    pub stop: CancellationToken,
}

/// The files, and when they were read.
#[derive(Debug)]
pub struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    clients: PathBuf,
    seen: Option<[Stamp; 3]>,
}

/// What tells a file from its successor.
type Stamp = Option<(u64, u64, i64, i64, u64)>;

impl Certificates {
    /// Those in these files: certificate, key, authorities of clients.
    #[must_use]
    pub fn new([cert, key, clients]: [PathBuf; 3]) -> Self {
        Self { cert, key, clients, seen: None }
    }

    /// Reads the files, if they have changed since the last time.
    ///
    /// # Errors
    /// Which file cannot be used, and why; never what is in it.
    pub fn read(&mut self) -> Result<Option<Current>, String> {
        let stamps = [&self.cert, &self.key, &self.clients].map(|path| stamp(path));
        if self.seen == Some(stamps) {
            return Ok(None);
        }
        // Remembered also when it fails: what is broken is read again when it changes.
        self.seen = Some(stamps);
        self.load().map(Some)
    }

    fn load(&self) -> Result<Current, String> {
        let chain = certificates("api.cert", &self.cert)?;
        // What exactly is wrong with it would be told with a part of it.
        let key = PrivateKeyDer::from_pem_slice(&text("api.key", &self.key)?).map_err(|_| {
            let path = self.key.display();
            format!("api.key: {path} holds no key that can be read: PKCS#8, PKCS#1 or SEC1, in PEM")
        })?;
        let clients = certificates("api.client-ca", &self.clients)?;
        let mut roots = RootCertStore::empty();
        for authority in &clients {
            roots
                .add(authority.clone())
                .map_err(|error| format!("api.client-ca: {}: {error}", self.clients.display()))?;
        }
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| format!("api.client-ca: {}: {error}", self.clients.display()))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| {
                let (cert, key) = (self.cert.display(), self.key.display());
                format!("api.cert and api.key: {cert} and {key} do not fit together: {error}")
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Current { config: Arc::new(config), clients, stop: CancellationToken::new() })
    }
}

fn text(setting: &str, path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{setting}: {} does not exist", path.display()),
        _ => format!("{setting}: {}: {error}", path.display()),
    })
}

fn certificates(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = text(setting, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    // What exactly is wrong would be told with a part of it, and there may be a key beside them.
    let found =
        found.map_err(|_| format!("{setting}: {} holds PEM that is broken", path.display()))?;
    match found.is_empty() {
        true => Err(format!("{setting}: {} holds no certificate in PEM", path.display())),
        false => Ok(found),
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
}

/// Whose certificate it is: the common name of its subject, or all of the subject.
#[must_use]
pub fn subject(chain: &[CertificateDer<'_>]) -> String {
    let subject = chain.first().and_then(|first| {
        let (_, certificate) = X509Certificate::from_der(first).ok()?;
        let common = certificate.subject().iter_common_name().next();
        let common = common.and_then(|name| name.as_str().ok().map(str::to_owned));
        common.or_else(|| Some(certificate.subject().to_string()))
    });
    // It goes into logs and into the store.
    let plain = |letter: char| if letter.is_control() { '?' } else { letter };
    subject.unwrap_or_default().chars().map(plain).take(NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_said_without_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("both.pem");
        let secret = "c2VjcmV0";
        let decimals = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        for pem in [
            format!("-----BEGIN PRIVATE KEY-----{secret}"),
            format!("-----BEGIN {secret}"),
            format!("-----BEGIN PRIVATE KEY-----\n{secret}"),
            format!("-----BEGIN CERTIFICATE-----\n{secret}!\n-----END CERTIFICATE-----\n"),
        ] {
            fs::write(&path, &pem).unwrap();
            let mut files = Certificates::new([path.clone(), path.clone(), path.clone()]);
            let said = files.read().unwrap_err();
            assert!(said.contains("both.pem"), "{pem}: {said}");
            assert!(!said.contains(secret) && !said.contains(&decimals), "{pem}: {said}");
        }
    }
}
