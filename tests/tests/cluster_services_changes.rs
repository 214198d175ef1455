//! Services and endpoints that change: quickly, behind a daemon's back, and not at all.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pontoon_lab::Lab;
use pontoon_lab::probe::http::{Connections, HttpLoad, HttpServer};
use pontoon_lab::probe::{self, Reply, UdpFlow};
use pontoon_model::object::Kind;
use pontoon_model::service::Protocol::{self, Tcp, Udp};
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::services::documents::{selecting, service, with_spec};
use pontoon_tests::services::objects::{apply, delete, label, node_port, vips};
use pontoon_tests::services::spread::{only, spread};
use pontoon_tests::services::stage::{Position, Stage};
use serde_json::json;

/// Traffic goes on for as long between two changes.
const WHILE: Duration = Duration::from_millis(300);

fn rejected(stage: &Stage, from: Position, protocol: Protocol, to: SocketAddr) -> Result<()> {
    eventually(SOON, || {
        let asked = probe::ask(stage.netns(from), protocol, to, Duration::from_secs(1))?;
        let holds = matches!(asked.reply, Reply::Refused | Reply::Unreachable);
        ensure!(holds, "{to}/{protocol} from {from:?}: {asked:?}");
        Ok(())
    })
}

#[test]
fn endpoints_that_flap_cost_no_connection() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    let names = ["flap-1", "flap-2", "flap-3"];
    let mut servers = Vec::new();
    for (number, name) in [1, 2, 3].into_iter().zip(names) {
        stage.add(stage.host(number).pod(name).label("app", "flap"))?;
        servers.push(HttpServer::start(stage.pod(name).netns(), name, 9999)?);
    }
    let ports = json!([{"port": 80, "targetPort": 9999}]);
    let spec = json!({"type": "NodePort", "selector": {"app": "flap"}, "ports": ports});
    apply(stage.host(1), &[service("flap", spec)])?;
    let to = vips(stage.host(1), "flap", 80)?;
    let port = node_port(stage.host(1), "flap", 80, "TCP")?;
    let at_node = SocketAddr::new(stage.host(3).addresses()[0], port);
    let mut loads = Vec::new();
    for (position, to) in [
        (Position::PodNear, to[0]),
        (Position::PodFar, to[1]),
        (Position::NodeFar, to[0]),
        (Position::Outside, at_node),
    ] {
        let from = stage.netns(position);
        let get = || probe::http::get(from, to, "/", Duration::from_secs(1)).map(drop);
        eventually(SOON, get)?;
        let interval = Duration::from_millis(2);
        loads.push(HttpLoad::start(from, to, Connections::PerRequest, 1, interval));
    }
    // Slots are filled, emptied and moved as quickly as anybody can label pods.
    for round in 0..40 {
        let name = names[round % names.len()];
        label(stage.host(1 + round % 3), name, "app", "gone")?;
        if round % 4 == 0 {
            std::thread::sleep(Duration::from_millis(30));
        }
        label(stage.host(1 + round % 2), name, "app", "flap")?;
    }
    std::thread::sleep(WHILE);
    for load in loads {
        let report = load.stop()?;
        eprintln!("{} requests, the longest {:?}", report.requests, report.longest);
        ensure!(report.failed == 0 && report.requests > 100, "{report:?}");
        ensure!(names.iter().all(|name| report.by_server.contains_key(*name)), "{report:?}");
    }
    Ok(())
}

