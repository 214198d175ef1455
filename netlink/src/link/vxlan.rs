//! What can be set on a VXLAN device.

use std::net::IpAddr;

use netlink_packet_route::link::InfoVxlan;

use crate::name::LinkName;
use crate::wire::{Attribute, attributes};

/// Settings of a VXLAN device, all of them fixed when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VxlanSettings {
    /// The network identifier, 24 bits; 0 for an external device.
    pub vni: u32,
    /// The UDP port; IANA's is 4789, Linux's first and flannel's is 8472.
    pub port: u16,
    /// The outer source address.
    pub local: Option<IpAddr>,
    /// The underlay's device.
    pub dev: Option<LinkName>,
    /// Whether remote addresses are learnt from what arrives.
    pub learning: bool,
    /// Whether VNI and remote come with each packet, from lightweight-tunnel routes.
    pub external: bool,
    /// The Generic Protocol Extension: packets carry IP with no inner Ethernet header.
    pub gpe: bool,
}

const IFLA_VXLAN_ID: u16 = 1;
const IFLA_VXLAN_LINK: u16 = 3;
const IFLA_VXLAN_LOCAL: u16 = 4;
const IFLA_VXLAN_LEARNING: u16 = 7;
const IFLA_VXLAN_PORT: u16 = 15;
const IFLA_VXLAN_LOCAL6: u16 = 17;
const IFLA_VXLAN_COLLECT_METADATA: u16 = 25;
const IFLA_VXLAN_GPE: u16 = 27;

impl VxlanSettings {
    /// A device for one network: no learning, not external.
    #[must_use]
    pub fn new(vni: u32, port: u16) -> Self {
        Self { vni, port, local: None, dev: None, learning: false, external: false, gpe: false }
    }

    pub(crate) fn encode(&self, dev: Option<u32>) -> Vec<InfoVxlan> {
        let mut info = vec![InfoVxlan::Port(self.port), InfoVxlan::Learning(self.learning)];
        if self.external {
            info.push(InfoVxlan::CollectMetadata(true));
        } else {
            info.push(InfoVxlan::Id(self.vni));
        }
        if self.gpe {
            info.push(InfoVxlan::Gpe);
        }
        info.extend(dev.map(InfoVxlan::Link));
        info.extend(self.local.map(|local| match local {
            IpAddr::V4(local) => InfoVxlan::Local(local),
            IpAddr::V6(local) => InfoVxlan::Local6(local),
        }));
        info
    }

    pub(crate) fn decode(
        data: Option<Attribute<'_>>,
        name_of: &mut dyn FnMut(u32) -> LinkName,
    ) -> Self {
        let mut found = Self::new(0, 0);
        for attribute in attributes(data.map(|d| d.value).unwrap_or_default(), 0) {
            match attribute.kind {
                IFLA_VXLAN_ID => found.vni = attribute.u32().unwrap_or_default(),
                IFLA_VXLAN_PORT => found.port = attribute.u16_be().unwrap_or_default(),
                IFLA_VXLAN_LOCAL | IFLA_VXLAN_LOCAL6 => {
                    found.local = attribute.ip().filter(|ip| !ip.is_unspecified());
                }
                IFLA_VXLAN_LINK => {
                    found.dev = attribute.u32().filter(|index| *index != 0).map(&mut *name_of);
                }
                IFLA_VXLAN_LEARNING => found.learning = attribute.flag().unwrap_or_default(),
                IFLA_VXLAN_COLLECT_METADATA => {
                    found.external = attribute.flag().unwrap_or_default();
                }
                // A flag without a value.
                IFLA_VXLAN_GPE => found.gpe = true,
                _ => {}
            }
        }
        found
    }
}
