//! Each check fires, and stays silent just before. What all begin with is a healthy node: no check finds
//! anything there.

mod cluster;
mod host;
mod kernel;
mod programs;
mod state;

use std::net::IpAddr;

use pontoon_model::cluster::BackendKind;
use pontoon_model::doctor::{Examiner, Finding, Severity};
use pontoon_model::kernel::{BRIDGE, PROTOCOL, VXLAN};
use pontoon_model::node::NodeRecord;
use pontoon_netlink::{
    Address, BridgePort, Link, LinkKind, LinkName, Route, RouteKind, Rule, VxlanSettings,
};

use super::{CHECKS, examine};
use crate::facts::Facts;
use crate::facts::cluster::Cluster;
use crate::facts::host::Conflist;
use crate::facts::kernel::{Conntrack, NeighbourTable};
use crate::facts::network::{Offload, WayTo};
use crate::facts::setup::{Peer, Underlay};
use crate::facts::sockets::{Owner, Socket, Transport};
use crate::facts::state::{Pod, State};
use crate::facts::store::Store;

fn dev(name: &str) -> LinkName {
    LinkName::try_new(name).unwrap()
}

fn link(index: u32, name: &str, mtu: u32, kind: LinkKind) -> Link {
    Link {
        index,
        name: dev(name),
        mac: None,
        mtu,
        up: true,
        carrier: true,
        master: None,
        kind,
        alias: None,
        group: 0,
        port: None,
        forwarding: true,
    }
}

fn port(index: u32, name: &str, mtu: u32) -> Link {
    let kind = LinkKind::Veth { peer_index: None, peer_netnsid: None };
    let settings = BridgePort { isolated: Some(false), ..BridgePort::default() };
    Link { master: Some(dev(BRIDGE)), port: Some(settings), ..link(index, name, mtu, kind) }
}

fn record(name: &str, underlay: &str) -> NodeRecord {
    let underlay: IpAddr = underlay.parse().unwrap();
    NodeRecord {
        name: name.parse().unwrap(),
        machine_id: format!("machine-of-{name}"),
        underlay,
        addresses: vec![underlay],
        vxlan_mac: "02:00:00:00:00:01".parse().unwrap(),
        zone: None,
        version: "0.1.0".to_owned(),
    }
}

fn peer(name: &str, underlay: &str, subnet: &str) -> Peer {
    Peer {
        record: record(name, underlay),
        subnets: vec![subnet.parse().unwrap()],
        way: Some(BackendKind::Vxlan),
    }
}

fn route(dst: &str, via: &str) -> Route {
    Route::direct(dst.parse().unwrap(), dev(via))
}

fn ours(route: Route) -> Route {
    Route { protocol: PROTOCOL, ..route }
}

fn socket(transport: Transport, address: &str, owner: Owner) -> Socket {
    Socket { transport, address: address.parse().unwrap(), owner }
}

fn program(name: &str) -> Owner {
    Owner::Program { name: name.to_owned(), pid: 4711 }
}

