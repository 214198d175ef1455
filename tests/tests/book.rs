//! Commands of the book, on a host that systemd boots, as a reader would type them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail by panicking, as tests do"
)]

use std::path::PathBuf;

use anyhow::ensure;
use pontoon_lab::Lab;
use pontoon_tests::cluster::{SOON, eventually};
use pontoon_tests::installed::{self, UNIT};
use pontoon_tests::systemd::{self, SystemdHost};
use pontoon_tests::{book, packages, requirements};

/// Whether a test cannot be run here; says why.
fn skipped(programs: &[&str]) -> bool {
    let programs = [systemd::PROGRAMS, programs].concat();
    let why = requirements::missing(&programs);
    why.inspect(|why| eprintln!("skipped: {why}")).is_some()
}

/// Types blocks of a page into one shell, which is in `folder` at first, and returns what it printed.
fn type_in(host: &SystemdHost, folder: &str, blocks: &[String], names: &[(&str, &str)]) -> String {
    let begin = format!("set -e\nexport DEBIAN_FRONTEND=noninteractive\ncd {folder}\n");
    let mut script = blocks.iter().fold(begin, |script, block| script + block);
    for (name, value) in names {
        script = script.replace(name, value);
    }
    host.exec(&["sh", "-c", &script]).unwrap()
}

#[test]
fn etcd_with_tls_and_users_is_as_the_page_says() {
    if skipped(&["etcd", "etcdctl", "openssl"]) {
        return;
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let host = installed::install(lab.host(1)).unwrap();
    let address = lab.host(1).addresses()[0].to_string();
    let blocks = book::blocks("etcd.md").unwrap();
    let said = type_in(&host, "/", &blocks, &[("192.0.2.1", &address)]);
    assert!(said.contains("is healthy"), "{said}");
    assert!(host.exec(&["cat", "/etc/pontoon/pontoond.toml"]).unwrap().contains("password-file"));
    assert_eq!(host.property(UNIT, "StatusText").unwrap(), "ready for pods");
    // It begins with what it knew before, while it logs in.
    eventually(SOON, || {
        let status = installed::status(&host)?;
        ensure!(status.store.connected, "{status:?}");
        Ok(())
    })
    .unwrap();
    // Nobody without certificate and password reads it.
    let url = format!("https://{address}:2379/version");
    assert!(host.exec(&["curl", "--silent", "--insecure", "--fail", &url]).is_err());
}

#[test]
fn the_quick_start_leads_to_a_service() {
    if skipped(packages::PROGRAMS) {
        return;
    }
    if let Some(why) = packages::missing() {
        return eprintln!("skipped: {why}");
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let folder = packages::folder();
    let host = SystemdHost::boot(lab.host(1), &[PathBuf::from(&folder)]).unwrap();
    // What is recommended beside comes from a network, which there is not.
    host.exec(&["sh", "-c", "echo 'APT::Install-Recommends \"no\";' > /etc/apt/apt.conf.d/test"])
        .unwrap();
    let blocks = book::blocks("quickstart.md").unwrap();
    let [install, start, service] = &blocks[..] else { panic!("other blocks: {blocks:#?}") };
    let folder = folder.display().to_string();
    let said = type_in(&host, &folder, &[install.clone(), start.clone()], &[]);
    assert!(said.contains("ready"), "{said}");
    installed::add_pod(&host, "web").unwrap();
    let said = type_in(&host, "/", std::slice::from_ref(service), &[("NAME", "web")]);
    assert!(said.contains("web"), "{said}");

    // And what is saved of it can be put back.
    let backup = book::blocks("operating.md").unwrap();
    type_in(&host, "/root", &backup, &[]);
    host.exec(&["pontoon", "delete", "svc", "web"]).unwrap();
    host.exec(&["pontoon", "apply", "-f", "/root/cluster.yaml"]).unwrap();
    let back = host.exec(&["pontoon", "get", "svc", "web", "-o", "name"]).unwrap();
    assert_eq!(back.trim(), "service/web");
}
