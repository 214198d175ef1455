//! The hosts that the other tests rely upon, with no Pontoon in them.

use std::fs;
use std::path::Path;

use pontoon_lab::Lab;
use pontoon_tests::containerd::{self, Containerd};
use pontoon_tests::node::Node;
use pontoon_tests::podman::{self, Podman};
use pontoon_tests::requirements;

const REFERENCE: &str = r#"{"cniVersion":"1.0.0","name":"pontoon","plugins":[{"type":"bridge","bridge":"cni0",
    "isGateway":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.9.0.0/24"}]]}}]}"#;

#[test]
fn a_host_has_processes_files_and_cgroups_of_its_own() {
    if let Some(why) = requirements::missing(&[]) {
        return eprintln!("skipped: {why}");
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let node = Node::create(lab.host(1)).unwrap();
    let host = node.machine();
    assert_eq!(host.exec(&["hostname"]).unwrap().trim(), "host-1");
    let sleeper = host.spawn(std::process::Command::new("sleep").arg("600")).unwrap();
    let listed = host.exec(&["ps", "-e", "-o", "args="]).unwrap();
    assert_eq!(listed.lines().filter(|line| !line.starts_with("ps ")).count(), 2, "{listed}");
    host.exec(&["sh", "-c", "echo hello > /etc/only-here"]).unwrap();
    assert_eq!(fs::read_to_string(host.path("/etc/only-here")).unwrap(), "hello\n");
    assert!(!Path::new("/etc/only-here").exists());
    let cgroups = host.exec(&["cat", &format!("/proc/{}/cgroup", "self")]).unwrap();
    assert!(
        !cgroups.contains("pontoon-host"),
        "a host sees that its cgroups are a branch: {cgroups}"
    );
    drop(node);
    assert!(
        !Path::new("/proc").join(sleeper.pid().to_string()).exists(),
        "a program outlived its host"
    );
}

#[test]
fn both_runtimes_run_containers_with_the_reference_plugins() {
    let programs = [containerd::PROGRAMS, podman::PROGRAMS].concat();
    if let Some(why) = requirements::missing(&programs) {
        return eprintln!("skipped: {why}");
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let node = Node::create(lab.host(1)).unwrap();
    fs::write(lab.host(1).cni_conf_dir().join("10-reference.conflist"), REFERENCE).unwrap();
    let containerd = Containerd::start(&node).unwrap();
    let ask = ["ip", "-brief", "address", "show", "eth0"];
    let of_containerd = containerd.run_once("a", &ask).unwrap();
    assert!(of_containerd.contains(" 10.9.0.2/24 "), "{of_containerd}");
    let of_podman = Podman::configure(&node).unwrap().run_once(&ask).unwrap();
    assert!(of_podman.contains(" 10.9.0.3/24 "), "{of_podman}");
}
