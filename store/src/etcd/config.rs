//! How to reach etcd, as it is written in the daemon's configuration.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tonic::transport::{Certificate, ClientTlsConfig, Identity, Uri};

use crate::{Error, Fault, Result};

/// The certificates that the system trusts, in the places of Debian, Red Hat, SUSE and Alpine.
const SYSTEM_CA: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How to reach etcd. In TOML the keys are in kebab case; unknown ones are errors.
///
/// ```toml
/// endpoints = ["https://10.0.0.1:2379", "https://10.0.0.2:2379"]
/// ca = "/etc/pontoon/etcd-ca.pem"
/// cert = "/etc/pontoon/etcd.pem"
/// key = "/etc/pontoon/etcd.key"
/// username = "pontoon"
/// password-file = "/etc/pontoon/etcd-password"
/// request-timeout = "5s"
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct EtcdConfig {
    /// The members' client URLs. Without a scheme, `https` where a CA or certificate is given and `http` elsewhere;
    /// without a port, 2379. One is used at a time, another when it fails.
    pub endpoints: Vec<String>,
    /// Put before every key. Starts with `/`.
    pub prefix: String,
    /// PEM file of the authorities that sign etcd's certificate. Default: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// PEM file of our certificate, for etcd's `--client-cert-auth`. Needs `key`.
    pub cert: Option<PathBuf>,
    /// PEM file of the key of `cert`.
    pub key: Option<PathBuf>,
    /// The name to look for in etcd's certificate. Default: the endpoint's host.
    pub server_name: Option<String>,
    /// The etcd user. Needs `password` or `password-file`.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// File that holds the password. A newline at its end is not part of it.
    pub password_file: Option<PathBuf>,
    /// How long connecting to one endpoint may take, such as `500ms`, `3s` or `1m`.
    #[serde(with = "pontoon_model::duration")]
    pub connect_timeout: Duration,
    /// How long one request may take.
    #[serde(with = "pontoon_model::duration")]
    pub request_timeout: Duration,
}

impl Default for EtcdConfig {
    fn default() -> Self {
        Self {
            endpoints: vec!["http://127.0.0.1:2379".to_owned()],
            prefix: "/pontoon/v1".to_owned(),
            ca: None,
            cert: None,
            key: None,
            server_name: None,
            username: None,
            password: None,
            password_file: None,
            connect_timeout: Duration::from_secs(3),
            request_timeout: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for EtcdConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdConfig")
            .field("endpoints", &self.endpoints)
            .field("prefix", &self.prefix)
            .field("ca", &self.ca)
            .field("cert", &self.cert)
            .field("key", &self.key)
            .field("server_name", &self.server_name)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "(hidden)"))
            .field("password_file", &self.password_file)
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .finish()
    }
}

/// A user of etcd.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: String,
}

impl EtcdConfig {
    /// Checks everything that can be checked without opening a file or a connection.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the field, the value and what would be right.
    pub fn validate(&self) -> Result<()> {
        self.uris()?;
        self.root()?;
        if self.cert.is_some() != self.key.is_some() {
            let (given, missing) =
                if self.cert.is_some() { ("cert", "key") } else { ("key", "cert") };
            return Err(wrong(
                given,
                format!("it is set but {missing} is not"),
                "set both, or none",
            ));
        }
        if self.password.is_some() && self.password_file.is_some() {
            return Err(wrong(
                "password",
                "password-file is set too".to_owned(),
                "set one of them",
            ));
        }
        let password = self.password.is_some() || self.password_file.is_some();
        match (&self.username, password) {
            (Some(_), false) => Err(wrong(
                "username",
                "it is set without a password".to_owned(),
                "set password or password-file",
            )),
            (None, true) => {
                Err(wrong("password", "it is set without a username".to_owned(), "set username"))
            }
            _ => self.validate_timeouts(),
        }
    }

    fn validate_timeouts(&self) -> Result<()> {
        let timeouts =
            [("connect-timeout", self.connect_timeout), ("request-timeout", self.request_timeout)];
        for (field, timeout) in timeouts {
            if timeout < Duration::from_millis(10) || timeout > Duration::from_secs(300) {
                return Err(wrong(
                    field,
                    format!("{timeout:?} is out of range"),
                    "10ms to 5m are right",
                ));
            }
        }
        Ok(())
    }

