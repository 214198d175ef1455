//! A dump gives back what operations made: the ground of adoption.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use pontoon_netlink::{
    BridgeSettings, FdbEntry, FdbKind, LinkKind, MacAddr, Master, Neighbour, NewBridge, NewVeth,
    NewVxlan, Op, Route, RouteFilter, RouteKind, Rule, Scope, VxlanSettings,
};

use crate::support::{Host, add_address, address, host, name, up};

const PROTOCOL: u8 = 112;

/// Two devices with addresses of both families.
fn node() -> Option<Host> {
    let mut node = host()?;
    node.apply(&[
        up("lo"),
        Op::CreateVeth(NewVeth { up: true, ..NewVeth::new(name("up0"), name("up1")) }),
        up("up1"),
        add_address("up0", "192.0.2.1/24"),
        add_address("up0", "2001:db8::1/64"),
    ]);
    Some(node)
}

#[test]
fn bridges() {
    let Some(mut host) = host() else { return };
    let settings = BridgeSettings {
        ageing: Some(Duration::from_secs(120)),
        stp: Some(false),
        forward_delay: Some(Duration::from_secs(2)),
        mcast_snooping: Some(false),
        group_fwd_mask: Some(8),
        vlan_filtering: None,
    };
    let bridge = NewBridge {
        mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
        mtu: Some(1450),
        alias: Some("ours".into()),
        settings: settings.clone(),
        ..NewBridge::new(name("pontoon0"))
    };
    host.apply(&[Op::CreateBridge(bridge.clone())]);
    let link = host.rtnl.link(name("pontoon0")).unwrap().unwrap();
    let LinkKind::Bridge(found) = &link.kind else { panic!("{link:?}") };
    assert!(settings.holds_in(found), "{found:?}");
    assert_eq!(
        (link.mac, Some(link.mtu), link.alias.clone()),
        (bridge.mac, bridge.mtu, bridge.alias)
    );
    assert!(link.up);
    // It keeps its address and MTU when a port comes.
    host.apply(&[
        Op::CreateVeth(NewVeth::new(name("a"), name("b"))),
        Op::SetLink {
            dev: name("a"),
            change: pontoon_netlink::LinkChange {
                master: Some(Master::Join(name("pontoon0"))),
                ..Default::default()
            },
        },
    ]);
    let again = host.rtnl.link(name("pontoon0")).unwrap().unwrap();
    assert_eq!((again.mac, again.mtu), (link.mac, link.mtu));
    assert_eq!(host.rtnl.link(name("a")).unwrap().unwrap().master, Some(name("pontoon0")));
    assert_eq!(host.rtnl.link(name("nothing")).unwrap(), None);
}

#[test]
fn vxlan_devices() {
    let Some(mut node) = node() else { return };
    let v4 = VxlanSettings {
        local: Some("192.0.2.1".parse().unwrap()),
        dev: Some(name("up0")),
        ..VxlanSettings::new(1, 8472)
    };
    let v6 = VxlanSettings {
        local: Some("2001:db8::1".parse().unwrap()),
        learning: true,
        ..VxlanSettings::new(0x00ff_ffff, 4789)
    };
    let gpe = VxlanSettings { external: true, gpe: true, ..VxlanSettings::new(0, 4790) };
    for (dev, settings) in [("v4", v4), ("v6", v6), ("gpe", gpe)] {
        let new = NewVxlan {
            mtu: Some(1400),
            no_link_local: true,
            ..NewVxlan::new(name(dev), settings.clone())
        };
        node.apply(&[Op::CreateVxlan(new)]);
        let link = node.rtnl.link(name(dev)).unwrap().unwrap();
        assert_eq!(link.kind, LinkKind::Vxlan(settings));
        assert_eq!((link.mtu, link.up), (1400, true));
    }
    let link_local = |a: &pontoon_netlink::AddressInfo| a.address.dev == "v4";
    assert!(!node.rtnl.addresses().unwrap().iter().any(link_local));
}

