//! Checksums of encapsulated packets that are left to hardware which gets them wrong.

use pontoon_model::kernel::VXLAN;

use crate::checks::remark::{Remark, warning};
use crate::facts::Facts;

/// Drivers that compute wrong checksums within VXLAN at another port than 4789, or whose hypervisor
/// drops such packets.
const DRIVERS: [&str; 1] = ["vmxnet3"];
/// The first kernel that leaves the outer checksum of VXLAN alone when it rewrites addresses.
const MENDED: (u32, u32) = (5, 7);

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    let offload = |dev: &str| facts.network.offloads.iter().find(|o| o.dev.as_str() == dev);
    let left_to_hardware = offload(VXLAN).is_some_and(|o| o.tx_checksum == Some(true));
    if !facts.setup.has_overlay() || !left_to_hardware {
        return Vec::new();
    }
    let underlay = facts.setup.underlay.as_ref().and_then(|underlay| offload(&underlay.dev));
    let driver = underlay.and_then(|offload| offload.driver.as_deref());
    let mut found = Vec::new();
    if let Some(driver) = driver.filter(|driver| DRIVERS.contains(driver)) {
        found.push(remark(format!("{VXLAN} leaves checksums to a {driver} network card")));
    }
    if let Some((major, minor)) = facts.kernel.release.filter(|release| *release < MENDED) {
        found.push(remark(format!(
            "{VXLAN} leaves checksums to the network card on Linux {major}.{minor}, which spoils them where addresses are rewritten"
        )));
    }
    found
}

fn remark(what: String) -> Remark {
    warning(what)
        .because("packets between nodes arrive with wrong checksums and are dropped: ping works, TCP and UDP do not, or only after a minute")
        .mend(format!("ethtool -K {VXLAN} tx-checksum-ip-generic off"))
}
