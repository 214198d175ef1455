//! Packets that are really sent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pontoon_lab::Host;
use pontoon_lab::probe::{self, PingLoad, TcpLoad, UdpFlow};
use pontoon_model::name::{NodeName, PodId};
use pontoon_model::service::Protocol;
use pontoon_model::trace::live::Probe;
use pontoon_model::trace::{Outcome, StepKind, Transport};
use pontoon_tests::cluster::{LEASE, PORT, SOON, eventually, skipped};
use pontoon_tests::services::documents::selecting;
use pontoon_tests::services::objects::{apply, cluster_ips};
use pontoon_tests::services::stage::{Position, Stage};

use super::{arrives, holds, live_ends, pontoon, saw_answer, sent, v4};

#[test]
fn a_busy_endpoint_hides_no_answer() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    /// Packets a second of each load: some three hundred.
    const OFTEN: Duration = Duration::from_millis(3);
    let stage = Stage::build()?;
    let near = stage.host(1);
    apply(near, &[selecting("web", "web", 80, 8080)])?;
    let pod = v4(&stage.pod("web-2").addresses());
    let _responder = probe::Responder::start(stage.pod("web-2").netns(), PORT)?;
    let at = |port| SocketAddr::new(pod, port);
    // From the very peer, and from others.
    let (peer, other) = (stage.netns(Position::PodNear), stage.netns(Position::PodFar));
    let udp = [peer, other, other].map(|from| UdpFlow::start(from, at(8080), OFTEN));
    let tcp = [other, other, other].map(|from| TcpLoad::start(from, at(PORT), OFTEN / 2));
    let ping = [other, peer].map(|from| PingLoad::start(from, pod, OFTEN));
    let began = Instant::now();
    for round in 0..4 {
        for to in ["pod/web-2:8080/udp", &format!("pod/web-2:{PORT}/tcp"), "pod/web-2/icmp"] {
            let trace = live_ends(near, ("near", to), Outcome::Delivered, "host-2", "answered")?;
            let all = ["host-1", "host-2"].iter().all(|node| saw_answer(&trace, node));
            ensure!(all, "round {round} to {to}: {:#?}", trace.steps);
        }
        // Masked on its way, which the endpoint's answer is sent to.
        let trace = sent(near, "node/host-3", "svc/web:u80")?;
        let at = trace.verdict.node.as_ref().map(ToString::to_string).unwrap_or_default();
        ensure!(
            trace.verdict.outcome == Outcome::Delivered
                && saw_answer(&trace, &at)
                && saw_answer(&trace, "host-3"),
            "round {round}: {trace:#?}"
        );
    }
    // An answer that is lost is found among all the others.
    near.nft("add table inet byhand; add chain inet byhand gate { type filter hook forward priority 5; }; add rule inet byhand gate udp sport 8080 drop")?;
    for _ in 0..3 {
        let lost = ("near", "pod/web-2:8080/udp");
        live_ends(near, lost, Outcome::Dropped, "host-1", "the answer is dropped")?;
    }
    near.nft("delete table inet byhand")?;
    // Where somebody else has so much followed that not all is kept, that is said.
    let far = stage.host(2);
    far.nft("add table inet byhand; add chain inet byhand gate { type filter hook prerouting priority -450; }; add rule inet byhand gate udp dport 8080 meta nftrace set 1")?;
    let trace = sent(near, "near", "pod/web-2:8080/udp")?;
    far.nft("delete table inet byhand")?;
    ensure!(trace.verdict.outcome == Outcome::Delivered, "{trace:#?}");
    let said = serde_json::to_string(&trace.steps)?;
    ensure!(said.contains("only the first") || said.contains("was room for"), "{trace:#?}");
    let seconds = began.elapsed().as_secs_f64();
    let mut busy = 0;
    for flow in udp {
        busy += flow?.stop()?.sent;
    }
    eprintln!("UDP: {:.0} a second", busy as f64 / seconds);
    for load in tcp {
        eprintln!("TCP: {:.0} a second", load?.stop()?.received as f64 / seconds);
    }
    for load in ping {
        eprintln!("ping: {:.0} a second", load?.stop()?.received as f64 / seconds);
    }
    ensure!(busy as f64 / seconds > 300.0, "{busy} in {seconds} s is not busy");
    Ok(())
}

