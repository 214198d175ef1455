//! What survives what: daemons that stop, are killed, and find what others left.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use pontoon_lab::host::Host;
use pontoon_lab::probe::{PingLoad, Responder, TcpLoad};
use pontoon_lab::{Lab, Pod};
use pontoon_tests::cluster::{PORT, SOON, all_reach_all, cluster, eventually, skipped};

/// Traffic goes on for as long between two blows, with and without a daemon.
const WHILE: Duration = Duration::from_millis(200);

#[test]
fn a_restart_and_a_kill_lose_no_packet() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let (near, far) = (lab.host(1).add_pod("near")?, lab.host(2).add_pod("far")?);
    let responder = Responder::start(far.netns(), PORT)?;
    let pings = [far.v4()?, far.v6()?]
        .map(|ip| PingLoad::start(near.netns(), ip, Duration::from_millis(2)).unwrap());
    let stream =
        TcpLoad::start(near.netns(), SocketAddr::new(far.v4()?, PORT), Duration::from_millis(2))?;
    for host in lab.hosts() {
        host.restart(SOON)?;
        std::thread::sleep(WHILE);
        host.kill()?;
        std::thread::sleep(WHILE);
        host.start()?;
        host.wait_ready(SOON)?;
        std::thread::sleep(WHILE);
    }
    let stream = stream.stop()?;
    assert_eq!(stream.lost(), 0, "{stream:?}");
    for ping in pings {
        let report = ping.stop()?;
        assert!(report.sent > 20 && report.lost() == 0, "{report:?}");
    }
    drop(responder);
    for host in lab.hosts() {
        let log = host.log();
        let last = log.rsplit("starting").next().unwrap_or_default();
        assert!(
            !last.contains("network changed") && !last.contains("nf_tables brought up"),
            "{last}"
        );
    }
    Ok(())
}

/// What the kernel, the records and the status say of pods; all must say the same.
fn agreement(host: &Host) -> Result<BTreeSet<String>> {
    let status = host.status()?;
    let known: BTreeSet<String> =
        status.pods.iter().map(|pod| pod.host_interface.clone()).collect();
    let links = host.exec(&["ip", "-br", "link", "show", "type", "veth"])?;
    let there: BTreeSet<String> = links
        .split_whitespace()
        .filter(|word| word.starts_with("ptn"))
        .map(|word| word.split('@').next().unwrap_or_default().to_owned())
        .collect();
    ensure!(known == there, "interfaces: status {known:?}, kernel {there:?}");
    let senders = host.exec(&["nft", "list", "set", "bridge", "pontoon", "senders"])?;
    let allowed: BTreeSet<String> =
        senders.split('"').filter(|word| word.starts_with("ptn")).map(str::to_owned).collect();
    ensure!(known == allowed, "senders: status {known:?}, nf_tables {allowed:?}");
    let files = std::fs::read_dir(host.state_dir().join("attachments"))?.count();
    ensure!(known.len() == files, "{} pods, {files} records", known.len());
    let neighbours = host.exec(&["ip", "neigh", "show", "dev", "pontoon0", "nud", "permanent"])?;
    for pod in &status.pods {
        for ip in &pod.addresses {
            ensure!(
                host.exec(&["ip", "neigh", "show", &ip.to_string(), "dev", "pontoon0"])?
                    .contains("PERMANENT"),
                "{ip} is no neighbour: {neighbours}"
            );
        }
    }
    Ok(known)
}

#[test]
fn a_daemon_killed_amid_adds_and_dels_leaves_nothing_that_the_next_does_not_mend() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(1).embedded())?;
    let host = lab.host(1);
    for round in 0..6u64 {
        let pods: Vec<Pod> =
            (0..8).map(|n| host.pod(&format!("r{round}-{n}")).create().unwrap()).collect();
        let mut outcomes = Vec::new();
        std::thread::scope(|scope| {
            let adds: Vec<_> = pods
                .into_iter()
                .map(|mut pod| {
                    scope.spawn(move || {
                        let added = pod.add().is_ok();
                        (pod, added)
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_millis(3 * round));
            host.kill().unwrap();
            for add in adds {
                outcomes.push(add.join().unwrap());
            }
        });
        host.start()?;
        host.wait_ready(SOON)?;
        agreement(host)?;
        // What a runtime does: DEL for what failed, and for half of what did not; the others vanish.
        for (n, (pod, added)) in outcomes.into_iter().enumerate() {
            if added && n % 2 == 0 {
                pod.leak()?;
            } else {
                pod.remove()?;
            }
        }
        eventually(SOON, || {
            let left = agreement(host)?;
            ensure!(left.is_empty(), "{left:?} are left");
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_del_while_the_daemon_is_down_is_carried_out_when_it_is_back() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(1).embedded())?;
    let host = lab.host(1);
    let (stays, goes) = (host.add_pod("stays")?, host.add_pod("goes")?);
    host.kill()?;
    goes.del()?;
    assert_eq!(std::fs::read_dir(host.state_dir().join("pending"))?.count(), 1);
    host.start()?;
    host.wait_ready(SOON)?;
    assert_eq!(agreement(host)?.len(), 1);
    assert_eq!(std::fs::read_dir(host.state_dir().join("pending"))?.count(), 0);
    stays.check()?;
    // The same container attached again must not fall to the DEL that came before.
    host.kill()?;
    stays.del()?;
    host.start()?;
    let mut stays = stays;
    eventually(SOON, || stays.add())?;
    std::thread::sleep(Duration::from_secs(3));
    stays.check()
}

#[test]
fn what_others_take_away_comes_back() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let (near, far) = (lab.host(1).add_pod("near")?, lab.host(2).add_pod("far")?);
    let hosts = [lab.host(1), lab.host(2)];
    let breakages: &[&[&str]] = &[
        &["nft", "flush", "ruleset"],
        &["nft", "delete", "table", "bridge", "pontoon"],
        &["ip", "link", "delete", "pontoon-vxlan"],
        &["ip", "link", "set", "pontoon-vxlan", "down"],
        &["ip", "link", "delete", "pontoon0"],
        &["ip", "link", "set", "pontoon0", "down"],
        &["ip", "address", "flush", "dev", "pontoon0"],
        &["ip", "route", "flush", "proto", "112"],
        &["ip", "rule", "del", "priority", "11200"],
        &["ip", "link", "set", "pontoon0", "mtu", "900"],
    ];
    for breakage in breakages {
        lab.host(1).exec(breakage)?;
        eventually(SOON, || {
            all_reach_all(&hosts, &[&near, &far])?;
            agreement(lab.host(1)).map(drop)
        })
        .map_err(|error| error.context(breakage.join(" ")))?;
    }
    near.exec(&["ip", "link", "delete", "eth0"])?;
    eventually(SOON, || all_reach_all(&hosts, &[&near, &far]))
}

#[test]
fn a_pod_whose_namespace_is_gone_is_collected_without_a_runtime() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(1).embedded())?;
    let host = lab.host(1);
    let pods: Vec<Pod> = (0..5).map(|n| host.add_pod(&format!("p{n}")).unwrap()).collect();
    assert_eq!(agreement(host)?.len(), 5);
    for pod in pods {
        pod.leak()?;
    }
    eventually(SOON, || {
        ensure!(agreement(host)?.is_empty(), "pods are left");
        Ok(())
    })
}
