//! Other programs' devices, files and sockets.

use super::*;
use crate::facts::daemon::Presence;
use Severity::{Fault, Warning};

fn add(name: &'static str, kind: LinkKind) -> impl FnOnce(&mut Facts) {
    move |f| f.network.links.push(link(9, name, 1500, kind))
}

#[test]
fn devices_of_other_networks_are_known_by_their_names() {
    let bridge = || LinkKind::Bridge(Default::default());
    one("other-cni", Warning, add("cni0", bridge()));
    one("other-cni", Warning, add("cilium_host", LinkKind::Other("veth".to_owned())));
    one("other-cni", Warning, add("cali12345", LinkKind::Other("veth".to_owned())));
    silent("other-cni", add("cni-podman0", bridge()));
    silent("other-cni", add("docker0", bridge()));
}

#[test]
fn a_vxlan_device_of_ours_in_another_name_is_in_the_way() {
    let vxlan = |vni, port| LinkKind::Vxlan(VxlanSettings::new(vni, port));
    one("other-cni", Fault, add("vx0", vxlan(1, 8472)));
    silent("other-cni", add("vx0", vxlan(2, 8472)));
    silent("other-cni", add("vx0", vxlan(1, 4789)));
    let both = found("other-cni", add("flannel.1", vxlan(1, 8472)));
    assert_eq!(both.len(), 2, "{both:#?}");
    silent("other-cni", |f| {
        f.setup.config.backend.kind = BackendKind::HostGw;
        add("vx0", vxlan(1, 8472))(f);
    });
}

#[test]
fn a_device_of_our_name_must_be_of_our_kind() {
    let rename = |name: &'static str, kind: LinkKind| {
        move |f: &mut Facts| {
            f.network.links.iter_mut().find(|l| l.name.as_str() == name).unwrap().kind = kind;
        }
    };
    one("device-names", Fault, rename(BRIDGE, LinkKind::Other("dummy".to_owned())));
    one("device-names", Fault, rename(VXLAN, LinkKind::Bridge(Default::default())));
    silent("device-names", |f| f.network.links.clear());
}

#[test]
fn the_first_network_configuration_is_the_one_that_is_taken() {
    let file = |f: &mut Facts, name: &str| name.clone_into(&mut f.host.conflists[1].file);
    let finding = one("conflist", Warning, |f| {
        file(f, "05-other.conflist");
        f.host.conflists.swap(0, 1);
    });
    assert_eq!(
        finding.mend,
        "mv /etc/cni/net.d/05-other.conflist /etc/cni/net.d/05-other.conflist.disabled"
    );
    silent("conflist", |f| file(f, "11-other.conflist"));
    one("conflist", Warning, |f| drop(f.host.conflists.remove(0)));
    silent("conflist", |f| {
        f.host.conflists.clear();
        f.setup.networked = false;
    });
}

#[test]
fn programs_that_look_after_devices_must_leave_ours_alone() {
    one("network-manager", Warning, |f| f.host.network_manager.push("ptn1".to_owned()));
    silent("network-manager", |f| f.host.network_manager.push("eth0".to_owned()));
    one("networkd", Fault, |f| f.host.networkd.push(BRIDGE.to_owned()));
    silent("networkd", |f| f.host.networkd.push("eth0".to_owned()));
}

#[test]
fn networkd_removes_what_is_ours_unless_told_not_to() {
    let runs = |f: &mut Facts| {
        f.host.services.insert("systemd-networkd".to_owned());
        f.host.networkd.push("eth0".to_owned());
    };
    let finding = one("networkd", Warning, runs);
    assert!(finding.what.contains("routing rules"), "{}", finding.what);
    silent("networkd", |f| {
        runs(f);
        f.host.networkd_removes.rules = false;
    });
    let finding = one("networkd", Warning, |f| {
        runs(f);
        f.network.routes.push(ours(route("10.244.2.0/24", "eth0")));
    });
    assert!(finding.what.contains("routes and routing rules"), "{}", finding.what);
    silent("networkd", |f| {
        runs(f);
        f.network.rules.clear();
    });
}

#[test]
fn the_overlays_port_is_the_kernels() {
    let bind = |address: &'static str| {
        move |f: &mut Facts| f.sockets.push(socket(Transport::Udp, address, program("iperf")))
    };
    let finding = one("vxlan-port", Fault, bind("192.0.2.1:8472"));
    assert!(finding.what.starts_with("iperf (process 4711) listens at UDP 192.0.2.1:8472"));
    silent("vxlan-port", bind("192.0.2.1:8473"));
    silent("vxlan-port", |f| {
        f.sockets.push(socket(Transport::Tcp, "192.0.2.1:8472", program("iperf")));
    });
    silent("vxlan-port", |f| {
        bind("192.0.2.1:8472")(f);
        f.setup.config.backend.kind = BackendKind::HostGw;
    });
}

#[test]
fn who_listens_everywhere_is_in_the_way_of_the_dns_until_that_listens_itself() {
    let dnsmasq = |address: &'static str| {
        move |f: &mut Facts| {
            f.sockets.remove(1);
            f.sockets.push(socket(Transport::Udp, address, program("dnsmasq")));
        }
    };
    one("dns-port", Fault, dnsmasq("0.0.0.0:53"));
    one("dns-port", Fault, dnsmasq("[::]:53"));
    one("dns-port", Fault, dnsmasq("10.96.0.10:53"));
    silent("dns-port", dnsmasq("127.0.0.53:53"));
    // The more specific one gets the questions.
    silent("dns-port", |f| {
        f.sockets.push(socket(Transport::Udp, "0.0.0.0:53", program("dnsmasq")));
    });
    silent("dns-port", |f| {
        dnsmasq("0.0.0.0:53")(f);
        f.setup.dns.clear();
    });
}

#[test]
fn a_program_that_hides_is_the_daemon_where_that_listens() {
    let hidden = |address: &'static str| {
        move |f: &mut Facts| {
            f.sockets[1] = socket(Transport::Udp, address, Owner::User(0));
        }
    };
    silent("dns-port", hidden("10.96.0.10:53"));
    one("dns-port", Fault, hidden("0.0.0.0:53"));
    let unknown = |f: &mut Facts| {
        hidden("10.96.0.10:53")(f);
        f.setup.networked = false;
    };
    one("dns-port", Fault, unknown);
    silent("dns-port", |f| {
        unknown(f);
        f.daemon.presence = Presence::Denied { socket: "/run/s".to_owned() };
    });
}
