//! Encapsulation in UDP (RFC 7348), laid out as flannel does, so that `ip` and `bridge` show it the
//! way that people know: one route a subnet, one permanent neighbour and one forwarding entry a
//! peer.

use ipnetwork::IpNetwork;
use pontoon_model::cidr::{self, Family};
use pontoon_model::cluster::{self, BackendKind};
use pontoon_model::kernel::vxlan_overhead;
use pontoon_netlink::{
    Address, FdbEntry, FdbKind, LinkName, LinkNameError, Neighbour, Route, Rule, VxlanSettings,
};

use super::{Backend, Local, Unreachable, first_of, ours, unreachable};
use crate::names::{self, POD_RULE, POD_TABLE, PROTOCOL};
use crate::network::{Device, DeviceKind, Network};
use crate::underlay::Underlay;
use crate::view::Peer;

/// The backend `vxlan`.
#[derive(Debug, Clone)]
pub struct Vxlan {
    dev: LinkName,
    vni: u32,
    port: u16,
}

impl Vxlan {
    /// The backend of a configuration.
    ///
    /// # Errors
    /// Never: the device's name is valid.
    pub fn new(config: &cluster::Backend) -> Result<Self, LinkNameError> {
        Ok(Self { dev: names::vxlan()?, vni: config.vxlan_vni, port: config.vxlan_port })
    }
}

impl Backend for Vxlan {
    fn overhead(&self, underlay: &Underlay) -> u32 {
        vxlan_overhead(Family::of(underlay.address))
    }

    fn base(&self, local: &Local, mtu: u32, network: &mut Network) {
        let settings = VxlanSettings {
            local: Some(local.underlay.address),
            dev: Some(local.underlay.dev),
            ..VxlanSettings::new(self.vni, self.port)
        };
        let device =
            Device { kind: DeviceKind::Vxlan(settings), mac: local.vxlan_mac, mtu, up: true };
        network.links.insert(self.dev, device);
        for family in [Family::V4, Family::V6] {
            // The source of what this host itself sends to pods elsewhere.
            if let Some(subnet) = first_of(&local.subnets, family) {
                network.address(Address::new(self.dev, cidr::host(subnet.network())));
            }
        }
    }

    fn peer(
        &self,
        local: &Local,
        peer: &Peer,
        network: &mut Network,
    ) -> Result<BackendKind, Unreachable> {
        let record = &peer.record;
        if Family::of(record.underlay) != Family::of(local.underlay.address) {
            return Err(unreachable(
                peer,
                format!(
                    "its underlay is {}, this node's is {}: a VXLAN device has one family; set node.underlay",
                    Family::of(record.underlay),
                    Family::of(local.underlay.address)
                ),
            ));
        }
        let mac = names::to_kernel(record.vxlan_mac);
        if mac == local.vxlan_mac {
            return Err(unreachable(
                peer,
                "its VXLAN device has this node's MAC, and the kernel drops such packets; give the hosts different machine ids",
            ));
        }
        network.forward(FdbEntry { dev: self.dev, mac, kind: FdbKind::Remote(record.underlay) });
        for family in [Family::V4, Family::V6] {
            let Some(gateway) = first_of(&peer.subnets, family).map(|net| net.network()) else {
                continue;
            };
            network.neighbour(Neighbour::permanent(self.dev, gateway, mac));
            let via = |dst| Route { onlink: true, ..ours(Route::via(dst, gateway, self.dev)) };
            for subnet in peer.subnets.iter().filter(|net| Family::of_network(**net) == family) {
                network.route(via(*subnet));
            }
            self.node_addresses(peer, family, network, via);
        }
        Ok(BackendKind::Vxlan)
    }
}

impl Vxlan {
    /// Packets from pods to a peer's own addresses go through the overlay too: the underlay need not
    /// carry packets that come from pod addresses, and many do not.
    fn node_addresses(
        &self,
        peer: &Peer,
        family: Family,
        network: &mut Network,
        via: impl Fn(IpNetwork) -> Route,
    ) {
        let Ok(bridge) = names::bridge() else { return };
        for ip in peer.record.addresses.iter().filter(|ip| Family::of(**ip) == family) {
            network.route(Route { table: POD_TABLE, ..via(cidr::host(*ip)) });
            let rule = Rule::to_table(family == Family::V4, POD_TABLE, POD_RULE);
            network.rules.insert(Rule { iif: Some(bridge), protocol: PROTOCOL, ..rule });
        }
    }
}