#[test]
fn addresses() {
    let Some(mut node) = node() else { return };
    let mut wanted = vec![
        address("up0", "10.1.2.3/16"),
        address("up0", "fd00:1::7/128"),
        address("lo", "10.9.9.9/32"),
        address("up0", "fd00:1::8/128"),
    ];
    wanted[0].noprefixroute = true;
    wanted[1].noprefixroute = true;
    wanted[2].scope = Scope::Host;
    wanted[3].deprecated = true;
    node.apply(&wanted.iter().cloned().map(Op::AddAddress).collect::<Vec<_>>());
    let found: Vec<_> = node.rtnl.addresses().unwrap().into_iter().map(|a| a.address).collect();
    for address in &wanted {
        assert!(found.contains(address), "{address:?} not in {found:#?}");
    }
    let again: Vec<_> = wanted.iter().cloned().map(Op::ReplaceAddress).collect();
    node.apply(&again);
    for outcome in
        node.rtnl.execute_each(&wanted.iter().cloned().map(Op::AddAddress).collect::<Vec<_>>())
    {
        assert!(outcome.unwrap_err().is_exists());
    }
    let delete: Vec<_> = wanted.iter().cloned().map(Op::DeleteAddress).collect();
    node.apply(&delete);
    for outcome in node.rtnl.execute_each(&delete) {
        assert!(outcome.unwrap_err().is_not_found());
    }
}

fn routes() -> Vec<Route> {
    let dev = name("up0");
    let net = |text: &str| text.parse().unwrap();
    let gw4 = "192.0.2.2".parse().unwrap();
    let gw6 = "2001:db8::2".parse().unwrap();
    let far = "10.244.2.0".parse().unwrap();
    vec![
        Route::via(net("10.1.0.0/16"), gw4, dev),
        Route { onlink: true, mtu: Some(1450), ..Route::via(net("10.244.2.0/24"), far, dev) },
        Route {
            src: Some("192.0.2.1".parse().unwrap()),
            metric: 50,
            ..Route::direct(net("10.3.0.0/16"), dev)
        },
        Route::via(net("10.4.0.0/16"), gw6, dev),
        Route { table: 1000, ..Route::via(net("10.5.0.0/16"), gw4, dev) },
        Route::dropping(net("10.244.0.0/16"), RouteKind::Blackhole),
        Route::dropping(net("10.245.0.0/16"), RouteKind::Unreachable),
        Route::default_via(gw4, dev),
        Route::via(net("fd00:1::/64"), gw6, dev),
        Route {
            onlink: true,
            mtu: Some(1430),
            ..Route::via(net("fd00:2::/64"), "fd00:2::".parse().unwrap(), dev)
        },
        Route { metric: 50, ..Route::direct(net("fd00:3::/64"), dev) },
        Route { table: 1000, ..Route::via(net("fd00:5::/64"), gw6, dev) },
        Route::dropping(net("fd00::/48"), RouteKind::Blackhole),
        Route::dropping(net("fd01::/48"), RouteKind::Unreachable),
        Route { src: Some("2001:db8::1".parse().unwrap()), ..Route::default_via(gw6, dev) },
    ]
    .into_iter()
    .map(|route| Route { protocol: PROTOCOL, ..route })
    .collect()
}

#[test]
fn routes_of_all_kinds() {
    let Some(mut node) = node() else { return };
    let wanted = routes();
    node.apply(&wanted.iter().cloned().map(Op::AddRoute).collect::<Vec<_>>());
    let ours = RouteFilter { protocol: Some(PROTOCOL), ..RouteFilter::default() };
    let found: HashSet<_> = node.rtnl.routes(ours).unwrap().into_iter().collect();
    for route in &wanted {
        assert!(found.contains(route), "{route:#?} not in {found:#?}");
    }
    assert_eq!(found.len(), wanted.len());

    for (filter, holds) in [
        (RouteFilter { table: Some(1000), ..ours }, 2),
        (RouteFilter { ipv4: Some(true), ..ours }, 8),
        (RouteFilter { ipv4: Some(false), ..ours }, 7),
        (RouteFilter { dev: Some(name("up0")), ..ours }, 11),
        (RouteFilter { dev: Some(name("up1")), ..ours }, 0),
        (RouteFilter { dev: Some(name("nothing")), ..ours }, 0),
        (RouteFilter { table: Some(4711), ..ours }, 0),
    ] {
        assert_eq!(node.rtnl.routes(filter).unwrap().len(), holds, "{filter:?}");
    }

    // Replacing with itself changes nothing, with other values changes in place.
    node.apply(&wanted.iter().cloned().map(Op::ReplaceRoute).collect::<Vec<_>>());
    assert_eq!(node.rtnl.routes(ours).unwrap().len(), wanted.len());
    let changed = Route { mtu: Some(1300), ..wanted[1].clone() };
    node.apply(&[Op::ReplaceRoute(changed.clone())]);
    let found = node.rtnl.routes(ours).unwrap();
    assert!(found.contains(&changed) && found.len() == wanted.len(), "{found:#?}");

    let delete: Vec<_> = found.into_iter().map(Op::DeleteRoute).collect();
    node.apply(&delete);
    assert_eq!(node.rtnl.routes(ours).unwrap(), []);
    for outcome in node.rtnl.execute_each(&delete) {
        assert!(outcome.unwrap_err().is_not_found());
    }
}

