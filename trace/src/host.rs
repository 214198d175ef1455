//! What is asked of whoever can look into kernels.

use std::net::IpAddr;
use std::sync::Arc;

use pontoon_model::name::NodeName;
use pontoon_model::trace::{Basis, PassedRule, Transport};
use pontoon_netlink::nft::HookPoint;

use crate::packet::Packet;
use crate::rules::{End, Ruleset};

/// The tables of a node.
#[derive(Debug, Clone)]
pub struct Tables {
    /// Whether they were read or planned.
    pub basis: Basis,
    /// Ours.
    pub rulesets: Vec<Ruleset>,
    /// What is to be said of them, as that the kernel's differ from what is planned.
    pub remarks: Vec<String>,
}

/// Where this node's kernel would send a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The device that it would leave by.
    pub dev: String,
    /// The next hop, where there is one.
    pub gateway: Option<IpAddr>,
    /// Whether it is for this host itself.
    pub local: bool,
}

/// What the chains of other programs do with a packet at some place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Others {
    /// The rules that decide.
    pub rules: Vec<PassedRule>,
    /// How it ends there.
    pub end: End,
    /// It hangs on a rule that cannot be read.
    pub doubtful: bool,
}

/// Somebody who can look. What cannot be told is `None`, and then what is planned counts.
pub trait Host {
    /// The tables of a node.
    fn tables(&self, node: &NodeName) -> Arc<Tables>;

    /// The address that this node's kernel would send from to that one.
    fn source(&self, _destination: IpAddr) -> Option<IpAddr> {
        None
    }

    /// Where this node's kernel leads a packet; the error is what it tells the sender.
    fn lookup(&self, _packet: &Packet) -> Option<Result<Lookup, String>> {
        None
    }

    /// Whether anybody on this node listens there: in the pod that has the address, or on the host.
    fn listens(&self, _transport: Transport, _address: IpAddr, _port: u16) -> Option<bool> {
        None
    }

    /// What other programs' chains on this node do with a packet there, as it was before our rules and
    /// as it is behind them.
    fn others(&self, _point: HookPoint, _before: &Packet, _after: &Packet) -> Option<Others> {
        None
    }
}
