//! ufw and firewalld as Debian has them: what their own rules drop is named, and passes by their own commands.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use pontoon_lab::netns::Netns;
use pontoon_lab::probe::dns::RecordType;
use pontoon_lab::probe::{Responder, ping};
use pontoon_lab::{Lab, Pod, binaries};
use pontoon_model::doctor::{Finding, Report, Severity};
use pontoon_tests::cluster::{PORT, SOON, eventually, reach};
use pontoon_tests::installed::{self, UNIT};
use pontoon_tests::systemd::{self, SystemdHost};
use pontoon_tests::{naming, packages, requirements};

fn skipped() -> bool {
    let programs = [systemd::PROGRAMS, packages::PROGRAMS, &["iptables-nft"]].concat();
    let why = requirements::missing(&programs)
        .or_else(|| binaries::find("pontoon").err().map(|error| format!("{error:#}")))
        .or_else(|| {
            let is_there = packages::of_debian().is_dir();
            (!is_there).then(|| "needs packages of ufw and firewalld: cargo xtask setup".to_owned())
        });
    why.inspect(|why| eprintln!("skipped: {why}")).is_some()
}

/// A node that systemd boots, with both firewalls installed and none in force, and another node.
struct Cluster {
    host: SystemdHost,
    near: Netns,
    own: Vec<IpAddr>,
    far: Pod,
    _responder: Responder,
    lab: Lab,
}

impl Cluster {
    fn build(backend: &str) -> Result<Self> {
        let builder = Lab::builder().hosts(2).dual_stack(false);
        let lab = builder.configure("cluster.backend", backend).build()?;
        let debs = packages::of_debian();
        lab.host(2).start()?;
        lab.host(2).wait_ready(SOON)?;
        let programs: PathBuf = std::path::absolute(binaries::folder())?;
        let folders = [installed::packaging()?, programs.clone(), debs.clone()];
        let host = SystemdHost::boot(lab.host(1), &folders)?;
        installed::recipe(&host, &["--bin", &programs.display().to_string()])?;
        let config = format!("[store.etcd]\nendpoints = [\"{}\"]\n", lab.etcd().endpoint());
        sh(&host, &format!("cat > /etc/pontoon/pontoond.toml <<'END'\n{config}END"))?;
        // A firewall that is stopped while it starts leaves its rules behind: so none is started.
        sh(
            &host,
            "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d",
        )?;
        sh(&host, &format!("DEBIAN_FRONTEND=noninteractive dpkg -i {}/*.deb", debs.display()))?;
        let running = sh(&host, "systemctl is-active firewalld || true")?;
        ensure!(running.trim() == "inactive", "firewalld is {running}");
        host.exec(&["systemctl", "start", "dbus.socket", UNIT])?;
        let near = installed::add_pod(&host, "near")?;
        let own = installed::status(&host)?.pods.remove(0).addresses;
        let far = lab.host(2).add_pod("far")?;
        let responder = Responder::start(far.netns(), PORT)?;
        let cluster = Self { host, near, own, far, _responder: responder, lab };
        eventually(SOON, || cluster.passes())?;
        cluster.healthy()?;
        Ok(cluster)
    }

    /// To and from the other node, to the outside, to the DNS.
    fn passes(&self) -> Result<()> {
        let second = Duration::from_secs(1);
        reach(&self.near, &self.own, self.far.v4()?)?;
        for own in &self.own {
            ping(self.far.netns(), *own, second)?;
        }
        ping(&self.near, self.lab.outside().addresses()[0], second)?;
        naming::asked(&self.near, &naming::of_service("web"), RecordType::A).map(drop)
    }

    fn findings(&self) -> Result<Vec<Finding>> {
        let printed = sh(&self.host, "pontoon doctor -o json || true")?;
        Ok(serde_json::from_str::<Report>(&printed)?.findings)
    }

    fn healthy(&self) -> Result<()> {
        eventually(SOON, || {
            let found = self.findings()?;
            ensure!(found.is_empty(), "{found:#?}");
            Ok(())
        })
    }

    /// With its firewall in force packets are dropped; what is found is of one check and mends it all.
    fn dropped_and_mended(&self, check: &str) -> Result<()> {
        // It loads its rules when it has said that it runs.
        eventually(SOON, || {
            ensure!(self.passes().is_err(), "{check} drops nothing");
            Ok(())
        })?;
        let found = self.findings()?;
        ensure!(!found.is_empty(), "nothing is found");
        for finding in &found {
            ensure!(finding.check == check && finding.severity == Severity::Fault, "{finding:#?}");
            sh(&self.host, &finding.mend)?;
        }
        self.healthy()?;
        eventually(SOON, || self.passes())
    }
}

fn sh(host: &SystemdHost, script: &str) -> Result<String> {
    host.exec(&["sh", "-ec", script])
}

#[test]
fn ufw_lets_pods_pass_by_its_own_commands() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = Cluster::build("vxlan")?;
    sh(&cluster.host, "ufw --force enable")?;
    cluster.dropped_and_mended("ufw")
}

#[test]
fn firewalld_lets_pods_pass_by_its_own_commands() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    for backend in ["vxlan", "host-gw"] {
        let cluster = Cluster::build(backend)?;
        cluster.host.exec(&["systemctl", "start", "firewalld"])?;
        cluster.dropped_and_mended("firewalld")?;
    }
    Ok(())
}
