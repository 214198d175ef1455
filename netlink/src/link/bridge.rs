//! What can be set on a bridge and on its ports.

use std::time::Duration;

use netlink_packet_route::link::{BridgeStpState, InfoBridge, InfoBridgePort};

use crate::wire::Attribute;

/// Settings of a bridge. In an operation `None` leaves the kernel's default, in a dump every
/// field that the kernel reported is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BridgeSettings {
    /// How long a learnt address is kept; the kernel counts in hundredths of a second.
    pub ageing: Option<Duration>,
    /// Spanning tree; off in the kernel's default.
    pub stp: Option<bool>,
    /// How long a port listens before it forwards; without effect when spanning tree is off.
    pub forward_delay: Option<Duration>,
    /// IGMP and MLD snooping.
    pub mcast_snooping: Option<bool>,
    /// Which of 01:80:c2:00:00:00–0f are forwarded, one bit each.
    pub group_fwd_mask: Option<u16>,
    /// VLAN filtering.
    pub vlan_filtering: Option<bool>,
}

/// Settings of a bridge's port. In an operation `None` leaves what is, in a dump every field
/// that the kernel reported is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BridgePort {
    /// A frame may leave by the port it came in by.
    pub hairpin: Option<bool>,
    /// Source addresses are learnt.
    pub learning: Option<bool>,
    /// Unicast frames with an unknown destination are sent to it.
    pub flood: Option<bool>,
    /// Multicast frames that nobody joined are sent to it.
    pub mcast_flood: Option<bool>,
    /// Broadcast frames are sent to it.
    pub bcast_flood: Option<bool>,
    /// It cannot exchange frames with other isolated ports.
    pub isolated: Option<bool>,
    /// Frames with a source address that is not in the FDB are dropped.
    pub locked: Option<bool>,
    /// The bridge answers ARP and ND from its neighbour table.
    pub neigh_suppress: Option<bool>,
}

const IFLA_BR_FORWARD_DELAY: u16 = 1;
const IFLA_BR_AGEING_TIME: u16 = 4;
const IFLA_BR_STP_STATE: u16 = 5;
const IFLA_BR_VLAN_FILTERING: u16 = 7;
const IFLA_BR_GROUP_FWD_MASK: u16 = 9;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;

const IFLA_BRPORT_STATE: u16 = 1;
const IFLA_BRPORT_MODE: u16 = 4;
const IFLA_BRPORT_LEARNING: u16 = 8;
const IFLA_BRPORT_UNICAST_FLOOD: u16 = 9;
const IFLA_BRPORT_MCAST_FLOOD: u16 = 27;
const IFLA_BRPORT_BCAST_FLOOD: u16 = 30;
const IFLA_BRPORT_NEIGH_SUPPRESS: u16 = 32;
const IFLA_BRPORT_ISOLATED: u16 = 33;
const IFLA_BRPORT_LOCKED: u16 = 39;
const BR_STATE_FORWARDING: u8 = 3;

fn clock_ticks(time: Duration) -> u32 {
    u32::try_from(time.as_millis() / 10).unwrap_or(u32::MAX)
}

fn from_clock_ticks(ticks: u32) -> Duration {
    Duration::from_millis(u64::from(ticks) * 10)
}

