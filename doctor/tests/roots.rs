//! What cannot be made in a network namespace is laid out as files below another root; the rest is real,
//! in a namespace of its own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail by panicking, as tests do"
)]

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use pontoon_doctor::facts::setup::Underlay;
use pontoon_doctor::{CHECKS, Examiner, Facts, Finding, Report, Root, Setup, examine};
use pontoon_model::doctor::Severity;
use pontoon_netlink::Netns;
use tempfile::TempDir;

/// A host: a network namespace, and files.
struct Host {
    netns: Netns,
    root: TempDir,
    setup: Setup,
}

/// The services that systemd runs are seen by their control groups.
const SLICE: &str = "sys/fs/cgroup/system.slice";

impl Host {
    /// A node as Pontoon sets it up, as far as it matters here; `None` where that is not allowed.
    fn create() -> Option<Self> {
        let netns = Netns::create().inspect_err(|e| eprintln!("skipped: needs root: {e}")).ok()?;
        let setup = Setup {
            underlay: Some(Underlay {
                dev: "eth0".to_owned(),
                address: "192.0.2.1".parse().unwrap(),
            }),
            held: vec!["10.244.1.0/24".parse().unwrap()],
            networked: true,
            ..Setup::default()
        };
        let host = Self { netns, root: TempDir::new().unwrap(), setup };
        host.file("proc/sys/net/ipv4/neigh/default/gc_thresh3", "1024\n");
        host.file(
            "etc/cni/net.d/10-pontoon.conflist",
            r#"{"name":"pontoon","plugins":[{"type":"pontoon-cni"}]}"#,
        );
        for command in [
            "link add eth0 type veth peer name far",
            "link set eth0 up",
            "link set far up",
            "address add 192.0.2.1/24 dev eth0",
            "route add default via 192.0.2.254",
            "link add pontoon0 type bridge",
            "link set pontoon0 mtu 1450 up",
            "link add pontoon-vxlan mtu 1450 type vxlan id 1 dstport 8472 dev eth0 local 192.0.2.1",
            "link set pontoon-vxlan up",
            "address add 10.244.1.1/24 dev pontoon0",
        ] {
            host.run(&format!("ip {command}"));
        }
        Some(host)
    }

