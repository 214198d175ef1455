//! Faults of the kernel's settings and of devices.

use anyhow::{Context, Result, ensure};
use pontoon_lab::probe::Responder;
use pontoon_model::doctor::Severity;
use pontoon_tests::cluster::{PORT, SOON, eventually, reach, skipped};
use pontoon_tests::doctor::{finds, finds_nothing, healthy, mended};

use crate::{built, made_and_mended, typed};

#[test]
fn a_host_that_does_not_forward() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let (near, far) = (lab.host(1).add_pod("near")?, lab.host(2).add_pod("far")?);
    let _responder = Responder::start(far.netns(), PORT)?;
    let passes = || reach(near.netns(), &near.addresses(), far.v4()?);
    let host = lab.host(1);
    typed(host, "sysctl -qw net.ipv4.ip_forward=0")?;
    ensure!(passes().is_err(), "packets pass a host that does not forward");
    mended(host, &finds(host, "forwarding", "net.ipv4.ip_forward is 0")?)?;
    eventually(SOON, passes)?;
    for setting in ["net.ipv6.conf.all.forwarding", "net.ipv4.conf.pontoon-vxlan.forwarding"] {
        made_and_mended(host, &format!("sysctl -qw {setting}=0"), "forwarding", setting)?;
    }
    Ok(())
}

#[test]
fn a_strict_reverse_path_filter() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let (host, other) = (lab.host(1), lab.host(2).addresses()[0]);
    let setting = "net.ipv4.conf.pontoon0.rp_filter";
    typed(host, "sysctl -qw net.ipv4.conf.all.rp_filter=0")?;
    made_and_mended(host, &format!("sysctl -qw {setting}=1"), "rp-filter", setting)?;

    // On the underlay it hurts only where answers leave by another interface.
    typed(host, "sysctl -qw net.ipv4.conf.eth0.rp_filter=1")?;
    healthy(host)?;
    typed(host, "ip link add second type veth peer name far")?;
    typed(host, "ip link set second up && ip link set far up")?;
    typed(host, &format!("ip route add {other} dev second"))?;
    let finding = finds(host, "rp-filter", "leaves by another interface: host-2")?;
    mended(host, &finding)?;
    typed(host, &format!("ip route delete {other} dev second && ip link delete second"))?;
    healthy(host)
}

#[test]
fn isolated_ports_with_bridge_nf_call() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    host.add_pod("web")?;
    if host.set_sysctl("net.bridge.bridge-nf-call-iptables", "1").is_err() {
        eprintln!("skipped: the kernel has no br_netfilter");
        return Ok(());
    }
    let isolate = "bridge link set dev $(ip -br link show master pontoon0 | grep -o '^ptn[0-9a-f]*') isolated on";
    made_and_mended(host, isolate, "bridge-nf-call", "are isolated: ptn")?;
    // Without one or the other nothing is lost.
    typed(host, isolate)?;
    for family in ["ip", "ip6"] {
        host.set_sysctl(&format!("net.bridge.bridge-nf-call-{family}tables"), "0")?;
    }
    finds_nothing(host, "bridge-nf-call")
}

#[test]
fn an_mtu_that_does_not_fit() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let (host, other) = (lab.host(1), lab.host(2).addresses()[0]);
    let web = host.add_pod("web")?;
    let port = host.exec(&["sh", "-c", "ip -br link | grep -o '^ptn[0-9a-f]*'"])?;
    let port = port.trim();
    for (mtu, severity) in [(1400, Severity::Warning), (1600, Severity::Fault)] {
        typed(host, &format!("ip link set dev {port} mtu {mtu}"))?;
        let finding = finds(host, "mtu", &format!("{port} ({mtu})"))?;
        assert_eq!(finding.severity, severity);
        mended(host, &finding)?;
    }
    // Both ends are too large, and the pod's is mended first.
    typed(host, &format!("ip link set dev {port} mtu 1600"))?;
    web.exec(&["ip", "link", "set", "dev", "eth0", "mtu", "1600"])?;
    let finding = finds(host, "mtu", &format!("{port} (1600)"))?;
    ensure!(finding.mend.starts_with("nsenter --net="), "{finding:?}");
    mended(host, &finding)?;
    ensure!(web.exec(&["ip", "link", "show", "dev", "eth0"])?.contains("mtu 1450"));
    healthy(host)?;

    // The path to a node carries less than its first link.
    typed(host, &format!("ip route add {other} dev eth0 mtu 1400"))?;
    let narrow = finds(host, "mtu", "host-2 at")?;
    let fitting = narrow.mend.split_whitespace().find_map(|word| word.parse::<u32>().ok());
    let fitting = fitting.context("it names no MTU")?;
    assert_eq!(fitting, 1350);
    host.configure("node.mtu", fitting)?;
    host.restart(SOON)?;
    healthy(host)?;
    typed(host, &format!("ip route delete {other} dev eth0"))?;

    // A person says more than the underlay carries, or than it carries by now.
    host.configure("node.mtu", 1500)?;
    host.stop()?;
    host.start()?;
    let finding = finds(host, "mtu", "node.mtu is 1500")?;
    ensure!(finding.mend.contains("at most 1450"), "{finding:?}");
    host.configure("node.mtu", 1450)?;
    host.restart(SOON)?;
    healthy(host)?;
    lab.set_mtu("host-1", 1400)?;
    let finding = finds(host, "mtu", "node.mtu is 1450")?;
    ensure!(finding.mend.contains("at most 1350"), "{finding:?}");
    host.unconfigure("node.mtu");
    host.restart(SOON)?;
    finds_nothing(host, "mtu")
}

#[test]
fn router_advertisements_that_are_ignored() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    typed(host, "ip -6 route add 2001:db8:9::/64 dev eth0 proto ra")?;
    let fault = "sysctl -qw net.ipv6.conf.eth0.accept_ra=1";
    made_and_mended(host, fault, "router-advertisements", "net.ipv6.conf.eth0.accept_ra is 1")
}
