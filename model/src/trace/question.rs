//! What is asked.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::name::{NodeName, PodId};
use crate::service::{Protocol, ServiceId};

/// What a packet is to be followed from and to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceQuestion"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    /// Who sends it.
    pub from: Origin,
    /// Where it is to go.
    pub to: Destination,
    /// The port there; not needed where a service has but one. Without any it is a ping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// What carries it: that of the service's port, or else TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Transport>,
    /// Really sends a packet, and has the nodes on its way look for it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub live: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Who sends a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceOrigin"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Origin {
    /// A pod.
    Pod(PodId),
    /// A node itself.
    Node(NodeName),
    /// Somebody who is no part of the cluster.
    Outside {
        /// From this address; an example's where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
        address: Option<IpAddr>,
        /// The node that the network outside leads it to; where there is none, the one that has the
        /// address or the pod, or else this node.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<NodeName>,
    },
}

/// Where a packet is to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceDestination"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Destination {
    /// A pod.
    Pod(PodId),
    /// A service.
    Service(ServiceId),
    /// A node itself.
    Node(NodeName),
    /// Whatever the name stands for where the packet comes from.
    Name(String),
    /// An address.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    Address(IpAddr),
}

/// A port by its number or by the name that a service has for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TracePort"))]
#[serde(untagged)]
pub enum Port {
    /// By number.
    Number(u16),
    /// By name.
    Name(String),
}

/// What carries a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceTransport"))]
#[serde(rename_all = "UPPERCASE")]
pub enum Transport {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
    /// A ping, of either family.
    Icmp,
}

impl Transport {
    /// Its number in a header of this family.
    #[must_use]
    pub const fn number(self, ipv4: bool) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
            Self::Icmp if ipv4 => 1,
            Self::Icmp => 58,
        }
    }

    /// The protocol of services that it is.
    #[must_use]
    pub const fn service(self) -> Option<Protocol> {
        match self {
            Self::Tcp => Some(Protocol::Tcp),
            Self::Udp => Some(Protocol::Udp),
            Self::Sctp => Some(Protocol::Sctp),
            Self::Icmp => None,
        }
    }
}

impl From<Protocol> for Transport {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tcp => Self::Tcp,
            Protocol::Udp => Self::Udp,
            Protocol::Sctp => Self::Sctp,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
            Self::Icmp => "ICMP",
        })
    }
}

impl std::str::FromStr for Transport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            "sctp" => Ok(Self::Sctp),
            "icmp" | "ping" => Ok(Self::Icmp),
            _ => Err(format!("{text:?} is not one of tcp, udp, sctp and icmp")),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_reads_as_it_is_written() {
        let text = r#"{"from":{"pod":{"namespace":"shop","name":"web-1"}},
            "to":{"service":{"namespace":"shop","name":"api"}},"port":"http"}"#;
        let question: Question = serde_json::from_str(text).unwrap();
        assert_eq!(question.port, Some(Port::Name("http".into())));
        let again = serde_json::to_string(&question).unwrap();
        assert_eq!(serde_json::from_str::<Question>(&again).unwrap(), question);
        for (text, to) in [
            (r#"{"address":"10.96.0.10"}"#, Destination::Address([10, 96, 0, 10].into())),
            (r#"{"name":"example."}"#, Destination::Name("example.".into())),
        ] {
            assert_eq!(serde_json::from_str::<Destination>(text).unwrap(), to);
        }
        assert!(serde_json::from_str::<Origin>(r#"{"outside":{}}"#).is_ok());
        assert!(serde_json::from_str::<Origin>(r#"{"outside":{"colour":1}}"#).is_err());
    }
}
