//! What is answered.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Transport;
use crate::name::{NodeName, PodId};

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
    /// What becomes of it; of one that was really sent, what became of it.
    pub verdict: Verdict,
    /// What was to become of one that was really sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Verdict>,
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
    /// A packet was really sent.
    Probe,
    /// It was seen on a node.
    Seen,
    /// What answers it was seen on a node.
    SeenBack,
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
    /// It was seen.
    Sight,
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