#[test]
fn the_way_to_an_address() {
    let Some(mut node) = node() else { return };
    let dev = name("up0");
    node.apply(&[Op::AddRoute(Route {
        mtu: Some(1400),
        ..Route::via("10.1.0.0/16".parse().unwrap(), "192.0.2.2".parse().unwrap(), dev)
    })]);
    let via = node.rtnl.route_get("10.1.2.3".parse().unwrap()).unwrap();
    assert_eq!((via.dev, via.gateway), (dev, Some("192.0.2.2".parse().unwrap())));
    assert_eq!((via.src, via.mtu), (Some("192.0.2.1".parse().unwrap()), Some(1400)));
    let direct = node.rtnl.route_get("2001:db8::9".parse().unwrap()).unwrap();
    assert_eq!((direct.dev, direct.gateway, direct.local), (dev, None, false));
    assert!(node.rtnl.route_get("192.0.2.1".parse().unwrap()).unwrap().local);
    // What comes by a device, or is sent from an address, may take another way.
    let from = Some("192.0.2.1".parse().unwrap());
    let own = node.rtnl.route_of("10.1.2.3".parse().unwrap(), from, None).unwrap();
    assert_eq!((own.dev, own.gateway), (via.dev, via.gateway));
    let stranger = Some("198.51.100.7".parse().unwrap());
    let error = node.rtnl.route_of("10.1.2.3".parse().unwrap(), stranger, None).unwrap_err();
    assert!(error.to_string().contains("find the route to 10.1.2.3"), "{error}");
    let input = Some(name("up0"));
    let inward =
        node.rtnl.route_of("192.0.2.1".parse().unwrap(), Some("192.0.2.9".parse().unwrap()), input);
    assert!(inward.unwrap().local);
    let nowhere = node.rtnl.route_of("192.0.2.1".parse().unwrap(), None, Some(name("none0")));
    assert!(nowhere.unwrap_err().is_not_found());
    let error = node.rtnl.route_get("10.9.0.1".parse().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "cannot find the route to 10.9.0.1: Network is unreachable");
}

#[test]
fn addresses_for_one_service_are_no_source_for_anything_else() {
    let Some(mut node) = node() else { return };
    let dev = name("up0");
    let mut services = [address("up0", "10.96.0.10/32"), address("up0", "fd00:96::a/128")];
    services[0].scope = Scope::Host;
    services[1].deprecated = true;
    node.apply(&services.map(Op::ReplaceAddress));
    // An IPv6 address gets its local route in the background, even without duplicate-address detection.
    let deadline = Instant::now() + Duration::from_secs(5);
    while !node.rtnl.route_get("fd00:96::a".parse().unwrap()).is_ok_and(|way| way.local) {
        assert!(Instant::now() < deadline, "fd00:96::a is not local");
        std::thread::sleep(Duration::from_millis(1));
    }
    for (range, near, own, source) in [
        ("10.96.0.0/12", "10.96.0.11", "10.96.0.10", "192.0.2.1"),
        ("fd00:96::/64", "fd00:96::b", "fd00:96::a", "2001:db8::1"),
    ] {
        node.apply(&[Op::AddRoute(Route::direct(range.parse().unwrap(), dev))]);
        let way = node.rtnl.route_get(near.parse().unwrap()).unwrap();
        assert_eq!(way.src, Some(source.parse().unwrap()));
        let way = node.rtnl.route_get(own.parse().unwrap()).unwrap();
        assert_eq!((way.local, way.src), (true, Some(own.parse().unwrap())));
    }
}

