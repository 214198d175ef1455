//! Ways through a cluster of three nodes.

mod given;
mod properties;
mod ways;
