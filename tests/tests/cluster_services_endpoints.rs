//! Which endpoints take new connections: slices and their conditions, readiness, distribution.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use pontoon_lab::Lab;
use pontoon_lab::probe::http::HttpServer;
use pontoon_lab::probe::{self, Identity, Reply};
use pontoon_model::object::Kind;
use pontoon_model::service::Protocol::{self, Tcp, Udp};
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::services::documents::{
    endpoint, selecting, service, slice, tcp_and_udp, with_spec,
};
use pontoon_tests::services::matrix::Expect::{Any, Own, Refused};
use pontoon_tests::services::matrix::{BOTH, Row, check};
use pontoon_tests::services::objects::{apply, delete, label, vips};
use pontoon_tests::services::spread::{only, spread};
use pontoon_tests::services::stage::{PORTS, Position, Stage};
use serde_json::{Value, json};

#[test]
fn slices_lead_where_they_say_beyond_the_cluster_too() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    let outside = stage.lab.outside();
    let _beyond = Identity::start(outside.netns(), "beyond", &PORTS)?;
    let host = stage.host(2);
    let bare = |name: &str| service(name, json!({"ports": tcp_and_udp(80, 8080)}));
    let ready = |ip| endpoint(ip, true, true, false);
    let [v4, v6] = [0, 1].map(|family| outside.addresses()[family]);
    apply(
        host,
        &[
            bare("nobody"),
            bare("node"),
            slice("node-v4", "node", 80, 8080, &[ready(stage.host(2).addresses()[0])]),
            slice("node-v6", "node", 80, 8080, &[ready(stage.host(2).addresses()[1])]),
            bare("beyond"),
            slice("beyond-v4", "beyond", 80, 8080, &[ready(v4)]),
            slice("beyond-v6", "beyond", 80, 8080, &[ready(v6)]),
        ],
    )?;
    let row = |rule, name: &str, expect| -> Result<Row> {
        Ok(Row { rule, protocols: BOTH, to: vips(host, name, 80)?, target: 8080, expect })
    };
    // As the API server of a Kubernetes cluster, whose service leads to nodes themselves.
    let _node = Identity::start(host.netns(), "node", &PORTS)?;
    let node = &["node"];
    check(
        &stage,
        &[
            row("a node", "node", [Own(node), Own(node), Own(node), Own(node), Any(node)])?,
            row("an endpoint beyond the cluster", "beyond", [Any(&["beyond"]); 5])?,
            row("a service without slices", "nobody", [Refused; 5])?,
        ],
    )?;

    for to in vips(host, "node", 80)? {
        only(SOON, host.netns(), Tcp, to, node)?;
        only(SOON, host.netns(), Udp, to, node)?;
        only(SOON, stage.pod("web-2").netns(), Tcp, to, node)?;
    }

    // The conditions of two pods, in slices of their own, and who answers then.
    let condition = |pod: &str, ready, serving, terminating| -> Result<Vec<Value>> {
        let addresses = [stage.pod(pod).v4()?, stage.pod(pod).v6()?];
        let of = |ip| endpoint(ip, ready, serving, terminating);
        Ok(addresses
            .into_iter()
            .zip(["v4", "v6"])
            .map(|(ip, family)| slice(&format!("{pod}-{family}"), "pods", 80, 8080, &[of(ip)]))
            .collect())
    };
    apply(host, &[bare("pods")])?;
    let at = vips(host, "pods", 80)?;
    let only = |names: &[&str]| -> Result<()> {
        for position in [Position::PodNear, Position::NodeFar] {
            for to in &at {
                only(SOON, stage.netns(position), Udp, *to, names)?;
                only(SOON, stage.netns(position), Tcp, *to, names)?;
            }
        }
        Ok(())
    };
    let all_refused = || -> Result<()> {
        for to in &at {
            refused(SOON, &stage, Position::PodFar, Tcp, *to)?;
        }
        Ok(())
    };
    let both = |one: Vec<Value>, other: Vec<Value>| apply(host, &[one, other].concat());
    both(condition("web-1", true, true, false)?, condition("web-2", true, true, false)?)?;
    only(&["web-1", "web-2"])?;
    both(condition("web-1", true, true, false)?, condition("web-2", false, true, true)?)?;
    only(&["web-1"])?;
    both(condition("web-1", false, true, false)?, condition("web-2", false, true, true)?)?;
    only(&["web-2"])?;
    both(condition("web-1", false, false, true)?, condition("web-2", false, false, true)?)?;
    all_refused()?;
    both(condition("web-1", true, true, false)?, condition("web-2", false, false, false)?)?;
    only(&["web-1"])?;
    delete(host, Kind::EndpointSlice, &["web-1-v4", "web-1-v6"])?;
    all_refused()
}

