//! Network devices: what the kernel reports of them.

mod bridge;
mod decode;
mod vxlan;

pub use bridge::{BridgePort, BridgeSettings};
pub use vxlan::VxlanSettings;

use crate::mac::MacAddr;
use crate::name::LinkName;

/// A network device as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number for it in its namespace.
    pub index: u32,
    /// Its name.
    pub name: LinkName,
    /// Its Ethernet address, if it has one.
    pub mac: Option<MacAddr>,
    /// In bytes.
    pub mtu: u32,
    /// Administratively up (`IFF_UP`).
    pub up: bool,
    /// The lower layer is there: for a veth, both ends are up.
    pub carrier: bool,
    /// The bridge (or other device) that it is a port of.
    pub master: Option<LinkName>,
    /// Its type, with the settings that we know of.
    pub kind: LinkKind,
    /// A free text of up to 255 bytes.
    pub alias: Option<String>,
    /// The interface group; 0 is the default.
    pub group: u32,
    /// Its settings as a port, when its master is a bridge.
    pub port: Option<BridgePort>,
    /// Whether the port forwards (`BR_STATE_FORWARDING`); `false` when it is no bridge port.
    pub forwarding: bool,
}

/// The type of a network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// A software bridge; every setting is known.
    Bridge(BridgeSettings),
    /// One end of a veth pair.
    Veth {
        /// The other end's index, in its own namespace.
        peer_index: Option<u32>,
        /// The other end's namespace, as this one numbers it; `None` when it is the same.
        peer_netnsid: Option<i32>,
    },
    /// A VXLAN tunnel device.
    Vxlan(VxlanSettings),
    /// Any other type, by its name in the kernel; empty for hardware and `lo`.
    Other(String),
}

impl LinkKind {
    /// The kernel's name for the type, as in `ip link show type …`; empty for hardware.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Bridge(_) => "bridge",
            Self::Veth { .. } => "veth",
            Self::Vxlan(_) => "vxlan",
            Self::Other(name) => name,
        }
    }
}
