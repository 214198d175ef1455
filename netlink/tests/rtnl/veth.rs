//! A pod's devices.

use pontoon_netlink::{
    BridgePort, LinkKind, MacAddr, NewVeth, Op, Route, RouteFilter, Rtnl, VethPeer,
};

use crate::support::{Host, add_address, bridge, host, name, up};

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);

fn pod_veth(pod: &Host) -> NewVeth {
    NewVeth {
        mac: Some(MacAddr([2, 0, 0, 0, 1, 7])),
        mtu: Some(1450),
        master: Some(name("pontoon0")),
        up: true,
        group: Some(77),
        alias: Some("pontoon:default/web".into()),
        port: Some(BridgePort {
            hairpin: Some(true),
            learning: Some(false),
            flood: Some(false),
            ..BridgePort::default()
        }),
        no_link_local: true,
        peer: VethPeer {
            name: name("eth0"),
            mac: Some(MAC),
            mtu: Some(1450),
            netns: Some(pod.netns.clone()),
        },
        ..NewVeth::new(name("pv7"), name("eth0"))
    }
}

#[test]
fn one_operation_makes_both_ends_with_everything_on_them() {
    let (Some(mut node), Some(mut pod)) = (host(), host()) else { return };
    let veth = pod_veth(&pod);
    node.apply(&[bridge("pontoon0"), Op::CreateVeth(veth.clone())]);
    pod.apply(&[up("lo"), up("eth0")]);

    let link = node.rtnl.link(name("pv7")).unwrap().unwrap();
    assert_eq!(link.mac, veth.mac);
    assert_eq!((link.mtu, link.up, link.carrier), (1450, true, true));
    assert_eq!(link.master, veth.master);
    assert_eq!((link.group, link.alias.clone()), (77, veth.alias));
    assert!(veth.port.unwrap().holds_in(&link.port.unwrap()), "{:?}", link.port);
    assert!(matches!(link.kind, LinkKind::Veth { peer_index: Some(_), peer_netnsid: Some(_) }));

    let peer = pod.rtnl.link(name("eth0")).unwrap().unwrap();
    assert_eq!((peer.mac, peer.mtu, peer.up), (Some(MAC), 1450, true));
    assert_eq!(node.rtnl.links().unwrap().into_iter().find(|l| l.name == "pv7"), Some(link));
}

#[test]
fn an_ipv6_address_of_a_pod_is_usable_at_once() {
    let (Some(mut node), Some(mut pod)) = (host(), host()) else { return };
    node.apply(&[
        bridge("pontoon0"),
        add_address("pontoon0", "10.244.1.1/24"),
        add_address("pontoon0", "fd00:1::1/64"),
        Op::CreateVeth(pod_veth(&pod)),
    ]);
    let default = |gateway: &str| {
        let route = Route::default_via(gateway.parse().unwrap(), name("eth0"));
        Op::AddRoute(Route { onlink: true, ..route })
    };
    pod.apply(&[
        up("lo"),
        up("eth0"),
        add_address("eth0", "10.244.1.7/32"),
        add_address("eth0", "fd00:1::7/128"),
        default("10.244.1.1"),
        default("fd00:1::1"),
    ]);
    let addresses = pod.rtnl.addresses().unwrap();
    let v6 = addresses.iter().find(|a| a.address.net.to_string() == "fd00:1::7/128").unwrap();
    assert!(!v6.tentative && !v6.dad_failed && v6.permanent, "{v6:?}");
    let bound = pod.netns.run(|| std::net::UdpSocket::bind("[fd00:1::7]:0").map(drop)).unwrap();
    assert!(bound.is_ok(), "{bound:?}");
    let lookup = pod.rtnl.route_get("fd00:9::1".parse().unwrap()).unwrap();
    assert_eq!((lookup.dev, lookup.src), (name("eth0"), Some("fd00:1::7".parse().unwrap())));
    let routes =
        pod.rtnl.routes(RouteFilter { protocol: Some(Route::STATIC), ..RouteFilter::default() });
    assert_eq!(routes.unwrap().len(), 2);
}

#[test]
fn a_connection_stays_in_its_namespace_on_every_thread() {
    let (Some(node), Some(mut pod)) = (host(), host()) else { return };
    pod.apply(&[bridge("here")]);
    let mut rtnl = Rtnl::open_in(&pod.netns).unwrap();
    let found = node.netns.run(|| rtnl.link(name("here")).unwrap().is_some()).unwrap();
    assert!(found);
}
