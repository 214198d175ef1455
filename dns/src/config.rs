//! What a person can set about the DNS: the section `[dns]` of a node's configuration.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnetwork::IpNetwork;
use serde::{Deserialize, Deserializer, de};

use crate::forward::config::ForwardConfig;
use crate::forward::own::Own;
use crate::wire::name::Name;
use crate::zone::shape::PodNames;

/// How this node answers for the cluster.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DnsConfig {
    /// Whether it does, at the cluster's DNS addresses.
    pub enabled: bool,
    /// How long clients may keep an answer about the cluster, seconds: 0 to [`LONGEST_TTL`].
    pub ttl: u32,
    /// How names of pods that are made of their addresses are answered.
    pub pods: PodNames,
    /// Whether endpoints without a hostname are called by the name of their pod, not by their address.
    pub endpoint_pod_names: bool,
    /// Whether a pod's walk along its search path is answered at the first step.
    pub autopath: bool,
    /// Where it answers beside the cluster's DNS addresses.
    #[serde(deserialize_with = "sockets")]
    pub listen: Vec<SocketAddr>,
    /// Who may ask beside pods and this host.
    pub allow: Vec<IpNetwork>,
    /// How many answers a client gets a second; 0 for no limit.
    pub rate_limit: u32,
    /// How many threads answer datagrams: 1 to [`MOST_WORKERS`].
    pub workers: usize,
    /// Who may have the whole zone at once (AXFR).
    pub transfer_to: Vec<IpNetwork>,
    /// Names outside the cluster with addresses of their own, as `/etc/hosts` has them.
    #[serde(deserialize_with = "hosts")]
    pub hosts: BTreeMap<Name, Vec<IpAddr>>,
    /// DNS over TLS (RFC 7858).
    pub tls: Option<TlsConfig>,
    /// DNS over HTTPS (RFC 8484), with the certificate of `tls`.
    pub https: Option<HttpsConfig>,
    /// How names outside the cluster are asked for.
    pub forward: ForwardConfig,
}

/// DNS over TLS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate and those that vouch for it, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Where; empty for port 853 of the cluster's DNS addresses.
    #[serde(default, deserialize_with = "sockets")]
    pub listen: Vec<SocketAddr>,
}

/// DNS over HTTPS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct HttpsConfig {
    /// Where; empty for port 443 of the cluster's DNS addresses.
    #[serde(deserialize_with = "sockets")]
    pub listen: Vec<SocketAddr>,
}

/// The longest [`DnsConfig::ttl`]: what is kept longer hides changes for longer than people wait.
pub const LONGEST_TTL: u32 = 3600;
/// The most [`DnsConfig::workers`].
pub const MOST_WORKERS: usize = 64;

impl Default for DnsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            ttl: 5,
            pods: PodNames::default(),
            endpoint_pod_names: false,
            autopath: true,
            listen: Vec::new(),
            allow: Vec::new(),
            rate_limit: 20_000,
            workers: 1,
            transfer_to: Vec::new(),
            hosts: BTreeMap::new(),
            tls: None,
            https: None,
            forward: ForwardConfig::default(),
        }
    }
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct DnsConfigError {
    /// The key below `dns`.
    pub key: &'static str,
    /// What is wrong with its value, and what would be right.
    pub problem: String,
}

impl DnsConfig {
    /// All that is wrong with values which are each of the right type.
    #[must_use]
    pub fn faults(&self) -> Vec<DnsConfigError> {
        let mut faults = Vec::new();
        let mut fault = |key, problem: String| faults.push(DnsConfigError { key, problem });
        if self.ttl > LONGEST_TTL {
            fault("ttl", format!("{} is not in 0..={LONGEST_TTL} (seconds)", self.ttl));
        }
        if !(1..=MOST_WORKERS).contains(&self.workers) {
            fault("workers", format!("{} is not in 1..={MOST_WORKERS}", self.workers));
        }
        let listening = [
            ("listen", Some(&self.listen)),
            ("tls.listen", self.tls.as_ref().map(|tls| &tls.listen)),
            ("https.listen", self.https.as_ref().map(|https| &https.listen)),
        ];
        for (key, addresses) in listening {
            for address in addresses.into_iter().flatten() {
                if address.port() == 0 {
                    fault(
                        key,
                        format!("{address} has no port: write one, such as {}:53", address.ip()),
                    );
                } else if address.ip().is_multicast() {
                    fault(key, format!("{address} is a multicast address: use one of this host"));
                }
            }
        }
        // The cluster's addresses are not known here, nor are those of the host.
        let own = Own { sockets: self.listen.clone(), ..Own::default() };
        if let Err(error) = self.forward.validate(&own) {
            fault("forward", error.to_string());
        }
        if self.https.is_some() && self.tls.is_none() {
            let problem = "needs a certificate: give tls.cert and tls.key";
            fault("https", problem.to_owned());
        }
        faults
    }
}

