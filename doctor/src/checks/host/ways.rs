//! The ways that packets and the answers to them take through the host, each with a packet that takes it.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_model::cidr::{self, Family};
use pontoon_model::cluster::BackendKind;
use pontoon_model::kernel::{BRIDGE, VXLAN};
use pontoon_netlink::nft::{HookPoint, proto};

use crate::facts::Facts;
use crate::facts::setup::Peer;
use crate::passage::{Device, Packet, Tracking};

/// A way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// From pods here to pods of other nodes.
    ToOtherNodes,
    /// From pods of other nodes to pods here.
    FromOtherNodes,
    /// Between pods here.
    Within,
    /// From pods to the outside.
    ToOutside,
    /// Encapsulated packets that arrive.
    OverlayIn,
    /// Encapsulated packets that leave.
    OverlayOut,
    /// Pods' questions to the DNS of this node.
    Dns,
}

/// What takes a way: packets, or the answers to them on their way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Traffic {
    pub(super) answers: bool,
    pub(super) way: Way,
}

impl Traffic {
    /// Where rules see it.
    pub(super) const fn point(self) -> HookPoint {
        match (self.way, self.answers) {
            (Way::ToOtherNodes | Way::FromOtherNodes | Way::Within | Way::ToOutside, _) => {
                HookPoint::Forward
            }
            (Way::OverlayIn, _) | (Way::Dns, false) => HookPoint::Input,
            (Way::OverlayOut, _) | (Way::Dns, true) => HookPoint::Output,
        }
    }

    /// Whether it is encapsulated.
    pub(super) const fn is_overlay(self) -> bool {
        matches!(self.way, Way::OverlayIn | Way::OverlayOut)
    }
}

impl std::fmt::Display for Traffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.answers {
            f.write_str("answers to those ")?;
        }
        self.way.fmt(f)
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ToOtherNodes => "from pods here to pods of other nodes",
            Self::FromOtherNodes => "from pods of other nodes to pods here",
            Self::Within => "between pods of this node",
            Self::ToOutside => "from pods to the outside",
            Self::OverlayIn => "encapsulated ones from other nodes",
            Self::OverlayOut => "encapsulated ones to other nodes",
            Self::Dns => "from pods to the cluster's DNS",
        })
    }
}

/// Addresses outside of any cluster, for documentation (RFC 5737, RFC 3849).
const OUTSIDE: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1)),
    IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];
/// A port that the kernel gives to clients, and one that servers have.
const CLIENT: u16 = 40_000;
const SERVER: u16 = 80;
const DNS: u16 = 53;

/// All that packets of this node do, with a packet each.
pub(super) fn all(facts: &Facts) -> Vec<(Traffic, Packet)> {
    let mut found = Vec::new();
    for family in [Family::V4, Family::V6] {
        if let Some(range) = facts.setup.config.pod_cidr(family) {
            found.extend(of_pods(facts, family, range));
        }
    }
    // What leaves the cluster is masqueraded behind the rules of others.
    let answers = |(way, packet): &(Way, Packet)| {
        (*way, Packet { snat: *way == Way::ToOutside, ..packet.answer() })
    };
    let answers: Vec<_> = found.iter().map(answers).collect();
    // Nobody answers to the outer packets of an overlay: what comes back is as new as they are.
    found.extend(of_overlay(facts));
    let of = |answers| move |(way, packet)| (Traffic { answers, way }, packet);
    found.into_iter().map(of(false)).chain(answers.into_iter().map(of(true))).collect()
}

