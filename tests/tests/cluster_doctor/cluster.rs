//! The store, the other nodes, the ranges.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use pontoon_lab::Lab;
use pontoon_model::api::{Request, Response};
use pontoon_model::doctor::Severity;
use pontoon_tests::cluster::{LEASE, SOON, cluster, eventually, skipped};
use pontoon_tests::doctor::{finds, finds_nothing, healthy};
use pontoon_tests::relay::Relay;

use crate::{built, made_and_mended, typed};

#[test]
fn an_etcd_that_is_away_or_a_member_that_is() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    lab.etcd().stop()?;
    let finding = finds(host, "etcd", "does not answer")?;
    ensure!(finding.mend.contains("systemctl status etcd"), "{finding:?}");
    lab.etcd().start()?;
    healthy(host)?;

    let nobody = format!("http://{}:2390", lab.etcd().addresses()[0]);
    host.configure("store.etcd.endpoints", [lab.etcd().endpoint(), nobody.clone()])?;
    host.restart(SOON)?;
    let finding = finds(host, "etcd", &format!("the etcd member {nobody} does not answer"))?;
    assert_eq!(finding.severity, Severity::Warning);
    host.configure("store.etcd.endpoints", [lab.etcd().endpoint()])?;
    host.restart(SOON)?;
    healthy(host)
}

#[test]
fn an_etcd_that_is_slow_and_one_whose_clock_is_wrong() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(1).build()?;
    let host = lab.host(1);
    let relay = Relay::start(host, lab.etcd())?;
    host.configure("store.etcd.endpoints", [relay.endpoint()])?;
    lab.start(SOON)?;
    healthy(host)?;
    relay.delay(Duration::from_millis(150));
    let finding = finds(host, "etcd", "ms for an answer, at best")?;
    assert_eq!(finding.severity, Severity::Warning, "{finding:?}");
    relay.delay(Duration::ZERO);
    finds_nothing(host, "etcd")?;
    for (seconds, part, severity) in [
        (3600, "behind that of the store", Severity::Fault),
        (-20, "ahead of that of the store", Severity::Warning),
    ] {
        relay.shift_clock(seconds);
        let finding = finds(host, "clock", part)?;
        assert_eq!(finding.severity, severity, "{finding:?}");
    }
    relay.shift_clock(0);
    healthy(host)
}

#[test]
fn two_hosts_of_one_name_and_two_nodes_of_one_machine() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(3).build()?;
    let (one, two, three) = (lab.host(1), lab.host(2), lab.host(3));
    one.start()?;
    one.wait_ready(SOON)?;
    two.configure("node.name", "host-1")?;
    two.start()?;
    eventually(SOON, || {
        ensure!(!two.is_running(), "the second host-1 runs");
        Ok(())
    })?;
    let finding = finds(two, "daemon", "node name host-1 belongs to machine")?;
    ensure!(finding.mend.contains("restart pontoond"), "{finding:?}");
    healthy(one)?;

    three.configure("node.machine-id", one.machine_id())?;
    three.start()?;
    three.wait_ready(SOON)?;
    let finding = finds(one, "node-names", "the nodes host-1, host-3 have one machine id")?;
    // Each line where it is to be typed.
    for line in finding.mend.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("pontoon node remove ") {
            let removed = || one.request(&Request::RemoveNode { name: name.parse()? });
            eventually(LEASE, || match removed()? {
                Response::Failed(failure) => bail!("{failure:?}"),
                _ => Ok(()),
            })?;
        } else if line == "systemctl stop pontoond" {
            three.stop()?;
        } else if line.contains("systemd-machine-id-setup") {
            three.configure("node.machine-id", three.machine_id())?;
        } else {
            assert_eq!(line, "systemctl start pontoond");
            three.start()?;
            three.wait_ready(SOON)?;
        }
    }
    healthy(one)?;
    healthy(three)
}

#[test]
fn nodes_of_different_versions() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let (host, other) = (lab.host(1), lab.host(2));
    // It is still heard of, and does not put right what is said of it.
    other.kill()?;
    let etcd = lab.etcd();
    let key = "/pontoon/v1/nodes/host-2";
    let record = etcd.ctl(&["get", key, "--print-value-only"])?;
    let (mut record, own): (serde_json::Value, String) =
        (serde_json::from_str(&record)?, host.status()?.version);
    for (version, severity) in
        [("99.0.0".to_owned(), Severity::Warning), (format!("{own}-1"), Severity::Note)]
    {
        record["version"] = version.clone().into();
        etcd.ctl(&["put", key, &record.to_string()])?;
        let finding = finds(host, "versions", &format!("{version} on host-2"))?;
        assert_eq!(finding.severity, severity, "{finding:?}");
    }
    other.start()?;
    healthy(host)
}

#[test]
fn ranges_that_overlap_what_the_host_has() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let host = lab.host(1);
    for (net, range) in [
        ("10.244.252.0/24 table 7", "pod CIDR 10.244.0.0/16"),
        ("10.244.253.0/24", "pod CIDR 10.244.0.0/16"),
        ("10.96.9.0/24", "service CIDR 10.96.0.0/16"),
        ("fd00:10:244:ffff::/64", "pod CIDR fd00:10:244::/48"),
    ] {
        let fault = format!("ip route add dev eth0 {net}");
        made_and_mended(host, &fault, "cidr-overlap", &format!("lies in the cluster's {range}"))?;
    }
    typed(host, "ip route add 10.192.0.0/10 dev eth0")?;
    let finding =
        finds(host, "cidr-overlap", "10.192.0.0/10 by eth0 covers the cluster's pod CIDR")?;
    assert_eq!(finding.severity, Severity::Warning);
    typed(host, "ip route delete 10.192.0.0/10 && ip address add 10.96.7.1/32 dev eth0")?;
    let finding = finds(host, "cidr-overlap", "this host's 10.96.7.1 on eth0")?;
    ensure!(finding.mend.starts_with("give the host another address"), "{finding:?}");
    typed(host, "ip address delete 10.96.7.1/32 dev eth0")?;
    healthy(host)
}
