use super::*;
use crate::facts::features::Feature;
use Severity::{Fault, Note, Warning};

fn set(facts: &mut Facts, path: &str, value: &str) {
    facts.kernel.settings.0.insert(path.to_owned(), value.to_owned());
}

fn mtu(facts: &mut Facts, name: &str, mtu: u32) {
    facts.network.links.iter_mut().find(|link| link.name.as_str() == name).unwrap().mtu = mtu;
}

#[test]
fn what_the_kernel_lacks_is_named_with_its_option() {
    let lacking = Feature {
        name: "vxlan devices".to_owned(),
        option: "CONFIG_VXLAN",
        error: "not supported".to_owned(),
    };
    let finding = one("kernel-features", Fault, |f| f.kernel.features = Some(vec![lacking]));
    assert!(finding.mend.contains("CONFIG_VXLAN"));
    silent("kernel-features", |f| f.kernel.features = Some(vec![]));
}

#[test]
fn a_host_that_does_not_forward_is_at_fault_once_pontoon_is_set_up() {
    let finding = one("forwarding", Fault, |f| set(f, "net/ipv4/ip_forward", "0"));
    assert!(finding.mend.starts_with("sysctl -w net.ipv4.ip_forward=1"));
    one("forwarding", Fault, |f| set(f, "net/ipv4/conf/eth0/forwarding", "0"));
    silent("forwarding", |f| {
        set(f, "net/ipv4/ip_forward", "0");
        f.network.links.retain(|link| link.name.as_str() != BRIDGE);
    });
}

#[test]
fn forwarding_of_ipv6_matters_where_pods_have_it() {
    silent("forwarding", |f| set(f, "net/ipv6/conf/all/forwarding", "0"));
    one("forwarding", Fault, |f| {
        f.setup.config.pod_cidrs.push("fd00:10:244::/48".parse().unwrap());
    });
}

#[test]
fn a_forwarding_host_that_lives_on_router_advertisements_must_go_on_hearing_them() {
    let advertised = |f: &mut Facts| {
        let gateway = "fe80::1".parse().unwrap();
        f.network.routes.push(Route { protocol: 9, ..Route::default_via(gateway, dev("eth0")) });
        set(f, "net/ipv6/conf/all/forwarding", "1");
    };
    one("router-advertisements", Warning, |f| {
        advertised(f);
        set(f, "net/ipv6/conf/eth0/accept_ra", "1");
    });
    silent("router-advertisements", |f| {
        advertised(f);
        set(f, "net/ipv6/conf/eth0/accept_ra", "2");
    });
    silent("router-advertisements", |f| {
        set(f, "net/ipv6/conf/all/forwarding", "1");
        set(f, "net/ipv6/conf/eth0/accept_ra", "1");
    });
}

#[test]
fn the_neighbour_table_is_too_small_from_four_fifths_on() {
    let table = |used, limit, overflows| {
        move |f: &mut Facts| {
            f.kernel.neighbours = vec![NeighbourTable { family: "ipv4", used, limit, overflows }];
        }
    };
    silent("neighbour-table", table(819, 1024, 0));
    let finding = one("neighbour-table", Warning, table(820, 1024, 0));
    assert!(finding.mend.contains("net.ipv4.neigh.default.gc_thresh3=4096"), "{}", finding.mend);
    one("neighbour-table", Warning, table(1023, 1024, 0));
    one("neighbour-table", Fault, table(1024, 1024, 0));
    one("neighbour-table", Note, table(1, 1024, 3));
    // Two nodes to reach.
    silent("neighbour-table", table(0, 3, 0));
    one("neighbour-table", Warning, table(0, 2, 0));
    silent("neighbour-table", |f| {
        f.kernel.neighbours =
            vec![NeighbourTable { family: "ipv6", used: 0, limit: 2, overflows: 0 }];
    });
}

#[test]
fn a_strict_filter_hurts_on_our_devices_and_where_answers_leave_elsewhere() {
    one("rp-filter", Fault, |f| set(f, "net/ipv4/conf/pontoon0/rp_filter", "1"));
    one("rp-filter", Fault, |f| {
        set(f, "net/ipv4/conf/all/rp_filter", "1");
        set(f, "net/ipv4/conf/pontoon-vxlan/rp_filter", "0");
    });
    // The looser of both counts.
    silent("rp-filter", |f| {
        set(f, "net/ipv4/conf/all/rp_filter", "2");
        set(f, "net/ipv4/conf/pontoon0/rp_filter", "1");
    });
    // Strict on the underlay is right as long as the way back is the same.
    silent("rp-filter", |f| set(f, "net/ipv4/conf/eth0/rp_filter", "1"));
    let finding = one("rp-filter", Fault, |f| f.network.ways[1].dev = dev("eth1"));
    assert!(finding.what.contains("c (192.0.2.3 by eth1)"), "{}", finding.what);
    silent("rp-filter", |f| {
        f.network.ways[1].dev = dev("eth1");
        set(f, "net/ipv4/conf/eth0/rp_filter", "2");
    });
    // A VLAN's name has a dot, which sysctl(8) takes for the end of a part.
    let finding = one("rp-filter", Fault, |f| {
        f.setup.underlay.as_mut().unwrap().dev = "eth0.100".to_owned();
        set(f, "net/ipv4/conf/eth0.100/rp_filter", "1");
    });
    assert_eq!(finding.mend, "sysctl -w net.ipv4.conf.eth0/100.rp_filter=2");
}

