//! What 10,000 services and 100,000 endpoints cost. Each in a process of its own, for the memory:
//! `cargo nextest run --release -p pontoon-endpoints --run-ignored only --no-capture`.

use std::hint::black_box;
use std::time::Instant;

use pontoon_model::endpoint::EndpointSlice;
use pontoon_model::pod::PodRecord;
use pontoon_model::service::Service;

use super::objects::*;
use crate::Directory;

const SERVICES: usize = 10_000;
const ENDPOINTS: usize = 10;
const NAMESPACES: usize = 50;
const NODES: usize = 200;

/// Labels as Helm charts and deployments give them.
fn pod_labels(app: usize, more: &str) -> String {
    format!(
        "app.kubernetes.io/name=web-{app},app.kubernetes.io/instance=web-{app},env=prod,\
         app.kubernetes.io/version=1.4.2,pod-template-hash={:08x}{more}",
        app.wrapping_mul(2_654_435_761)
    )
}

fn a_service(app: usize) -> Service {
    let select = format!("env=prod,app.kubernetes.io/name=web-{app}");
    service(&format!("ns-{}/web-{app}", app % NAMESPACES), &select)
}

fn a_pod(app: usize, number: usize, more: &str) -> PodRecord {
    let all = app * ENDPOINTS + number;
    let id = format!("ns-{}/web-{app}-{:08x}-{number:05}", app % NAMESPACES, app * 7919);
    let address = format!("10.{}.{}.{}", all >> 16, all >> 8 & 255, all & 255);
    pod(&format!("node-{}", all % NODES), &id, &pod_labels(app, more), &[&address])
}

fn a_slice(app: usize) -> EndpointSlice {
    let id = format!("ns-{}/web-{app}", app % NAMESPACES);
    let endpoint = |number| {
        let all: usize = app * ENDPOINTS + number;
        let address = format!("10.{}.{}.{}", all >> 16, all >> 8 & 255, all & 255);
        let mut endpoint = listed(&address, &format!("node-{}", all % NODES));
        endpoint.zone = Some(format!("zone-{}", all % 3));
        endpoint.zone_hints = vec![format!("zone-{}", all % 3)];
        endpoint
    };
    slice(&format!("{id}-abcde"), &id, (0..ENDPOINTS).map(endpoint).collect())
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Fills a directory and prints what it takes, without what making the objects takes.
fn filled(name: &str, mut put: impl FnMut(&mut Directory, usize)) -> Directory {
    let before = resident_kib();
    let start = Instant::now();
    let mut directory = Directory::new();
    (0..SERVICES).for_each(|app| directory.put_service(a_service(app)));
    let services = resident_kib() - before;
    (0..SERVICES).for_each(|app| put(&mut directory, app));
    let (all, elapsed) = (resident_kib() - before, start.elapsed());
    let each = (all - services) * 1024 / (SERVICES * ENDPOINTS) as u64;
    println!(
        "{name}: {} MiB, of which services {} MiB; {each} bytes an endpoint; filled in {elapsed:?}",
        all / 1024,
        services / 1024
    );
    assert!(all < 56 << 10, "{all} KiB");
    assert_eq!(directory.take_dirty().len(), SERVICES);
    directory
}

/// Prints the time of one of many calls.
fn time(what: &str, times: usize, mut call: impl FnMut(usize)) {
    let start = Instant::now();
    (0..times).for_each(&mut call);
    println!("  {what}: {:?}", start.elapsed() / u32::try_from(times).unwrap());
}

fn pods(name: &str, more: fn(usize) -> String) {
    let mut directory = filled(name, |directory, app| {
        for number in 0..ENDPOINTS {
            directory.put_pod(a_pod(app, number, &more(number)));
        }
    });
    let change = |ready, app: usize| {
        let mut pod = a_pod(app * 7 % SERVICES, app % ENDPOINTS, &more(app % ENDPOINTS));
        pod.ready = ready;
        pod
    };
    for (what, ready) in [("put a pod that is the same", true), ("put a changed pod", false)] {
        let mut changes: Vec<_> = (0..2000).map(|app| Some(change(ready, app))).collect();
        time(what, changes.len(), |index| directory.put_pod(changes[index].take().unwrap()));
    }
    assert_eq!(directory.take_dirty().len(), 2000);
    time("endpoints of a service", SERVICES, |app| {
        let endpoints = directory.endpoints(&a_service(app).id);
        assert_eq!(black_box(endpoints)[0].len(), ENDPOINTS);
    });
    let mut services: Vec<_> = (0..2000)
        .map(|app| Some(Service { selector: selector(&pod_labels(app + 1, "")), ..a_service(app) }))
        .collect();
    time("put a changed selector", services.len(), |index| {
        directory.put_service(services[index].take().unwrap());
    });
    let mut gone = (0..NODES).map(|node| nodes(&[&format!("node-{node}")])).collect::<Vec<_>>();
    time("a node goes, another comes back", NODES, |node| {
        directory.set_gone(std::mem::take(&mut gone[node]));
    });
}

#[test]
#[ignore = "prints figures"]
fn pods_of_deployments() {
    pods("pods of deployments", |_| String::new());
}

#[test]
#[ignore = "prints figures"]
fn pods_of_stateful_sets() {
    pods("pods that each have a label of their own", |number| {
        format!(",apps.kubernetes.io/pod-index={number}")
    });
}

#[test]
#[ignore = "prints figures"]
fn endpoints_of_slices() {
    let mut directory = filled("slices", |directory, app| directory.put_slice(a_slice(app)));
    let mut slices: Vec<_> = (0..2000)
        .map(|app| {
            let mut slice = a_slice(app);
            slice.endpoints.pop();
            Some(slice)
        })
        .collect();
    time("put a changed slice", slices.len(), |index| {
        directory.put_slice(slices[index].take().unwrap());
    });
    time("endpoints of a service", SERVICES, |app| {
        black_box(directory.endpoints(&a_service(app).id));
    });
}
