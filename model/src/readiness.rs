//! How a pod's own node finds out whether the pod takes connections: the annotation
//! `pontoon.net/readiness`.
//!
//! | part | meaning | default |
//! | --- | --- | --- |
//! | `tcp:PORT` | the pod accepts a connection | |
//! | `http:PORT/PATH` | the pod answers a GET with 200 to 399 | path `/` |
//! | `;host=NAME` | the `Host` that the GET names | the pod's address |
//! | `;delay=TIME` | how long after the pod's start the first check is | `0s` |
//! | `;period=TIME` | how long after one check the next is | `2s` |
//! | `;timeout=TIME` | how long an answer may take | `1s` |
//! | `;success=N` | after so many successes in a row the pod is ready | `1` |
//! | `;failure=N` | after so many failures in a row it is not | `3` |
//!
//! A port is a number or the name of one of the pod's ports; a time is `500ms`, `2s` or `1m`.

mod parse;

use std::fmt;
use std::time::Duration;

pub use parse::ReadinessError;

use crate::service::TargetPort;

/// The annotation on a pod that asks for a check.
pub const READINESS: &str = "pontoon.net/readiness";

/// A check and how often it is made. Every field has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// What is tried.
    pub probe: Probe,
    /// From the pod's start to the first check, at most an hour.
    pub delay: Duration,
    /// From one check to the next, 100 ms to an hour.
    pub period: Duration,
    /// How long an answer may take, 10 ms to an hour.
    pub timeout: Duration,
    /// After so many successes in a row the pod is ready; at least 1.
    pub success: u32,
    /// After so many failures in a row it is not; at least 1.
    pub failure: u32,
}

/// What is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// To connect.
    Tcp {
        /// Where.
        port: TargetPort,
    },
    /// To get a page.
    Http {
        /// Where.
        port: TargetPort,
        /// Which: printable ASCII, beginning with `/`, without `;`.
        path: String,
        /// The `Host` to name; `None` for the pod's address.
        host: Option<String>,
    },
}

impl Probe {
    /// The port that is tried.
    #[must_use]
    pub const fn port(&self) -> &TargetPort {
        match self {
            Self::Tcp { port } | Self::Http { port, .. } => port,
        }
    }
}

impl Readiness {
    /// A check made as often as the annotation has it by default.
    #[must_use]
    pub const fn new(probe: Probe) -> Self {
        Self {
            probe,
            delay: Duration::ZERO,
            period: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            success: 1,
            failure: 3,
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = |port: &TargetPort| match port {
            TargetPort::Number(number) => number.to_string(),
            TargetPort::Name(name) => name.clone(),
        };
        match &self.probe {
            Probe::Tcp { port: at } => write!(f, "tcp:{}", port(at))?,
            Probe::Http { port: at, path, host } => {
                write!(f, "http:{}{path}", port(at))?;
                if let Some(host) = host {
                    write!(f, ";host={host}")?;
                }
            }
        }
        let usual = Self::new(self.probe.clone());
        for (key, time, usual) in [
            ("delay", self.delay, usual.delay),
            ("period", self.period, usual.period),
            ("timeout", self.timeout, usual.timeout),
        ] {
            if time != usual && time.subsec_millis() == 0 {
                write!(f, ";{key}={}s", time.as_secs())?;
            } else if time != usual {
                write!(f, ";{key}={}ms", time.as_millis())?;
            }
        }
        for (key, count, usual) in
            [("success", self.success, usual.success), ("failure", self.failure, usual.failure)]
        {
            if count != usual {
                write!(f, ";{key}={count}")?;
            }
        }
        Ok(())
    }
}
