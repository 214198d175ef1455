//! Ways through a cluster of three nodes.

pub(crate) mod given;
mod ipv6;
mod node_ports;
mod properties;
mod ways;
