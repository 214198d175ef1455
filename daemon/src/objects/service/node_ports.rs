//! Which node ports a service is to have.

use pontoon_model::api::Failure;
use pontoon_model::manifest::ServiceManifest;
use pontoon_model::port_range::PortRange;
use pontoon_model::service::{Protocol, Service, ServiceKind, ServicePort, TrafficPolicy};

use super::claim::Claim;
use super::want::{Pool, Want};
use crate::objects::failure::invalid;

/// The node ports of a service.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// One for each port, or none at all.
    pub(super) ports: Vec<PortWant>,
    pub(super) health_check: Option<Want>,
}

/// What a port is to have.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PortWant {
    Own(Want),
    /// The number of the port at this index: it has the same port for another protocol.
    As(usize),
}

pub(super) fn lay_out(
    new: &ServiceManifest,
    old: Option<&ServiceManifest>,
    range: PortRange,
) -> Result<Layout, Failure> {
    let (new, old) = (&new.service, old.map(|old| &old.service));
    if !matches!(new.kind, ServiceKind::NodePort | ServiceKind::LoadBalancer) {
        return Ok(Layout::default());
    }
    let used = new.ports.iter().filter_map(|port| Some((port.protocol, port.node_port?)));
    let mut used: Vec<(Protocol, u16)> = used.collect();
    let mut ports: Vec<PortWant> = Vec::with_capacity(new.ports.len());
    for (index, port) in new.ports.iter().enumerate() {
        let path = format!("spec.ports[{index}].nodePort");
        let twin = new.ports[..index]
            .iter()
            .position(|other| other.port == port.port && other.protocol != port.protocol);
        let want = match (port.node_port, before(old, port, &used), twin) {
            (Some(number), ..) => PortWant::Own(given(path, number, old, range)?),
            (None, Some(number), _) => {
                used.push((port.protocol, number));
                PortWant::Own(Want::Kept(Claim::NodePort(number)))
            }
            (None, None, Some(twin)) => PortWant::As(twin),
            (None, None, None) => PortWant::Own(Want::Any(Pool::NodePort)),
        };
        ports.push(want);
    }
    Ok(Layout { ports, health_check: health_check(new, old, range)? })
}

/// The number that the port had: by its name, or else by protocol and port.
fn before(old: Option<&Service>, port: &ServicePort, used: &[(Protocol, u16)]) -> Option<u16> {
    let old = &old?.ports;
    let same_name = old.iter().find(|other| other.name == port.name);
    let same_port =
        old.iter().find(|other| (other.protocol, other.port) == (port.protocol, port.port));
    let mut numbers = [same_name, same_port].into_iter().flatten().filter_map(|p| p.node_port);
    numbers.find(|number| !used.contains(&(port.protocol, *number)))
}

fn given(
    path: String,
    number: u16,
    old: Option<&Service>,
    range: PortRange,
) -> Result<Want, Failure> {
    let claim = Claim::NodePort(number);
    if old.is_some_and(|old| Claim::all_of(old).contains(&claim)) {
        return Ok(Want::Kept(claim));
    }
    if !range.contains(number) {
        return Err(invalid(&path, format!("{number} is not in the cluster's range {range}")));
    }
    Ok(Want::Fixed(claim, path))
}

fn health_check(
    new: &Service,
    old: Option<&Service>,
    range: PortRange,
) -> Result<Option<Want>, Failure> {
    let has_one = |service: &Service| {
        service.kind == ServiceKind::LoadBalancer && service.external_policy == TrafficPolicy::Local
    };
    if !has_one(new) {
        return Ok(None);
    }
    let path = "spec.healthCheckNodePort";
    let kept = old.filter(|old| has_one(old)).and_then(|old| old.health_check_node_port);
    let is_free = |number: &u16| new.ports.iter().all(|port| port.node_port != Some(*number));
    match (new.health_check_node_port, kept.filter(is_free)) {
        (Some(number), _) => given(path.to_owned(), number, old, range).map(Some),
        (None, Some(number)) => Ok(Some(Want::Kept(Claim::NodePort(number)))),
        (None, None) => Ok(Some(Want::Any(Pool::NodePort))),
    }
}
