//! Operations and messages of all shapes.

use std::net::IpAddr;
use std::time::Duration;

use ipnetwork::IpNetwork;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::super::*;
use crate::address::Scope;
use crate::neighbour::FdbKind;
use crate::route::RouteKind;
use crate::rule::RuleAction;

fn name() -> impl Strategy<Value = LinkName> {
    vec(33u8..127, 1..=15).prop_filter_map("the kernel refuses it", |bytes| {
        LinkName::try_new(std::str::from_utf8(&bytes).ok()?).ok()
    })
}

fn mac() -> impl Strategy<Value = MacAddr> {
    any::<[u8; 6]>().prop_map(MacAddr)
}

fn net() -> impl Strategy<Value = IpNetwork> {
    (any::<IpAddr>(), 0u8..=128)
        .prop_filter_map("the prefix is too long", |(ip, prefix)| IpNetwork::new(ip, prefix).ok())
}

fn port() -> impl Strategy<Value = BridgePort> {
    any::<[Option<bool>; 8]>().prop_map(|[a, b, c, d, e, f, g, h]| BridgePort {
        hairpin: a,
        learning: b,
        flood: c,
        mcast_flood: d,
        bcast_flood: e,
        isolated: f,
        locked: g,
        neigh_suppress: h,
    })
}

fn bridge() -> impl Strategy<Value = NewBridge> {
    let settings = (any::<[Option<bool>; 3]>(), of(any::<u16>()), any::<[Option<u64>; 2]>());
    (name(), of(mac()), of(any::<u32>()), any::<bool>(), of(any::<String>()), settings).prop_map(
        |(name, mac, mtu, up, alias, ([stp, mcast_snooping, vlan_filtering], mask, times))| {
            let [ageing, forward_delay] = times.map(|t| t.map(Duration::from_millis));
            let group_fwd_mask = mask;
            NewBridge {
                name,
                mac,
                mtu,
                up,
                alias,
                settings: BridgeSettings {
                    ageing,
                    stp,
                    forward_delay,
                    mcast_snooping,
                    group_fwd_mask,
                    vlan_filtering,
                },
            }
        },
    )
}

fn veth() -> impl Strategy<Value = NewVeth> {
    let peer = (name(), of(mac()), of(any::<u32>()));
    let numbers = any::<[Option<u32>; 3]>();
    (name(), of(mac()), of(name()), any::<[bool; 2]>(), of(".{0,400}"), of(port()), numbers, peer)
        .prop_map(|(name, mac, master, flags, alias, port, [mtu, group, queues], peer)| NewVeth {
            name,
            mac,
            mtu,
            master,
            up: flags[0],
            group,
            alias,
            port,
            no_link_local: flags[1],
            queues,
            peer: VethPeer { name: peer.0, mac: peer.1, mtu: peer.2, netns: None },
        })
}

fn vxlan() -> impl Strategy<Value = NewVxlan> {
    let settings =
        (any::<u32>(), any::<u16>(), of(any::<IpAddr>()), of(name()), any::<[bool; 3]>());
    (name(), of(mac()), of(any::<u32>()), any::<[bool; 2]>(), settings).prop_map(
        |(name, mac, mtu, [up, no_link_local], (vni, port, local, dev, flags))| NewVxlan {
            name,
            mac,
            mtu,
            up,
            alias: None,
            no_link_local,
            settings: VxlanSettings {
                vni,
                port,
                local,
                dev,
                learning: flags[0],
                external: flags[1],
                gpe: flags[2],
            },
        },
    )
}

fn change() -> impl Strategy<Value = LinkChange> {
    let master = of(of(name()).prop_map(|name| name.map_or(Master::Leave, Master::Join)));
    let numbers = any::<[Option<u32>; 2]>();
    (numbers, of(mac()), master, of(".{0,400}"), of(name()), any::<[Option<bool>; 2]>()).prop_map(
        |([mtu, group], mac, master, alias, name, [up, no_link_local])| LinkChange {
            up,
            mtu,
            mac,
            master,
            group,
            alias,
            name,
            netns: None,
            no_link_local,
        },
    )
}

fn address() -> impl Strategy<Value = Address> {
    (name(), net(), any::<u8>(), any::<[bool; 3]>()).prop_map(|(dev, net, scope, flags)| Address {
        dev,
        net,
        scope: Scope::from(scope),
        noprefixroute: flags[0],
        nodad: flags[1],
        deprecated: flags[2],
    })
}

