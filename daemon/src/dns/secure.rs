//! DNS over TLS and over HTTPS, which are asked for and may fail each by itself.

use std::net::{IpAddr, SocketAddr, TcpListener};

use anyhow::Result;
use pontoon_dns::config::{DnsConfig, TlsConfig};
use pontoon_dns::listen::sockets::Sockets;
use pontoon_dns::listen::stream::Protocol;
use pontoon_dns::listen::tls::Certificate;

/// The ports of DNS over TLS (RFC 7858, section 3.1) and over HTTPS.
const TLS_PORT: u16 = 853;
const HTTPS_PORT: u16 = 443;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    kind: Kind,
    certificate: TlsConfig,
    addresses: Vec<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tls,
    Https,
}

impl Layer {
    /// Those that are asked for, at the cluster's DNS addresses where nothing else is said.
    #[must_use]
    pub fn of(config: &DnsConfig, dns_addresses: &[IpAddr]) -> Vec<Self> {
        let Some(tls) = &config.tls else { return Vec::new() };
        let layer = |kind, listen: &[SocketAddr], port| {
            let usual = dns_addresses.iter().map(|ip| SocketAddr::new(*ip, port));
            let addresses = if listen.is_empty() { usual.collect() } else { listen.to_vec() };
            Self { kind, certificate: tls.clone(), addresses }
        };
        let over_tls = layer(Kind::Tls, &tls.listen, TLS_PORT);
        let over_https =
            config.https.as_ref().map(|https| layer(Kind::Https, &https.listen, HTTPS_PORT));
        [over_tls].into_iter().chain(over_https).collect()
    }

    /// Whose problems these are, where a node tells them.
    #[must_use]
    pub fn whose(&self) -> &'static str {
        match self.kind {
            Kind::Tls => "DNS over TLS",
            Kind::Https => "DNS over HTTPS",
        }
    }

    /// Reads the certificate and binds the addresses.
    ///
    /// # Errors
    /// When one of that cannot be.
    pub fn open(&self) -> Result<(Protocol, Vec<TcpListener>)> {
        let certificate = Certificate::load(&self.certificate.cert, &self.certificate.key)?;
        let sockets = Sockets::bind_streams(&self.addresses)?.tcp;
        let protocol = match self.kind {
            Kind::Tls => Protocol::Tls(certificate),
            Kind::Https => Protocol::Https(certificate),
        };
        Ok((protocol, sockets))
    }
}
