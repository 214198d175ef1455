//! A question becomes an address, a port and a protocol.

use std::net::IpAddr;

use pontoon_model::cidr::Family;
use pontoon_model::service::{ServiceId, ServiceKind, ServicePort};
use pontoon_model::trace::{Destination, Origin, Port, Question, Step, Transport};

use crate::world::{Backed, Node, World};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// How that is known.
    pub step: Step,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether everybody who was asked answered: where there is no address, there is none.
    pub certain: bool,
}

/// What a packet aims at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    /// The address; `None` where the name stands for none.
    pub address: Option<IpAddr>,
    /// What carries it.
    pub transport: Transport,
    /// The port; 0 for a ping.
    pub port: u16,
    /// The service that was named.
    pub service: Option<ServiceId>,
}

/// A question that means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AimError {
    /// Which field is wrong.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
    /// What would be right.
    pub next: String,
}

/// The addresses of whoever sends.
#[must_use]
pub fn sources(world: &World, from: &Origin) -> Vec<IpAddr> {
    match from {
        Origin::Pod(id) => world.pod(id).map(|pod| pod.addresses.clone()).unwrap_or_default(),
        Origin::Node(name) => {
            let node = world.nodes.get(name);
            node.map(|node| {
                [Family::V4, Family::V6].iter().filter_map(|family| node.address(*family)).collect()
            })
            .unwrap_or_default()
        }
        Origin::Outside { address: Some(address), .. } => vec![*address],
        // Of the ranges for examples (RFC 5737, RFC 3849).
        Origin::Outside { address: None, .. } => {
            vec![IpAddr::from([198, 51, 100, 1]), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])]
        }
    }
}

/// What a question aims at. `named` is what the name in it stands for.
///
/// # Errors
/// When the port is none of the service's, or is not said of several.
pub fn aim(world: &World, question: &Question, named: Option<&Named>) -> Result<Aim, AimError> {
    let backed = match &question.to {
        Destination::Service(id) => world.service(id),
        _ => None,
    };
    let addresses = addresses(world, question, named, backed);
    let families: Vec<Family> =
        sources(world, &question.from).into_iter().map(Family::of).collect();
    let (usable, rest): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.into_iter().partition(|ip| families.contains(&Family::of(*ip)));
    let address = usable.first().or(rest.first()).copied();
    let holder = backed.or_else(|| holder(world, address?));
    let (transport, port) = port(world, question, address, holder)?;
    let of_service = backed.map(|backed| &backed.service);
    let port = match of_service {
        // The name leads to the endpoints themselves, at their own ports.
        Some(service) if service.headless => target(backed, port, transport).unwrap_or(port),
        _ => port,
    };
    let service = of_service.map(|service| service.id.clone());
    Ok(Aim { address, transport, port, service })
}

fn addresses(
    world: &World,
    question: &Question,
    named: Option<&Named>,
    backed: Option<&Backed>,
) -> Vec<IpAddr> {
    if let Some(named) = named {
        return named.addresses.clone();
    }
    match &question.to {
        Destination::Pod(id) => world.pod(id).map(|pod| pod.addresses.clone()).unwrap_or_default(),
        Destination::Service(_) => match backed {
            Some(backed) if backed.service.headless => headless(backed),
            Some(backed) if matches!(question.from, Origin::Outside { .. }) => {
                let service = &backed.service;
                let outside = service.ingress_ips.iter().chain(&service.external_ips);
                outside.chain(&service.cluster_ips).copied().collect()
            }
            Some(backed) => backed.service.cluster_ips.clone(),
            None => Vec::new(),
        },
        Destination::Node(name) => {
            let node = world.nodes.get(name);
            node.map(|node| {
                let all = std::iter::once(&node.record.underlay).chain(&node.record.addresses);
                all.copied().collect()
            })
            .unwrap_or_default()
        }
        Destination::Name(_) => Vec::new(),
        Destination::Address(address) => vec![*address],
    }
}

/// What the name of a headless service leads to.
fn headless(backed: &Backed) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = backed
        .endpoints
        .iter()
        .flatten()
        .filter(|endpoint| endpoint.conditions.ready)
        .map(|endpoint| endpoint.address)
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// The service that is reached at an address of its own.
pub(crate) fn holder(world: &World, address: IpAddr) -> Option<&Backed> {
    world.services.iter().find(|backed| {
        let service = &backed.service;
        [&service.cluster_ips, &service.external_ips, &service.ingress_ips]
            .iter()
            .any(|addresses| addresses.contains(&address))
    })
}

