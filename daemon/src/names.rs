//! What Pontoon calls its things in the kernel, so that it knows them again and touches no others.

use pontoon_model::attachment::AttachmentId;
pub use pontoon_model::kernel::{BRIDGE, PROTOCOL, VETH_PREFIX, VXLAN};
use pontoon_model::mac::MacAddr;
use pontoon_netlink::{LinkName, LinkNameError};

use crate::identity::stable_hash;

/// Routing table for packets from pods to other nodes' own addresses.
pub const POD_TABLE: u32 = 112;
/// Priority of the rule that leads there: before `main`, behind what people usually add.
pub const POD_RULE: u32 = 11_200;
/// Interface group of host ends that are about to be deleted together.
pub const DYING_GROUP: u32 = 0x7074_6e00;

/// The bridge.
///
/// # Errors
/// Never: the name is valid.
pub fn bridge() -> Result<LinkName, LinkNameError> {
    LinkName::try_new(BRIDGE)
}

/// The VXLAN device.
///
/// # Errors
/// Never: the name is valid.
pub fn vxlan() -> Result<LinkName, LinkNameError> {
    LinkName::try_new(VXLAN)
}

/// The host's end of an attachment: the same for the same attachment in every run.
#[must_use]
pub fn veth(id: &AttachmentId) -> String {
    let hash = stable_hash(&id.to_string());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{VETH_PREFIX}{hex}")
}

/// The MAC of a pod's interface, when none was asked for.
#[must_use]
pub fn pod_mac(id: &AttachmentId) -> MacAddr {
    MacAddr::locally_administered(stable_hash(&format!("pod {id}")))
}

/// The MAC of a node's bridge, the pods' gateway. It outlives the bridge, so that pods need not
/// notice when that had to be made anew.
#[must_use]
pub fn bridge_mac(machine_id: &str) -> MacAddr {
    MacAddr::locally_administered(stable_hash(&format!("bridge {machine_id}")))
}

/// The MAC of a node's VXLAN device: no two nodes' may be the same.
#[must_use]
pub fn vxlan_mac(node: &str, machine_id: &str) -> MacAddr {
    MacAddr::locally_administered(stable_hash(&format!("vxlan {node} {machine_id}")))
}

/// Our MAC type as the kernel's crate has it.
#[must_use]
pub fn to_kernel(mac: MacAddr) -> pontoon_netlink::MacAddr {
    pontoon_netlink::MacAddr(mac.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_the_kernel() {
        let id = AttachmentId {
            container_id: "x".repeat(200).parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        };
        assert!(LinkName::try_new(&veth(&id)).is_ok());
        assert!(bridge().is_ok() && vxlan().is_ok());
        assert_ne!(vxlan_mac("a", "m"), vxlan_mac("b", "m"), "cloned hosts");
        assert!(pod_mac(&id).is_unicast());
    }
}
