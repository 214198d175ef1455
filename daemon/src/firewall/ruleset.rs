//! The chains and rules, and the sets that they look into.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use pontoon_netlink::nft::m::{self, ct_status_bits};
use pontoon_netlink::nft::{
    AddressType, Chain, ChainKind, Expr, Family, FieldType, Hook, HookPoint, Load, MetaKey,
    NfProto, Rule, Set, Table, Value, nat_flags, priority,
};

use super::{SetId, TableSpec, dns};
use crate::names::{BRIDGE, VETH_PREFIX};

/// Addresses, ports and what is to become of packets at the IP layer.
pub const INET_TABLE: Table = Table::new(Family::Inet, "pontoon");
/// Who may send which frames into the bridge.
pub const BRIDGE_TABLE: Table = Table::new(Family::Bridge, "pontoon");

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
pub(super) const PROTO_ICMP: u8 = 1;
pub(super) const PROTO_ICMPV6: u8 = 58;
const ICMP_REDIRECT: u8 = 5;
const ICMPV6_REDIRECT: u8 = 137;
/// `PACKET_BROADCAST` and `PACKET_MULTICAST`, linux/if_packet.h.
const PACKET_TYPES: [u8; 2] = [1, 2];
/// Before br_netfilter hands the frame to the IP layer's chains (`NF_BR_PRI_NAT_DST_BRIDGED` is -300).
const BEFORE_BRIDGE_NAT: i32 = -350;

/// Our tables.
#[must_use]
pub fn tables() -> [TableSpec; 2] {
    [inet(), bridge()]
}

fn inet() -> TableSpec {
    use FieldType::{InetProto, InetService, Ipv4Addr, Ipv6Addr};
    let sets = vec![
        Set::new(SetId::PodRanges4.name(), &[Ipv4Addr])
            .with_intervals()
            .with_comment("pod CIDRs of the cluster"),
        Set::new(SetId::PodRanges6.name(), &[Ipv6Addr])
            .with_intervals()
            .with_comment("pod CIDRs of the cluster"),
        Set::new(SetId::Nodes4.name(), &[Ipv4Addr])
            .with_comment("addresses of the cluster's nodes"),
        Set::new(SetId::Nodes6.name(), &[Ipv6Addr])
            .with_comment("addresses of the cluster's nodes"),
        Set::new(SetId::Hairpin4.name(), &[Ipv4Addr, Ipv4Addr])
            .with_comment("pods of this node, from and to themselves"),
        Set::new(SetId::Hairpin6.name(), &[Ipv6Addr, Ipv6Addr])
            .with_comment("pods of this node, from and to themselves"),
        Set::map(SetId::HostPorts4.name(), &[InetProto, InetService], &[Ipv4Addr, InetService])
            .with_comment("host ports on every address of this host"),
        Set::map(SetId::HostPorts6.name(), &[InetProto, InetService], &[Ipv6Addr, InetService])
            .with_comment("host ports on every address of this host"),
        Set::map(
            SetId::HostPortsAt4.name(),
            &[Ipv4Addr, InetProto, InetService],
            &[Ipv4Addr, InetService],
        )
        .with_comment("host ports on one address"),
        Set::map(
            SetId::HostPortsAt6.name(),
            &[Ipv6Addr, InetProto, InetService],
            &[Ipv6Addr, InetService],
        )
        .with_comment("host ports on one address"),
        Set::new(SetId::Dns4.name(), &[Ipv4Addr]).with_comment("where this node answers DNS"),
        Set::new(SetId::Dns6.name(), &[Ipv6Addr]).with_comment("where this node answers DNS"),
    ];
    let chains = vec![
        Chain::base("guard", Hook::new(ChainKind::Filter, HookPoint::Prerouting, priority::RAW)),
        Chain::base("dns", Hook::new(ChainKind::Filter, HookPoint::Output, priority::RAW)),
        Chain::base(
            "prerouting",
            Hook::new(ChainKind::Nat, HookPoint::Prerouting, priority::DSTNAT),
        ),
        Chain::base("output", Hook::new(ChainKind::Nat, HookPoint::Output, priority::DSTNAT)),
        Chain::base("redirects", Hook::new(ChainKind::Filter, HookPoint::Output, priority::FILTER)),
        Chain::base(
            "postrouting",
            Hook::new(ChainKind::Nat, HookPoint::Postrouting, priority::SRCNAT),
        ),
        Chain::new("host_ports"),
    ];
    let mut rules = vec![
        Rule::new("guard")
            .with(m::iifname(BRIDGE))
            .with(m::nfproto(NfProto::Ipv4))
            .with(m::daddr(loopback()))
            .with([m::counter(), m::drop()])
            .with_comment("the host's loopback is not the pods'"),
        Rule::new("prerouting")
            .with(m::daddr_type(AddressType::Local))
            .with([m::jump("host_ports")]),
        Rule::new("output").with(m::daddr_type(AddressType::Local)).with([m::jump("host_ports")]),
        redirect_rule(NfProto::Ipv4, PROTO_ICMP, ICMP_REDIRECT),
        redirect_rule(NfProto::Ipv6, PROTO_ICMPV6, ICMPV6_REDIRECT),
    ];
    for family in [NfProto::Ipv4, NfProto::Ipv6] {
        rules.extend(dns::rules(family));
        rules.extend(host_port_rules(family));
        rules.extend(source_nat_rules(family));
    }
    TableSpec { table: INET_TABLE, sets, chains, rules }
}