#[test]
fn neighbours_and_forwarding_entries_of_a_peer() {
    let Some(mut node) = node() else { return };
    let dev = name("pontoon.1");
    let settings =
        VxlanSettings { local: Some("192.0.2.1".parse().unwrap()), ..VxlanSettings::new(1, 8472) };
    let mac = MacAddr([2, 0, 0, 0, 2, 2]);
    let neighbours =
        ["10.244.2.0", "fd00:2::"].map(|ip| Neighbour::permanent(dev, ip.parse().unwrap(), mac));
    let entry = FdbEntry { dev, mac, kind: FdbKind::Remote("192.0.2.2".parse().unwrap()) };
    let mut ops =
        vec![Op::CreateVxlan(NewVxlan { no_link_local: true, ..NewVxlan::new(dev, settings) })];
    ops.extend(neighbours.iter().cloned().map(Op::ReplaceNeighbour));
    ops.push(Op::ReplaceFdb(entry.clone()));
    node.apply(&ops);
    // Twice is the same as once.
    node.apply(&ops[1..]);
    let found: HashSet<_> = node.rtnl.neighbours(dev).unwrap().into_iter().collect();
    assert_eq!(found, HashSet::from(neighbours.clone()));
    assert_eq!(node.rtnl.fdb(dev).unwrap().as_slice(), std::slice::from_ref(&entry));

    // The peer moved.
    let moved = FdbEntry { kind: FdbKind::Remote("192.0.2.3".parse().unwrap()), ..entry };
    node.apply(&[Op::ReplaceFdb(moved.clone())]);
    assert_eq!(node.rtnl.fdb(dev).unwrap().as_slice(), std::slice::from_ref(&moved));
    let delete = [
        Op::DeleteNeighbour { dev, ip: neighbours[0].ip },
        Op::DeleteNeighbour { dev, ip: neighbours[1].ip },
        Op::DeleteFdb(moved),
    ];
    node.apply(&delete);
    assert_eq!(node.rtnl.neighbours(dev).unwrap(), []);
    assert_eq!(node.rtnl.fdb(dev).unwrap(), []);
    for outcome in node.rtnl.execute_each(&delete) {
        assert!(outcome.unwrap_err().is_not_found());
    }
    assert_eq!(node.rtnl.fdb(name("nothing")).unwrap(), []);
}

#[test]
fn a_static_entry_of_a_bridge_port() {
    let Some(mut node) = node() else { return };
    let (bridge, port) = (name("br0"), name("a"));
    let mac = MacAddr([2, 0, 0, 0, 3, 3]);
    let entry = FdbEntry { dev: port, mac, kind: FdbKind::Static };
    node.apply(&[
        Op::CreateBridge(NewBridge::new(bridge)),
        Op::CreateVeth(NewVeth { master: Some(bridge), up: true, ..NewVeth::new(port, name("b")) }),
        Op::ReplaceFdb(entry.clone()),
        Op::ReplaceFdb(entry.clone()),
    ]);
    let found = node.rtnl.fdb(port).unwrap();
    assert_eq!(found.iter().filter(|e| e.mac == mac).collect::<Vec<_>>(), [&entry]);
    // The port's own address is there too.
    assert!(found.iter().any(|e| e.kind == FdbKind::Local), "{found:?}");
    node.apply(&[Op::DeleteFdb(entry.clone())]);
    assert!(!node.rtnl.fdb(port).unwrap().contains(&entry));
}

#[test]
fn rules() {
    let Some(mut host) = host() else { return };
    let wanted = [
        Rule {
            iif: Some(name("pontoon0")),
            from: Some("10.244.0.0/16".parse().unwrap()),
            protocol: PROTOCOL,
            ..Rule::to_table(true, 100, 1000)
        },
        Rule {
            to: Some("fd00::/48".parse().unwrap()),
            mark: Some((0x10, 0xff)),
            protocol: PROTOCOL,
            ..Rule::to_table(false, 1_000_000, 1001)
        },
    ];
    host.apply(&wanted.clone().map(Op::AddRule));
    let found = host.rtnl.rules().unwrap();
    let ours: Vec<_> = found.iter().filter(|r| r.protocol == PROTOCOL).collect();
    assert_eq!(ours, wanted.iter().collect::<Vec<_>>());
    assert!(found.len() >= 6, "{found:?}");
    for outcome in host.rtnl.execute_each(&wanted.clone().map(Op::AddRule)) {
        assert!(outcome.unwrap_err().is_exists());
    }
    host.apply(&wanted.clone().map(Op::DeleteRule));
    for outcome in host.rtnl.execute_each(&wanted.map(Op::DeleteRule)) {
        assert!(outcome.unwrap_err().is_not_found());
    }
}
