//! What a person can set about forwarding.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use super::address::Address;
use super::own::Own;
use crate::wire::name::Name;

/// How names outside the cluster are asked for.
///
/// ```toml
/// upstreams = ["10.0.0.53", "tls://9.9.9.9#dns.quad9.net"]
/// policy = "ordered"
///
/// [stubs]
/// "corp.example" = ["10.1.0.53", "10.2.0.53:5353"]
///
/// [cache]
/// size = 20000
/// serve-stale = "1h"
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ForwardConfig {
    /// Who is asked. Empty: the name servers of `resolv-conf`, followed as it changes.
    pub upstreams: Vec<Address>,
    /// The host's resolver configuration. When it names nobody but systemd-resolved's own address
    /// 127.0.0.53, the file behind that is read.
    pub resolv_conf: PathBuf,
    /// Domains that others are asked about; the longest that fits counts.
    #[serde(deserialize_with = "stubs")]
    pub stubs: BTreeMap<Name, Vec<Address>>,
    /// Which upstream is asked first.
    pub policy: Policy,
    /// How many questions may be with upstreams at once; more are refused. 0: any number.
    pub max_concurrent: usize,
    /// How long one upstream has for its answer, before another one is asked.
    #[serde(with = "pontoon_model::duration")]
    pub timeout: Duration,
    /// How long a connection to an upstream is kept with nothing to say.
    #[serde(with = "pontoon_model::duration")]
    pub idle_timeout: Duration,
    /// How often an upstream that does not answer is tried.
    #[serde(with = "pontoon_model::duration")]
    pub probe_interval: Duration,
    /// What is kept of answers.
    pub cache: CacheConfig,
}

impl Default for ForwardConfig {
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            resolv_conf: PathBuf::from("/etc/resolv.conf"),
            stubs: BTreeMap::new(),
            policy: Policy::Random,
            max_concurrent: 1000,
            timeout: Duration::from_secs(2),
            idle_timeout: Duration::from_secs(10),
            probe_interval: Duration::from_millis(500),
            cache: CacheConfig::default(),
        }
    }
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A duration of nothing.
    #[error("{0} is 0s; something longer is right, such as {1}")]
    Nothing(&'static str, &'static str),
    /// An upstream that is ourselves.
    #[error(
        "the upstream {0} is where this DNS answers itself, so questions would go round in a circle; \
         name another one"
    )]
    Circle(Address),
}

impl ForwardConfig {
    /// Checks what the types cannot; `own` is where we answer ourselves.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn validate(&self, own: &Own) -> Result<(), ConfigError> {
        for (duration, name, example) in [
            (self.timeout, "timeout", "2s"),
            (self.idle_timeout, "idle-timeout", "10s"),
            (self.probe_interval, "probe-interval", "500ms"),
        ] {
            if duration.is_zero() {
                return Err(ConfigError::Nothing(name, example));
            }
        }
        match self.addresses().find(|address| own.has(address.socket)) {
            Some(address) => Err(ConfigError::Circle(address.clone())),
            None => Ok(()),
        }
    }

    /// All upstreams that are named.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.upstreams.iter().chain(self.stubs.values().flatten())
    }
}

/// Which upstream is asked first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Any.
    #[default]
    Random,
    /// Each in turn.
    RoundRobin,
    /// The first; the next only when it fails.
    Ordered,
}

/// What is kept of answers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CacheConfig {
    /// How many answers are kept; a long one counts once for each KiB. 0: none.
    pub size: usize,
    /// The longest that an answer with records is kept.
    #[serde(with = "pontoon_model::duration")]
    pub success_ttl: Duration,
    /// The longest that an answer is kept which denies a name, or records of a type.
    #[serde(with = "pontoon_model::duration")]
    pub denial_ttl: Duration,
    /// An answer that was asked for this often is asked for anew in the last tenth of its life. 0:
    /// never.
    pub prefetch: u32,
    /// For how long behind its life an answer is given when upstreams fail (RFC 8767). `0s`: never.
    #[serde(with = "pontoon_model::duration")]
    pub serve_stale: Duration,
    /// How long upstreams have, before such an answer is given instead of theirs.
    #[serde(with = "pontoon_model::duration")]
    pub stale_after: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            size: 10_000,
            success_ttl: Duration::from_secs(3600),
            denial_ttl: Duration::from_secs(1800),
            prefetch: 3,
            serve_stale: Duration::from_secs(3600),
            // RFC 8767, section 5: the client response timer.
            stale_after: Duration::from_millis(1800),
        }
    }
}

/// Reads the domains, and sees to it that each has somebody to ask.
fn stubs<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Name, Vec<Address>>, D::Error> {
    let written = BTreeMap::<String, Vec<Address>>::deserialize(deserializer)?;
    let mut stubs = BTreeMap::new();
    for (domain, upstreams) in written {
        let name = Name::parse(&domain).map_err(de::Error::custom)?;
        if upstreams.is_empty() {
            return Err(de::Error::custom(format!(
                "stubs: {domain:?} has no upstreams; name one, or leave the domain out"
            )));
        }
        if stubs.insert(name, upstreams).is_some() {
            return Err(de::Error::custom(format!(
                "stubs: {domain:?} is there twice, but for case or a final dot; keep one"
            )));
        }
    }
    Ok(stubs)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn read(text: &str) -> Result<ForwardConfig, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_text_is_the_default() {
        assert_eq!(read("").unwrap(), ForwardConfig::default());
    }

    #[test]
    fn everything_can_be_set() {
        let config = read(
            r#"
            upstreams = ["1.1.1.1", "tls://9.9.9.9#dns.quad9.net"]
            policy = "round-robin"
            max-concurrent = 10
            timeout = "500ms"
            stubs = { "Corp.Example." = ["10.0.0.53"] }
            [cache]
            size = 5
            denial-ttl = "1m"
            prefetch = 0
            serve-stale = "0s"
            "#,
        )
        .unwrap();
        assert_eq!(config.upstreams.len(), 2);
        assert_eq!(config.policy, Policy::RoundRobin);
        assert_eq!(config.timeout, Duration::from_millis(500));
        assert_eq!(config.stubs.keys().next().unwrap().to_string(), "corp.example");
        assert_eq!(config.cache.denial_ttl, Duration::from_secs(60));
        assert_eq!(config.cache.success_ttl, Duration::from_secs(3600));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, named) in [
            ("upstreams = [\"dns.example\"]", "dns.example"),
            ("policy = \"fastest\"", "fastest"),
            ("upstream = []", "upstreams"),
            ("timeout = \"2\"", "500ms"),
            ("stubs = { \"a..b\" = [\"1.1.1.1\"] }", "a..b"),
            ("stubs = { \"a.b\" = [] }", "no upstreams"),
            ("stubs = { \"a.b\" = [\"1.1.1.1\"], \"A.b.\" = [\"1.1.1.1\"] }", "twice"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn what_would_never_work_is_refused() {
        let own = Own::at(vec![IpAddr::from([10, 96, 0, 10])]);
        let wrong = |text: &str| read(text).unwrap().validate(&own).unwrap_err().to_string();
        assert!(wrong("timeout = \"0s\"").contains("timeout"));
        assert!(wrong("probe-interval = \"0ms\"").contains("probe-interval"));
        assert!(wrong("upstreams = [\"10.96.0.10\"]").contains("10.96.0.10:53"));
        assert!(wrong("stubs = { a = [\"10.96.0.10:99\"] }").contains("10.96.0.10:99"));
        assert_eq!(ForwardConfig::default().validate(&own), Ok(()));
    }
}
