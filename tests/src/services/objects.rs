//! Objects through a node's daemon.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, bail, ensure};
use pontoon_lab::host::Host;
use pontoon_model::api::{Request, Response};
use pontoon_model::object::{Kind, LabelChange, Outcome, OutcomeResult, Selection};
use serde_json::Value;

use crate::cluster::{SOON, eventually};

/// Applies documents, all of which must be taken.
///
/// # Errors
/// When one is refused.
pub fn apply(host: &Host, documents: &[Value]) -> Result<()> {
    all_done(host, &Request::Apply { documents: documents.to_vec(), dry_run: false })
}

/// Objects of a kind by their names in namespace `default`.
#[must_use]
pub fn named(kind: Kind, names: &[&str]) -> Selection {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Selection { kind, namespace: Some(Default::default()), names, labels: Default::default() }
}

/// Deletes objects, all of which must be there.
///
/// # Errors
/// When one is not.
pub fn delete(host: &Host, kind: Kind, names: &[&str]) -> Result<()> {
    all_done(host, &Request::Delete(named(kind, names)))
}

/// Gives a pod a label, whatever it had.
///
/// # Errors
/// When there is no such pod.
pub fn label(host: &Host, pod: &str, key: &str, value: &str) -> Result<()> {
    let set = [(key.to_owned(), value.to_owned())].into();
    let change = LabelChange { set, remove: Vec::new(), overwrite: true };
    all_done(host, &Request::Label { objects: named(Kind::Pod, &[pod]), change })
}

/// What became of a request, object by object.
///
/// # Errors
/// When the request itself failed.
pub fn outcomes(host: &Host, request: &Request) -> Result<Vec<Outcome>> {
    match host.request(request)? {
        Response::Outcomes(outcomes) => Ok(outcomes),
        other => bail!("{} answered {other:?} to {request:?}", host.name()),
    }
}

fn all_done(host: &Host, request: &Request) -> Result<()> {
    let outcomes = outcomes(host, request)?;
    let failed: Vec<_> =
        outcomes.iter().filter(|o| matches!(o.result, OutcomeResult::Failed(_))).collect();
    ensure!(failed.is_empty() && !outcomes.is_empty(), "{}: {failed:#?}", host.name());
    Ok(())
}

/// Reads objects.
///
/// # Errors
/// When the request failed.
pub fn get(host: &Host, selection: Selection) -> Result<Vec<Value>> {
    match host.request(&Request::Get(selection))? {
        Response::Objects(objects) => Ok(objects),
        other => bail!("{} answered {other:?} to get", host.name()),
    }
}

/// A service as a node knows it, once it does.
///
/// # Errors
/// When it does not come to know it.
pub fn service(host: &Host, name: &str) -> Result<Value> {
    eventually(SOON, || {
        let found = get(host, named(Kind::Service, &[name]))?;
        found.into_iter().next().with_context(|| format!("{} has no service {name}", host.name()))
    })
}

/// The cluster IPs of a service, in its order.
///
/// # Errors
/// When it has none.
pub fn cluster_ips(host: &Host, name: &str) -> Result<Vec<IpAddr>> {
    let document = service(host, name)?;
    let ips = document["spec"]["clusterIPs"].as_array().context("no spec.clusterIPs")?;
    ips.iter().map(|ip| Ok(ip.as_str().unwrap_or_default().parse()?)).collect()
}

/// A port at all cluster IPs of a service.
///
/// # Errors
/// When it has none.
pub fn vips(host: &Host, name: &str, port: u16) -> Result<Vec<SocketAddr>> {
    Ok(cluster_ips(host, name)?.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

/// The node port of a service's port.
///
/// # Errors
/// When it has none.
pub fn node_port(host: &Host, name: &str, port: u16, protocol: &str) -> Result<u16> {
    let document = service(host, name)?;
    let ports = document["spec"]["ports"].as_array().context("no spec.ports")?;
    let of = |p: &Value| p["protocol"].as_str().unwrap_or("TCP") == protocol;
    let found = ports.iter().find(|p| p["port"] == port && of(p));
    let number = found.and_then(|p| p["nodePort"].as_u64()).and_then(|n| u16::try_from(n).ok());
    number.with_context(|| format!("{name} has no node port for {port}/{protocol}: {document}"))
}