#[test]
fn nobody_sends_a_packet_that_was_asked_for_before_an_outage() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    let (near, etcd) = (stage.host(1), stage.lab.etcd());
    near.nft("add table inet spy; add chain inet spy seen { type filter hook prerouting priority -500; }; add rule inet spy seen ip dscp 42 counter")?;
    let was_sent = || -> Result<bool> {
        Ok(!near.exec(&["nft", "list", "chain", "inet", "spy", "seen"])?.contains("packets 0 "))
    };
    let to = SocketAddr::new(v4(&stage.pod("web-2").addresses()), 8080);
    let names = ["host-1", "host-2"].map(|name| name.parse());
    let [sender, other] = names;
    let (sender, other) = (sender?, other?);
    let probe = Probe {
        pod: Some(PodId { namespace: "default".parse()?, name: "near".parse()? }),
        destination: to.ip(),
        port: to.port(),
        transport: Transport::Tcp,
        source_port: 61_234,
        targets: vec![to.ip()],
        nodes: vec![NodeName::clone(&sender), other],
        sender,
    };
    stage.lab.cut("host-1", "etcd")?;
    let granted = etcd.ctl(&["lease", "grant", "300"])?;
    let lease = granted.split_whitespace().nth(1).context("no lease")?.to_owned();
    let key = "/pontoon/v1/traces/tstale";
    etcd.ctl(&["put", "--lease", &lease, key, &serde_json::to_string(&probe)?])?;
    etcd.ctl(&["lease", "revoke", &lease])?;
    // What came behind it has come, so it has come as well.
    etcd.put("/pontoon/v1/traces/tlater", "no probe")?;
    stage.lab.heal_all()?;
    eventually(LEASE, || {
        ensure!(near.log().contains("a packet to look for cannot be read"));
        Ok(())
    })?;
    etcd.delete("/pontoon/v1/traces/tlater")?;
    // Longer than a sender waits for others.
    std::thread::sleep(Duration::from_secs(4));
    ensure!(!was_sent()?, "it was sent\n{}", near.log());
    // One that somebody waits for is sent.
    let live_one = ("near", "pod/web-2:8080/tcp");
    eventually(SOON, || live_ends(near, live_one, Outcome::Delivered, "host-2", "answered"))?;
    ensure!(was_sent()?, "the rule counts nothing");
    Ok(())
}

#[test]
fn packets_are_followed_over_host_gw() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let builder = pontoon_lab::Lab::builder().configure("cluster.backend", "host-gw");
    let stage = Stage::configured(builder, |_| Ok(()))?;
    let near = stage.host(1);
    let pods = stage.pod("web-2").addresses();
    for ip in &pods {
        let to = SocketAddr::new(*ip, 8080);
        holds(&stage, Position::PodNear, &to.to_string(), to)?;
        let to = format!("{to}/tcp");
        let answered = (Outcome::Delivered, "host-2", "answered after");
        let trace = live_ends(near, ("near", &to), answered.0, answered.1, answered.2)?;
        ensure!(saw_answer(&trace, "host-2"), "{:#?}", trace.steps);
    }
    let to = format!("{}:8080/tcp", v4(&pods));
    stage.lab.cut("host-1", "host-2")?;
    let lost = "and never came to node host-2: the underlay lost it";
    let trace = live_ends(near, ("near", &to), Outcome::Dropped, "host-1", lost)?;
    let next = trace.verdict.next.unwrap_or_default();
    ensure!(next.contains("packets of pods as they are"), "{next}");
    Ok(())
}

