//! Two nodes of one cluster.

use anyhow::Result;
use pontoon_lab::Lab;

use crate::node::Node;

/// Two nodes, with their daemons ready, and the lab that they are in.
#[derive(Debug)]
pub struct Pair {
    /// `host-1`.
    pub first: Node,
    /// `host-2`.
    pub second: Node,
    /// Dropped behind them, since their files are in its folder.
    pub lab: Lab,
}

impl Pair {
    /// Builds the lab and starts both nodes.
    ///
    /// # Errors
    /// When a part cannot be made or started.
    pub fn start() -> Result<Self> {
        let lab = Lab::builder().hosts(2).build()?;
        Ok(Self { first: Node::start(lab.host(1))?, second: Node::start(lab.host(2))?, lab })
    }
}
