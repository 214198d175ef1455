//! Reading the annotation, and the bounds of its parts.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::{Probe, Readiness};
use crate::manifest::is_port_name;
use crate::service::TargetPort;

/// Why a text is no check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write tcp:PORT or http:PORT/PATH, such as http:8080/healthz;period=2s;failure=3")]
pub struct ReadinessError(String);

const HOUR: Duration = Duration::from_secs(3600);
const DELAY: RangeInclusive<Duration> = Duration::ZERO..=HOUR;
const PERIOD: RangeInclusive<Duration> = Duration::from_millis(100)..=HOUR;
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=HOUR;
const COUNT: RangeInclusive<u32> = 1..=1000;

impl Readiness {
    /// Checks every field against its bounds.
    ///
    /// # Errors
    /// The first field that is outside.
    pub fn validate(&self) -> Result<(), ReadinessError> {
        within("delay", self.delay, &DELAY)?;
        within("period", self.period, &PERIOD)?;
        within("timeout", self.timeout, &TIMEOUT)?;
        for (key, count) in [("success", self.success), ("failure", self.failure)] {
            if !COUNT.contains(&count) {
                return Err(outside(key, count));
            }
        }
        if let Probe::Http { path, host, .. } = &self.probe {
            if !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_graphic() && b != b';') {
                return Err(ReadinessError(format!(
                    "path {path:?} is not valid: begin it with '/', and write spaces, ';' and what is not ASCII as %20"
                )));
            }
            let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b);
            if host.as_ref().is_some_and(|h| h.is_empty() || h.len() > 255 || !h.bytes().all(plain))
            {
                return Err(ReadinessError(format!(
                    "host {:?} is no host's name",
                    host.as_deref().unwrap_or_default()
                )));
            }
        }
        Ok(())
    }
}

fn within(
    key: &str,
    time: Duration,
    bounds: &RangeInclusive<Duration>,
) -> Result<(), ReadinessError> {
    if bounds.contains(&time) {
        return Ok(());
    }
    Err(ReadinessError(format!(
        "{key} {time:?} is not in {:?}..={:?}",
        bounds.start(),
        bounds.end()
    )))
}

fn outside(key: &str, count: impl std::fmt::Display) -> ReadinessError {
    ReadinessError(format!("{key} {count} is not in {}..={}", COUNT.start(), COUNT.end()))
}

impl FromStr for Readiness {
    type Err = ReadinessError;

    fn from_str(text: &str) -> Result<Self, ReadinessError> {
        let mut parts = text.split(';').map(str::trim);
        let mut readiness = Self::new(probe(parts.next().unwrap_or_default())?);
        for part in parts.filter(|part| !part.is_empty()) {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| ReadinessError(format!("{part:?} has no '='")))?;
            readiness.set(key, value)?;
        }
        readiness.validate()?;
        Ok(readiness)
    }
}

impl Readiness {
    fn set(&mut self, key: &str, value: &str) -> Result<(), ReadinessError> {
        let count = || value.parse().map_err(|_| outside(key, format_args!("{value:?}")));
        match key {
            "delay" => self.delay = time(key, value)?,
            "period" => self.period = time(key, value)?,
            "timeout" => self.timeout = time(key, value)?,
            "success" => self.success = count()?,
            "failure" => self.failure = count()?,
            "host" => match &mut self.probe {
                Probe::Http { host, .. } => *host = Some(value.to_owned()),
                Probe::Tcp { .. } => {
                    return Err(ReadinessError("host is for http".to_owned()));
                }
            },
            _ => {
                return Err(ReadinessError(format!(
                    "{key:?} is not one of delay, period, timeout, success, failure, host"
                )));
            }
        }
        Ok(())
    }
}

fn probe(text: &str) -> Result<Probe, ReadinessError> {
    match text.split_once(':') {
        Some(("tcp", at)) => Ok(Probe::Tcp { port: port(at)? }),
        Some(("http", rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (at, path) = rest.split_at(end);
            let path = if path.is_empty() { "/" } else { path };
            Ok(Probe::Http { port: port(at)?, path: path.to_owned(), host: None })
        }
        _ => Err(ReadinessError(format!("{text:?} begins with neither tcp: nor http:"))),
    }
}

fn port(text: &str) -> Result<TargetPort, ReadinessError> {
    if is_port_name(text) {
        return Ok(TargetPort::Name(text.to_owned()));
    }
    text.parse().ok().filter(|port| *port > 0).map(TargetPort::Number).ok_or_else(|| {
        ReadinessError(format!("port {text:?} is neither in 1..=65535 nor a port's name"))
    })
}

fn time(key: &str, text: &str) -> Result<Duration, ReadinessError> {
    let wrong = || ReadinessError(format!("{key} {text:?} is no time such as 500ms, 2s or 1m"));
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_short_forms_have_the_defaults() {
        let tcp: Readiness = "tcp:8080".parse().unwrap();
        assert_eq!(tcp, Readiness::new(Probe::Tcp { port: TargetPort::Number(8080) }));
        assert_eq!((tcp.period, tcp.timeout), (Duration::from_secs(2), Duration::from_secs(1)));
        assert_eq!((tcp.success, tcp.failure), (1, 3));
        let http: Readiness = "http:web".parse().unwrap();
        assert_eq!(http.to_string(), "http:web/");
    }

    #[test]
    fn everything_can_be_said() {
        let text =
            "http:http/a?b=c:d;host=x.y;delay=5s;period=500ms;timeout=2s;success=2;failure=1";
        let readiness: Readiness = text.parse().unwrap();
        assert_eq!(readiness.to_string(), text);
        assert_eq!("tcp:1;period=1m".parse::<Readiness>().unwrap().to_string(), "tcp:1;period=60s");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("", "neither tcp: nor http:"),
            ("https:1/", "neither tcp: nor http:"),
            ("tcp:0", "port \"0\""),
            ("tcp:8080/x", "port \"8080/x\""),
            ("http:a b/", "port \"a b\""),
            ("http:1/a b", "path \"/a b\""),
            ("tcp:1;period=0s", "period 0ns is not in 100ms..=3600s"),
            ("tcp:1;period=2", "500ms, 2s or 1m"),
            ("tcp:1;period=99999999999999999999s", "is no time"),
            ("tcp:1;failure=0", "failure 0 is not in 1..=1000"),
            ("tcp:1;failure=x", "failure \"x\" is not in"),
            ("tcp:1;host=x", "host is for http"),
            ("http:1/;host=a b", "no host's name"),
            ("tcp:1;perod=2s", "\"perod\" is not one of"),
            ("tcp:1;period", "no '='"),
        ] {
            let said = text.parse::<Readiness>().unwrap_err().to_string();
            assert!(said.contains(part) && said.contains("http:8080/healthz"), "{text:?}: {said}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            text in "(tcp:[a-z0-9]{1,4}|http:[0-9]{1,4}(/[!-~]{0,5})?(;host=[a-z]{1,3})?)(;period=[0-9]{1,4}m?s)?(;failure=[0-9])?|.*"
        ) {
            if let Ok(readiness) = text.parse::<Readiness>() {
                prop_assert_eq!(readiness.to_string().parse(), Ok(readiness));
            }
        }
    }
}
