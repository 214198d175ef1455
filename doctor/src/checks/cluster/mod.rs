//! The daemon, the store and the other nodes.

pub(super) mod daemon;
pub(super) mod nodes;
pub(super) mod ranges;
pub(super) mod store;