#[test]
fn a_changed_service_is_what_it_says_now_and_nothing_that_it_was() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    // What a node tests its table with would be left.
    let stage = Stage::configured(Lab::builder().configure("mesh.enabled", false), |_| Ok(()))?;
    let host = stage.host(2);
    let web = ["web-1", "web-2"];
    let balanced = |document| {
        let external = json!({"type": "NodePort", "externalIPs": ["203.0.113.9"]});
        with_spec(document, external)
    };
    stage.lead("203.0.113.9/32", 1)?;
    apply(host, &[balanced(selecting("web", "web", 80, 8080))])?;
    let (old, external) = (vips(host, "web", 80)?, "203.0.113.9:80".parse()?);
    let at_node = SocketAddr::new(stage.host(3).addresses()[0], node_port(host, "web", 80, "TCP")?);
    for (from, to) in
        [(Position::PodFar, old[0]), (Position::Outside, at_node), (Position::Outside, external)]
    {
        only(SOON, stage.netns(from), Tcp, to, &web)?;
    }
    // Another port, and no longer reached from beyond. The addresses stay.
    apply(host, &[with_spec(selecting("web", "web", 81, 9090), json!({"type": "ClusterIP"}))])?;
    let new = eventually(SOON, || {
        let new = vips(host, "web", 81)?;
        only(Duration::ZERO, stage.netns(Position::PodFar), Tcp, new[0], &web)?;
        Ok(new)
    })?;
    ensure!(new.iter().map(SocketAddr::ip).eq(old.iter().map(SocketAddr::ip)), "{old:?} {new:?}");
    for protocol in [Tcp, Udp] {
        rejected(&stage, Position::PodNear, protocol, old[0])?;
        rejected(&stage, Position::NodeFar, protocol, old[1])?;
    }
    rejected(&stage, Position::PodNear, Tcp, at_node)?;
    rejected(&stage, Position::Outside, Tcp, at_node)?;
    let asked = probe::ask(stage.netns(Position::Outside), Tcp, external, WHILE)?;
    ensure!(asked.reply.name().is_none(), "an address that was given up answers: {asked:?}");

    delete(host, Kind::Service, &["web"])?;
    for to in &new {
        rejected(&stage, Position::PodFar, Tcp, *to)?;
        rejected(&stage, Position::NodeNear, Udp, *to)?;
    }
    // Nothing of it is left in any kernel.
    for host in stage.lab.hosts() {
        for map in ["services4", "services6", "ids4", "ids6", "backends4", "backends6"] {
            eventually(SOON, || {
                let listed = host.exec(&["nft", "list", "map", "inet", "pontoon-services", map])?;
                ensure!(!listed.contains("elements"), "{} of {}: {listed}", map, host.name());
                Ok(())
            })?;
        }
    }
    Ok(())
}

#[test]
fn a_daemon_finds_out_what_changed_behind_its_back_and_writes_no_more_than_that() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    apply(stage.host(1), &[selecting("web", "web", 80, 8080), selecting("old", "web", 80, 9090)])?;
    let (to, gone) = (vips(stage.host(1), "web", 80)?, vips(stage.host(1), "old", 80)?);
    for from in [Position::NodeFar, Position::PodFar] {
        only(SOON, stage.netns(from), Udp, to[0], &["web-1", "web-2"])?;
        only(SOON, stage.netns(from), Udp, to[1], &["web-1", "web-2"])?;
    }
    // Nothing changed: nothing is written, by a daemon that ended in order or not.
    for killed in [false, true] {
        let host = stage.host(3);
        let monitor = host.spawn(&["nft", "monitor", "ruleset"])?;
        if killed {
            host.kill()?;
        } else {
            host.stop()?;
        }
        host.start()?;
        host.wait_ready(SOON)?;
        std::thread::sleep(WHILE);
        monitor.kill();
        let written = monitor.log();
        ensure!(!written.contains("pontoon-services"), "killed {killed}: {written}");
    }

    let mut flows = Vec::new();
    for from in [Position::NodeFar, Position::PodFar] {
        for to in [to[0], to[1], to[0], to[1], to[0], to[1]] {
            flows.push(UdpFlow::start(stage.netns(from), to, Duration::from_millis(20))?);
        }
    }
    std::thread::sleep(WHILE);
    stage.host(3).kill()?;
    label(stage.host(1), "web-1", "app", "gone")?;
    stage.add(stage.host(2).pod("web-3").label("app", "web"))?;
    delete(stage.host(1), Kind::Service, &["old"])?;
    apply(stage.host(1), &[selecting("new", "web", 80, 9090)])?;
    let new = vips(stage.host(1), "new", 80)?;
    std::thread::sleep(WHILE);
    stage.host(3).start()?;
    stage.host(3).wait_ready(SOON)?;
    let names = ["web-2", "web-3"];
    for from in [Position::NodeFar, Position::PodFar] {
        only(SOON, stage.netns(from), Tcp, to[0], &names)?;
        only(SOON, stage.netns(from), Udp, to[1], &names)?;
        only(SOON, stage.netns(from), Tcp, new[0], &names)?;
        rejected(&stage, from, Tcp, gone[0])?;
    }
    // Flows to an endpoint that left meanwhile are not stuck there.
    eventually(Duration::from_secs(2), || {
        for flow in &flows {
            let report = flow.report();
            let fresh = |name: &str| report.last.get(name).is_some_and(|at| at.elapsed() < WHILE);
            ensure!(names.into_iter().any(fresh) && !fresh("web-1"), "{report:?}");
        }
        Ok(())
    })
    .context("flows that began before the daemon was killed")?;
    spread(stage.netns(Position::PodFar), Udp, to[0], 20).map(drop)
}
