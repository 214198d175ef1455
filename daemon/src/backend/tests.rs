use super::*;
use crate::network::plan::plan;
use pontoon_model::cluster;
use pontoon_model::node::NodeRecord;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn nets(texts: &[&str]) -> Vec<IpNetwork> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn local() -> Local {
    Local {
        underlay: Underlay {
            dev: LinkName::try_new("eth0").unwrap(),
            address: ip("192.0.2.1"),
            addresses: vec![ip("192.0.2.1"), ip("2001:db8::1")],
            host_addresses: Vec::new(),
            networks: nets(&["192.0.2.0/24", "2001:db8::/64"]),
            mtu: 1500,
        },
        subnets: nets(&["10.244.1.0/24", "fd00:1::/64"]),
        dns: Vec::new(),
        bridge_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        vxlan_mac: MacAddr([2, 0, 0, 0, 1, 1]),
        mtu: None,
    }
}

fn peer(name: &str, addresses: &[&str], subnets: &[&str]) -> Peer {
    let addresses: Vec<IpAddr> = addresses.iter().map(|a| ip(a)).collect();
    Peer {
        record: NodeRecord {
            name: name.parse().unwrap(),
            machine_id: name.into(),
            underlay: addresses[0],
            addresses,
            vxlan_mac: "02:00:00:00:01:02".parse().unwrap(),
            zone: None,
            version: "0".into(),
        },
        subnets: nets(subnets),
    }
}

fn near() -> Peer {
    peer("near", &["192.0.2.2", "2001:db8::2"], &["10.244.2.0/24", "10.244.9.0/24", "fd00:2::/64"])
}

fn far() -> Peer {
    peer("far", &["198.51.100.3"], &["10.244.3.0/24"])
}

fn config(kind: BackendKind) -> ClusterConfig {
    ClusterConfig {
        pod_cidrs: nets(&["10.244.0.0/16", "fd00::/16"]),
        backend: cluster::Backend { kind, ..cluster::Backend::default() },
        ..ClusterConfig::default()
    }
}

/// What the peers add to a node that is alone, as commands.
fn added_by(kind: BackendKind, peers: &[Peer]) -> Vec<String> {
    let alone = desired(&config(kind), &local(), &[]).unwrap().network;
    let with_peers = desired(&config(kind), &local(), peers).unwrap().network;
    let mut ops: Vec<String> =
        plan(&with_peers, &alone).unwrap().iter().map(ToString::to_string).collect();
    ops.sort();
    ops
}

#[test]
fn vxlan_leads_to_a_peer_as_flannel_does() {
    assert_eq!(
        added_by(BackendKind::Vxlan, &[near()]),
        [
            "bridge fdb replace 02:00:00:00:01:02 dev pontoon-vxlan self permanent dst 192.0.2.2",
            "neigh replace 10.244.2.0 lladdr 02:00:00:00:01:02 dev pontoon-vxlan nud permanent",
            "neigh replace fd00:2:: lladdr 02:00:00:00:01:02 dev pontoon-vxlan nud permanent",
            "route replace 10.244.2.0/24 via 10.244.2.0 dev pontoon-vxlan onlink proto 112",
            "route replace 10.244.9.0/24 via 10.244.2.0 dev pontoon-vxlan onlink proto 112",
            "route replace 192.0.2.2 via 10.244.2.0 dev pontoon-vxlan onlink table 112 proto 112",
            "route replace 2001:db8::2 via fd00:2:: dev pontoon-vxlan onlink table 112 proto 112",
            "route replace fd00:2::/64 via fd00:2:: dev pontoon-vxlan onlink proto 112",
            "rule add inet pref 11200 iif pontoon0 table 112 proto 112",
            "rule add inet6 pref 11200 iif pontoon0 table 112 proto 112",
        ]
        .map(|line| line.to_owned())
        .to_vec()
    );
}

