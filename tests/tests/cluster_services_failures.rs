//! Services while nodes and the store are away.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pontoon_lab::probe::TcpLoad;
use pontoon_model::service::Protocol::{Tcp, Udp};
use pontoon_tests::cluster::{LEASE, SOON, eventually, skipped, wait_for_problem};
use pontoon_tests::services::documents::{selecting, with_spec};
use pontoon_tests::services::objects::{apply, label, vips};
use pontoon_tests::services::spread::{only, spread};
use pontoon_tests::services::stage::{Position, Stage};
use serde_json::json;

const TICK: Duration = Duration::from_millis(5);

#[test]
fn endpoints_of_a_dead_node_get_no_new_connections_and_keep_theirs() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    apply(stage.host(1), &[selecting("web", "web", 80, 8080)])?;
    let to = vips(stage.host(1), "web", 80)?;
    let from = stage.netns(Position::PodNear);
    only(SOON, from, Tcp, to[0], &["web-1", "web-2"])?;
    let loads: Vec<_> = (0..8).map(|_| TcpLoad::start(from, to[0], TICK).unwrap()).collect();
    stage.host(2).kill()?;
    let began = Instant::now();
    // Its lease has not run out: who is away for a moment keeps its endpoints.
    only(SOON, from, Tcp, to[0], &["web-1", "web-2"])?;
    for position in [Position::PodNear, Position::NodeFar] {
        for to in &to {
            only(LEASE, stage.netns(position), Tcp, *to, &["web-1"])?;
        }
    }
    eprintln!("a dead node's endpoints were left after {:?}", began.elapsed());
    for load in loads {
        let report = load.stop()?;
        ensure!(report.lost() == 0, "{report:?}");
    }
    stage.host(2).start()?;
    stage.host(2).wait_ready(SOON)?;
    only(SOON, from, Tcp, to[0], &["web-1", "web-2"])
}

#[test]
fn most_nodes_gone_at_once_are_taken_for_a_failure_of_the_control_plane() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    apply(stage.host(1), &[selecting("web", "web", 80, 8080)])?;
    let to = vips(stage.host(1), "web", 80)?;
    let from = stage.netns(Position::PodNear);
    only(SOON, from, Tcp, to[0], &["web-1", "web-2"])?;
    for number in [2, 3] {
        stage.host(number).kill()?;
    }
    let began = Instant::now();
    eventually(LEASE, || {
        let status = stage.host(1).status()?;
        let alive = status.nodes.iter().filter(|node| node.alive).count();
        ensure!(alive == 1, "{alive} nodes are alive");
        Ok(())
    })?;
    eprintln!("two nodes were known to be dead after {:?}", began.elapsed());
    std::thread::sleep(Duration::from_secs(1));
    only(Duration::ZERO, from, Tcp, to[0], &["web-1", "web-2"])
}

#[test]
fn services_go_on_while_the_store_is_away_and_catch_up_behind_it() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    apply(stage.host(1), &[selecting("web", "web", 80, 8080)])?;
    let to = vips(stage.host(1), "web", 80)?;
    let web = ["web-1", "web-2"];
    let everywhere = |stage: &Stage, names: &[&str], when: &str| -> Result<()> {
        for position in Position::ALL {
            for (protocol, to) in [(Tcp, to[0]), (Udp, to[1])] {
                let answered = only(SOON, stage.netns(position), protocol, to, names);
                answered.with_context(|| format!("from {position:?}, {when}"))?;
            }
        }
        Ok(())
    };
    everywhere(&stage, &web, "at first")?;
    stage.lab.etcd().stop()?;
    everywhere(&stage, &web, "without a store")?;
    // Daemons start anew, one in order and one not, with nothing but what they remember.
    stage.host(1).restart(SOON)?;
    stage.host(3).kill()?;
    stage.host(3).start()?;
    stage.host(3).wait_ready(SOON)?;
    everywhere(&stage, &web, "with daemons that started without a store")?;
    let refused = apply(stage.host(1), &[selecting("late", "web", 80, 8080)]);
    ensure!(refused.is_err(), "a service was admitted with no store to keep it");
    stage.add(stage.host(1).pod("web-3").label("app", "web"))?;

    stage.lab.etcd().start()?;
    eventually(LEASE, || {
        spread(stage.netns(Position::PodFar), Tcp, to[0], 40).and_then(|counts| {
            ensure!(counts.contains_key("web-3"), "{counts:?}");
            Ok(())
        })
    })?;
    everywhere(&stage, &["web-1", "web-2", "web-3"], "with the store back")?;
    eventually(SOON, || label(stage.host(1), "web-1", "app", "gone"))?;
    everywhere(&stage, &["web-2", "web-3"], "behind a change")?;

    // What nobody can read is told, and everything else served.
    let nonsense = [("services/default/half", r#"{"spec":{}}"#), ("services/default/no", "[1, 2")];
    for (key, value) in nonsense {
        stage.lab.etcd().ctl(&["put", &format!("/pontoon/v1/{key}"), value])?;
        wait_for_problem(stage.host(3), key)?;
    }
    everywhere(&stage, &["web-2", "web-3"], "beside nonsense")?;

    // A store that has lost everything is no reason to refuse anybody.
    stage.lab.etcd().wipe()?;
    std::thread::sleep(Duration::from_secs(3));
    everywhere(&stage, &["web-2", "web-3"], "behind a wiped store")?;
    let fixed = json!({"clusterIPs": to.iter().map(|to| to.ip().to_string()).collect::<Vec<_>>()});
    let again = with_spec(selecting("web", "web", 80, 8080), fixed);
    eventually(LEASE, || apply(stage.host(1), std::slice::from_ref(&again)))?;
    everywhere(&stage, &["web-2", "web-3"], "once it was applied again")
}

#[test]
fn a_host_that_boots_while_the_store_is_away_has_the_services_that_it_knew() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    apply(stage.host(1), &[selecting("web", "web", 80, 8080)])?;
    let to = vips(stage.host(1), "web", 80)?;
    let (host, from) = (stage.host(3), stage.netns(Position::PodFar));
    for to in &to {
        only(SOON, from, Tcp, *to, &["web-1", "web-2"])?;
        only(SOON, host.netns(), Udp, *to, &["web-1", "web-2"])?;
    }
    stage.lab.etcd().stop()?;
    // What a kernel that has just started lacks, at a daemon that ended in order and one that did not.
    for killed in [false, true] {
        if killed {
            host.kill()?;
        } else {
            host.stop()?;
        }
        host.nft("delete table inet pontoon-services\n")?;
        host.start()?;
        host.wait_ready(SOON)?;
        for to in &to {
            only(SOON, from, Tcp, *to, &["web-1", "web-2"])?;
            only(SOON, host.netns(), Udp, *to, &["web-1", "web-2"])?;
        }
    }
    stage.lab.etcd().start()?;
    eventually(LEASE, || {
        ensure!(host.status()?.store.connected, "the store is back and {} is not", host.name());
        Ok(())
    })?;
    only(SOON, from, Tcp, to[0], &["web-1", "web-2"])
}
