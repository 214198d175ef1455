//! How a packet goes: what is asked of `POST /v1/trace`, and what is answered.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::name::{NodeName, PodId};
use crate::service::ServiceId;

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

/// How a packet goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The node that answers: what is of its kernel was read, what is of others was planned.
    pub node: NodeName,
    /// The packet as it was sent.
    pub packet: Sent,
    /// What happens, in order. Of several endpoints the way to one is shown, to one that is not
    /// reached if there is such.
    pub steps: Vec<Step>,
    /// What becomes of it.
    pub verdict: Verdict,
    /// The endpoints that it may go to, each with what becomes of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Choice>,
}

/// A packet as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceSent"))]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// From where, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub source: Option<IpAddr>,
    /// Where to, if the name stands for anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub destination: Option<IpAddr>,
    /// What carries it.
    pub protocol: Transport,
    /// To which port; a ping has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// Something that happens to a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceStep"))]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Of which kind it is.
    pub kind: StepKind,
    /// Where it happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// How it is known.
    pub basis: Basis,
    /// In a sentence.
    pub text: String,
    /// What else there is to say, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// The rules that do something with it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<PassedRule>,
}

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceStepKind"))]
#[serde(rename_all = "camelCase")]
pub enum StepKind {
    /// Who sends it.
    Source,
    /// What a name stands for.
    Name,
    /// The service that has the address.
    Service,
    /// The endpoint that it is sent to.
    Endpoint,
    /// Rules of nf_tables.
    Rules,
    /// Where the routing tables lead.
    Route,
    /// How it crosses from one host to another.
    Crossing,
    /// Where it ends.
    Arrival,
    /// How the answer comes back.
    Answer,
}

/// How a step is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceBasis"))]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    /// The store says so.
    Store,
    /// It follows from what the store says: the node's daemon makes it so.
    Plan,
    /// It was read from this node's kernel.
    Kernel,
    /// This node's DNS was asked.
    Dns,
}

/// A rule that does something with a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceRule"))]
#[serde(rename_all = "camelCase")]
pub struct PassedRule {
    /// Family and name of its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// As `nft` would write it, nearly.
    pub rule: String,
    /// What comes of it.
    pub verdict: String,
    /// What is said of it, or of the element that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceVerdict"))]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// In a word.
    pub outcome: Outcome,
    /// Where it ends, if that is on a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// In a sentence.
    pub text: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What becomes of a packet, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceOutcome"))]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It arrives.
    Delivered,
    /// It leaves for where nobody here knows what becomes of it.
    Leaves,
    /// Some of its kind arrive, others do not.
    Partly,
    /// Whether it arrives cannot be told.
    Unknown,
    /// It does not arrive, and its sender is told.
    Refused,
    /// It does not arrive, and nobody is told.
    Dropped,
}

impl Outcome {
    /// Whether nothing stands in its way as far as the cluster reaches.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Delivered | Self::Leaves)
    }
}

/// An endpoint that a packet may go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "TraceChoice"))]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// Its address.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The pod that has the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodId>,
    /// The node that it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// Its slots: of all slots one is drawn for a new connection.
    pub slots: Vec<u32>,
    /// What becomes of a packet that is sent there.
    pub verdict: Verdict,
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
    pub const fn service(self) -> Option<crate::service::Protocol> {
        use crate::service::Protocol;
        match self {
            Self::Tcp => Some(Protocol::Tcp),
            Self::Udp => Some(Protocol::Udp),
            Self::Sctp => Some(Protocol::Sctp),
            Self::Icmp => None,
        }
    }
}

impl From<crate::service::Protocol> for Transport {
    fn from(protocol: crate::service::Protocol) -> Self {
        use crate::service::Protocol;
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

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delivered => "delivered",
            Self::Leaves => "leaves",
            Self::Partly => "partly",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Dropped => "dropped",
        })
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