/// A node of three, with two pods, over VXLAN.
fn healthy() -> Facts {
    let mut facts = Facts::default();
    let setup = &mut facts.setup;
    setup.node = Some("a".parse().unwrap());
    setup.underlay =
        Some(Underlay { dev: "eth0".to_owned(), address: "192.0.2.1".parse().unwrap() });
    setup.held = vec!["10.244.1.0/24".parse().unwrap()];
    setup.peers =
        vec![peer("b", "192.0.2.2", "10.244.2.0/24"), peer("c", "192.0.2.3", "10.244.3.0/24")];
    setup.networked = true;
    setup.answer_dns(&[]);
    let settings = &mut facts.kernel.settings.0;
    for (path, value) in [
        ("net/ipv4/ip_forward", "1"),
        ("net/ipv6/conf/all/forwarding", "0"),
        ("net/ipv4/conf/all/rp_filter", "0"),
        ("net/ipv4/conf/eth0/rp_filter", "1"),
        ("net/ipv4/conf/eth0/forwarding", "1"),
        ("net/ipv4/conf/pontoon0/rp_filter", "2"),
        ("net/ipv4/conf/pontoon0/forwarding", "1"),
        ("net/ipv4/conf/pontoon-vxlan/rp_filter", "2"),
        ("net/bridge/bridge-nf-call-iptables", "1"),
        ("net/bridge/bridge-nf-call-ip6tables", "1"),
    ] {
        settings.insert(path.to_owned(), value.to_owned());
    }
    facts.kernel.release = Some((6, 1));
    facts.kernel.neighbours =
        vec![NeighbourTable { family: "ipv4", used: 20, limit: 1024, overflows: 0 }];
    facts.kernel.conntrack = Some(Conntrack { count: 100, max: 262_144, dropped: 0 });
    let network = &mut facts.network;
    let vxlan = VxlanSettings::new(1, 8472);
    network.links = vec![
        link(1, "lo", 65_536, LinkKind::Other(String::new())),
        link(2, "eth0", 1500, LinkKind::Other(String::new())),
        link(3, BRIDGE, 1450, LinkKind::Bridge(Default::default())),
        link(4, VXLAN, 1450, LinkKind::Vxlan(vxlan)),
        port(5, "ptn1", 1450),
        port(6, "ptn2", 1450),
    ];
    let dead_end = Route::dropping("10.244.0.0/16".parse().unwrap(), RouteKind::Unreachable);
    network.routes = vec![
        Route::default_via("192.0.2.254".parse().unwrap(), dev("eth0")),
        route("192.0.2.0/24", "eth0"),
        route("10.244.1.0/24", BRIDGE),
        ours(route("10.244.2.0/24", VXLAN)),
        ours(route("10.244.3.0/24", VXLAN)),
        ours(dead_end),
    ];
    network.rules = vec![Rule { protocol: PROTOCOL, ..Rule::to_table(true, 112, 11_200) }];
    network.addresses = [("eth0", "192.0.2.1/24"), (BRIDGE, "10.244.1.1/24")]
        .map(|(on, net)| pontoon_netlink::AddressInfo {
            address: Address::new(dev(on), net.parse().unwrap()),
            tentative: false,
            permanent: true,
            dad_failed: false,
        })
        .to_vec();
    for (node, address) in [("b", "192.0.2.2"), ("c", "192.0.2.3")] {
        let address = address.parse().unwrap();
        network.ways.push(WayTo { node: node.to_owned(), address, dev: dev("eth0"), mtu: None });
    }
    for (name, driver) in [(VXLAN, "vxlan"), ("eth0", "virtio_net")] {
        let driver = Some(driver.to_owned());
        network.offloads.push(Offload { dev: dev(name), driver, tx_checksum: Some(true) });
    }
    facts.filters = Some(Vec::new());
    facts.sockets = vec![
        socket(Transport::Udp, "0.0.0.0:8472", Owner::Kernel),
        socket(Transport::Udp, "10.96.0.10:53", program("pontoond")),
        socket(Transport::Tcp, "10.96.0.10:53", program("pontoond")),
    ];
    let conflist = |file: &str, plugin: &str| Conflist {
        file: file.to_owned(),
        network: Some("n".to_owned()),
        plugins: vec![plugin.to_owned()],
    };
    facts.host.conflists = vec![
        conflist("10-pontoon.conflist", "pontoon-cni"),
        conflist("87-podman-bridge.conflist", "bridge"),
    ];
    facts.store = Some(Store {
        etcd: true,
        target: "http://192.0.2.9:2379".to_owned(),
        latency: Some(std::time::Duration::from_millis(3)),
        clock_ahead: Some(0),
        ..Store::default()
    });
    facts.cluster = Some(Cluster {
        me: "a".to_owned(),
        machine_id: "machine-of-a".to_owned(),
        nodes: vec![record("a", "192.0.2.1"), record("b", "192.0.2.2"), record("c", "192.0.2.3")],
        alive: ["a", "b", "c"].map(str::to_owned).to_vec(),
    });
    let pod = |name: &str, address: &str, host_end: &str| Pod {
        name: format!("default/{name}"),
        attachment: format!("{name}/eth0"),
        addresses: vec![address.parse().unwrap()],
        netns: format!("/run/netns/{name}"),
        gone: None,
        host_end: host_end.to_owned(),
        pod_end: "eth0".to_owned(),
    };
    let pods = vec![pod("web", "10.244.1.2", "ptn1"), pod("db", "10.244.1.3", "ptn2")];
    facts.state = Some(State { pods, ..State::default() });
    facts
}

