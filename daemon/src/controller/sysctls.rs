//! Kernel settings without which pods' packets do not pass.

use pontoon_netlink::sysctl::{Sysctl, SysctlError};
use tracing::info;

use crate::names::BRIDGE;
use crate::network::Network;

/// Sets them; those that are so already are left alone.
///
/// # Errors
/// When one cannot be written: `/proc/sys` is read-only, most likely.
pub(super) fn set(network: &Network) -> Result<(), SysctlError> {
    let v6 = network.addresses.keys().any(|(_, net)| net.is_ipv6());
    put("net/ipv4/ip_forward", "1")?;
    // Host ports answer on 127.0.0.1 too; a rule keeps pods from the host's loopback.
    put(&format!("net/ipv4/conf/{BRIDGE}/route_localnet"), "1")?;
    for dev in network.links.keys() {
        // Answers to a pod may come by another way than the one to their sender; the kernel takes
        // the looser of this and the setting for all interfaces.
        put(&format!("net/ipv4/conf/{dev}/rp_filter"), "2")?;
        if v6 {
            put(&format!("net/ipv6/conf/{dev}/accept_ra"), "0")?;
        }
    }
    if v6 {
        keep_router_advertisements(network)?;
        put("net/ipv6/conf/all/forwarding", "1")?;
    }
    Ok(())
}

/// A host that forwards ignores router advertisements unless told otherwise (accept_ra 2), and with
/// them it would lose its own default route.
fn keep_router_advertisements(network: &Network) -> Result<(), SysctlError> {
    let Ok(entries) = std::fs::read_dir("/proc/sys/net/ipv6/conf") else { return Ok(()) };
    for name in entries.flatten().map(|entry| entry.file_name()) {
        let Some(dev) = name.to_str() else { continue };
        let ours = network.links.keys().any(|link| link.as_str() == dev)
            || dev.starts_with(crate::names::VETH_PREFIX);
        if ours || ["all", "default", "lo"].contains(&dev) {
            continue;
        }
        let path = format!("net/ipv6/conf/{dev}/accept_ra");
        if Sysctl::try_new(&path)?.read().is_ok_and(|value| value == "1") {
            put(&path, "2")?;
        }
    }
    Ok(())
}

fn put(path: &str, value: &str) -> Result<(), SysctlError> {
    if Sysctl::try_new(path)?.write_if_different(value)? {
        info!(setting = path.replace('/', "."), value, "set");
    }
    Ok(())
}