fn loopback() -> IpNetwork {
    network(Ipv4Addr::new(127, 0, 0, 0).into(), 8)
}

/// A constant network; its prefix length fits its family, or else it is the one address.
fn network(address: IpAddr, prefix: u8) -> IpNetwork {
    IpNetwork::new(address, prefix).unwrap_or_else(|_| pontoon_model::cidr::host(address))
}

/// Pods on one bridge meet only through the gateway; that a packet leaves where it came in is no
/// reason to tell them of a shorter way.
fn redirect_rule(family: NfProto, proto: u8, kind: u8) -> Rule {
    Rule::new("redirects")
        .with(m::oifname(BRIDGE))
        .with(m::nfproto(family))
        .with(m::l4proto(proto))
        .with(m::eq(Load::ICMP_TYPE, Value::from_bytes(&[kind])))
        .with([m::drop()])
        .with_comment("pods have no shorter way than their gateway")
}

fn host_port_rules(family: NfProto) -> [Rule; 2] {
    let (daddr, at, any) = match family {
        NfProto::Ipv6 => (Load::IP6_DADDR, SetId::HostPortsAt6, SetId::HostPorts6),
        _ => (Load::IP_DADDR, SetId::HostPortsAt4, SetId::HostPorts4),
    };
    let rule = |key: &[Load], map: SetId| {
        Rule::new("host_ports").with(m::nfproto(family)).with(m::dnat_map(family, key, map.name()))
    };
    [rule(&[daddr, Load::L4PROTO, Load::DPORT], at), rule(&[Load::L4PROTO, Load::DPORT], any)]
}

fn source_nat_rules(family: NfProto) -> Vec<Rule> {
    let (saddr, daddr, hairpin, pods, nodes) = match family {
        NfProto::Ipv6 => {
            (Load::IP6_SADDR, Load::IP6_DADDR, SetId::Hairpin6, SetId::PodRanges6, SetId::Nodes6)
        }
        _ => (Load::IP_SADDR, Load::IP_DADDR, SetId::Hairpin4, SetId::PodRanges4, SetId::Nodes4),
    };
    let rule = || Rule::new("postrouting").with(m::nfproto(family));
    let mut rules = vec![
        rule()
            .with(m::ct_status(ct_status_bits::DNAT))
            .with(m::in_set(&[saddr, daddr], hairpin.name()))
            .with([m::masquerade(nat_flags::FULLY_RANDOM)])
            .with_comment("a pod that reaches itself through a port of the host or a service"),
    ];
    if family == NfProto::Ipv4 {
        rules.push(
            rule()
                .with(m::oifname(BRIDGE))
                .with(m::saddr(loopback()))
                .with([m::masquerade(nat_flags::FULLY_RANDOM)])
                .with_comment("a host port by way of 127.0.0.1"),
        );
    }
    rules.push(
        rule()
            .with(m::oifname_not(BRIDGE))
            .with(m::in_set(&[saddr], pods.name()))
            .with(m::not_in_set(&[daddr], pods.name()))
            .with(m::not_in_set(&[daddr], nodes.name()))
            .with([m::masquerade(nat_flags::FULLY_RANDOM)])
            .with_comment("what leaves the cluster"),
    );
    rules
}

