//! The recipe for virtual machines: its script on hosts that systemd boots, on which everything that
//! it would install is there but Pontoon.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use pontoon_lab::Lab;
use pontoon_lab::probe::{self, Responder};
use pontoon_tests::cluster::{SOON, eventually};
use pontoon_tests::installed::{self, UNIT};
use pontoon_tests::systemd::{self, SystemdHost};
use pontoon_tests::{packages, requirements};

const HOSTS: usize = 3;

fn folder() -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vagrant");
    path.canonicalize().with_context(|| format!("{path:?} is not there"))
}

/// Runs the script as Vagrant does.
fn provision(lab: &Lab, hosts: &[SystemdHost], number: usize) -> Result<String> {
    let address = |number| lab.host(number).addresses()[0].to_string();
    let script = folder()?.join("provision.sh").display().to_string();
    let (own, first) = (address(number), address(1));
    let packages = packages::folder().display().to_string();
    let mut words = vec!["sh", &script, &own, &first];
    if number == 1 {
        words.push(&packages);
    }
    hosts[number - 1].exec(&words)
}

#[test]
fn the_script_makes_three_nodes_whose_pods_reach_each_other() {
    let programs = [systemd::PROGRAMS, packages::PROGRAMS, &["etcd", "etcdctl", "containerd"]];
    let missing = requirements::missing(&programs.concat()).or_else(packages::missing);
    if let Some(why) = missing {
        return eprintln!("skipped: {why}");
    }
    let lab = Lab::builder().hosts(3).embedded().build().unwrap();
    let seen = [folder().unwrap(), packages::folder()];
    let boot = |number| SystemdHost::boot(lab.host(number), &seen).unwrap();
    let hosts: Vec<_> = (1..=HOSTS).map(boot).collect();
    for number in 1..=HOSTS {
        let said = provision(&lab, &hosts, number).unwrap();
        assert!(said.contains(&format!("host-{number}")), "{said}");
    }
    // Whoever runs it again changes nothing for the others.
    provision(&lab, &hosts, 1).unwrap();

    let pods: Vec<_> = hosts.iter().map(|host| installed::add_pod(host, "pod").unwrap()).collect();
    let addresses: Vec<_> = hosts
        .iter()
        .map(|host| {
            let status = installed::status(host).unwrap();
            assert_eq!(status.nodes.len(), HOSTS, "{status:?}");
            assert_eq!(host.property(UNIT, "UnitFileState").unwrap(), "enabled");
            status.pods[0].addresses[0]
        })
        .collect();
    for (to, address) in pods.iter().zip(&addresses) {
        let _server = Responder::start(to, 80).unwrap();
        for (from, own) in pods.iter().zip(&addresses).filter(|(_, own)| *own != address) {
            let reached = eventually(SOON, || {
                probe::tcp(from, (*address, 80).into(), Duration::from_secs(2))
            });
            assert_eq!(reached.unwrap().source.ip(), *own, "to {address}");
        }
    }
}

#[test]
fn vagrant_finds_no_fault_with_the_machines() {
    if pontoon_lab::binaries::on_path("vagrant").is_none() {
        return eprintln!("skipped: needs vagrant: `cargo xtask setup`");
    }
    let home = tempfile::tempdir().unwrap();
    let mut vagrant = Command::new("vagrant");
    // Which hypervisor there is matters as little as that there is none.
    vagrant.args(["validate", "--ignore-provider"]).current_dir(folder().unwrap());
    for variable in ["HOME", "VAGRANT_HOME", "VAGRANT_DOTFILE_PATH"] {
        vagrant.env(variable, home.path());
    }
    let output = vagrant.output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{said:?}");
    assert!(said[0].contains("validated successfully"), "{said:?}");
}
