//! What becomes of connections and flows when endpoints, daemons and tables come and go.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pontoon_lab::Netns;
use pontoon_lab::probe::{self, Reply, TcpLoad, UdpFlow};
use pontoon_model::object::Kind;
use pontoon_model::service::Protocol::{Tcp, Udp};
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::services::documents::{selecting, with_spec};
use pontoon_tests::services::objects::{apply, delete, label, node_port, vips};
use pontoon_tests::services::spread::{only, spread};
use pontoon_tests::services::stage::{Position, Stage};
use serde_json::json;

/// Between two datagrams or numbers.
const TICK: Duration = Duration::from_millis(20);
/// Traffic goes on for as long between two blows.
const WHILE: Duration = Duration::from_millis(200);
const NODE_PORTS: &str = "NodePort";

#[test]
fn an_established_connection_survives_whatever_leaves_its_endpoint() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    apply(
        stage.host(2),
        &[
            with_spec(selecting("web", "web", 80, 8080), json!({"type": NODE_PORTS})),
            selecting("later", "later", 80, 8080),
        ],
    )?;
    let to = vips(stage.host(1), "web", 80)?;
    let at_node =
        SocketAddr::new(stage.host(1).addresses()[0], node_port(stage.host(1), "web", 80, "TCP")?);
    let mut loads = Vec::new();
    for position in Position::ALL {
        let netns = stage.netns(position);
        only(SOON, netns, Tcp, to[0], &["web-1", "web-2"])?;
        only(SOON, netns, Tcp, to[1], &["web-1", "web-2"])?;
        // Several of each, so that both endpoints have some.
        for to in [to[0], to[1], at_node, to[0], to[1], at_node] {
            loads.push((position, to, TcpLoad::start(netns, to, TICK)?));
        }
    }
    let answers_everywhere = |stage: &Stage, names: &[&str]| -> Result<()> {
        for position in Position::ALL {
            only(SOON, stage.netns(position), Tcp, to[0], names)?;
        }
        Ok(())
    };

    // Others come and go.
    let more = (0..4).map(|n| format!("more-{n}")).collect::<Vec<_>>();
    for (number, name) in [1, 2, 3, 3].into_iter().zip(&more) {
        stage.add(stage.host(number).pod(name).label("app", "web"))?;
    }
    answers_everywhere(&stage, &["more-0", "more-1", "more-2", "more-3", "web-1", "web-2"])?;
    label(stage.host(2), "more-0", "app", "later")?;
    for name in &more[1..] {
        stage.remove(name)?;
    }
    answers_everywhere(&stage, &["web-1", "web-2"])?;
    // Services beside it come, change and go.
    apply(stage.host(3), &[selecting("later", "web", 80, 9090)])?;
    delete(stage.host(3), Kind::Service, &["later"])?;

    // Daemons end, in order and otherwise.
    for number in [1, 2, 3] {
        let host = stage.host(number);
        host.restart(SOON)?;
        std::thread::sleep(WHILE);
        host.kill()?;
        std::thread::sleep(WHILE);
        spread(stage.netns(Position::PodNear), Tcp, to[0], 20)?;
        spread(host.netns(), Udp, to[1], 20)?;
        host.start()?;
        host.wait_ready(SOON)?;
    }
    // An endpoint that is asked to go keeps its connections until it goes.
    label(stage.host(3), "web-1", "app", "draining")?;
    answers_everywhere(&stage, &["web-2"])?;
    for (position, to, load) in loads {
        let report = load.stop().map_err(|error| error.context(format!("{position:?} to {to}")))?;
        ensure!(report.sent > 50 && report.lost() == 0, "{position:?} to {to}: {report:?}");
    }
    Ok(())
}

/// A connection on which nothing is said for a while.
struct Silent(TcpStream);

impl Silent {
    fn open(from: &Netns, to: SocketAddr) -> Result<Self> {
        let mut stream = probe::connect(from, to, SOON)?;
        stream.set_read_timeout(Some(SOON))?;
        let mut byte = [0];
        while byte != [b'\n'] {
            stream.read_exact(&mut byte)?;
        }
        Ok(Self(stream))
    }

    fn still_works(&mut self) -> Result<()> {
        let mut echo = [0; 4];
        self.0.write_all(b"ping")?;
        self.0.read_exact(&mut echo)?;
        ensure!(echo == *b"ping", "{echo:?}");
        Ok(())
    }
}

