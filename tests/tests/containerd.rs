//! containerd on two hosts: containers of `ctr`, pods of the CRI.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use pontoon_lab::netns::Netns;
use pontoon_lab::probe::{self, Responder};
use pontoon_tests::containerd::cri::Sandbox;
use pontoon_tests::containerd::{self, Containerd};
use pontoon_tests::node::Node;
use pontoon_tests::pair::Pair;
use pontoon_tests::{programs, requirements};

const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the test cannot be run here; says why.
fn skipped() -> bool {
    let why = requirements::missing(
        &[containerd::PROGRAMS, programs::PROGRAMS, &["cc", "etcdctl"]].concat(),
    );
    why.inspect(|why| eprintln!("skipped: {why}")).is_some()
}

fn words(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

#[test]
fn containers_of_ctr_on_two_hosts_exchange_traffic_without_nat() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let (first, second) = (&pair.first, &pair.second);
    let (one, two) = (Containerd::start(first).unwrap(), Containerd::start(second).unwrap());
    one.run_detached("web", &programs::nginx()).unwrap();
    two.run_detached("cache", &programs::redis()).unwrap();
    let (web, cache) =
        (first.pod("-web").unwrap().addresses, second.pod("-cache").unwrap().addresses);
    assert_eq!((web.len(), cache.len()), (2, 2), "an address of each family: {web:?} {cache:?}");
    for (number, address) in web.into_iter().enumerate() {
        let printed = two
            .run_once(&format!("client-{number}"), &words(&programs::fetch(address, 80)))
            .unwrap();
        assert!(
            programs::source_was_kept(&printed),
            "nginx at {address} saw another address: {printed:?}"
        );
    }
    for (number, address) in cache.into_iter().enumerate() {
        let name = format!("client-{number}");
        let printed = one.run_once(&name, &words(&programs::redis_client(address))).unwrap();
        let seen = programs::seen_by_redis(&printed).map(|ip| ip.to_string()).unwrap_or_default();
        assert!(
            printed.lines().next().unwrap().split(' ').any(|own| own == seen),
            "redis saw {seen}: {printed:?}"
        );
    }
}

/// `ctr run --rm --cni` calls DEL with an empty CNI_NETNS.
#[test]
fn a_container_that_ends_under_ctr_has_given_its_address_back() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let node = &pair.first;
    let containerd = Containerd::start(node).unwrap();
    containerd.run_once("short", &["true"]).unwrap();
    assert_eq!(node.status().unwrap().pods, []);
}

/// `ctr run -d --cni`, kill and rm never call DEL.
#[test]
fn a_container_that_ctr_forgot_is_collected() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let node = &pair.first;
    let containerd = Containerd::start(node).unwrap();
    containerd.run_detached("forgotten", &["sleep", "600"]).unwrap();
    node.pod("-forgotten").unwrap();
    containerd.kill("forgotten").unwrap();
    node.wait_without("-forgotten").unwrap();
}

#[test]
fn a_host_port_of_a_cri_pod_is_reached_from_outside_until_the_pod_is_stopped() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let (node, other) = (&pair.first, &pair.second);
    let containerd = Containerd::start(node).unwrap();
    let mut cri = containerd.cri().unwrap();
    cri.wait_for_network().unwrap();
    let id = cri.run(&Sandbox { name: "web", ports: &[(8080, 80)], ..Sandbox::default() }).unwrap();
    let pod = node.pod(&id).unwrap();
    let mut of_containerd: Vec<IpAddr> =
        cri.addresses(&id).unwrap().iter().map(|ip| ip.parse().unwrap()).collect();
    of_containerd.sort();
    let mut of_pontoon = pod.addresses.clone();
    of_pontoon.sort();
    assert_eq!(of_containerd, of_pontoon);
    assert_eq!(pod.pod.to_string(), "default/web");

    let netns = sandbox_netns(node, &cri.netns(&id).unwrap()).unwrap();
    let _server = Responder::start(&netns, 80).unwrap();
    for (host, outside) in
        pair.lab.host(1).addresses().into_iter().zip(pair.lab.outside().addresses())
    {
        let published = SocketAddr::new(host, 8080);
        let seen = probe::tcp(pair.lab.outside().netns(), published, PATIENCE).unwrap();
        assert_eq!(seen.source.ip(), *outside, "the client's address is kept through {published}");
        probe::tcp(other.lab().netns(), published, PATIENCE).unwrap();
        probe::tcp(node.lab().netns(), published, PATIENCE).unwrap();
    }

    cri.stop(&id).unwrap();
    assert_eq!(node.status().unwrap().pods, []);
    cri.stop(&id).unwrap();
    cri.remove(&id).unwrap();
    let published = SocketAddr::new(pair.lab.host(1).addresses()[0], 8080);
    assert!(
        probe::tcp(pair.lab.outside().netns(), published, PATIENCE).is_err(),
        "{published} is still published"
    );
}