fn of_pods(facts: &Facts, family: Family, range: IpNetwork) -> Vec<(Way, Packet)> {
    let setup = &facts.setup;
    let (Some(bridge), Some(own)) = (device(facts, BRIDGE), own_pod(facts, family, range)) else {
        return Vec::new();
    };
    let tcp = |input: &Device, output: &Device, source: IpAddr, destination: IpAddr| Packet {
        input: Some(input.clone()),
        output: Some(output.clone()),
        source,
        destination,
        protocol: proto::TCP,
        ports: (CLIENT, SERVER),
        tracking: Tracking::New,
        dnat: false,
        snat: false,
    };
    let mut found = vec![(Way::Within, tcp(&bridge, &bridge, own, own))];
    for peer in &setup.peers {
        let subnet = peer.subnets.iter().find(|net| Family::of_network(**net) == family);
        let far = subnet.and_then(|net| cidr::nth(*net, 2));
        if let (Some(far), Some(between)) = (far, between(facts, peer)) {
            found.push((Way::ToOtherNodes, tcp(&bridge, &between, own, far)));
            found.push((Way::FromOtherNodes, tcp(&between, &bridge, far, own)));
        }
    }
    let gateway = facts.network.routes.iter().find(|route| {
        route.is_default() && Family::of_network(route.dst) == family && route.dev.is_some()
    });
    let outward = gateway.and_then(|route| device(facts, route.dev?.as_str()));
    let outside = OUTSIDE.into_iter().find(|ip| Family::of(*ip) == family);
    if let (Some(outward), Some(outside)) = (outward, outside) {
        found.push((Way::ToOutside, tcp(&bridge, &outward, own, outside)));
    }
    // Pontoon's own rules keep questions to the cluster's addresses, and no others, out of tracking.
    let untracked = setup.config.dns_addresses_of_pods();
    for at in setup.dns.iter().filter(|at| Family::of(at.ip()) == family && at.port() == DNS) {
        let untracked = untracked.contains(&at.ip());
        found.push((
            Way::Dns,
            Packet {
                output: None,
                protocol: proto::UDP,
                ports: (CLIENT, DNS),
                tracking: if untracked { Tracking::Untracked } else { Tracking::New },
                ..tcp(&bridge, &bridge, own, at.ip())
            },
        ));
    }
    found
}

fn of_overlay(facts: &Facts) -> Vec<(Way, Packet)> {
    let setup = &facts.setup;
    let Some(underlay) = setup.underlay.as_ref().filter(|_| setup.has_overlay()) else {
        return Vec::new();
    };
    let Some(dev) = device(facts, &underlay.dev) else { return Vec::new() };
    let is_encapsulated = |peer: &&Peer| {
        peer.way != Some(BackendKind::HostGw)
            && peer.record.underlay.is_ipv4() == underlay.address.is_ipv4()
    };
    let mut found = Vec::new();
    for peer in setup.peers.iter().filter(is_encapsulated) {
        let inward = Packet {
            input: Some(dev.clone()),
            output: None,
            source: peer.record.underlay,
            destination: underlay.address,
            protocol: proto::UDP,
            ports: (CLIENT, setup.config.backend.vxlan_port),
            tracking: Tracking::New,
            dnat: false,
            snat: false,
        };
        let outward = Packet {
            input: None,
            output: Some(dev.clone()),
            source: underlay.address,
            destination: peer.record.underlay,
            ..inward.clone()
        };
        found.push((Way::OverlayIn, inward));
        found.push((Way::OverlayOut, outward));
    }
    found
}

/// The device that packets to a peer's pods take.
fn between(facts: &Facts, peer: &Peer) -> Option<Device> {
    let underlay = facts.setup.underlay.as_ref().map(|underlay| underlay.dev.as_str());
    match peer.way {
        Some(BackendKind::HostGw) => device(facts, underlay?),
        _ if facts.setup.has_overlay() => device(facts, VXLAN),
        _ => device(facts, underlay?),
    }
}

fn device(facts: &Facts, name: &str) -> Option<Device> {
    let link = facts.network.link(name)?;
    Some(Device { name: name.to_owned(), index: link.index })
}

/// An address that a pod of this node may have.
fn own_pod(facts: &Facts, family: Family, range: IpNetwork) -> Option<IpAddr> {
    let own = facts.setup.held.iter().find(|net| Family::of_network(**net) == family);
    cidr::nth(*own.unwrap_or(&range), 2)
}
