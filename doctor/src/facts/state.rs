//! This node's state against what it should be.

use std::net::IpAddr;

/// The state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// What would have to be done to make the kernel's network as planned.
    pub network: Vec<Difference>,
    /// What is not as it should be in our tables of nf_tables.
    pub tables: Vec<String>,
    /// Our tables of nf_tables that are switched off, as `inet pontoon`.
    pub dormant: Vec<String>,
    /// Pods that hold addresses.
    pub pods: Vec<Pod>,
    /// Permanent neighbours on the bridge that are no pod's.
    pub strays: Vec<IpAddr>,
    /// Pods that the store says are here, and that the node does not know.
    pub unknown: Vec<String>,
    /// Pods of this node that the store does not have.
    pub unpublished: Vec<String>,
}

/// An operation that would make the kernel's network as planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The operation, as a command.
    pub op: String,
    /// It removes a neighbour or a forwarding entry that no peer has any more.
    pub stale_neighbour: bool,
}

/// A pod that holds addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Namespace and name.
    pub name: String,
    /// Container and interface.
    pub attachment: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Where its network namespace is.
    pub netns: String,
    /// Why that is not its namespace any more.
    pub gone: Option<String>,
    /// The host's end of its link.
    pub host_end: String,
    /// The pod's end.
    pub pod_end: String,
}