fn bridge() -> TableSpec {
    use FieldType::{EtherAddr, IfName, Ipv4Addr, Ipv6Addr};
    let sets = vec![
        Set::new(SetId::Gateways.name(), &[EtherAddr]).with_comment("the bridge's own address"),
        Set::new(SetId::Senders.name(), &[IfName, EtherAddr])
            .with_comment("who sends by which port"),
        Set::new(SetId::Senders4.name(), &[IfName, EtherAddr, Ipv4Addr])
            .with_comment("and from which address"),
        Set::new(SetId::Senders6.name(), &[IfName, EtherAddr, Ipv6Addr])
            .with_comment("and from which address"),
    ];
    let chains = vec![
        Chain::base(
            "prerouting",
            Hook::new(ChainKind::Filter, HookPoint::Prerouting, BEFORE_BRIDGE_NAT),
        ),
        Chain::new("from_pod"),
    ];
    let drop =
        |rule: Rule, why: &'static str| rule.with([m::counter(), m::drop()]).with_comment(why);
    let from_pod = || Rule::new("from_pod");
    let zero = |length: usize| Value::from_bytes(&[0; 16][..length]);
    // What nearly every packet is: from the pod's own port, MAC and address, to the gateway.
    let usual = |ethertype, source, senders: SetId| {
        from_pod()
            .with(m::ethertype(ethertype))
            .with(m::in_set(&[Load::ETHER_DADDR], SetId::Gateways.name()))
            .with(m::in_set(&[Load::IIFNAME, Load::ETHER_SADDR, source], senders.name()))
            .with([m::accept()])
    };
    let mut rules = vec![
        Rule::new("prerouting").with(m::iifname_starts(VETH_PREFIX)).with([m::jump("from_pod")]),
        usual(ETHERTYPE_IPV4, Load::IP_SADDR, SetId::Senders4),
        usual(ETHERTYPE_IPV6, Load::IP6_SADDR, SetId::Senders6),
        drop(
            from_pod()
                .with(m::not_in_set(&[Load::IIFNAME, Load::ETHER_SADDR], SetId::Senders.name())),
            "a MAC that is not the pod's",
        ),
    ];
    // Frames go to the gateway, or ask who has it; all else would pass by the host's IP layer.
    let to_all = PACKET_TYPES.map(|kind| {
        from_pod()
            .with(m::eq(Load::Meta(MetaKey::PacketType), Value::from_bytes(&[kind])))
            .with([m::goto("sender")])
    });
    rules.extend(to_all);
    rules.push(
        from_pod()
            .with(m::in_set(&[Load::ETHER_DADDR], SetId::Gateways.name()))
            .with([m::goto("sender")]),
    );
    rules.push(drop(from_pod(), "past the gateway"));

    let sender = || Rule::new("sender");
    let key4 = |mac, ip| [Load::IIFNAME, mac, ip];
    rules.extend([
        sender()
            .with(m::ethertype(ETHERTYPE_IPV4))
            .with(m::in_set(&key4(Load::ETHER_SADDR, Load::IP_SADDR), SetId::Senders4.name()))
            .with([m::accept()]),
        sender()
            .with(m::ethertype(ETHERTYPE_IPV6))
            .with(m::in_set(&key4(Load::ETHER_SADDR, Load::IP6_SADDR), SetId::Senders6.name()))
            .with([m::accept()]),
        sender()
            .with(m::ethertype(ETHERTYPE_ARP))
            .with(m::in_set(
                &key4(Load::ARP_SENDER_MAC, Load::ARP_SENDER_IP),
                SetId::Senders4.name(),
            ))
            .with([m::accept()]),
        sender()
            .with(m::ethertype(ETHERTYPE_ARP))
            .with(m::eq(Load::ARP_SENDER_IP, zero(4)))
            .with([m::accept()])
            .with_comment("RFC 5227 probes"),
        sender()
            .with(m::ethertype(ETHERTYPE_IPV6))
            .with(link_local_source())
            .with([m::accept()])
            .with_comment("the pod's own link, where there is nobody but the gateway"),
        sender()
            .with(m::ethertype(ETHERTYPE_IPV6))
            .with(m::eq(Load::IP6_SADDR, zero(16)))
            .with([m::accept()])
            .with_comment("duplicate address detection"),
        drop(sender(), "an address that is not the pod's"),
    ]);
    let mut chains = chains;
    chains.push(Chain::new("sender"));
    TableSpec { table: BRIDGE_TABLE, sets, chains, rules }
}

fn link_local_source() -> Vec<Expr> {
    m::saddr(network(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0).into(), 10))
}
