//! The store away, slow, compacted, wiped, or full of nonsense: pods keep talking.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::time::Duration;

use anyhow::{Result, ensure};
use pontoon_lab::probe::PingLoad;
use pontoon_lab::{Lab, Pod};
use pontoon_tests::cluster::{
    LEASE, SOON, all_reach_all, cluster, eventually, skipped, subnets, wait_for_problem,
};

/// What is done to a lab.
type Step = fn(&Lab) -> Result<()>;

fn settled(lab: &Lab) -> Result<()> {
    eventually(2 * LEASE, || {
        for host in lab.hosts() {
            let status = host.status()?;
            let alive = status.nodes.iter().filter(|node| node.alive).count();
            let all = lab.hosts().len();
            ensure!(
                status.store.connected && status.problems.is_empty() && alive == all,
                "{}: {alive} of {all} alive, {:#?}",
                host.name(),
                status.problems
            );
        }
        Ok(())
    })
}

fn revision(lab: &Lab) -> Result<u64> {
    let status = lab.etcd().ctl(&["endpoint", "status", "-w", "json"])?;
    let at = status.find("\"revision\":").map(|at| at + "\"revision\":".len()).unwrap_or_default();
    Ok(status[at..].chars().take_while(char::is_ascii_digit).collect::<String>().parse()?)
}

#[test]
fn pods_talk_and_come_while_the_store_is_away() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(3))?;
    let mut pods: Vec<Pod> = lab.hosts().iter().map(|host| host.add_pod("a").unwrap()).collect();
    let hosts: Vec<_> = lab.hosts().iter().collect();
    settled(&lab)?;
    let held: Vec<_> = hosts.iter().map(|host| subnets(host).unwrap()).collect();
    let load = PingLoad::start(pods[0].netns(), pods[2].v4()?, Duration::from_millis(5))?;
    let etcd = lab.etcd();
    let outages: [(&str, Step, Step); 3] = [
        ("stopped", |lab| lab.etcd().stop(), |lab| lab.etcd().start()),
        ("frozen", |lab| lab.etcd().pause(), |lab| lab.etcd().resume()),
        ("wiped", |lab| lab.etcd().stop(), |lab| lab.etcd().wipe()),
    ];
    for (what, begin, end) in outages {
        begin(&lab)?;
        std::thread::sleep(Duration::from_secs(2));
        pods.push(lab.host(1).add_pod(&format!("while-{what}"))?);
        all_reach_all(&hosts, &pods.iter().collect::<Vec<_>>())?;
        end(&lab)?;
        settled(&lab).map_err(|error| error.context(what))?;
        for (host, held) in hosts.iter().zip(&held) {
            assert_eq!(subnets(host)?, *held, "{} after etcd was {what}", host.name());
        }
        let leased = etcd.ctl(&["get", "--prefix", "--keys-only", "/pontoon/v1/subnets/"])?;
        assert_eq!(leased.split_whitespace().count(), 6, "{what}: {leased}");
        let known = etcd.ctl(&["get", "--prefix", "--keys-only", "/pontoon/v1/pods/"])?;
        assert_eq!(known.split_whitespace().count(), pods.len(), "{what}: {known}");
    }
    let report = load.stop()?;
    assert_eq!(report.lost(), 0, "{report:?}");

    // A settled cluster is quiet, whatever it has been through.
    etcd.compact()?;
    let before = revision(&lab)?;
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(revision(&lab)?, before, "somebody goes on writing");
    Ok(())
}

#[test]
fn a_bad_value_is_told_and_the_rest_goes_on() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let (near, far) = (lab.host(1).add_pod("near")?, lab.host(2).add_pod("far")?);
    let own = lab.host(1).addresses()[0];
    let owner = r#"{"node":"stranger","machineId":"m"}"#;
    let record = format!(
        r#"{{"name":"stranger","machineId":"m","underlay":"{own}","addresses":["{own}"],"vxlanMac":"02:00:00:00:00:77","version":"0"}}"#
    );
    let put =
        |key: &str, value: &str| lab.etcd().ctl(&["put", &format!("/pontoon/v1/{key}"), value]);
    put("subnets/10.0.0.0-24", owner)?;
    put("subnets/10.244.0.0-16", owner)?;
    put("subnets/not-a-subnet", owner)?;
    put("subnets/10.244.254.0-24", "[1, 2")?;
    put("nodes/stranger", &record)?;
    put("nodes/half", r#"{"name":"half"}"#)?;
    put("alive/half", "\u{7f}")?;
    put("something/else", "?")?;
    for part in [
        "subnets/10.0.0.0-24: it lies outside the cluster's pod CIDRs",
        "subnets/10.244.0.0-16: it overlaps",
        "subnets/not-a-subnet",
        "subnets/10.244.254.0-24",
        "is an address of this node",
        "nodes/half",
        "alive/half",
    ] {
        wait_for_problem(lab.host(1), part)?;
    }
    all_reach_all(&[lab.host(1), lab.host(2)], &[&near, &far])?;
    let another = lab.host(1).add_pod("another")?;
    all_reach_all(&[], &[&another, &far])?;
    lab.host(2).restart(SOON)?;
    all_reach_all(&[], &[&another, &far])?;

    put("config", "nonsense")?;
    wait_for_problem(lab.host(1), "config")?;
    all_reach_all(&[], &[&another, &far])?;
    lab.host(1).add_pod("with-a-bad-configuration")?;
    Ok(())
}

#[test]
fn a_full_disk_refuses_new_pods_and_nothing_else() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(1).embedded().build()?;
    let host = lab.host(1);
    let disk = host.path().join("disk");
    std::fs::create_dir_all(&disk)?;
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
        .arg(&disk)
        .status()?;
    if !mounted.success() {
        eprintln!("skipped: needs to mount a tmpfs");
        return Ok(());
    }
    let outcome = on_a_small_disk(&lab, &disk);
    let _ = host.kill();
    std::process::Command::new("umount").arg("-l").arg(&disk).status()?;
    outcome
}

fn on_a_small_disk(lab: &Lab, disk: &std::path::Path) -> Result<()> {
    let host = lab.host(1);
    host.configure("paths.state", disk.to_string_lossy())?;
    lab.start(SOON)?;
    let first = host.add_pod("first")?;
    let filler = disk.join("filler");
    let block = vec![0u8; 1 << 12];
    let mut file = std::fs::File::create(&filler)?;
    while std::io::Write::write_all(&mut file, &block).is_ok() {}
    let refused = host.pod("second").create()?;
    let mut refused = refused;
    let error = format!("{:#}", refused.add().unwrap_err());
    assert!(error.contains("106") && error.contains("full"), "{error}");
    first.check()?;
    all_reach_all(&[host], &[&first])?;
    drop(file);
    std::fs::remove_file(&filler)?;
    refused.add()?;
    all_reach_all(&[host], &[&first, &refused])
}
