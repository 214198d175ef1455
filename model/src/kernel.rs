//! What Pontoon calls its things in the kernel, so that it knows them again and touches no others.

use crate::cidr::Family;

/// The bridge that all pods of the node are in.
pub const BRIDGE: &str = "pontoon0";
/// Prefix of the host's ends of the pods' veth pairs.
pub const VETH_PREFIX: &str = "ptn";
/// The VXLAN device.
pub const VXLAN: &str = "pontoon-vxlan";
/// Routing protocol number of all our routes and rules (free in /etc/iproute2/rt_protos).
pub const PROTOCOL: u8 = 112;
/// The tables of nf_tables, whatever their families.
pub const TABLES: [&str; 2] = ["pontoon", "pontoon-services"];

/// Bytes that VXLAN adds to a packet on an underlay of a family: the outer IP, UDP and VXLAN
/// headers, and the inner Ethernet header. The outer one is not counted by the underlay's MTU either.
#[must_use]
pub const fn vxlan_overhead(underlay: Family) -> u32 {
    let ip = match underlay {
        Family::V4 => 20,
        Family::V6 => 40,
    };
    ip + 8 + 8 + 14
}

/// Whether a device is one of Pontoon's, by its name.
#[must_use]
pub fn is_ours(device: &str) -> bool {
    device == BRIDGE || device == VXLAN || device.starts_with(VETH_PREFIX)
}