/// What a check finds on a healthy node with a fault.
fn found(check: &str, break_it: impl FnOnce(&mut Facts)) -> Vec<Finding> {
    let mut facts = healthy();
    break_it(&mut facts);
    let check = CHECKS.iter().find(|known| known.name == check).unwrap();
    let findings = check.findings(&facts);
    for finding in &findings {
        assert!(!finding.why.is_empty() && !finding.mend.is_empty(), "{finding:?}");
        assert_eq!(finding.check, check.name);
    }
    findings
}

/// The one finding of a check, which must be so bad.
fn one(check: &str, severity: Severity, break_it: impl FnOnce(&mut Facts)) -> Finding {
    let findings = found(check, break_it);
    let [finding] = <[Finding; 1]>::try_from(findings).unwrap_or_else(|all| panic!("{all:#?}"));
    assert_eq!(finding.severity, severity, "{finding:?}");
    finding
}

/// A check finds nothing.
fn silent(check: &str, change: impl FnOnce(&mut Facts)) {
    let findings = found(check, change);
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn a_healthy_node_gives_no_finding() {
    let report = examine(&healthy(), Examiner::Daemon, "0.1.0");
    assert_eq!(report.findings, []);
    assert_eq!(report.checks.len(), CHECKS.len());
}

#[test]
fn a_host_that_pontoon_was_never_on_has_nothing_of_its_amiss() {
    let mut facts = Facts { filters: Some(Vec::new()), ..Facts::default() };
    facts.network.links = vec![link(2, "eth0", 1500, LinkKind::Other(String::new()))];
    facts.kernel.settings.0.insert("net/ipv4/ip_forward".to_owned(), "0".to_owned());
    assert_eq!(examine(&facts, Examiner::Command, "0.1.0").findings, []);
}

#[test]
fn every_check_has_a_test() {
    let tests = [
        include_str!("cluster.rs"),
        include_str!("host.rs"),
        include_str!("kernel.rs"),
        include_str!("programs.rs"),
        include_str!("state.rs"),
    ]
    .map(|text| text.split_whitespace().collect::<String>());
    for check in CHECKS {
        let (fires, silent) =
            (format!("one(\"{}\"", check.name), format!("silent(\"{}\"", check.name));
        assert!(
            tests.iter().any(|text| text.contains(&fires)),
            "{} is not seen to fire",
            check.name
        );
        // What has no border is silent on the healthy node.
        let borderless = ["daemon", "leaked-addresses", "pods-in-store", "stale-neighbours"];
        assert!(
            borderless.contains(&check.name) || tests.iter().any(|text| text.contains(&silent)),
            "{} is not seen to be silent",
            check.name
        );
    }
}

#[test]
fn the_worst_comes_first_and_names_are_told_once() {
    let mut facts = healthy();
    facts.kernel.settings.0.insert("net/ipv4/ip_forward".to_owned(), "0".to_owned());
    facts.kernel.conntrack = Some(Conntrack { count: 80, max: 100, dropped: 0 });
    let severities: Vec<Severity> = examine(&facts, Examiner::Daemon, "0.1.0")
        .findings
        .iter()
        .map(|finding| finding.severity)
        .collect();
    assert_eq!(severities, [Severity::Fault, Severity::Warning]);
    let mut names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CHECKS.len());
}

#[test]
fn what_could_not_be_looked_at_names_checks_that_there_are() {
    let mut facts = healthy();
    facts.gaps.note("rules", "not allowed", &["firewall", "ufw"]);
    let report = examine(&facts, Examiner::Command, "0.1.0");
    assert_eq!(report.unexamined.len(), 1);
    assert_eq!(report.only("ufw").unexamined.len(), 1);
}