    fn file(&self, path: &str, content: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    fn service(&self, name: &str) {
        self.file(&format!("{SLICE}/{name}.service/cgroup.procs"), "4711\n");
    }

    fn run(&self, command: &str) -> String {
        let shell = || Command::new("sh").args(["-c", command]).output().unwrap();
        let output = self.netns.run(shell).unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn index(&self, dev: &str) -> String {
        let shown = self.run(&format!("ip -o link show dev {dev}"));
        shown.split(':').next().unwrap().to_owned()
    }

    fn report(&self) -> Report {
        let root = Root::at(self.root.path());
        let facts = self.netns.run(|| Facts::gather(&root, self.setup.clone())).unwrap();
        examine(&facts, Examiner::Daemon, "0.1.0")
    }

    /// The one finding there is.
    fn one(&self) -> Finding {
        let report = self.report();
        let [finding] = <[Finding; 1]>::try_from(report.findings)
            .unwrap_or_else(|all| panic!("{all:#?} {:#?}", report.unexamined));
        finding
    }

    fn silent(&self) {
        let report = self.report();
        assert!(report.findings.is_empty() && report.unexamined.is_empty(), "{report:#?}");
    }
}

#[test]
fn nothing_is_found_on_a_host_where_nothing_is_wrong() {
    let Some(host) = Host::create() else { return };
    host.silent();
}

#[test]
fn what_cannot_be_read_is_no_finding_and_names_the_checks() {
    let Some(host) = Host::create() else { return };
    fs::remove_dir_all(host.root.path().join("etc/cni")).unwrap();
    host.file("etc/cni", "");
    // A file in the place of a folder is an absent folder; a loop cannot be read.
    fs::remove_file(host.root.path().join("etc/cni")).unwrap();
    host.link("etc/cni/net.d", "net.d");
    let report = host.report();
    let [gap] = report.unexamined.as_slice() else { panic!("{:#?}", report.unexamined) };
    assert_eq!(gap.what, "network configurations");
    assert!(gap.checks.iter().all(|name| CHECKS.iter().any(|check| check.name == name)));
}

#[test]
fn firewalld_is_named_and_mended() {
    let Some(host) = Host::create() else { return };
    host.service("firewalld");
    host.silent();
    host.run("nft 'table inet firewalld { chain filter_FORWARD { type filter hook forward priority 10; ct state established,related accept; iifname \"lo\" accept; reject with icmpx admin-prohibited; }; }'");
    let finding = host.one();
    assert_eq!(finding.check, "firewalld");
    host.run("nft insert rule inet firewalld filter_FORWARD iifname pontoon0 accept");
    host.run("nft insert rule inet firewalld filter_FORWARD oifname pontoon0 accept");
    host.silent();
}

#[test]
fn ufw_is_named_by_its_chains_and_passes_with_its_own_rules() {
    let Some(host) = Host::create() else { return };
    if host.netns.run(|| Command::new("iptables-nft").arg("-V").output().is_err()).unwrap() {
        return eprintln!("skipped: needs iptables-nft");
    }
    host.file("etc/ufw/ufw.conf", "# comment\nENABLED=yes\nLOGLEVEL=low\n");
    host.silent();
    for command in [
        "-P FORWARD DROP",
        "-N ufw-before-forward",
        "-N ufw-user-forward",
        "-A FORWARD -j ufw-before-forward",
        "-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-A ufw-before-forward -p icmp -m icmp --icmp-type 8 -j ACCEPT",
        "-A ufw-before-forward -j ufw-user-forward",
    ] {
        host.run(&format!("iptables-nft {command}"));
    }
    assert_eq!(host.one().check, "ufw");
    // What `ufw route allow` writes.
    host.run("iptables-nft -A ufw-user-forward -i pontoon0 -j ACCEPT");
    host.run("iptables-nft -A ufw-user-forward -o pontoon0 -j ACCEPT");
    host.silent();
}

#[test]
fn network_manager_is_named_when_it_has_one_of_our_devices() {
    let Some(host) = Host::create() else { return };
    host.service("NetworkManager");
    let state = |dev: &str| format!("run/NetworkManager/devices/{}", host.index(dev));
    host.file(&state("eth0"), "[device]\nmanaged=true\nconnection-uuid=1\n");
    host.file(&state("pontoon0"), "[device]\nmanaged=false\n");
    host.silent();
    host.file(&state("pontoon0"), "[device]\nmanaged=true\n");
    let finding = host.one();
    assert_eq!(finding.check, "network-manager");
    assert!(finding.what.ends_with("pontoon0"), "{}", finding.what);
}

#[test]
fn networkd_is_named_for_our_devices_and_for_the_rules_that_it_removes() {
    let Some(host) = Host::create() else { return };
    host.service("systemd-networkd");
    let state = |dev: &str| format!("run/systemd/netif/links/{}", host.index(dev));
    host.file(&state("eth0"), "ADMIN_STATE=configured\nOPER_STATE=routable\n");
    host.file(&state("pontoon0"), "ADMIN_STATE=unmanaged\n");
    host.silent();
    host.run("ip rule add iif pontoon0 table 112 priority 11200 protocol 112");
    let finding = host.one();
    assert!(finding.what.starts_with("systemd-networkd removes Pontoon's routing rules"));
    // The mend, with the farther folder's file of the same name hidden by the nearer one.
    host.file(
        "usr/lib/systemd/networkd.conf.d/pontoon.conf",
        "[Network]\nManageForeignRoutingPolicyRules=yes\n",
    );
    host.file(
        "etc/systemd/networkd.conf.d/pontoon.conf",
        "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n",
    );
    host.silent();
    host.file(&state("pontoon0"), "ADMIN_STATE=configured\n");
    assert!(host.one().what.starts_with("systemd-networkd looks after Pontoon's devices"));
}

#[test]
fn services_of_the_host_do_not_concern_another_network_namespace() {
    let Some(host) = Host::create() else { return };
    host.service("NetworkManager");
    host.file(
        &format!("run/NetworkManager/devices/{}", host.index("pontoon0")),
        "[device]\nmanaged=true\n",
    );
    assert_eq!(host.one().check, "network-manager");
    host.link("proc/1/ns/net", "net:[1]");
    host.link("proc/self/ns/net", "net:[2]");
    host.silent();
}

#[test]
fn tables_of_the_kernel_are_judged_by_their_fill() {
    let Some(host) = Host::create() else { return };
    host.file("proc/sys/net/netfilter/nf_conntrack_count", "95\n");
    host.file("proc/sys/net/netfilter/nf_conntrack_max", "100\n");
    host.file(
        "proc/net/stat/nf_conntrack",
        "entries drop early_drop\n0000005f 00000001 0000000a\n0000005f 00000000 00000001\n",
    );
    assert_eq!(host.one().check, "conntrack");
    host.file("proc/sys/net/netfilter/nf_conntrack_count", "5\n");
    assert!(host.one().what.contains("no room for 12 packets"), "{}", host.one().what);
    host.file(
        "proc/net/stat/nf_conntrack",
        "entries drop early_drop\n0000005f 00000000 00000000\n",
    );
    host.silent();
    host.run("ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev eth0 nud reachable");
    host.run("ip neigh add 192.0.2.8 lladdr 02:00:00:00:00:08 dev eth0 nud permanent");
    host.file("proc/sys/net/ipv4/neigh/default/gc_thresh3", "2\n");
    host.silent();
    host.file("proc/sys/net/ipv4/neigh/default/gc_thresh3", "1\n");
    assert_eq!(host.one().check, "neighbour-table");
}

/// The limit is the machine's; how many connections there are is each network namespace's own.
#[test]
fn connections_that_fill_connection_tracking_are_counted() {
    const COUNT: &str = "proc/sys/net/netfilter/nf_conntrack_count";
    let Some(host) = Host::create() else { return };
    let counts = || fs::read_to_string(Path::new("/").join(COUNT));
    let has = |program: &str| host.netns.run(|| Command::new(program).arg("-V").output().is_ok());
    if host.netns.run(counts).unwrap().is_err() || !has("conntrack").unwrap() {
        return eprintln!("skipped: needs connection tracking and conntrack");
    }
    host.file("proc/sys/net/netfilter/nf_conntrack_max", "10\n");
    host.link(COUNT, &format!("/{COUNT}"));
    let connect = |ports: std::ops::Range<u16>| {
        for port in ports {
            host.run(&format!(
                "conntrack -I -p udp -s 192.0.2.7 -d 192.0.2.8 --sport {port} --dport 9 --timeout 600"
            ));
        }
    };
    connect(0..7);
    host.silent();
    connect(7..8);
    let nearly = host.one();
    assert!(nearly.what.starts_with("8 of at most 10 connections"), "{nearly:?}");
    assert_eq!((nearly.check.as_str(), nearly.severity), ("conntrack", Severity::Warning));
    connect(8..10);
    assert_eq!(host.one().severity, Severity::Fault);
    host.run("conntrack -F");
    host.silent();
}

#[test]
fn checksums_are_taken_from_the_card_where_the_kernel_is_too_old() {
    let Some(host) = Host::create() else { return };
    if host.netns.run(|| Command::new("ethtool").arg("--version").output().is_err()).unwrap() {
        return eprintln!("skipped: needs ethtool");
    }
    host.file("proc/sys/kernel/osrelease", "5.10.0-28-amd64\n");
    host.silent();
    host.file("proc/sys/kernel/osrelease", "5.4.0-150-generic\n");
    let finding = host.one();
    assert_eq!(finding.check, "vxlan-checksum");
    host.run(&finding.mend);
    host.silent();
}

#[test]
fn who_has_a_port_is_named() {
    let Some(mut host) = Host::create() else { return };
    host.setup.answer_dns(&[]);
    let word = u32::from_ne_bytes([0, 0, 0, 0]);
    let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    let line = format!(
        "   1: {word:08X}:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   105        0 4242 2 0 0\n"
    );
    host.file("proc/net/udp", head);
    host.silent();
    host.file("proc/net/udp", &format!("{head}{line}"));
    assert!(host.one().what.starts_with("a program of user 105 listens at UDP 0.0.0.0:53"));
    host.file("proc/77/comm", "dnsmasq\n");
    host.link("proc/77/fd/4", "socket:[4242]");
    let finding = host.one();
    assert_eq!(finding.check, "dns-port");
    assert!(finding.what.starts_with("dnsmasq (process 77) listens"), "{}", finding.what);
    // systemd keeps it, too.
    host.file("proc/1/comm", "systemd\n");
    host.link("proc/1/fd/90", "socket:[4242]");
    assert_eq!(host.one(), finding);
    // While the daemon is away, systemd alone has what the daemon left with it; it is in nobody's way.
    fs::remove_dir_all(host.root.path().join("proc/77")).unwrap();
    assert!(host.one().what.starts_with("systemd (process 1) listens at UDP 0.0.0.0:53"));
    let address: SocketAddr = "10.96.0.10:53".parse().unwrap();
    let IpAddr::V4(ip) = address.ip() else { panic!("{address}") };
    let kept =
        line.replace(&format!("{word:08X}:"), &format!("{:08X}:", u32::from_ne_bytes(ip.octets())));
    host.file("proc/net/udp", &format!("{head}{kept}"));
    host.silent();
    // The kernel's own, of the overlay, as long as that is up.
    let overlay = line.replace(":0035", ":2118").replace("   105 ", "     0 ");
    host.file("proc/net/udp", &format!("{head}{overlay}"));
    fs::remove_dir_all(host.root.path().join("proc/1")).unwrap();
    host.silent();
    host.run("ip link set pontoon-vxlan down");
    assert_eq!(host.one().check, "vxlan-port");
}

#[test]
fn an_earlier_network_configuration_is_named() {
    let Some(host) = Host::create() else { return };
    host.file(
        "etc/cni/net.d/05-flannel.conflist",
        r#"{"name":"cbr0","plugins":[{"type":"flannel"}]}"#,
    );
    host.file("etc/cni/net.d/00-broken.conflist", "{");
    host.file("etc/cni/net.d/01-notes.txt", "{}");
    let finding = host.one();
    assert_eq!(finding.check, "conflist");
    let root = host.root.path().display();
    host.run(&finding.mend.replace("/etc/", &format!("{root}/etc/")));
    assert!(!Path::new(&format!("{root}/etc/cni/net.d/05-flannel.conflist")).exists());
    host.silent();
}

#[test]
fn without_a_daemon_the_setup_is_read_from_where_it_was_left() {
    let root = TempDir::new().unwrap();
    let write = |path: &str, content: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    let read = || Setup::read(&Root::at(root.path()), None);
    let nothing = read();
    assert_eq!(nothing.config, Default::default());
    assert_eq!(nothing.dns, ["10.96.0.10:53".parse().unwrap()]);
    write(
        "etc/pontoon/pontoond.toml",
        r#"
            unknown = 1
            [node]
            name = "a"
            mtu = "wrong"
            [cluster]
            pod-cidrs = ["10.1.0.0/16"]
            backend = "host-gw"
            [paths]
            state = "/srv/pontoon"
            [dns]
            listen = ["192.0.2.1:53"]
            [store.etcd]
            endpoints = ["http://192.0.2.9:2379"]
            password = "secret"
        "#,
    );
    let from_file = read();
    assert_eq!(from_file.node.as_ref().unwrap().as_str(), "a");
    assert_eq!(from_file.config.pod_cidrs, ["10.1.0.0/16".parse().unwrap()]);
    assert!(!from_file.has_overlay());
    assert_eq!(from_file.dns.len(), 2);
    write(
        "srv/pontoon/cluster.json",
        r#"{"machineId":"m","config":{"value":{"podCidrs":["10.2.0.0/16"],"serviceCidrs":["10.97.0.0/16"]},"created":1,"modified":1},
            "nodes":[{"value":{"name":"a","machineId":"m","underlay":"192.0.2.1","addresses":[],"vxlanMac":"02:00:00:00:00:01","version":"0"},"created":1,"modified":1},
                     {"value":{"name":"b","machineId":"n","underlay":"192.0.2.2","addresses":[],"vxlanMac":"02:00:00:00:00:02","version":"0"},"created":1,"modified":1}],
            "subnets":[["10.2.5.0/24",{"value":{"node":"b","machineId":"n"},"created":1,"modified":1}]],
            "held":["10.2.1.0/24"],"topology":1}"#,
    );
    let remembered = read();
    assert_eq!(remembered.config.pod_cidrs, ["10.2.0.0/16".parse().unwrap()]);
    assert_eq!(remembered.dns[0], "10.97.0.10:53".parse().unwrap());
    assert_eq!(remembered.dns.len(), 2);
    let [peer] = remembered.peers.as_slice() else { panic!("{:?}", remembered.peers) };
    assert_eq!((peer.record.name.as_str(), peer.subnets.len()), ("b", 1));
    assert!(!format!("{remembered:?}").contains("secret"));
}