fn sockets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
    let read = |text: &String| {
        text.parse().map_err(|_| {
            de::Error::custom(format!(
                "{text:?} is no address with a port: write it like 192.0.2.1:53 or [fd00::1]:53"
            ))
        })
    };
    Vec::<String>::deserialize(deserializer)?.iter().map(read).collect()
}

/// Reads names, and sees to it that each has an address.
fn hosts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Name, Vec<IpAddr>>, D::Error> {
    let written = BTreeMap::<String, Vec<IpAddr>>::deserialize(deserializer)?;
    let mut hosts = BTreeMap::new();
    for (text, addresses) in written {
        let name = Name::parse(&text).map_err(de::Error::custom)?;
        if addresses.is_empty() {
            return Err(de::Error::custom(format!(
                "{text:?} has no address: give one, or leave the name out"
            )));
        }
        if hosts.insert(name, addresses).is_some() {
            return Err(de::Error::custom(format!(
                "{text:?} is there twice, but for case or a final dot: keep one"
            )));
        }
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DnsConfig, String> {
        let config: DnsConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        let faults: Vec<String> = config.faults().iter().map(ToString::to_string).collect();
        if faults.is_empty() { Ok(config) } else { Err(faults.join("\n")) }
    }

    #[test]
    fn an_empty_section_is_the_default() {
        assert_eq!(read(""), Ok(DnsConfig::default()));
    }

    #[test]
    fn everything_can_be_set() {
        let config = read(
            r#"
            enabled = false
            ttl = 3600
            pods = "insecure"
            endpoint-pod-names = true
            autopath = false
            listen = ["192.0.2.1:53", "[fd00::1]:5353"]
            allow = ["192.0.2.0/24"]
            rate-limit = 0
            workers = 4
            transfer-to = ["192.0.2.53/32"]
            hosts = { "Registry.Example." = ["192.0.2.7", "fd00::7"] }
            tls = { cert = "/c.pem", key = "/k.pem", listen = ["0.0.0.0:853"] }
            https = {}
            "#,
        )
        .unwrap();
        assert!(!config.enabled && config.endpoint_pod_names && !config.autopath);
        assert_eq!((config.ttl, config.rate_limit, config.workers), (3600, 0, 4));
        assert_eq!(config.pods, PodNames::Insecure);
        assert_eq!((config.listen.len(), config.allow.len(), config.transfer_to.len()), (2, 1, 1));
        assert_eq!(config.hosts.keys().next().unwrap().to_string(), "registry.example");
        assert_eq!(config.tls.unwrap().listen.len(), 1);
        assert_eq!(config.https, Some(HttpsConfig::default()));
    }

    #[test]
    fn mistakes_are_named_with_what_would_be_right() {
        for (text, part) in [
            ("ttl = 3601", "ttl: 3601 is not in 0..=3600"),
            ("ttl = -1", "-1"),
            ("workers = 0", "workers: 0 is not in 1..=64"),
            ("pods = \"all\"", "`disabled`, `insecure`, `verified`"),
            ("listen = [\"192.0.2.1\"]", "\"192.0.2.1\" is no address with a port"),
            ("listen = [\"192.0.2.1:0\"]", "listen: 192.0.2.1:0 has no port"),
            ("tls = { cert = \"/c\" }", "key"),
            ("tls = { cert = \"/c\", key = \"/k\", listen = [\"[ff02::1]:853\"] }", "tls.listen: "),
            ("https = {}", "https: needs a certificate"),
            (
                "listen = [\"192.0.2.1:53\"]\nforward = { upstreams = [\"192.0.2.1\"] }",
                "forward: the upstream 192.0.2.1:53 is where this DNS answers itself",
            ),
            ("allow = [\"10.0.0.0/33\"]", "10.0.0.0/33"),
            ("hosts = { \"a..b\" = [\"192.0.2.1\"] }", "a..b"),
            ("hosts = { \"a.b\" = [] }", "\"a.b\" has no address"),
            ("hosts = { \"a.b\" = [\"192.0.2.1\"], \"A.b.\" = [\"192.0.2.1\"] }", "twice"),
            ("lisen = []", "listen"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(part), "{text} gave {said:?}, without {part:?}");
        }
        let all = read("ttl = 9999\nworkers = 65\nhttps = {}").unwrap_err();
        assert_eq!(all.lines().count(), 3, "{all}");
    }
}
