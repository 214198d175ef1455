//! How packets cross hosts, and what happens when that changes under them.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::time::Duration;

use anyhow::{Result, ensure};
use pontoon_lab::host::Host;
use pontoon_lab::probe::PingLoad;
use pontoon_lab::{Lab, Pod};
use pontoon_model::api::{Request, Response};
use pontoon_model::cluster::BackendKind;
use pontoon_tests::cluster::{LEASE, SOON, all_reach_all, cluster, eventually, skipped};

fn ways(host: &Host) -> Result<Vec<Option<BackendKind>>> {
    Ok(host.status()?.nodes.iter().map(|node| node.backend).collect())
}

fn two_pods_a_host(lab: &Lab) -> Result<Vec<Pod>> {
    let mut pods = Vec::new();
    for host in lab.hosts() {
        for name in ["a", "b"] {
            pods.push(host.add_pod(&format!("{name}-{}", host.name()))?);
        }
    }
    Ok(pods)
}

fn full_size_packets_pass(from: &Pod, to: &Pod, mtu: u32) -> Result<()> {
    for (ip, header) in [(to.v4()?, 28), (to.v6()?, 48)] {
        let size = (mtu - header).to_string();
        from.exec(&["ping", "-c1", "-W2", "-M", "do", "-s", &size, &ip.to_string()])?;
    }
    Ok(())
}

#[test]
fn every_backend_carries_everything_and_is_changed_on_the_running_cluster() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(3).build()?;
    for (host, nf_call) in lab.hosts().iter().zip(["0", "1", "1"]) {
        // Without br_netfilter in the kernel there is nothing to get in the way.
        let _ = host.set_sysctl("net.bridge.bridge-nf-call-iptables", nf_call);
        let _ = host.set_sysctl("net.bridge.bridge-nf-call-ip6tables", nf_call);
        host.set_sysctl("net.ipv4.conf.all.rp_filter", "1")?;
        host.set_sysctl("net.ipv4.conf.default.rp_filter", "1")?;
    }
    lab.start(Duration::from_secs(30))?;
    let pods = two_pods_a_host(&lab)?;
    let (hosts, pods): (Vec<&Host>, Vec<&Pod>) =
        (lab.hosts().iter().collect(), pods.iter().collect());
    all_reach_all(&hosts, &pods)?;
    full_size_packets_pass(pods[0], pods[4], 1450)?;

    for (kind, mtu) in
        [(BackendKind::HostGw, 1500), (BackendKind::Auto, 1450), (BackendKind::Vxlan, 1450)]
    {
        let load = PingLoad::start(pods[0].netns(), pods[4].v4()?, Duration::from_millis(5))?;
        assert_eq!(lab.host(2).request(&Request::SetBackend { kind })?, Response::Done);
        let led_by =
            if kind == BackendKind::Vxlan { BackendKind::Vxlan } else { BackendKind::HostGw };
        for host in lab.hosts() {
            eventually(SOON, || {
                let peers = ways(host)?.into_iter().flatten().filter(|way| *way == led_by).count();
                let status = host.status()?;
                ensure!(peers == 2 && status.mtu == mtu, "{kind}: {status:#?}");
                Ok(())
            })?;
        }
        let report = load.stop()?;
        assert!(report.longest_gap < Duration::from_secs(2), "{kind}: {report:?}");
        eventually(SOON, || full_size_packets_pass(pods[0], pods[4], mtu))?;
        all_reach_all(&hosts, &pods)?;
        let devices = lab.host(1).exec(&["ip", "-br", "link"])?;
        assert_eq!(
            devices.contains("pontoon-vxlan"),
            kind != BackendKind::HostGw,
            "{kind}: {devices}"
        );
    }
    Ok(())
}

#[test]
fn auto_takes_plain_routes_on_a_link_and_the_overlay_beyond() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(3).segments(2).configure("cluster.backend", "auto"))?;
    let pods = two_pods_a_host(&lab)?;
    let (hosts, pods): (Vec<&Host>, Vec<&Pod>) =
        (lab.hosts().iter().collect(), pods.iter().collect());
    all_reach_all(&hosts, &pods)?;
    // Hosts 1 and 3 share a segment.
    assert_eq!(ways(lab.host(1))?, [None, Some(BackendKind::Vxlan), Some(BackendKind::HostGw)]);
    assert_eq!(ways(lab.host(2))?, [Some(BackendKind::Vxlan), None, Some(BackendKind::Vxlan)]);
    Ok(())
}

#[test]
fn host_gw_says_which_node_it_cannot_reach() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2).segments(2).configure("cluster.backend", "host-gw"))?;
    pontoon_tests::cluster::wait_for_problem(
        lab.host(1),
        "host-gw cannot reach it; use backend auto or vxlan",
    )
}