fn route() -> impl Strategy<Value = Route> {
    let ips = any::<[Option<IpAddr>; 2]>();
    let numbers = (of(any::<u32>()), any::<u32>(), any::<u32>(), any::<[u8; 3]>());
    (net(), ips, of(name()), any::<bool>(), numbers).prop_map(
        |(dst, [gateway, src], dev, onlink, (mtu, table, metric, [protocol, scope, kind]))| Route {
            dst,
            gateway,
            dev,
            src,
            onlink,
            mtu,
            table,
            protocol,
            scope: Scope::from(scope),
            metric,
            kind: RouteKind::from(kind),
        },
    )
}

/// A route in the form in which dumps give them.
pub(super) fn planned_route() -> impl Strategy<Value = Route> {
    route().prop_map(|mut route| {
        route.dst = IpNetwork::new(route.dst.network(), route.dst.prefix()).unwrap();
        if route.dst.is_ipv6() {
            route.scope = Scope::Universe;
            if route.metric == 1024 {
                route.metric = 0;
            }
        }
        if matches!(route.kind, RouteKind::Blackhole | RouteKind::Unreachable) {
            (route.gateway, route.dev) = (None, None);
        }
        route
    })
}

fn neighbour() -> impl Strategy<Value = Neighbour> {
    (name(), any::<IpAddr>(), mac(), any::<bool>())
        .prop_map(|(dev, ip, mac, permanent)| Neighbour { dev, ip, mac, permanent })
}

fn fdb() -> impl Strategy<Value = FdbEntry> {
    let kind = prop_oneof![
        any::<IpAddr>().prop_map(FdbKind::Remote),
        Just(FdbKind::Static),
        Just(FdbKind::Local),
        Just(FdbKind::Learned),
    ];
    (name(), mac(), kind).prop_map(|(dev, mac, kind)| FdbEntry { dev, mac, kind })
}

fn rule() -> impl Strategy<Value = Rule> {
    let nets = (of(net()), of(net()));
    let action = prop_oneof![
        any::<u32>().prop_map(RuleAction::Table),
        any::<u8>().prop_map(RuleAction::Other)
    ];
    let mark = of(any::<(u32, u32)>());
    (any::<bool>(), any::<u32>(), of(name()), nets, mark, action, any::<u8>()).prop_map(
        |(ipv4, priority, iif, (from, to), mark, action, protocol)| Rule {
            ipv4,
            priority,
            iif,
            from,
            to,
            mark,
            action,
            protocol,
        },
    )
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        bridge().prop_map(Op::CreateBridge),
        veth().prop_map(Op::CreateVeth),
        vxlan().prop_map(Op::CreateVxlan),
        (name(), change()).prop_map(|(dev, change)| Op::SetLink { dev, change }),
        (name(), port()).prop_map(|(dev, port)| Op::SetBridgePort { dev, port }),
        name().prop_map(|dev| Op::DeleteLink { dev }),
        any::<u32>().prop_map(|group| Op::DeleteLinkGroup { group }),
        address().prop_map(Op::AddAddress),
        address().prop_map(Op::DeleteAddress),
        route().prop_map(Op::ReplaceRoute),
        route().prop_map(Op::DeleteRoute),
        neighbour().prop_map(Op::ReplaceNeighbour),
        (name(), any::<IpAddr>()).prop_map(|(dev, ip)| Op::DeleteNeighbour { dev, ip }),
        fdb().prop_map(Op::ReplaceFdb),
        rule().prop_map(Op::AddRule),
    ]
}

/// Bytes as the kernel would never send them: noise, and attributes of noise.
pub(super) fn payload() -> impl Strategy<Value = Vec<u8>> {
    let attribute = (0u16..70, vec(any::<u8>(), 0..40)).prop_map(|(kind, value)| {
        let len = u16::try_from(value.len() + 4).unwrap();
        let mut bytes = [len.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    });
    let family = prop_oneof![Just(0u8), Just(2), Just(7), Just(10), any::<u8>()];
    let message = (family, vec(any::<u8>(), 7..16), vec(attribute, 0..12)).prop_map(
        |(family, header, attributes)| {
            let mut bytes = vec![family];
            bytes.extend(header);
            bytes.extend(attributes.concat());
            bytes
        },
    );
    prop_oneof![vec(any::<u8>(), 0..200), message]
}
