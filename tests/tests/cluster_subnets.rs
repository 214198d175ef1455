//! Who owns which subnet, whatever happens.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use pontoon_lab::{Lab, Pod};
use pontoon_model::api::{Request, Response};
use pontoon_tests::cluster::{
    LEASE, SOON, all_reach_all, cluster, eventually, skipped, subnets, wait_for_problem,
};

#[test]
fn a_node_gets_its_own_subnets_back() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let host = lab.host(1);
    let own = subnets(host)?;
    assert_eq!(own.len(), 2, "one a family: {own:?}");
    host.restart(SOON)?;
    assert_eq!(subnets(host)?, own, "after a restart");

    host.stop()?;
    fs::remove_dir_all(host.state_dir())?;
    host.start()?;
    host.wait_ready(SOON)?;
    assert_eq!(subnets(host)?, own, "after the state folder was lost");

    lab.etcd().stop()?;
    host.restart(SOON)?;
    assert_eq!(subnets(host)?, own, "from the snapshot");
    let pod = host.add_pod("while-etcd-is-away")?;
    let far = lab.host(2).add_pod("far")?;
    all_reach_all(&[host, lab.host(2)], &[&pod, &far])?;
    lab.etcd().start()?;
    eventually(LEASE, || {
        let status = host.status()?;
        ensure!(status.store.connected && status.problems.is_empty(), "{status:#?}");
        Ok(())
    })?;
    assert_eq!(subnets(host)?, own, "after etcd was away");
    Ok(())
}

#[test]
fn two_hosts_of_one_name_are_told_apart() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(2).build()?;
    lab.host(1).start()?;
    lab.host(1).wait_ready(SOON)?;
    lab.host(2).configure("node.name", "host-1")?;
    lab.host(2).start()?;
    eventually(SOON, || {
        ensure!(!lab.host(2).is_running(), "the second host-1 runs");
        Ok(())
    })?;
    let said = lab.host(2).log();
    assert!(said.contains("node name host-1 belongs to machine"), "{said}");
    assert!(lab.host(1).status()?.ready);
    Ok(())
}

#[test]
fn an_exhausted_range_is_told_and_tried_again() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder()
        .hosts(3)
        .configure("cluster.pod-cidrs", ["10.244.0.0/27"])
        .configure("cluster.node-prefix-v4", 28)
        .build()?;
    for number in [1, 2] {
        lab.host(number).start()?;
        lab.host(number).wait_ready(SOON)?;
    }
    lab.host(3).start()?;
    wait_for_problem(lab.host(3), "no free /28 left in pod CIDR 10.244.0.0/27")?;
    lab.host(2).kill()?;
    let remove = Request::RemoveNode { name: "host-2".parse()? };
    let answer = lab.host(1).request(&remove)?;
    assert!(matches!(&answer, Response::Failed(f) if f.msg.contains("is alive")), "{answer:?}");
    eventually(LEASE, || {
        let answer = lab.host(1).request(&remove)?;
        ensure!(answer == Response::Done, "{answer:?}");
        Ok(())
    })?;
    lab.host(3).wait_ready(SOON)?;
    eventually(SOON, || {
        let routes = lab.host(1).exec(&["ip", "route", "show", "proto", "112"])?;
        let led = routes.lines().filter(|line| line.contains("pontoon-vxlan")).count();
        ensure!(led == 1, "the dead node's route is gone, the new one's is there: {routes}");
        Ok(())
    })
}

#[test]
fn a_full_node_leases_a_further_subnet_and_its_pods_are_reached_at_once() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2).configure("cluster.node-prefix-v4", 29))?;
    let far = lab.host(2).add_pod("far")?;
    let mut pods: Vec<Pod> = Vec::new();
    for number in 0..8 {
        pods.push(lab.host(1).add_pod(&format!("p{number}"))?);
        let newest = pods.last().unwrap();
        all_reach_all(&[], &[newest, &far])?;
    }
    let distinct: BTreeSet<_> = pods.iter().flat_map(Pod::addresses).collect();
    assert_eq!(distinct.len(), 16);
    assert_eq!(subnets(lab.host(1))?.len(), 3, "two of IPv4, one of IPv6");
    let everybody: Vec<&Pod> = pods.iter().chain([&far]).collect();
    all_reach_all(&[lab.host(1), lab.host(2)], &everybody)
}

#[test]
fn fifty_nodes_that_join_at_once_have_subnets_of_their_own() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    const NODES: usize = 50;
    // All hosts of a lab share the kernel's one table of neighbours, which 50 × 49 peers would fill.
    let lab = Lab::builder().hosts(50).configure("mesh.enabled", false).build()?;
    let began = Instant::now();
    for host in lab.hosts() {
        host.start()?;
    }
    for host in lab.hosts() {
        host.wait_ready(Duration::from_secs(60))?;
    }
    let took = began.elapsed();
    let mut all = BTreeSet::new();
    for host in lab.hosts() {
        for subnet in subnets(host)? {
            assert!(all.insert(subnet.clone()), "{subnet} twice");
        }
    }
    assert_eq!(all.len(), 2 * NODES);
    eventually(SOON, || {
        let routes = lab.host(50).exec(&["ip", "route", "show", "proto", "112"])?;
        let led = routes.lines().filter(|line| line.contains("pontoon-vxlan")).count();
        ensure!(led == NODES - 1, "{led} of {} peers have a route", NODES - 1);
        Ok(())
    })?;
    let header = lab.etcd().ctl(&["endpoint", "status", "-w", "json"])?;
    eprintln!("{NODES} nodes were ready after {took:?}; etcd then: {header}");
    let (first, last) = (lab.host(1).add_pod("first")?, lab.host(50).add_pod("last")?);
    all_reach_all(&[lab.host(1), lab.host(50)], &[&first, &last])
}
