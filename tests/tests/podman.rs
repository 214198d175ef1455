//! podman with the CNI backend on two hosts.

use std::net::SocketAddr;

use pontoon_tests::pair::Pair;
use pontoon_tests::podman::{self, Podman};
use pontoon_tests::{programs, requirements};

/// Whether the test cannot be run here; says why.
fn skipped() -> bool {
    let why = requirements::missing(&[podman::PROGRAMS, programs::PROGRAMS].concat());
    why.inspect(|why| eprintln!("skipped: {why}")).is_some()
}

fn words(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

#[test]
fn containers_on_two_hosts_exchange_traffic_without_nat() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let (first, second) = (&pair.first, &pair.second);
    let (one, two) = (Podman::configure(first).unwrap(), Podman::configure(second).unwrap());
    one.run_detached("web", &[], &programs::nginx()).unwrap();
    two.run_detached("cache", &[], &programs::redis()).unwrap();
    for address in first.status().unwrap().pods[0].addresses.clone() {
        let printed = two.run_once(&words(&programs::fetch(address, 80))).unwrap();
        assert!(
            programs::source_was_kept(&printed),
            "nginx at {address} saw another address: {printed:?}"
        );
    }
    for address in second.status().unwrap().pods[0].addresses.clone() {
        let printed = one.run_once(&words(&programs::redis_client(address))).unwrap();
        let seen = programs::seen_by_redis(&printed).map(|ip| ip.to_string()).unwrap_or_default();
        assert!(
            printed.lines().next().unwrap().split(' ').any(|own| own == seen),
            "redis saw {seen}: {printed:?}"
        );
    }
}

#[test]
fn a_published_port_is_reached_from_outside_until_the_container_is_removed() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let first = &pair.first;
    let podman = Podman::configure(first).unwrap();
    podman.run_detached("web", &["-p", "8080:80"], &programs::nginx()).unwrap();
    for (host, outside) in
        pair.lab.host(1).addresses().into_iter().zip(pair.lab.outside().addresses())
    {
        let fetch = programs::fetch(host, 8080);
        let printed = pair.lab.outside().exec(&words(&fetch)).unwrap();
        assert_eq!(
            printed.lines().last().unwrap(),
            outside.to_string(),
            "the client's address is kept"
        );
    }
    podman.podman(&["rm", "--force", "--time", "0", "web"]).unwrap();
    assert_eq!(first.status().unwrap().pods, []);
    let published = SocketAddr::new(pair.lab.host(1).addresses()[0], 8080);
    let late = pontoon_lab::probe::connect(
        pair.lab.outside().netns(),
        published,
        std::time::Duration::from_secs(2),
    );
    assert!(late.is_err(), "{published} is still published");
}

#[test]
fn a_container_that_ends_by_itself_has_given_its_address_back() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let first = &pair.first;
    Podman::configure(first).unwrap().run_once(&["true"]).unwrap();
    assert_eq!(first.status().unwrap().pods, []);
}
