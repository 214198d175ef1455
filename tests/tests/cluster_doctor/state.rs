//! A kernel that holds something else than the daemon planned.

use anyhow::{Context, Result, ensure};
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::doctor::{finds, healthy, mended};

use crate::{built, made_and_mended, typed};

/// A command that prints the route to the other node's IPv4 subnet.
const ROUTE: &str = "ip -4 route show dev pontoon-vxlan proto 112";

#[test]
fn what_the_daemon_mends_by_itself_is_no_finding() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    let route = host.exec(&["sh", "-c", ROUTE])?;
    let node = lab.host(2).addresses()[0];
    for fault in [
        format!("ip route delete {}", route.split_whitespace().next().context("no route")?),
        format!("nft delete element inet pontoon nodes4 '{{ {node} }}'"),
        "nft flush chain inet pontoon-services services".to_owned(),
    ] {
        typed(host, &fault)?;
        healthy(host)?;
    }
    eventually(SOON, || {
        let (now, set) = (
            host.exec(&["sh", "-c", ROUTE])?,
            host.exec(&["nft", "list", "set", "inet", "pontoon", "nodes4"])?,
        );
        ensure!(now == route && set.contains(&node.to_string()), "{now} {set}");
        Ok(())
    })
}

#[test]
fn a_route_in_the_place_of_ours() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let (host, other) = (lab.host(1), lab.host(2).addresses()[0]);
    let route = host.exec(&["sh", "-c", ROUTE])?;
    let subnet = route.split_whitespace().next().context("no route")?;
    typed(host, &format!("ip route replace {subnet} via {other}"))?;
    let finding = finds(host, "kernel-differs", &format!("route replace {subnet}"))?;
    let stranger = finds(host, "cidr-overlap", &format!("the route to {subnet} via {other}"))?;
    mended(host, &stranger)?;
    mended(host, &finding)?;
    healthy(host)?;
    assert_eq!(host.exec(&["sh", "-c", ROUTE])?, route);
    Ok(())
}

#[test]
fn tables_that_are_switched_off() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    for table in ["inet pontoon-services", "inet pontoon"] {
        let fault = format!("nft 'add table {table} {{ flags dormant; }}'");
        made_and_mended(lab.host(1), &fault, "kernel-differs", &format!("(dormant): {table}"))?;
    }
    Ok(())
}

#[test]
fn neighbours_of_pods_and_nodes_that_are_not_there() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    let mac = "lladdr 02:00:00:00:00:07 nud permanent";
    let fault = format!("ip neigh add 10.244.255.7 dev pontoon0 {mac}");
    made_and_mended(host, &fault, "stale-neighbours", "no pods of this node: 10.244.255.7")?;
    let fault = format!(
        "ip neigh add 10.244.255.8 dev pontoon-vxlan {mac}; bridge fdb append 02:00:00:00:00:07 dev pontoon-vxlan dst 172.30.4.99 self permanent"
    );
    made_and_mended(host, &fault, "stale-neighbours", "neigh del 10.244.255.8")
}

#[test]
fn an_address_of_a_pod_that_is_gone() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    let pod = host.add_pod("web")?;
    // Its path is gone; a process that is left keeps the namespace, and with it the pod's link.
    pod.netns().clone().remove()?;
    let address = pod.v4()?.to_string();
    let finding = finds(host, "leaked-addresses", &address)?;
    ensure!(finding.what.contains("pod default/web"), "{finding:?}");
    mended(host, &finding)?;
    eventually(SOON, || {
        ensure!(host.status()?.pods.is_empty(), "the pod is still known");
        Ok(())
    })?;
    healthy(host)
}