/// What is said while the tables are gone cannot be translated, so connections are silent here.
#[test]
fn tables_that_somebody_takes_away_are_mended_at_once_and_connections_go_on() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    let host = stage.host(1);
    apply(host, &[with_spec(selecting("web", "web", 80, 8080), json!({"type": NODE_PORTS}))])?;
    let to = vips(host, "web", 80)?;
    let at_node = SocketAddr::new(host.addresses()[0], node_port(host, "web", 80, "TCP")?);
    let targets = [to[0], to[1], at_node];
    let web = ["web-1", "web-2"];
    let everywhere = || -> Result<()> {
        for (position, to) in Position::ALL.into_iter().flat_map(|p| targets.map(|to| (p, to))) {
            only(SOON, stage.netns(position), Tcp, to, &web)?;
        }
        Ok(())
    };
    everywhere()?;
    let mut silent = Vec::new();
    for (position, to) in Position::ALL.into_iter().flat_map(|p| targets.map(|to| (p, to))) {
        for _ in 0..4 {
            silent.push((position, to, Silent::open(stage.netns(position), to)?));
        }
    }
    for (number, blow) in [
        (1, "flush ruleset\n"),
        (3, "delete table inet pontoon-services\n"),
        (2, "flush table inet pontoon-services\n"),
        (1, "flush chain inet pontoon-services services\n"),
        (3, "flush map inet pontoon-services services4\n"),
        (2, "flush map inet pontoon-services backends6\n"),
        (1, "insert rule inet pontoon-services services counter drop\n"),
    ] {
        let struck = stage.host(number);
        struck.nft(blow)?;
        let began = Instant::now();
        eventually(Duration::from_secs(3), || {
            spread(struck.netns(), Tcp, to[0], 20)?;
            spread(struck.netns(), Udp, to[1], 20).map(drop)
        })?;
        eprintln!("{blow:?} on {} was mended after {:?}", struck.name(), began.elapsed());
        everywhere()?;
        for (position, to, connection) in &mut silent {
            let works = connection.still_works();
            works.with_context(|| format!("{position:?} to {to} behind {blow:?}"))?;
        }
    }
    Ok(())
}

#[test]
fn a_udp_flow_leaves_a_removed_endpoint_within_a_second_and_is_never_stuck() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    apply(
        stage.host(2),
        &[with_spec(selecting("web", "web", 80, 8080), json!({"type": NODE_PORTS}))],
    )?;
    let to = vips(stage.host(1), "web", 80)?;
    let port = node_port(stage.host(1), "web", 80, "UDP")?;
    let at_node = stage.host(1).addresses().into_iter().map(|ip| SocketAddr::new(ip, port));
    let mut targets = to.clone();
    targets.extend(at_node);
    let mut flows = Vec::new();
    for position in Position::ALL {
        let netns = stage.netns(position);
        for to in &targets {
            eventually(SOON, || spread(netns, Udp, *to, 1))?;
            for _ in 0..2 {
                flows.push((position, *to, UdpFlow::start(netns, *to, TICK)?));
            }
        }
    }
    // It leaves in three ways: out of the selector, off the node, and for good with all others.
    std::thread::sleep(WHILE);
    let names = ["web-1", "web-2"];
    for leaving in names {
        let staying = names.into_iter().find(|name| *name != leaving).unwrap();
        label(stage.host(3), leaving, "app", "gone")?;
        let left = Instant::now();
        std::thread::sleep(Duration::from_secs(2));
        let last = stage.identity(leaving).last_served();
        let after = last.map(|last| last.saturating_duration_since(left)).unwrap_or_default();
        eprintln!("{leaving} received its last datagram {after:?} after it had left");
        ensure!(after < Duration::from_secs(1), "{leaving} received for {after:?}");
        for (position, to, flow) in &flows {
            let report = flow.report();
            let fresh = report.last.get(staying).is_some_and(|at| at.elapsed() < WHILE);
            ensure!(fresh, "{position:?} to {to} is not answered by {staying}: {report:?}");
        }
        label(stage.host(3), leaving, "app", "web")?;
        only(SOON, stage.netns(Position::PodFar), Udp, to[0], &names)?;
    }

    // To zero, by deletion of the pods, and back with others.
    for name in names {
        stage.remove(name)?;
    }
    for position in Position::ALL {
        eventually(SOON, || {
            let asked = probe::ask(stage.netns(position), Udp, to[0], Duration::from_secs(1))?;
            ensure!(asked.reply == Reply::Refused, "{position:?}: {asked:?}");
            Ok(())
        })?;
    }
    std::thread::sleep(WHILE);
    stage.add(stage.host(3).pod("web-3").label("app", "web"))?;
    eventually(Duration::from_secs(2), || {
        for (position, to, flow) in &flows {
            let report = flow.report();
            let fresh = report.last.get("web-3").is_some_and(|at| at.elapsed() < WHILE);
            ensure!(fresh, "{position:?} to {to} is stuck: {report:?}");
        }
        Ok(())
    })?;

    // The service goes, and another comes with its addresses.
    let fixed = json!({"clusterIP": to[0].ip().to_string(),
        "clusterIPs": to.iter().map(|to| to.ip().to_string()).collect::<Vec<_>>()});
    delete(stage.host(1), Kind::Service, &["web"])?;
    stage.add(stage.host(1).pod("heir").label("app", "heir"))?;
    std::thread::sleep(WHILE);
    apply(stage.host(1), &[with_spec(selecting("heir", "heir", 80, 9090), fixed)])?;
    eventually(Duration::from_secs(2), || {
        for (position, to, flow) in flows.iter().filter(|(_, at, _)| at.port() == 80) {
            let report = flow.report();
            let fresh = report.last.get("heir").is_some_and(|at| at.elapsed() < WHILE);
            ensure!(fresh, "{position:?} to {to} is stuck: {report:?}");
        }
        Ok(())
    })
}
