//! Where the daemon listens for people and their programs.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// The API that people use.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ApiSettings {
    /// The group that may use the socket beside root.
    pub group: Option<String>,
    /// Where it is served over TCP, too, with mutual TLS; nowhere when absent.
    pub listen: ListenAddress,
    /// The server's certificate and those that lead to its authority (PEM).
    pub cert: Option<PathBuf>,
    /// The server's key (PEM).
    pub key: Option<PathBuf>,
    /// The authorities whose certificates clients must have (PEM).
    pub client_ca: Option<PathBuf>,
}

impl ApiSettings {
    /// The files of TLS: certificate, key, authorities of clients; `None` when one is missing.
    #[must_use]
    pub fn tls(&self) -> Option<[PathBuf; 3]> {
        Some([self.cert.clone()?, self.key.clone()?, self.client_ca.clone()?])
    }

    /// What does not fit together.
    pub(super) fn faults(&self) -> Vec<String> {
        let files = [("cert", &self.cert), ("key", &self.key), ("client-ca", &self.client_ca)];
        let listens = self.listen.0.is_some();
        let fault = |(name, file): (&str, &Option<PathBuf>)| match (listens, file) {
            (true, None) => Some(format!(
                "api.{name}: missing; api.listen needs cert, key and client-ca, since only clients with a certificate are served over TCP"
            )),
            (false, Some(_)) => Some(format!(
                "api.{name}: it is of no use without api.listen, such as \"0.0.0.0:9554\""
            )),
            _ => None,
        };
        files.into_iter().filter_map(fault).collect()
    }
}

/// Metrics and health.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MetricsSettings {
    /// Where `/metrics`, `/healthz` and `/readyz` are served over HTTP; nowhere when empty.
    pub listen: ListenAddress,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self { listen: ListenAddress(Some(SocketAddr::from(([127, 0, 0, 1], 9553)))) }
    }
}

/// An address and a port, such as `127.0.0.1:9553`; empty for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ListenAddress(pub Option<SocketAddr>);

impl TryFrom<String> for ListenAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address: SocketAddr = text.parse().map_err(|_| {
            format!("{text:?} is not an address with a port, such as 127.0.0.1:9553 or [::]:9553")
        })?;
        match address.port() {
            0 => Err(format!("{text:?} has no port that anybody could find: use 1 to 65535")),
            _ => Ok(Self(Some(address))),
        }
    }
}