#[test]
fn the_underlay_is_followed() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let (near, far) = (lab.host(1).add_pod("near")?, lab.host(2).add_pod("far")?);
    let hosts = [lab.host(1), lab.host(2)];

    for host in hosts {
        lab.set_mtu(host.name(), 1400)?;
    }
    for pod in [&near, &far] {
        eventually(SOON, || {
            let link = pod.exec(&["ip", "link", "show", "eth0"])?;
            ensure!(link.contains("mtu 1350"), "{link}");
            Ok(())
        })?;
    }
    full_size_packets_pass(&near, &far, 1350)?;

    lab.host(1).renumber(777)?;
    eventually(LEASE, || all_reach_all(&hosts, &[&near, &far]))?;
    let new = lab.host(1).addresses()[0].to_string();
    let fdb = lab.host(2).exec(&["bridge", "fdb", "show", "dev", "pontoon-vxlan"])?;
    assert!(fdb.contains(&new), "{fdb}");

    lab.host(1).restart_network()?;
    eventually(LEASE, || all_reach_all(&hosts, &[&near, &far]))
}

#[test]
fn port_vni_and_underlay_are_a_persons_choice() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder()
        .hosts(3)
        .configure("cluster.vxlan-port", 4789)
        .configure("cluster.vxlan-vni", 16_777_215)
        .build()?;
    let first = lab.host(1).addresses()[0].to_string();
    let range = first.split('.').take(2).collect::<Vec<_>>().join(".") + ".0.0/16";
    lab.host(1).configure("node.underlay", range)?;
    lab.host(2).configure("node.underlay", format!("reach:{first}"))?;
    lab.host(3).configure("node.underlay", lab.host(3).addresses()[0].to_string())?;
    lab.start(Duration::from_secs(30))?;
    let device = lab.host(2).exec(&["ip", "-d", "link", "show", "pontoon-vxlan"])?;
    assert!(device.contains("id 16777215") && device.contains("dstport 4789"), "{device}");
    let (near, far) = (lab.host(1).add_pod("near")?, lab.host(3).add_pod("far")?);
    all_reach_all(&[lab.host(1), lab.host(2), lab.host(3)], &[&near, &far])
}

#[test]
fn what_is_not_ours_is_not_touched() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(2).build()?;
    let host = lab.host(1);
    host.exec(&["ip", "link", "add", "br-foreign", "type", "bridge"])?;
    host.exec(&["ip", "address", "add", "203.0.113.1/24", "dev", "br-foreign"])?;
    host.exec(&["ip", "link", "set", "br-foreign", "up"])?;
    host.exec(&[
        "ip",
        "route",
        "add",
        "198.18.0.0/15",
        "via",
        "203.0.113.9",
        "dev",
        "br-foreign",
        "onlink",
    ])?;
    host.exec(&[
        "ip",
        "rule",
        "add",
        "from",
        "203.0.113.0/24",
        "lookup",
        "77",
        "priority",
        "5000",
    ])?;
    host.nft("add table inet foreign\nadd chain inet foreign c { type filter hook forward priority 0; }\nadd rule inet foreign c counter\n")?;
    let look = || -> Result<Vec<String>> {
        Ok(vec![
            host.exec(&["ip", "-o", "address", "show", "dev", "br-foreign"])?,
            host.exec(&["ip", "route", "show", "dev", "br-foreign"])?,
            host.exec(&["ip", "rule", "show", "priority", "5000"])?,
            host.exec(&["nft", "-s", "list", "table", "inet", "foreign"])?,
        ])
    };
    let before = look()?;
    lab.start(Duration::from_secs(30))?;
    let (near, far) = (host.add_pod("near")?, lab.host(2).add_pod("far")?);
    all_reach_all(&[host, lab.host(2)], &[&near, &far])?;
    host.request(&Request::SetBackend { kind: BackendKind::HostGw })?;
    host.restart(SOON)?;
    assert_eq!(look()?, before);
    drop((near, far));
    host.stop()?;
    let mut cleanup = host.pontoond()?;
    assert!(host.netns().output(cleanup.arg("--cleanup"))?.status.success());
    assert_eq!(look()?, before);
    let left = [
        host.exec(&["ip", "-br", "link"])?,
        host.exec(&["ip", "route", "show", "table", "all", "proto", "112"])?,
        host.exec(&["ip", "rule"])?,
        host.exec(&["nft", "list", "tables"])?,
    ]
    .concat();
    for ours in ["pontoon", "ptn", "112"] {
        assert!(!left.contains(ours), "{ours} is left: {left}");
    }
    assert!(!host.cni_conf_dir().join("10-pontoon.conflist").exists());
    Ok(())
}