#[test]
fn annotations_of_a_cri_pod_reach_the_other_nodes() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let node = &pair.first;
    let containerd = Containerd::start(node).unwrap();
    let mut cri = containerd.cri().unwrap();
    cri.wait_for_network().unwrap();
    let annotations = [("pontoon.test/team", "bridge builders")];
    cri.run(&Sandbox { name: "annotated", annotations: &annotations, ..Sandbox::default() })
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let command = [
            "etcdctl",
            "get",
            "--prefix",
            "--print-value-only",
            "/pontoon/v1/pods/host-1/default/annotated",
        ];
        let output = pair
            .lab
            .etcd()
            .netns()
            .output(Command::new(command[0]).env("ETCDCTL_API", "3").args(&command[1..]));
        let stored = String::from_utf8(output.unwrap().stdout).unwrap();
        if stored.contains(r#""pontoon.test/team":"bridge builders""#) {
            return;
        }
        assert!(Instant::now() < deadline, "the store holds {stored:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// containerd writes what its client asks for into resolv.conf, or else what the host's says; to the
/// plugin it passes the first on. Of the result's `dns` it makes no use.
#[test]
fn a_cri_pod_has_the_resolver_that_the_client_of_containerd_asks_for() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let node = &pair.first;
    let containerd = Containerd::start(node).unwrap();
    let mut cri = containerd.cri().unwrap();
    cri.wait_for_network().unwrap();
    let mut run = |name, dns| {
        let id = cri.run(&Sandbox { name, dns, ..Sandbox::default() }).unwrap();
        let folder = format!("/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{id}");
        let file = node.machine().path(&format!("{folder}/resolv.conf"));
        let result = cri.details(&id).unwrap()["cniResult"]["DNS"].clone();
        let ours = result.as_array().unwrap().last().unwrap().clone();
        (ours, std::fs::read_to_string(file).unwrap())
    };
    let (ours, _) = run("plain", None);
    assert_eq!(ours["nameservers"], serde_json::json!(["10.96.0.10", "fd00:10:96::a"]));
    assert_eq!(ours["search"][0], "default.svc.cluster.local");
    let (ours, file) = run("asked", Some((&["192.0.2.53"], &["example.com"])));
    let asked = serde_json::json!({
        "nameservers": ["192.0.2.53"], "search": ["example.com"], "options": ["ndots:5"],
    });
    assert_eq!(ours, asked);
    assert_eq!(file, "search example.com\nnameserver 192.0.2.53\n");
}

#[test]
fn a_cri_pod_that_is_stopped_while_the_daemon_is_down_is_given_up_when_it_is_back() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let node = &pair.first;
    let containerd = Containerd::start(node).unwrap();
    let mut cri = containerd.cri().unwrap();
    cri.wait_for_network().unwrap();
    let id = cri.run(&Sandbox { name: "orphan", ..Sandbox::default() }).unwrap();
    node.pod(&id).unwrap();
    node.stop_daemon().unwrap();
    cri.stop(&id).unwrap();
    assert_eq!(node.pending().len(), 1, "{:?}", node.pending());
    cri.remove(&id).unwrap();
    node.start_daemon().unwrap();
    assert_eq!(node.status().unwrap().pods, []);
    assert_eq!(node.pending(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_cri_pod_is_refused_with_the_cause_while_the_daemon_is_down() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let node = &pair.first;
    let containerd = Containerd::start(node).unwrap();
    let mut cri = containerd.cri().unwrap();
    cri.wait_for_network().unwrap();
    node.stop_daemon().unwrap();
    let sandbox = Sandbox { name: "early", ..Sandbox::default() };
    let refused = format!("{:#}", cri.run(&sandbox).unwrap_err());
    assert!(refused.contains("pontoond"), "{refused}");
    node.start_daemon().unwrap();
    let id = cri.run(&sandbox).unwrap();
    assert_eq!(node.pod(&id).unwrap().addresses.len(), 2);
}

/// A sandbox's namespace as the machine sees it.
fn sandbox_netns(node: &Node, on_the_host: &Path) -> Result<Netns> {
    // /var/run is a link that would lead to the machine's own /run.
    Netns::open(node.machine().path(&on_the_host.to_string_lossy().replace("/var/run/", "/run/")))
}
