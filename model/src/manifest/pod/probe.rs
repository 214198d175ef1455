//! `readinessProbe`: what of it a node can carry out without the container runtime.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::manifest::decode::from_object;
use crate::manifest::error::{At, ManifestError};
use crate::manifest::rules::{self, IntOrString};
use crate::manifest::warnings::Warnings;
use crate::readiness::{Probe, Readiness};
use crate::service::TargetPort;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawProbe {
    tcp_socket: Option<RawTcp>,
    http_get: Option<RawHttp>,
    exec: Option<IgnoredAny>,
    grpc: Option<IgnoredAny>,
    initial_delay_seconds: Option<i64>,
    period_seconds: Option<i64>,
    timeout_seconds: Option<i64>,
    success_threshold: Option<i64>,
    failure_threshold: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
struct RawTcp {
    port: Option<IntOrString>,
    host: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
struct RawHttp {
    port: Option<IntOrString>,
    path: Option<String>,
    host: Option<String>,
    scheme: Option<String>,
    http_headers: Vec<RawHeader>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
struct RawHeader {
    name: String,
    value: String,
}

from_object!(RawProbe, RawTcp, RawHttp, RawHeader);

/// `None`, with a warning, where the probe is of a kind that is not carried out.
pub(super) fn check(
    at: &At<'_>,
    raw: RawProbe,
    warnings: &mut Warnings,
) -> Result<Option<Readiness>, ManifestError> {
    let probe = match (raw.tcp_socket, raw.http_get) {
        (Some(_), Some(_)) => {
            return Err(at.wrong("tcpSocket and httpGet are both there: choose one"));
        }
        (Some(tcp), None) => Some(tcp_probe(&at.field("tcpSocket"), tcp, warnings)?),
        (None, Some(http)) => http_probe(&at.field("httpGet"), http, warnings)?,
        (None, None) => {
            for (kind, set) in [("exec", raw.exec.is_some()), ("grpc", raw.grpc.is_some())] {
                if set {
                    let said = "not used: a pod is checked by tcpSocket or httpGet; without either it counts as ready";
                    warnings.add(&at.field(kind).to_string(), said);
                }
            }
            None
        }
    };
    let Some(probe) = probe else { return Ok(None) };
    let number = |field: &'static str, found: Option<i64>, usual: u32| match found {
        // Go writes 0 for what is absent.
        None | Some(0) => Ok(usual),
        Some(number) => u32::try_from(number)
            .map_err(|_| at.field(field).wrong(format!("{number} is not in 0..={}", u32::MAX))),
    };
    let seconds = |field, found, usual| {
        number(field, found, usual).map(|seconds| Duration::from_secs(seconds.into()))
    };
    let readiness = Readiness {
        probe,
        delay: seconds("initialDelaySeconds", raw.initial_delay_seconds, 0)?,
        period: seconds("periodSeconds", raw.period_seconds, 10)?,
        timeout: seconds("timeoutSeconds", raw.timeout_seconds, 1)?,
        success: number("successThreshold", raw.success_threshold, 1)?,
        failure: number("failureThreshold", raw.failure_threshold, 3)?,
    };
    readiness.validate().map_err(|error| at.wrong(error.to_string()))?;
    Ok(Some(readiness))
}

const ELSEWHERE: &str = "not used: a pod is asked at its own address";

fn tcp_probe(at: &At<'_>, raw: RawTcp, warnings: &mut Warnings) -> Result<Probe, ManifestError> {
    if raw.host.is_some_and(|host| !host.is_empty()) {
        warnings.add(&at.field("host").to_string(), ELSEWHERE);
    }
    Ok(Probe::Tcp { port: port(at, raw.port)? })
}

fn http_probe(
    at: &At<'_>,
    raw: RawHttp,
    warnings: &mut Warnings,
) -> Result<Option<Probe>, ManifestError> {
    let port = port(at, raw.port)?;
    let scheme = at.field("scheme");
    let words = [("HTTP", true), ("HTTPS", false)];
    if !rules::one_of_or(&scheme, raw.scheme.as_deref(), &words, true)? {
        warnings.add(
            &scheme.to_string(),
            "HTTPS is not carried out, and the pod counts as ready; a tcpSocket probe would be",
        );
        return Ok(None);
    }
    if raw.host.is_some_and(|host| !host.is_empty()) {
        warnings.add(&at.field("host").to_string(), ELSEWHERE);
    }
    let headers = at.field("httpHeaders");
    let mut host = None;
    for (index, header) in raw.http_headers.into_iter().enumerate() {
        if header.name.eq_ignore_ascii_case("host") {
            host = Some(header.value);
        } else {
            warnings
                .add(&headers.index(index).to_string(), "not used: of headers only Host is sent");
        }
    }
    let path = raw.path.filter(|path| !path.is_empty()).unwrap_or_else(|| "/".to_owned());
    let path = if path.starts_with('/') { path } else { format!("/{path}") };
    Ok(Some(Probe::Http { port, path, host }))
}

fn port(at: &At<'_>, found: Option<IntOrString>) -> Result<TargetPort, ManifestError> {
    let at = at.field("port");
    let found = found.ok_or_else(|| at.wrong("it is missing: give a port's number or name"))?;
    rules::target_port(&at, found)
}
