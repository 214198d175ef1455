//! The cluster, as the store has it.

use pontoon_model::node::NodeRecord;

/// The cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// This node's name.
    pub me: String,
    /// This machine's id.
    pub machine_id: String,
    /// All nodes, this one too.
    pub nodes: Vec<NodeRecord>,
    /// The names of those whose daemons are alive.
    pub alive: Vec<String>,
}