#[test]
fn host_gw_leads_to_a_peer_by_its_own_addresses() {
    assert_eq!(
        added_by(BackendKind::HostGw, &[near()]),
        [
            "route replace 10.244.2.0/24 via 192.0.2.2 dev eth0 proto 112",
            "route replace 10.244.9.0/24 via 192.0.2.2 dev eth0 proto 112",
            "route replace fd00:2::/64 via 2001:db8::2 dev eth0 proto 112",
        ]
    );
}

#[test]
fn host_gw_says_whom_it_cannot_reach_and_reaches_the_others() {
    let found = desired(&config(BackendKind::HostGw), &local(), &[far(), near()]).unwrap();
    let ways: Vec<_> = found.ways.iter().map(|(node, way)| (node.as_str(), way.is_ok())).collect();
    assert_eq!(ways, [("far", false), ("near", true)]);
    let said = found.ways[0].1.as_ref().unwrap_err().to_string();
    assert_eq!(
        said,
        "node far at 198.51.100.3: it has no IPv4 address on the link of eth0, so host-gw cannot reach it; use backend auto or vxlan"
    );
}

#[test]
fn auto_takes_the_plain_way_where_there_is_one() {
    let found = desired(&config(BackendKind::Auto), &local(), &[far(), near()]).unwrap();
    let ways: Vec<_> = found.ways.iter().map(|(_, way)| way.clone().unwrap()).collect();
    assert_eq!(ways, [BackendKind::Vxlan, BackendKind::HostGw]);
    let half = peer("half", &["192.0.2.7"], &["10.244.4.0/24", "fd00:4::/64"]);
    let found = desired(&config(BackendKind::Auto), &local(), &[half]).unwrap();
    assert_eq!(found.ways[0].1, Ok(BackendKind::Vxlan), "it has no IPv6 address on the link");
}

#[test]
fn the_mtu_is_the_underlays_less_the_overhead_unless_a_person_says_otherwise() {
    let mtu = |kind, local: &Local| desired(&config(kind), local, &[]).unwrap().mtu;
    let mut local = local();
    assert_eq!(mtu(BackendKind::Vxlan, &local), 1450);
    assert_eq!(mtu(BackendKind::Auto, &local), 1450);
    assert_eq!(mtu(BackendKind::HostGw, &local), 1500);
    local.underlay.address = ip("2001:db8::1");
    assert_eq!(mtu(BackendKind::Vxlan, &local), 1430);
    local.mtu = Some(1280);
    assert_eq!(mtu(BackendKind::Vxlan, &local), 1280);
}

#[test]
fn a_peer_that_the_kernel_would_not_hear_is_told() {
    let mut twin = near();
    twin.record.vxlan_mac = "02:00:00:00:01:01".parse().unwrap();
    let found = desired(&config(BackendKind::Vxlan), &local(), &[twin]).unwrap();
    assert!(found.ways[0].1.as_ref().unwrap_err().why.contains("this node's MAC"));
    let v6 = peer("v6", &["2001:db8::2"], &["10.244.2.0/24"]);
    let found = desired(&config(BackendKind::Vxlan), &local(), &[v6]).unwrap();
    assert!(found.ways[0].1.as_ref().unwrap_err().why.contains("one family"));
}

#[test]
fn a_node_has_the_addresses_of_the_dns_while_it_answers_there() {
    let config = config(BackendKind::HostGw);
    let with = Local { dns: vec![ip("10.96.0.10"), ip("fd00:96::a")], ..local() };
    let without = desired(&config, &local(), &[]).unwrap().network;
    let network = desired(&config, &with, &[]).unwrap().network;
    let said = |desired, actual| {
        let ops = plan(desired, actual).unwrap();
        let mut said: Vec<String> = ops.iter().map(ToString::to_string).collect();
        said.sort();
        said
    };
    assert_eq!(
        said(&network, &without),
        [
            "addr replace 10.96.0.10/32 dev pontoon0 scope host",
            "addr replace fd00:96::a/128 dev pontoon0 nodad preferred_lft 0",
        ]
    );
    assert_eq!(
        said(&without, &network),
        ["addr del 10.96.0.10/32 dev pontoon0", "addr del fd00:96::a/128 dev pontoon0"]
    );
}
