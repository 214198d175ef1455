//! Upstreams as people write them: `1.1.1.1`, `[::1]:5353`, `tls://1.1.1.1:853#dns.example`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::pki_types::ServerName;

/// The port of plain DNS.
pub const PORT: u16 = 53;
/// The port of DNS over TLS (RFC 7858, section 3.1).
pub const TLS_PORT: u16 = 853;

/// Where an upstream is, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    /// Its address.
    pub socket: SocketAddr,
    /// Over TLS: the name that its certificate must be for. Over UDP and TCP: none.
    pub tls: Option<ServerName<'static>>,
}

/// A text that is no upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no upstream: an IP address such as 1.1.1.1, one with a port such as [::1]:5353, or \
     tls://1.1.1.1#dns.example is right"
)]
pub struct AddressError(String);

impl Address {
    /// One that speaks plain DNS.
    #[must_use]
    pub fn plain(socket: SocketAddr) -> Self {
        Self { socket, tls: None }
    }
}

impl std::str::FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.to_owned());
        let Some(rest) = text.strip_prefix("tls://") else {
            return socket(text, PORT).map(Self::plain).ok_or_else(wrong);
        };
        let (at, name) = match rest.split_once('#') {
            Some((at, name)) => (at, Some(name)),
            None => (rest, None),
        };
        let socket = socket(at, TLS_PORT).ok_or_else(wrong)?;
        let name = match name {
            Some(name) => ServerName::try_from(name.to_owned()).map_err(|_| wrong())?,
            None => ServerName::from(socket.ip()),
        };
        Ok(Self { socket, tls: Some(name) })
    }
}

fn socket(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return (socket.port() != 0).then_some(socket);
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ip = match bare {
        Some(inner) => IpAddr::V6(inner.parse().ok()?),
        None => text.parse().ok()?,
    };
    Some(SocketAddr::new(ip, port))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tls {
            None => write!(f, "{}", self.socket),
            Some(ServerName::DnsName(name)) => {
                write!(f, "tls://{}#{}", self.socket, name.as_ref())
            }
            Some(_) => write!(f, "tls://{}", self.socket),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        text.parse::<Address>().unwrap().to_string()
    }

    #[test]
    fn ports_and_names_are_added_where_they_are_not_said() {
        assert_eq!(written("1.1.1.1"), "1.1.1.1:53");
        assert_eq!(written("::1"), "[::1]:53");
        assert_eq!(written("[::1]"), "[::1]:53");
        assert_eq!(written("[::1]:5353"), "[::1]:5353");
        assert_eq!(written("tls://1.1.1.1"), "tls://1.1.1.1:853");
        assert_eq!(
            written("tls://[2606:4700::1]:8853#dns.example"),
            "tls://[2606:4700::1]:8853#dns.example"
        );
        let named: Address = "tls://1.1.1.1#dns.example".parse().unwrap();
        assert_eq!(named.tls, Some(ServerName::try_from("dns.example").unwrap()));
        let bare: Address = "tls://1.1.1.1".parse().unwrap();
        assert_eq!(bare.tls, Some(ServerName::from(IpAddr::from([1, 1, 1, 1]))));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for text in ["1.1.1.1", "[::1]:5353", "tls://1.1.1.1", "tls://9.9.9.9#dns.quad9.net"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        }
    }

    #[test]
    fn what_is_no_upstream_is_refused() {
        for wrong in [
            "",
            "dns.example",
            "1.1.1.1:0",
            "1.1.1.1:99999",
            "tls://dns.example",
            "tls://1.1.1.1#",
            "tls://1.1.1.1#no name",
            "https://1.1.1.1",
            "[1.1.1.1]",
            "1.1.1.1#dns.example",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
