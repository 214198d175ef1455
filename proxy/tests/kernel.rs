//! The table against the real kernel: it loads, nft can list it, and a second look finds it right.
//! Needs root, and says so where it is not.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use nix::sched::{CloneFlags, unshare};
use pontoon_model::cidr::Family;
use pontoon_model::service::{Protocol, ServiceId};
use pontoon_netlink::nft::Nft;
use pontoon_proxy::plan::{FrontendPlan, PortKey, PortPlan, Reach};
use pontoon_proxy::{Arrangement, Frontend, Proxy, Ranges, ServicePlan};

/// Runs a test on a thread in a network namespace of its own.
fn in_netns(test: impl FnOnce() + Send + 'static) {
    let outcome = std::thread::spawn(move || match unshare(CloneFlags::CLONE_NEWNET) {
        Ok(()) => test(),
        Err(error) => eprintln!("skipped: needs root to make a network namespace ({error})"),
    })
    .join();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

fn id(name: &str) -> Arc<ServiceId> {
    Arc::new(ServiceId { namespace: "default".parse().unwrap(), name: name.parse().unwrap() })
}

fn ranges() -> Ranges {
    Ranges {
        services: vec!["10.96.0.0/12".parse().unwrap(), "fd00:96::/112".parse().unwrap()],
        pods: vec!["10.244.0.0/16".parse().unwrap(), "fd00:244::/48".parse().unwrap()],
    }
}

fn frontend(address: &str, port: u16, to: Reach, ranges: &[&str]) -> FrontendPlan {
    FrontendPlan {
        at: Frontend { address: address.parse().unwrap(), protocol: Protocol::Tcp, port },
        to,
        ranges: ranges.iter().map(|range| range.parse().unwrap()).collect(),
    }
}

fn port(
    label: &str,
    cluster: &[&str],
    local: &[&str],
    frontends: Vec<FrontendPlan>,
    affinity: Option<u32>,
) -> PortPlan {
    let at = frontends[0].at;
    let endpoints = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    PortPlan {
        key: PortKey { family: Family::of(at.address), protocol: at.protocol, port: at.port },
        label: label.into(),
        cluster: endpoints(cluster),
        local: endpoints(local),
        frontends,
        affinity,
    }
}

/// A service of each kind.
fn services() -> Vec<(&'static str, ServicePlan)> {
    let web = ["10.244.1.2:8080", "10.244.2.2:8080", "10.244.2.3:8080"];
    vec![
        (
            "balanced",
            vec![port(
                "default/balanced:http",
                &["10.244.1.9:80", "203.0.113.7:80"],
                &["10.244.1.9:80"],
                vec![
                    frontend("10.96.0.3", 80, Reach::Cluster, &[]),
                    frontend("192.0.2.1", 30080, Reach::LocalFromOutside, &[]),
                    frontend(
                        "198.51.100.1",
                        80,
                        Reach::LocalFromOutside,
                        &["192.0.2.0/24", "198.51.100.0/28"],
                    ),
                ],
                None,
            )],
        ),
        (
            "empty",
            vec![port(
                "default/empty:80",
                &[],
                &[],
                vec![frontend("10.96.0.4", 80, Reach::Cluster, &[])],
                None,
            )],
        ),
        (
            "sticky",
            vec![port(
                "default/sticky:https",
                &["10.244.1.2:8443", "10.244.2.2:8443"],
                &[],
                vec![frontend("10.96.0.2", 443, Reach::Cluster, &[])],
                Some(10_800),
            )],
        ),
        (
            "web",
            vec![
                port(
                    "default/web:http",
                    &web,
                    &[],
                    vec![frontend("10.96.0.1", 80, Reach::Cluster, &[])],
                    None,
                ),
                port(
                    "default/web:http",
                    &["[fd00:244::2]:8080"],
                    &[],
                    vec![frontend("fd00:96::1", 80, Reach::Cluster, &[])],
                    None,
                ),
            ],
        ),
    ]
}

fn arrangement() -> Arrangement {
    let mut arrangement = Arrangement::default();
    arrangement.set_ranges(ranges());
    for (name, plan) in services() {
        arrangement.set(&id(name), Some(plan));
    }
    arrangement
}

fn listing() -> String {
    let output =
        Command::new("nft").args(["list", "table", "inet", "pontoon-services"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The lines of a listing in an order of their own: the kernel's hash tables have none.
fn lines(listing: &str) -> BTreeSet<String> {
    listing
        .lines()
        .flat_map(|line| line.split(", "))
        .map(|part| {
            part.trim().trim_start_matches("elements = { ").trim_end_matches([' ', '}', ','])
        })
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_table_is_readable() {
    in_netns(|| {
        let mut proxy = Proxy::open("pontoon0").unwrap();
        let actual = proxy.read().unwrap();
        proxy.restore(&mut arrangement(), actual).unwrap();
        let listing = listing();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/services.nft");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &listing).unwrap();
        }
        let golden = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(lines(&listing), lines(&golden), "UPDATE_GOLDEN=1 accepts what is now");
    });
}

#[test]
fn a_restart_finds_everything_right_and_writes_nothing() {
    in_netns(|| {
        let mut proxy = Proxy::open("pontoon0").unwrap();
        let actual = proxy.read().unwrap();
        assert!(proxy.restore(&mut arrangement(), actual).unwrap().0);
        let before = Nft::open().unwrap().generation().unwrap();

        let mut proxy = Proxy::open("pontoon0").unwrap();
        let actual = proxy.read().unwrap();
        assert!(actual.intact && actual.strange.is_empty());
        let mut restarted = Arrangement::adopting(Proxy::found(&actual));
        restarted.set_ranges(ranges());
        for (name, plan) in services() {
            restarted.set(&id(name), Some(plan));
        }
        assert!(!proxy.restore(&mut restarted, actual).unwrap().0);
        assert_eq!(Nft::open().unwrap().generation().unwrap(), before);
    });
}

#[test]
fn what_a_stranger_changed_is_mended() {
    in_netns(|| {
        let mut proxy = Proxy::open("pontoon0").unwrap();
        let actual = proxy.read().unwrap();
        let mut services = arrangement();
        proxy.restore(&mut services, actual).unwrap();
        let good = lines(&listing());
        for damage in [
            "flush ruleset",
            "flush map inet pontoon-services backends4",
            "delete element inet pontoon-services services4 { 10.96.0.1 . tcp . 80 }",
            "add element inet pontoon-services services4 { 10.96.0.1 . tcp . 81 : drop }",
            "add rule inet pontoon-services services accept",
            "add chain inet pontoon-services lb77",
            "flush chain inet pontoon-services lb3",
        ] {
            assert!(Command::new("nft").arg(damage).status().unwrap().success(), "{damage}");
            let actual = proxy.read().unwrap();
            assert!(proxy.restore(&mut services, actual).unwrap().0, "{damage}");
            assert_eq!(lines(&listing()), good, "{damage}");
        }
    });
}

#[test]
fn changes_are_carried_out_and_taken_back() {
    in_netns(|| {
        let mut proxy = Proxy::open("pontoon0").unwrap();
        let actual = proxy.read().unwrap();
        let mut arrangement = arrangement();
        proxy.restore(&mut arrangement, actual).unwrap();
        let before = lines(&listing());
        arrangement.set(&id("web"), None);
        arrangement.set(&id("sticky"), None);
        proxy.apply(&arrangement.take_changes()).unwrap();
        let shrunk = lines(&listing());
        assert!(!shrunk.iter().any(|line| line.contains("10.96.0.1 ") || line.contains("sticky2")));
        for (name, plan) in services() {
            arrangement.set(&id(name), Some(plan));
        }
        proxy.apply(&arrangement.take_changes()).unwrap();
        // New sets of endpoints have new numbers.
        let after = lines(&listing());
        assert_eq!(before.len(), after.len());
        assert!(proxy.read().unwrap().intact);
    });
}
