//! What a service is called, from services, slices and pods (Kubernetes DNS specification 1.1.0,
//! sections 2.3 to 2.5).

use std::collections::BTreeMap;
use std::net::IpAddr;

use pontoon_endpoints::{Directory, Member};
use pontoon_model::endpoint::Conditions;
use pontoon_model::service::{Protocol, Service, ServiceId, ServiceKind};

use super::shape::Shape;
use crate::wire::name::{LONGEST_LABEL, Name};

/// The names of a service and what they lead to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceNames {
    /// What the bare name leads to: cluster IPs, or the endpoints of a headless service.
    pub addresses: Vec<IpAddr>,
    /// The bare name is the name of those addresses.
    pub has_cluster_ip: bool,
    /// The name that the bare name stands for.
    pub external: Option<Name>,
    /// Labels of endpoints and their addresses, sorted, each pair once.
    pub endpoints: Vec<(String, IpAddr)>,
    /// The ports.
    pub ports: Vec<PortNames>,
}

/// A port of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortNames {
    /// Its name; empty for one that has no name of its own.
    pub name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// Where it is.
    pub targets: Targets,
}

/// Where a port is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targets {
    /// At the service's own name, at this port.
    Service(u16),
    /// At the endpoints of these labels, each at its port; sorted, each pair once.
    Endpoints(Vec<(String, u16)>),
}

impl ServiceNames {
    /// A name for nothing but these addresses.
    #[must_use]
    pub fn at(addresses: &[IpAddr]) -> Self {
        Self { addresses: sorted(addresses.to_vec()), ..Self::default() }
    }

    /// The names of a service; `None` for one that is not there.
    #[must_use]
    pub fn of(directory: &Directory, id: &ServiceId, shape: &Shape) -> Option<Self> {
        let service = directory.service(id)?;
        if service.kind == ServiceKind::ExternalName {
            return Some(Self { external: external(service), ..Self::default() });
        }
        let counts = |conditions: Conditions| conditions.ready || service.publish_not_ready;
        let mut labels: BTreeMap<IpAddr, Vec<String>> = BTreeMap::new();
        for member in directory.members(id).into_iter().filter(|m| counts(m.conditions)) {
            labels.entry(member.address).or_default().push(label(&member, shape));
        }
        let mut endpoints: Vec<(String, IpAddr)> = labels
            .iter()
            .flat_map(|(address, labels)| labels.iter().map(|label| (label.clone(), *address)))
            .collect();
        endpoints.sort();
        endpoints.dedup();
        let ports = if service.headless {
            let mut ports = Vec::new();
            for (port, found) in service.ports.iter().zip(directory.endpoints(id)) {
                let found = found.iter().filter(|endpoint| counts(endpoint.conditions));
                let mut targets: Vec<(String, u16)> = found
                    .flat_map(|endpoint| {
                        let labels = labels.get(&endpoint.address).into_iter().flatten();
                        labels.map(|label| (label.clone(), endpoint.port))
                    })
                    .collect();
                targets.sort();
                targets.dedup();
                ports.push((port, Targets::Endpoints(targets)));
            }
            ports
        } else {
            service.ports.iter().map(|port| (port, Targets::Service(port.port))).collect()
        };
        let ports = ports.into_iter().map(|(port, targets)| PortNames {
            name: port.name.to_ascii_lowercase(),
            protocol: port.protocol,
            targets,
        });
        let addresses = if service.headless {
            labels.into_keys().collect()
        } else {
            service.cluster_ips.clone()
        };
        Some(Self {
            addresses,
            has_cluster_ip: !service.headless,
            external: None,
            endpoints,
            ports: ports.collect(),
        })
    }
}

fn external(service: &Service) -> Option<Name> {
    service.external_name.as_ref().and_then(|name| Name::parse(name.as_str()).ok())
}

/// What an endpoint is called under its service: its hostname, or else its address. Pods' names may
/// have dots, and then are no labels.
fn label(member: &Member<'_>, shape: &Shape) -> String {
    let is_label =
        |name: &&str| !name.is_empty() && name.len() <= LONGEST_LABEL && !name.contains('.');
    let pod = member.pod.filter(|_| shape.endpoint_pod_names);
    match member.hostname.filter(is_label).or(pod.filter(is_label)) {
        Some(name) => name.to_ascii_lowercase(),
        None => dashed(member.address),
    }
}

/// An address as a label: `10-244-1-7`, `fd00--7`; with a zero behind a hyphen that would be its
/// end.
#[must_use]
pub fn dashed(address: IpAddr) -> String {
    let mut label = match address {
        IpAddr::V4(address) => address.to_string().replace('.', "-"),
        IpAddr::V6(address) => address.to_string().replace(':', "-"),
    };
    if label.ends_with('-') {
        label.push('0');
    }
    label
}

/// The address that a label says, as [`dashed`] writes it or in any other spelling of IPv6.
#[must_use]
pub fn undashed(label: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(label).ok()?;
    if text.contains(['.', ':']) {
        return None;
    }
    let v4 = text.replace('-', ".").parse().map(IpAddr::V4).ok();
    // An address of IPv4 within one of IPv6 is written with dots, which a label has not.
    v4.or_else(|| text.replace('-', ":").parse().map(IpAddr::V6).ok())
}

fn sorted(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_as_labels_end_in_no_hyphen() {
        let said = |text: &str| dashed(text.parse().unwrap());
        assert_eq!(said("10.244.1.7"), "10-244-1-7");
        assert_eq!(said("fd00::7"), "fd00--7");
        assert_eq!(said("fd00::"), "fd00--0");
    }

    #[test]
    fn labels_that_say_no_address_are_none() {
        for bad in ["", "a", "10-244-1", "10-244-1-256", "10.244.1.7", "fd00-7", "10-244-1-7-8"] {
            assert_eq!(undashed(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn labels_say_the_address_that_they_were_made_of(v4: [u8; 4], v6: [u8; 16]) {
            for address in [IpAddr::from(v4), IpAddr::from(v6)] {
                let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
                prop_assume!(!mapped);
                prop_assert_eq!(undashed(dashed(address).as_bytes()), Some(address));
            }
        }
    }
}