/// The services' ports that nodes answer for at a port of their own.
pub(crate) fn of_node_port(
    world: &World,
    number: u16,
) -> impl Iterator<Item = (&Backed, &ServicePort)> {
    let all = world.services.iter();
    let all = all.flat_map(|backed| backed.service.ports.iter().map(move |port| (backed, port)));
    all.filter(move |(_, port)| port.node_port == Some(number))
}

/// What a service is reached by at a port of a node: TCP, where several are.
fn over_node_port(world: &World, address: IpAddr, number: u16) -> Option<Transport> {
    let at_more =
        |node: &Node| node.node_port_addresses.as_ref().is_some_and(|more| more.contains(&address));
    if world.node_at(address).is_none() && !world.nodes.values().any(at_more) {
        return None;
    }
    let known = of_node_port(world, number).map(|(_, port)| Transport::from(port.protocol));
    known.min_by_key(|transport| *transport != Transport::Tcp)
}

fn port(
    world: &World,
    question: &Question,
    address: Option<IpAddr>,
    holder: Option<&Backed>,
) -> Result<(Transport, u16), AimError> {
    let wrong = |problem: String, next: String| AimError { field: "port", problem, next };
    let asked = question.protocol;
    if asked == Some(Transport::Icmp) {
        return match &question.port {
            None => Ok((Transport::Icmp, 0)),
            Some(port) => Err(wrong(
                format!("a ping has no port, and {port} was asked for"),
                "leave out one of them".to_owned(),
            )),
        };
    }
    let service = holder.map(|backed| &backed.service);
    let ports: &[ServicePort] = service.map(|service| service.ports.as_slice()).unwrap_or_default();
    let fits =
        |port: &&ServicePort| asked.is_none_or(|asked| asked.service() == Some(port.protocol));
    match (&question.port, service) {
        (Some(Port::Number(0)), _) => {
            Err(wrong("0 is no port".to_owned(), "use 1 to 65535".to_owned()))
        }
        (Some(Port::Number(number)), _) => {
            let known = ports.iter().filter(fits).find(|port| port.port == *number);
            let of_service = known.map(|port| port.protocol.into());
            let of_node = || over_node_port(world, address?, *number);
            let transport = asked.or(of_service).or_else(of_node);
            Ok((transport.unwrap_or(Transport::Tcp), *number))
        }
        (Some(Port::Name(name)), Some(service)) => {
            let known = ports.iter().filter(fits).find(|port| port.name == *name);
            let known = known.ok_or_else(|| {
                wrong(
                    format!("service {} has no port {name:?}", service.id),
                    format!("it has {}", list(ports)),
                )
            })?;
            Ok((known.protocol.into(), known.port))
        }
        (Some(Port::Name(name)), None) => Err(wrong(
            format!("{name:?} is the name of a port, and only services have such"),
            "give its number".to_owned(),
        )),
        (None, Some(service)) if service.kind != ServiceKind::ExternalName => {
            match ports.iter().filter(fits).collect::<Vec<_>>().as_slice() {
                [only] => Ok((only.protocol.into(), only.port)),
                [] => Err(wrong(
                    format!("service {} has no port of that protocol", service.id),
                    format!("it has {}", list(ports)),
                )),
                _ => Err(wrong(
                    format!("service {} has several ports", service.id),
                    format!("name one of {}", list(ports)),
                )),
            }
        }
        (None, _) => match asked {
            Some(transport) => Err(wrong(
                format!("{transport} needs a port"),
                "give one, or ask for icmp".to_owned(),
            )),
            None => Ok((Transport::Icmp, 0)),
        },
    }
}

fn list(ports: &[ServicePort]) -> String {
    let of = |port: &ServicePort| {
        let number = format!("{}/{}", port.port, port.protocol);
        if port.name.is_empty() { number } else { format!("{} ({number})", port.name) }
    };
    if ports.is_empty() {
        return "none".to_owned();
    }
    ports.iter().map(of).collect::<Vec<_>>().join(", ")
}

/// The endpoints' port that a service's port leads to.
fn target(backed: Option<&Backed>, port: u16, transport: Transport) -> Option<u16> {
    let backed = backed?;
    let index = backed
        .service
        .ports
        .iter()
        .position(|known| known.port == port && Some(known.protocol) == transport.service())?;
    backed.endpoints.get(index)?.first().map(|endpoint| endpoint.port)
}
