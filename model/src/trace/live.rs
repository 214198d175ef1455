//! A packet that is really sent, and what nodes see of it: values of the keys `traces/<id>`, by which one
//! asks, and `traces/<id>/<node>`, by which each node answers. They live as long as a short lease.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{PassedRule, Transport};
use crate::name::{NodeName, PodId};

/// What is to be sent, and looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// The node that sends it.
    pub sender: NodeName,
    /// The pod of that node that it is sent from; the node itself where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodId>,
    /// Where to.
    pub destination: IpAddr,
    /// To which port; 0 for a ping.
    pub port: u16,
    /// What carries it.
    pub transport: Transport,
    /// From which port.
    pub source_port: u16,
    /// The addresses that it may have as its destination on its way, this one among them.
    pub targets: Vec<IpAddr>,
    /// The nodes that look for it.
    pub nodes: Vec<NodeName>,
}

/// What a node has to tell of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How far it is.
    pub stage: Stage,
    /// What became of the probe; from its sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<Echo>,
    /// What was seen of it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sights: Vec<Sight>,
    /// Why the node could not look, or may not have seen all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// How far a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// It looks.
    Ready,
    /// It has looked.
    Done,
}

/// What comes back to whoever sends a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Echo {
    /// An answer.
    Answered {
        /// After so long.
        micros: u64,
    },
    /// A reset, or word that nobody listens at the port.
    Refused {
        /// After so long.
        micros: u64,
    },
    /// Word that it cannot get there.
    Unreachable {
        /// After so long.
        micros: u64,
        /// In the kernel's words.
        said: String,
    },
    /// Nothing.
    Silence {
        /// For so long.
        micros: u64,
    },
    /// It could not be sent.
    Unsent(String),
}

/// A packet was seen at some place of its way through a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sight {
    /// The same for all sights of one pass through the host.
    pub pass: u32,
    /// Whether it is what answers the probe.
    pub answers: bool,
    /// The hook of the base chain, such as `prerouting`; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    /// The device that it came by, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The device that it leaves by, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// From where and to where, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Ends>,
    /// The rule, or the policy.
    pub rule: PassedRule,
    /// Whether the packet ends there.
    pub dropped: bool,
}

/// Both ends of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ends {
    /// From where.
    pub source: IpAddr,
    /// From which port.
    pub source_port: u16,
    /// Where to.
    pub destination: IpAddr,
    /// To which port.
    pub port: u16,
}
