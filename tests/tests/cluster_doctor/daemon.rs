//! A daemon that is not there.

use std::process::Command;

use anyhow::{Result, ensure};
use pontoon_lab::{Lab, binaries};
use pontoon_model::doctor::{Examiner, Report, Severity};
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::doctor::{examined, finds, healthy, mended, typed};

use crate::built;

#[test]
fn without_the_daemon_the_host_is_looked_at_and_the_rest_is_named() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    host.stop()?;
    crate::typed(host, "sysctl -qw net.ipv4.ip_forward=0")?;
    crate::typed(host, "iptables-nft -P FORWARD DROP")?;
    finds(host, "daemon", "pontoond is not running: nobody listens at")?;
    mended(host, &finds(host, "forwarding", "net.ipv4.ip_forward is 0")?)?;
    // What it last knew of the cluster tells where packets would go.
    mended(host, &finds(host, "firewall", "from pods here to pods of other nodes")?)?;
    let report = examined(host)?;
    assert_eq!((report.examiner, report.findings.len()), (Examiner::Command, 1), "{report:#?}");
    assert_eq!(report.node.as_ref().map(|node| node.as_str()), Some("host-1"));
    let gaps = report.unexamined.iter().flat_map(|gap| &gap.checks);
    let gaps: Vec<&str> = gaps.map(String::as_str).collect();
    for check in ["etcd", "clock", "versions", "kernel-differs", "leaked-addresses"] {
        ensure!(gaps.contains(&check), "{check} is not said to be left out: {gaps:?}");
        ensure!(!report.checks.iter().any(|made| made == check), "{check} was made?");
    }
    let output = typed(host, &[])?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.code() == Some(1), "{output:?}");
    for part in ["without pontoond", "systemctl start pontoond", "not looked at:"] {
        ensure!(said.contains(part), "{part:?} is not in {said}");
    }
    host.start()?;
    healthy(host)
}

#[test]
fn why_it_does_not_start_is_told_and_a_password_is_not() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(1).build()?;
    let host = lab.host(1);
    host.configure("store.etcd.username", "pontoon")?;
    host.configure("store.etcd.password", "hunter2")?;
    host.configure("node.underlai", "eth0")?;
    host.start()?;
    eventually(SOON, || {
        ensure!(!host.is_running(), "it runs");
        Ok(())
    })?;
    let finding = finds(host, "daemon", "node.underlai: unknown key; did you mean \"underlay\"?")?;
    ensure!(finding.mend.contains(&host.config_file().display().to_string()), "{finding:?}");

    // A password that etcd does not know, and one that is no text.
    for command in [
        ["user", "add", "root:another"].as_slice(),
        &["user", "grant-role", "root", "root"],
        &["auth", "enable"],
    ] {
        lab.etcd().ctl(command)?;
    }
    host.unconfigure("node.underlai");
    host.configure("store.etcd.username", "root")?;
    host.start()?;
    finds(host, "etcd", "password")?;
    ensure!(!format!("{:?}", examined(host)?).contains("hunter2"));
    host.stop()?;
    host.configure("store.etcd.password", 48_151_623)?;
    host.start()?;
    let finding = finds(host, "daemon", "store.etcd.password")?;
    ensure!(!finding.what.contains("48151623"), "{finding:?}");
    Ok(())
}

#[test]
fn a_socket_that_is_gone() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    std::fs::remove_file(host.run_dir().join("api.sock"))?;
    let finding = finds(host, "daemon", "pontoond runs, but its socket")?;
    mended(host, &finding)?;
    healthy(host)
}

#[test]
fn who_may_not_ask_learns_so_and_is_told_nothing_false() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(binaries::find("pontoon")?)
        .args(["doctor", "-o", "json"])
        .env("PONTOON_SOCKET", host.run_dir().join("api.sock"))
        .env("PONTOON_CONFIG", host.config_file());
    let output = host.netns().output(&mut command)?;
    if output.stdout.is_empty() {
        // In a user namespace, or where the programs are not for everybody.
        eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
        return Ok(());
    }
    let report: Report = serde_json::from_slice(&output.stdout)?;
    let [finding] = report.findings.as_slice() else { panic!("{report:#?}") };
    assert_eq!((finding.check.as_str(), finding.severity), ("daemon", Severity::Warning));
    assert_eq!(finding.mend, "sudo pontoon doctor");
    assert_eq!(output.status.code(), Some(8));
    Ok(())
}
