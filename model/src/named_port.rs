//! The ports that a pod has names for: the annotation `pontoon.net/ports`, such as
//! `http=8080,dns=53/UDP`.

use std::fmt;
use std::str::FromStr;

use crate::manifest::is_port_name;
use crate::pod::PodPort;
use crate::service::Protocol;

/// The annotation on a pod that names its ports.
pub const PORTS: &str = "pontoon.net/ports";

/// The ports that a pod has names for; every name is there once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedPorts(Vec<PodPort>);

/// Why a text is no list of named ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write name=port or name=port/protocol, such as http=8080,dns=53/UDP")]
pub struct NamedPortsError(String);

impl NamedPorts {
    /// Ports of these names; of those with one name the first. What was left out comes second.
    #[must_use]
    pub fn first_of_each(ports: Vec<PodPort>) -> (Self, Vec<PodPort>) {
        let (mut kept, mut left): (Vec<PodPort>, _) = (Vec::new(), Vec::new());
        for port in ports {
            let taken = kept.iter().any(|other| other.name == port.name);
            if taken { left.push(port) } else { kept.push(port) }
        }
        (Self(kept), left)
    }

    /// The ports in their order.
    #[must_use]
    pub fn as_slice(&self) -> &[PodPort] {
        &self.0
    }

    /// The ports in their order.
    #[must_use]
    pub fn into_vec(self) -> Vec<PodPort> {
        self.0
    }
}

impl FromStr for NamedPorts {
    type Err = NamedPortsError;

    fn from_str(text: &str) -> Result<Self, NamedPortsError> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let ports = entries.map(parse).collect::<Result<_, _>>().map_err(NamedPortsError)?;
        match Self::first_of_each(ports) {
            (_, left) if !left.is_empty() => {
                Err(NamedPortsError(format!("{:?} is there twice", left[0].name)))
            }
            (ports, _) => Ok(ports),
        }
    }
}

fn parse(entry: &str) -> Result<PodPort, String> {
    let (name, port) = entry.split_once('=').ok_or_else(|| format!("{entry:?} has no '='"))?;
    let (port, protocol) = match port.split_once('/') {
        None => (port, Protocol::Tcp),
        Some((port, "TCP")) => (port, Protocol::Tcp),
        Some((port, "UDP")) => (port, Protocol::Udp),
        Some((port, "SCTP")) => (port, Protocol::Sctp),
        Some((_, other)) => return Err(format!("{other:?} is not one of TCP, UDP, SCTP")),
    };
    if !is_port_name(name) {
        return Err(format!("{name:?} is no port's name (IANA_SVC_NAME)"));
    }
    let port = port
        .parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| format!("port {port:?} of {name} is not in 1..=65535"))?;
    Ok(PodPort { name: name.to_owned(), port, protocol })
}

impl fmt::Display for NamedPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, port) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}={}", port.name, port.port)?;
            if port.protocol != Protocol::Tcp {
                write!(f, "/{}", port.protocol)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_ports_and_protocols_are_read() {
        let ports: NamedPorts = "http=8080, dns=53/UDP".parse().unwrap();
        assert_eq!(ports.as_slice()[1].protocol, Protocol::Udp);
        assert_eq!(ports.to_string(), "http=8080,dns=53/UDP");
        assert_eq!("".parse::<NamedPorts>().unwrap(), NamedPorts::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("http", "no '='"),
            ("http=0", "not in 1..=65535"),
            ("http=80/tcp", "TCP, UDP, SCTP"),
            ("80=80", "IANA"),
            ("a=1,a=2", "twice"),
        ] {
            let said = text.parse::<NamedPorts>().unwrap_err().to_string();
            assert!(said.contains(part) && said.contains("http=8080"), "{text:?} gave {said:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "([a-z]{1,3}=[0-9]{1,5}(/UDP)?,?){0,4}|.*") {
            if let Ok(ports) = text.parse::<NamedPorts>() {
                prop_assert_eq!(ports.to_string().parse(), Ok(ports));
            }
        }
    }
}
