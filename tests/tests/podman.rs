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

/// podman 4.3 takes name servers and search list of the result of ADD, puts the host's own name servers
/// behind them, and passes its options over. With `--dns` it takes nothing of the result.
#[test]
fn a_container_is_told_of_the_dns_and_of_ndots_by_a_flag() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let podman = Podman::configure(&pair.first).unwrap();
    let told = |flags: &[&str]| {
        let command = ["--rootfs", "/:O", "cat", "/etc/resolv.conf"];
        let fixed = ["run", "--rm", "--network", podman::NETWORK];
        podman.podman(&[&fixed, flags, &command].concat()).unwrap()
    };
    let search = "search default.svc.cluster.local svc.cluster.local cluster.local";
    let printed = told(&["--dns-option", "ndots:5"]);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..3], [search, "nameserver 10.96.0.10", "nameserver fd00:10:96::a"]);
    assert!(lines.contains(&"options ndots:5"), "{printed}");
    assert!(!told(&[]).contains("options"), "then the flag is needed no more");

    let all = "--dns=10.96.0.10 --dns-search=shop.svc.cluster.local --dns-search=svc.cluster.local \
               --dns-search=cluster.local --dns-option=ndots:5";
    let printed = told(&all.split_whitespace().collect::<Vec<_>>());
    let expected = [
        "search shop.svc.cluster.local svc.cluster.local cluster.local",
        "nameserver 10.96.0.10",
        "options ndots:5",
    ];
    assert_eq!(printed.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>(), expected);
}

#[test]
fn containers_find_each_other_by_name_and_alias_on_all_hosts() {
    if skipped() {
        return;
    }
    let pair = Pair::start().unwrap();
    let (one, two) =
        (Podman::configure(&pair.first).unwrap(), Podman::configure(&pair.second).unwrap());
    let aliases =
        ["--network-alias", "db", "--network-alias", "Main", "--network-alias", "no_label"];
    one.run_detached("web", &aliases, &["sleep", "600"]).unwrap();
    let mut own = pair.first.status().unwrap().pods[0].addresses.clone();
    own.sort();
    // The store's news are on their way.
    let script = "for i in $(seq 50); do getent ahosts main && break; sleep 0.1; done >/dev/null; \
                  for name in web db main db.default; do getent ahosts $name | awk '{print $1}' | sort -u | xargs; done";
    let flags = ["run", "--rm", "--network", podman::NETWORK, "--dns-option", "ndots:5"];
    let command = ["--rootfs", "/:O", "sh", "-c", script];
    let printed = two.podman(&[&flags[..], &command].concat()).unwrap();
    let found: Vec<Vec<std::net::IpAddr>> = printed
        .lines()
        .map(|line| {
            let mut found: Vec<_> = line.split(' ').map(|ip| ip.parse().unwrap()).collect();
            found.sort();
            found
        })
        .collect();
    assert_eq!(found, vec![own; 4], "{printed}");
}