impl BridgeSettings {
    pub(crate) fn encode(&self) -> Vec<InfoBridge> {
        let stp = |on| if on { BridgeStpState::KernelStp } else { BridgeStpState::Disabled };
        [
            self.ageing.map(|v| InfoBridge::AgeingTime(clock_ticks(v))),
            self.stp.map(|v| InfoBridge::StpState(stp(v))),
            self.forward_delay.map(|v| InfoBridge::ForwardDelay(clock_ticks(v))),
            self.mcast_snooping.map(InfoBridge::MulticastSnooping),
            self.group_fwd_mask.map(InfoBridge::GroupFwdMask),
            self.vlan_filtering.map(InfoBridge::VlanFiltering),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    pub(crate) fn decode(data: Attribute<'_>) -> Self {
        let mut found = Self::default();
        for attribute in data.nested() {
            match attribute.kind {
                IFLA_BR_AGEING_TIME => found.ageing = attribute.u32().map(from_clock_ticks),
                IFLA_BR_FORWARD_DELAY => {
                    found.forward_delay = attribute.u32().map(from_clock_ticks)
                }
                IFLA_BR_STP_STATE => found.stp = attribute.u32().map(|v| v != 0),
                IFLA_BR_MCAST_SNOOPING => found.mcast_snooping = attribute.flag(),
                IFLA_BR_GROUP_FWD_MASK => found.group_fwd_mask = attribute.u16(),
                IFLA_BR_VLAN_FILTERING => found.vlan_filtering = attribute.flag(),
                _ => {}
            }
        }
        found
    }

    /// Whether everything that is set here is so in `actual`.
    #[must_use]
    pub fn holds_in(&self, actual: &Self) -> bool {
        fn holds<T: PartialEq>(wanted: &Option<T>, actual: &Option<T>) -> bool {
            wanted.is_none() || wanted == actual
        }
        holds(&self.ageing, &actual.ageing)
            && holds(&self.stp, &actual.stp)
            && holds(&self.forward_delay, &actual.forward_delay)
            && holds(&self.mcast_snooping, &actual.mcast_snooping)
            && holds(&self.group_fwd_mask, &actual.group_fwd_mask)
            && holds(&self.vlan_filtering, &actual.vlan_filtering)
    }
}

impl BridgePort {
    pub(crate) fn encode(&self) -> Vec<InfoBridgePort> {
        [
            self.hairpin.map(InfoBridgePort::HairpinMode),
            self.learning.map(InfoBridgePort::Learning),
            self.flood.map(InfoBridgePort::UnicastFlood),
            self.mcast_flood.map(InfoBridgePort::MulticastFlood),
            self.bcast_flood.map(InfoBridgePort::BroadcastFlood),
            self.isolated.map(InfoBridgePort::Isolated),
            self.locked.map(InfoBridgePort::Locked),
            self.neigh_suppress.map(InfoBridgePort::NeighSupress),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The settings, and whether the port forwards.
    pub(crate) fn decode(data: Attribute<'_>) -> (Self, bool) {
        let mut found = Self::default();
        let mut forwarding = false;
        for attribute in data.nested() {
            match attribute.kind {
                IFLA_BRPORT_STATE => forwarding = attribute.u8() == Some(BR_STATE_FORWARDING),
                IFLA_BRPORT_MODE => found.hairpin = attribute.flag(),
                IFLA_BRPORT_LEARNING => found.learning = attribute.flag(),
                IFLA_BRPORT_UNICAST_FLOOD => found.flood = attribute.flag(),
                IFLA_BRPORT_MCAST_FLOOD => found.mcast_flood = attribute.flag(),
                IFLA_BRPORT_BCAST_FLOOD => found.bcast_flood = attribute.flag(),
                IFLA_BRPORT_ISOLATED => found.isolated = attribute.flag(),
                IFLA_BRPORT_LOCKED => found.locked = attribute.flag(),
                IFLA_BRPORT_NEIGH_SUPPRESS => found.neigh_suppress = attribute.flag(),
                _ => {}
            }
        }
        (found, forwarding)
    }

    /// The settings with their names in `bridge link set`.
    pub(crate) fn named(&self) -> [(&'static str, Option<bool>); 8] {
        [
            ("hairpin", self.hairpin),
            ("learning", self.learning),
            ("flood", self.flood),
            ("mcast_flood", self.mcast_flood),
            ("bcast_flood", self.bcast_flood),
            ("isolated", self.isolated),
            ("locked", self.locked),
            ("neigh_suppress", self.neigh_suppress),
        ]
    }

    /// Whether everything that is set here is so in `actual`.
    #[must_use]
    pub fn holds_in(&self, actual: &Self) -> bool {
        self.named()
            .into_iter()
            .zip(actual.named())
            .all(|((_, wanted), (_, actual))| wanted.is_none() || wanted == actual)
    }
}