fn refused(
    patience: Duration,
    stage: &Stage,
    from: Position,
    protocol: Protocol,
    to: SocketAddr,
) -> Result<()> {
    eventually(patience, || {
        let asked = probe::ask(stage.netns(from), protocol, to, Duration::from_secs(1))?;
        ensure!(asked.reply == Reply::Refused, "{to}/{protocol} from {from:?}: {asked:?}");
        Ok(())
    })
}

#[test]
fn nearby_endpoints_are_preferred_while_there_are_any() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::configured(Lab::builder(), |lab| {
        for (host, zone) in lab.hosts().iter().zip(["a", "a", "b"]) {
            host.configure("node.zone", zone)?;
        }
        Ok(())
    })?;
    stage.add(stage.host(3).pod("web-3").label("app", "web"))?;
    let host = stage.host(1);
    let of = |name, distribution| {
        with_spec(selecting(name, "web", 80, 8080), json!({"trafficDistribution": distribution}))
    };
    apply(
        host,
        &[of("node", "PreferSameNode"), of("zone", "PreferSameZone"), of("close", "PreferClose")],
    )?;
    let expect = |name: &str, from: Position, names: &[&str]| -> Result<()> {
        for to in vips(host, name, 80)? {
            only(SOON, stage.netns(from), Tcp, to, names)?;
        }
        Ok(())
    };
    expect("node", Position::PodNear, &["web-1"])?;
    expect("node", Position::NodeFar, &["web-3"])?;
    for name in ["zone", "close"] {
        expect(name, Position::PodNear, &["web-1", "web-2"])?;
        expect(name, Position::NodeNear, &["web-1", "web-2"])?;
        expect(name, Position::PodFar, &["web-3"])?;
    }
    // The nearest goes: its zone, and then everybody, is next.
    label(host, "web-1", "app", "gone")?;
    expect("node", Position::PodNear, &["web-2"])?;
    expect("zone", Position::PodNear, &["web-2"])?;
    label(host, "web-2", "app", "gone")?;
    for name in ["node", "zone", "close"] {
        expect(name, Position::PodNear, &["web-3"])?;
    }
    label(host, "web-2", "app", "web")?;
    label(host, "web-3", "app", "gone")?;
    for name in ["node", "zone"] {
        expect(name, Position::PodFar, &["web-2"])?;
    }
    Ok(())
}

#[test]
fn an_unready_pod_gets_no_new_connections() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    let checked = |number: usize, name: &str, probe: &str| {
        let pod = stage.host(number).pod(name).label("app", "checked");
        pod.annotation("pontoon.net/readiness", &format!("{probe};period=200ms;failure=1"))
    };
    let (http, tcp) = (checked(2, "http", "http:9999/healthz"), checked(1, "tcp", "tcp:8080"));
    let ready = stage.host(3).pod("ready").label("app", "checked");
    stage.add(http)?;
    let tcp = stage.add_silent(tcp)?;
    stage.add(ready)?;
    let host = stage.host(3);
    apply(
        host,
        &[
            selecting("checked", "checked", 80, 8080),
            with_spec(
                selecting("published", "checked", 80, 8080),
                json!({"publishNotReadyAddresses": true}),
            ),
        ],
    )?;
    let (at, published) = (vips(host, "checked", 80)?, vips(host, "published", 80)?);
    let from = stage.netns(Position::PodFar).clone();
    // Nobody is ready who has not been asked: at no time does a silent pod get a connection.
    let none_but = |names: &[&str]| -> Result<()> {
        for to in &at {
            only(SOON, &from, Tcp, *to, names)?;
        }
        Ok(())
    };
    none_but(&["ready"])?;
    let web = HttpServer::start(stage.pod("http").netns(), "http", 9999)?;
    none_but(&["http", "ready"])?;
    let flow = stage.identity("http");
    web.set_healthy(false);
    let began = Instant::now();
    none_but(&["ready"])?;
    // Forty attempts at each family are in this, and another period of the check.
    ensure!(began.elapsed() < Duration::from_secs(3), "unready after {:?}", began.elapsed());
    let served = flow.served();
    for to in &at {
        spread(&from, Tcp, *to, 100)?;
    }
    ensure!(flow.served() == served, "an unready pod was sent a connection");
    // Who publishes unready addresses sends there.
    eventually(SOON, || {
        let counts = spread(&from, Udp, published[0], 1)?;
        ensure!(counts.contains_key("http"), "{counts:?}");
        Ok(())
    })?;
    web.set_healthy(true);
    none_but(&["http", "ready"])?;
    drop(web);
    none_but(&["ready"])?;

    stage.speak(&tcp)?;
    none_but(&["ready", "tcp"])?;
    // A daemon that starts anew knows who was ready, and finds out who is.
    for number in [1, 2] {
        stage.host(number).restart(SOON)?;
    }
    none_but(&["ready", "tcp"])
}
