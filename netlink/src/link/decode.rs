//! `RTM_NEWLINK` as the kernel sends it.

use nix::libc;

use super::{BridgePort, BridgeSettings, Link, LinkKind, VxlanSettings};
use crate::name::LinkName;
use crate::wire::{self, Attribute};

/// `struct ifinfomsg`
const HEADER: usize = 16;
const IFLA_INFO_SLAVE_KIND: u16 = 4;
const IFLA_INFO_SLAVE_DATA: u16 = 5;

impl Link {
    /// Reads the payload of an `RTM_NEWLINK` or `RTM_DELLINK`; `None` when it is too short to
    /// be one.
    pub(crate) fn decode(payload: &[u8], name_of: &mut dyn FnMut(u32) -> LinkName) -> Option<Self> {
        let index = wire::u32_at(payload, 4)?;
        let flags = wire::u32_at(payload, 8)?;
        let mut link = Self {
            index,
            name: LinkName::unnamed(index),
            mac: None,
            mtu: 0,
            up: flags & libc::IFF_UP.cast_unsigned() != 0,
            carrier: flags & libc::IFF_LOWER_UP.cast_unsigned() != 0,
            master: None,
            kind: LinkKind::Other(String::new()),
            alias: None,
            group: 0,
            port: None,
            forwarding: false,
        };
        let mut info = None;
        let mut peer_index = None;
        let mut peer_netnsid = None;
        for attribute in wire::attributes(payload, HEADER) {
            match attribute.kind {
                libc::IFLA_IFNAME => {
                    link.name = LinkName::from_kernel(attribute.value, index);
                }
                libc::IFLA_ADDRESS => link.mac = attribute.mac(),
                libc::IFLA_MTU => link.mtu = attribute.u32().unwrap_or_default(),
                libc::IFLA_MASTER => link.master = attribute.u32().map(&mut *name_of),
                libc::IFLA_IFALIAS => {
                    link.alias = Some(attribute.text()).filter(|alias| !alias.is_empty());
                }
                libc::IFLA_GROUP => link.group = attribute.u32().unwrap_or_default(),
                libc::IFLA_LINK => peer_index = attribute.u32(),
                libc::IFLA_LINK_NETNSID => peer_netnsid = attribute.i32(),
                libc::IFLA_LINKINFO => info = Some(attribute),
                _ => {}
            }
        }
        if let Some(info) = info {
            link.decode_info(info, peer_index, peer_netnsid, name_of);
        }
        Some(link)
    }

    fn decode_info(
        &mut self,
        info: Attribute<'_>,
        peer_index: Option<u32>,
        peer_netnsid: Option<i32>,
        name_of: &mut dyn FnMut(u32) -> LinkName,
    ) {
        let (mut kind, mut data, mut port_kind, mut port_data) = (String::new(), None, None, None);
        for attribute in info.nested() {
            match attribute.kind {
                libc::IFLA_INFO_KIND => kind = attribute.text(),
                libc::IFLA_INFO_DATA => data = Some(attribute),
                IFLA_INFO_SLAVE_KIND => port_kind = Some(attribute.bytes_to_nul()),
                IFLA_INFO_SLAVE_DATA => port_data = Some(attribute),
                _ => {}
            }
        }
        self.kind = match kind.as_str() {
            "bridge" => LinkKind::Bridge(data.map(BridgeSettings::decode).unwrap_or_default()),
            "veth" => LinkKind::Veth { peer_index, peer_netnsid },
            "vxlan" => LinkKind::Vxlan(VxlanSettings::decode(data, name_of)),
            _ => LinkKind::Other(kind),
        };
        if port_kind == Some(b"bridge")
            && let Some(data) = port_data
        {
            let (port, forwarding) = BridgePort::decode(data);
            self.port = Some(port);
            self.forwarding = forwarding;
        }
    }
}
