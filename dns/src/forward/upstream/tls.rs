//! Whom upstreams over TLS must prove to be.

use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};

/// Who signs the certificates of upstreams.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Those whom the host trusts.
    #[default]
    Host,
    /// These.
    Given(Arc<RootCertStore>),
}

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// There are no certificates.
    #[error(
        "upstreams over TLS need the certificates that the host trusts, and there are none{}: \
         install ca-certificates, or set SSL_CERT_FILE", .0.as_ref().map(|e| format!(" ({e})")).unwrap_or_default()
    )]
    None(Option<rustls_native_certs::Error>),
    /// TLS itself is not to be had.
    #[error("TLS for upstreams cannot be set up: {0}")]
    Tls(#[from] Error),
}

/// Prepares connections to upstreams over TLS.
///
/// # Errors
/// When there is nobody to trust.
pub(in crate::forward) fn connector(trust: &Trust) -> Result<TlsConnector, TrustError> {
    let roots = match trust {
        Trust::Given(roots) => roots.clone(),
        Trust::Host => {
            let mut found = rustls_native_certs::load_native_certs();
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(TrustError::None(found.errors.pop()));
            }
            Arc::new(roots)
        }
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"dot".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
