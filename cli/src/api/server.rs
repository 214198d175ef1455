//! Where the daemon is, as it is typed.

use std::path::PathBuf;

use clap::Args;
use pontoon_client::http::{Address, TlsAddress};
use pontoon_model::rest::DEFAULT_SOCKET;

use super::ApiError;

/// Which daemon is asked.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which daemon")]
pub(crate) struct Server {
    /// The socket of this host's daemon
    #[arg(long, global = true, env = "PONTOON_SOCKET", default_value = DEFAULT_SOCKET, value_name = "PATH")]
    pub(crate) socket: PathBuf,
    /// Another host's daemon, where it serves its API over TCP: https://HOST:PORT
    #[arg(long, global = true, env = "PONTOON_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Certificate to show to that daemon (PEM)
    #[arg(long, global = true, env = "PONTOON_CERT", value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Key of the certificate (PEM)
    #[arg(long, global = true, env = "PONTOON_KEY", value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Certificate of whoever signed that daemon's (PEM)
    #[arg(long, global = true, env = "PONTOON_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

impl Server {
    /// The daemon of this host, by its socket.
    pub(crate) const fn at(socket: PathBuf) -> Self {
        Self { socket, server: None, cert: None, key: None, ca: None }
    }

    /// Whether it is this host's.
    pub(crate) const fn is_local(&self) -> bool {
        self.server.is_none()
    }

    /// The way to it.
    pub(crate) fn address(&self) -> Result<Address, ApiError> {
        let Some(url) = &self.server else {
            return Ok(Address::Socket(self.socket.clone()));
        };
        let (host, port) = authority(url).ok_or_else(|| {
            ApiError::usage(format!("{url:?} is no server such as https://192.0.2.1:9554"))
        })?;
        let file = |flag: &str, file: &Option<PathBuf>| {
            file.clone().ok_or_else(|| {
                ApiError::usage(format!(
                    "--{flag} is missing: a daemon serves nobody over TCP without --cert, --key and --ca"
                ))
            })
        };
        Ok(Address::Tls(TlsAddress {
            host,
            port,
            ca: file("ca", &self.ca)?,
            cert: file("cert", &self.cert)?,
            key: file("key", &self.key)?,
        }))
    }
}

/// Host and port of `https://HOST:PORT`; an IPv6 address stands in brackets.
fn authority(url: &str) -> Option<(String, u16)> {
    let authority = url.strip_prefix("https://")?.trim_end_matches('/');
    let (host, port) = authority.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(host);
    let is_host =
        !host.is_empty() && !host.contains('/') && (bare.is_some() || !host.contains(':'));
    is_host.then_some((host.to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_and_a_port() {
        let is = |url: &str| authority(url).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(is("https://node-1:9554").as_deref(), Some("node-1 9554"));
        assert_eq!(is("https://[fd00::1]:9554/").as_deref(), Some("fd00::1 9554"));
        for wrong in [
            "http://a:1",
            "https://a",
            "a:1",
            "https://:1",
            "https://fd00::1:99999",
            "https://a/b:1",
        ] {
            assert_eq!(is(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_missing_for_a_server_is_named() {
        let mut server = Server::at("/run/s".into());
        assert_eq!(server.address().unwrap(), Address::Socket("/run/s".into()));
        server.server = Some("https://node-1:9554".to_owned());
        server.ca = Some("ca.pem".into());
        let said = server.address().unwrap_err();
        assert!(said.to_string().starts_with("--cert is missing"), "{said}");
    }
}