#[test]
fn a_packet_that_is_really_sent_is_followed_to_where_it_dies() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    stage.add_silent(stage.host(2).pod("mute").label("app", "mute"))?;
    let (near, far) = (stage.host(1), stage.host(2));
    apply(near, &[selecting("web", "web", 80, 8080), selecting("empty", "nobody", 80, 8080)])?;
    let vip = v4(&cluster_ips(near, "web")?);
    eventually(SOON, || {
        ensure!(arrives(&stage, Position::PodFar, SocketAddr::new(vip, 80), Protocol::Tcp)?);
        Ok(())
    })?;
    let mended = |host: &Host| host.log().matches("nf_tables brought up to date").count();
    let before = [near, far].map(mended);

    // Answered, whoever is asked and whoever sends; every node says what it saw.
    for host in stage.lab.hosts() {
        let trace = sent(host, "far", "svc/web:t80")?;
        ensure!(trace.verdict.outcome == Outcome::Delivered, "{trace:#?}");
        let seen = |kind: StepKind| {
            let steps = trace.steps.iter().filter(move |step| step.kind == kind);
            steps
                .filter_map(|step| step.node.as_ref())
                .filter(|node| node.as_str() == "host-3")
                .count()
        };
        ensure!(seen(StepKind::Probe) == 1 && seen(StepKind::Seen) > 0, "{:#?}", trace.steps);
        ensure!(seen(StepKind::SeenBack) > 0, "{:#?}", trace.steps);
    }
    let web = |protocol: &str| format!("pod/web-2:8080/{protocol}");
    live_ends(near, ("near", &web("tcp")), Outcome::Delivered, "host-2", "answered after")?;
    live_ends(near, ("near", &web("udp")), Outcome::Delivered, "host-2", "answered after")?;
    live_ends(near, ("near", "pod/web-2/icmp"), Outcome::Delivered, "host-2", "answered after")?;
    live_ends(near, ("node/host-1", "pod/web-1:8080"), Outcome::Delivered, "host-1", "answered")?;
    // The node masks what it sends through a service, and the packet is known all the same.
    let trace = sent(near, "node/host-3", "svc/web:t80")?;
    ensure!(trace.verdict.outcome == Outcome::Delivered, "{trace:#?}");
    let at = trace.verdict.node.as_ref().map(ToString::to_string).unwrap_or_default();
    ensure!(["host-1", "host-2"].contains(&at.as_str()), "{trace:#?}");

    // Refused by us, and by whoever does not listen.
    live_ends(near, ("near", "svc/empty:t80"), Outcome::Refused, "host-1", "has no endpoints")?;
    let silent = ("near", "pod/mute:8080");
    let trace = live_ends(near, silent, Outcome::Refused, "host-2", "nobody listens there")?;
    ensure!(trace.planned.is_some_and(|planned| planned.outcome == Outcome::Delivered));

    // A rule on the far node that nobody has planned.
    far.nft("add table inet byhand; add chain inet byhand gate { type filter hook forward priority 5; }; add rule inet byhand gate tcp dport 9999 accept; add rule inet byhand gate tcp dport 8080 drop comment \"by hand\"")?;
    let to = web("tcp");
    let named = "table inet byhand, chain gate: rule 2";
    let trace = live_ends(near, ("near", &to), Outcome::Dropped, "host-2", named)?;
    ensure!(trace.verdict.text.contains("by hand"), "{:?}", trace.verdict);
    eprintln!("{}", pontoon(near, &["trace", "near", &to, "--live"])?.out);
    far.nft("flush chain inet byhand gate; add rule inet byhand gate tcp sport 8080 drop")?;
    live_ends(near, ("near", &to), Outcome::Dropped, "host-2", "the answer is dropped")?;
    far.nft("delete table inet byhand")?;

    // The underlay loses what is between two nodes; the store is beyond it.
    stage.lab.cut("host-1", "host-2")?;
    let lost = "left by pontoon-vxlan and never came to node host-2";
    live_ends(near, ("near", &to), Outcome::Dropped, "host-1", lost)?;
    live_ends(stage.host(3), ("near", &to), Outcome::Dropped, "host-1", lost)?;
    eprintln!("{}", pontoon(near, &["trace", "near", &to, "--live"])?.out);
    stage.lab.heal_all()?;
    eventually(SOON, || live_ends(near, ("near", &to), Outcome::Delivered, "host-2", "answered"))?;

    // Nothing is left of it, and nobody took it for somebody else's doing.
    for host in stage.lab.hosts() {
        let tables = host.exec(&["nft", "list", "tables"])?;
        ensure!(!tables.contains("pontoon-trace"), "{}: {tables}", host.name());
    }
    let keys = stage.lab.etcd().ctl(&["get", "--prefix", "--keys-only", "/pontoon/v1/traces/"])?;
    ensure!(keys.trim().is_empty(), "{keys}");
    ensure!([near, far].map(mended) == before, "tables were mended");
    // What a crash left goes with the next start.
    near.nft("add table inet pontoon-trace-x")?;
    near.restart(SOON)?;
    eventually(SOON, || {
        let tables = near.exec(&["nft", "list", "tables"])?;
        ensure!(!tables.contains("pontoon-trace"), "{tables}");
        Ok(())
    })
}

#[test]
fn one_host_without_etcd_follows_its_own_packets() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = pontoon_tests::cluster::cluster(pontoon_lab::Lab::builder().hosts(1).embedded())?;
    let host = lab.host(1);
    let web = host.pod("web").label("app", "web").add()?;
    let _client = host.add_pod("client")?;
    let _web = probe::Identity::start(web.netns(), "web", &[8080])?;
    apply(host, &[selecting("web", "web", 80, 8080)])?;
    eventually(SOON, || {
        let to = ("client", "svc/web:t80");
        let trace = live_ends(host, to, Outcome::Delivered, "host-1", "answered after")?;
        ensure!(trace.endpoints.len() == 1, "{trace:#?}");
        Ok(())
    })?;
    eprintln!("{}", pontoon(host, &["trace", "client", "web:80", "--live"])?.out);
    live_ends(host, ("client", "pod/web:81"), Outcome::Refused, "host-1", "nobody listens")?;
    Ok(())
}