#[test]
fn isolated_ports_are_a_trap_only_with_bridge_nf_call() {
    let isolate = |f: &mut Facts| f.network.links[4].port.as_mut().unwrap().isolated = Some(true);
    let finding = one("bridge-nf-call", Fault, isolate);
    assert_eq!(finding.mend, "bridge link set dev ptn1 isolated off");
    silent("bridge-nf-call", |f| {
        isolate(f);
        set(f, "net/bridge/bridge-nf-call-iptables", "0");
        set(f, "net/bridge/bridge-nf-call-ip6tables", "0");
    });
    silent("bridge-nf-call", |f| {
        isolate(f);
        f.network.links[4].master = Some(dev("docker0"));
    });
}

#[test]
fn the_overlay_and_its_overhead_must_fit_the_underlay() {
    let finding = one("mtu", Fault, |f| mtu(f, "eth0", 1499));
    assert!(finding.mend.contains("at most 1449"), "{}", finding.mend);
    silent("mtu", |f| mtu(f, "eth0", 9000));
    // With IPv6 outside it takes 20 bytes more.
    one("mtu", Fault, |f| {
        f.setup.underlay.as_mut().unwrap().address = "2001:db8::1".parse().unwrap();
    });
    one("mtu", Fault, |f| {
        mtu(f, BRIDGE, 1451);
        mtu(f, "ptn1", 1451);
        mtu(f, "ptn2", 1451);
    });
}

#[test]
fn what_a_person_set_must_fit_too_and_is_told_once() {
    silent("mtu", |f| f.setup.mtu = Some(1450));
    let finding = one("mtu", Fault, |f| {
        f.setup.mtu = Some(1451);
        mtu(f, VXLAN, 1451);
    });
    assert!(finding.what.starts_with("node.mtu is 1451, more than the 1450"), "{finding:?}");
    one("mtu", Fault, |f| {
        f.setup.mtu = Some(1451);
        f.network.links.retain(|link| link.name.as_str() == "eth0");
    });
    let plain = |set: u32| {
        move |f: &mut Facts| {
            f.setup.mtu = Some(set);
            f.setup.config.backend.kind = BackendKind::HostGw;
            for name in [BRIDGE, "ptn1", "ptn2"] {
                mtu(f, name, set);
            }
        }
    };
    silent("mtu", plain(1500));
    // The daemon would undo what is done to the bridge.
    let finding = one("mtu", Fault, plain(1501));
    assert_eq!(finding.what, "node.mtu is 1501, more than the 1500 that eth0 carries");
    assert!(finding.mend.contains("at most 1500"), "{}", finding.mend);
}

#[test]
fn plain_routes_carry_as_much_as_the_underlay() {
    let plain = |size: u32| {
        move |f: &mut Facts| {
            f.setup.config.backend.kind = BackendKind::HostGw;
            f.network.links.retain(|link| link.name.as_str() != VXLAN);
            for name in [BRIDGE, "ptn1", "ptn2"] {
                mtu(f, name, size);
            }
        }
    };
    silent("mtu", plain(1500));
    one("mtu", Fault, plain(1501));
}

#[test]
fn a_pods_link_has_the_bridges_mtu() {
    // Who sends too much is the first to learn: the pod's end of a link that is too large.
    let finding = one("mtu", Fault, |f| mtu(f, "ptn1", 1451));
    assert_eq!(
        finding.mend,
        "nsenter --net=/run/netns/web ip link set dev eth0 mtu 1450\nip link set dev ptn1 mtu 1450"
    );
    let finding = one("mtu", Warning, |f| mtu(f, "ptn2", 1449));
    assert_eq!(
        finding.mend,
        "ip link set dev ptn2 mtu 1450\nnsenter --net=/run/netns/db ip link set dev eth0 mtu 1450"
    );
    let finding = one("mtu", Fault, |f| {
        mtu(f, "ptn1", 1451);
        f.state = None;
    });
    assert!(finding.mend.starts_with("# and the same in the pod"), "{}", finding.mend);
}

#[test]
fn a_path_that_carries_less_is_told() {
    let finding = one("mtu", Warning, |f| f.network.ways[0].mtu = Some(1400));
    assert!(finding.mend.contains("node.mtu = 1350"), "{}", finding.mend);
    silent("mtu", |f| f.network.ways[0].mtu = Some(1500));
}

#[test]
fn checksums_are_left_to_hardware_that_can() {
    let driver = |f: &mut Facts| f.network.offloads[1].driver = Some("vmxnet3".to_owned());
    one("vxlan-checksum", Warning, driver);
    silent("vxlan-checksum", |f| {
        driver(f);
        f.network.offloads[0].tx_checksum = Some(false);
    });
    silent("vxlan-checksum", |f| {
        driver(f);
        f.setup.config.backend.kind = BackendKind::HostGw;
    });
    one("vxlan-checksum", Warning, |f| f.kernel.release = Some((5, 6)));
    silent("vxlan-checksum", |f| f.kernel.release = Some((5, 7)));
}

#[test]
fn connection_tracking_is_nearly_full_from_four_fifths_on() {
    let tracked = |count, dropped| {
        move |f: &mut Facts| {
            f.kernel.conntrack = Some(Conntrack { count, max: 1000, dropped });
        }
    };
    silent("conntrack", tracked(799, 0));
    let finding = one("conntrack", Warning, tracked(800, 7));
    assert!(finding.mend.starts_with("sysctl -w net.netfilter.nf_conntrack_max=2048"));
    one("conntrack", Warning, tracked(949, 0));
    one("conntrack", Fault, tracked(950, 0));
    one("conntrack", Note, tracked(1, 1));
    silent("conntrack", |f| f.kernel.conntrack = None);
}
