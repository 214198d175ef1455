//! Ways through a cluster of three nodes.

pub(crate) mod given;
mod properties;
mod ways;