    /// What every key in etcd starts with: the prefix and one slash.
    pub(super) fn root(&self) -> Result<String> {
        let prefix = self.prefix.trim_end_matches('/');
        if !prefix.starts_with('/') {
            let cause = format!("{:?} is not a path", self.prefix);
            return Err(wrong("prefix", cause, "a path such as /pontoon/v1 is right"));
        }
        Ok(format!("{prefix}/"))
    }

    pub(super) fn uris(&self) -> Result<Vec<Uri>> {
        if self.endpoints.is_empty() {
            let hint = "a list such as [\"https://10.0.0.1:2379\"] is right";
            return Err(wrong("endpoints", "the list is empty".to_owned(), hint));
        }
        self.endpoints.iter().map(|endpoint| self.uri(endpoint)).collect()
    }

    fn uri(&self, endpoint: &str) -> Result<Uri> {
        if endpoint.contains('@') {
            // It is in no error what it is: endpoints are shown to everybody.
            let cause = "a URL has a user and maybe a password in it".to_owned();
            return Err(wrong("endpoints", cause, "set username and password-file in its place"));
        }
        let refuse = |cause: &str| {
            wrong(
                "endpoints",
                format!("{endpoint:?} {cause}"),
                "a URL such as https://10.0.0.1:2379 is right",
            )
        };
        let wants_tls = self.ca.is_some() || self.cert.is_some();
        let (scheme, rest) = match endpoint.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
            Some(_) => return Err(refuse("is neither http nor https")),
            None => (if wants_tls { "https" } else { "http" }, endpoint),
        };
        if scheme == "http" && wants_tls {
            return Err(refuse("is not https, but ca or cert is set"));
        }
        let authority = rest.trim_end_matches('/');
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(host, _)| !host.is_empty() && !host.ends_with(':'))
            && !authority.ends_with(']');
        let port = if has_port { "" } else { ":2379" };
        let uri: Uri =
            format!("{scheme}://{authority}{port}").parse().map_err(|_| refuse("is not a URL"))?;
        if uri.host().is_none_or(str::is_empty) || uri.port_u16().is_none() || uri.path() != "/" {
            return Err(refuse("is not a host and a port"));
        }
        Ok(uri)
    }

    pub(super) fn credentials(&self) -> Result<Option<Credentials>> {
        let Some(username) = self.username.clone() else { return Ok(None) };
        let password = match (&self.password, &self.password_file) {
            (Some(password), _) => password.clone(),
            (None, Some(path)) => {
                read("password-file", path)?.trim_end_matches(['\r', '\n']).to_owned()
            }
            (None, None) => String::new(),
        };
        Ok(Some(Credentials { username, password }))
    }

    /// The TLS settings for an endpoint. Files are read anew for each connection, so that renewed certificates are
    /// taken up without a restart.
    pub(super) fn tls(&self, uri: &Uri) -> Result<Option<ClientTlsConfig>> {
        if uri.scheme_str() != Some("https") {
            return Ok(None);
        }
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = self.server_name.as_deref().unwrap_or(host);
        let mut tls = ClientTlsConfig::new()
            .domain_name(name)
            .ca_certificate(Certificate::from_pem(self.ca_pem()?))
            .timeout(self.connect_timeout);
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            let identity = Identity::from_pem(certificates("cert", cert)?, read("key", key)?);
            tls = tls.identity(identity);
        }
        Ok(Some(tls))
    }

    fn ca_pem(&self) -> Result<String> {
        if let Some(path) = &self.ca {
            return certificates("ca", path);
        }
        let system = SYSTEM_CA.iter().map(Path::new).find(|path| path.exists());
        match system {
            Some(path) => certificates("ca", path),
            None => Err(wrong(
                "ca",
                "it is not set, and this system has no bundle of trusted certificates".to_owned(),
                "set ca to the PEM file of the authority that signed etcd's certificate",
            )),
        }
    }
}

fn certificates(field: &str, path: &Path) -> Result<String> {
    let pem = read(field, path)?;
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        let cause = format!("{} holds no certificate", path.display());
        return Err(wrong(field, cause, "a PEM file with a BEGIN CERTIFICATE line is right"));
    }
    Ok(pem)
}

fn read(field: &str, path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| {
        let cause = format!("cannot read {}: {error}", path.display());
        wrong(field, cause, "the file must exist and be readable for pontoond")
    })
}

fn wrong(field: &str, cause: String, hint: &str) -> Error {
    Error::Invalid(Box::new(Fault {
        target: String::new(),
        operation: format!("etcd setting {field}"),
        cause,
        hint: Some(hint.to_owned()),
    }))
}

#[cfg(test)]
mod tests;
