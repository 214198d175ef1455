//! What `pontoon trace` says of a packet, against what becomes of it.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use pontoon_lab::Host;
use pontoon_lab::binaries;
use pontoon_lab::probe::{self, Reply};
use pontoon_model::service::Protocol;
use pontoon_model::trace::{Outcome, StepKind, Trace};
use pontoon_tests::cluster::{LEASE, SOON, eventually, skipped};
use pontoon_tests::services::documents::{selecting, service, with_spec};
use pontoon_tests::services::objects::{apply, cluster_ips, node_port};
use pontoon_tests::services::stage::{Position, Stage};
use serde_json::json;

/// How long a packet is waited for that nobody answers.
const SILENCE: Duration = Duration::from_millis(1500);

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn pontoon(host: &Host, words: &[&str]) -> Result<Said> {
    let output = Command::new(binaries::find("pontoon")?)
        .args(words)
        .env("PONTOON_SOCKET", host.run_dir().join("api.sock"))
        .output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
}

fn follow(host: &Host, from: &str, to: &str) -> Result<Trace> {
    let mut words = vec!["trace", from, to, "-o", "json"];
    // The lab leads services to its first host.
    if from == "outside" && to.starts_with("10.96.") {
        words.extend(["--by", "host-1"]);
    }
    let said = pontoon(host, &words)?;
    let trace: Trace = serde_json::from_str(&said.out)
        .with_context(|| format!("{} of {from} to {to}: {}", host.name(), said.err))?;
    let code = if trace.verdict.outcome.is_good() { 0 } else { 9 };
    ensure!(said.code == Some(code), "{:?} for {:?}", said.code, trace.verdict);
    Ok(trace)
}

/// As the command names a position.
const fn typed(position: Position) -> &'static str {
    match position {
        Position::PodNear => "pod/near",
        Position::PodFar => "pod/far",
        Position::NodeNear => "node/host-1",
        Position::NodeFar => "node/host-3",
        Position::Outside => "outside",
    }
}

/// Whether a packet is answered.
fn arrives(stage: &Stage, from: Position, to: SocketAddr, protocol: Protocol) -> Result<bool> {
    let asked = probe::ask(stage.netns(from), protocol, to, SILENCE)?;
    Ok(matches!(asked.reply, Reply::Answered(_)))
}

/// All nodes say what becomes of it, and it does.
fn holds(stage: &Stage, from: Position, typed_to: &str, to: SocketAddr) -> Result<Trace> {
    let protocol = if typed_to.ends_with("/udp") { Protocol::Udp } else { Protocol::Tcp };
    let said = format!("{} to {typed_to} at {to}", typed(from));
    eventually(SOON, || {
        let real = arrives(stage, from, to, protocol)?;
        let mut last = None;
        for host in stage.lab.hosts() {
            let trace = follow(host, typed(from), typed_to)?;
            ensure!(
                (trace.verdict.outcome == Outcome::Delivered) == real,
                "{said}: {} says {:?}, and it arrives: {real}\n{:#?}",
                host.name(),
                trace.verdict,
                trace.steps
            );
            ensure!(trace.packet.destination == Some(to.ip()), "{said}: {:?}", trace.packet);
            last = Some(trace);
        }
        last.context("no host")
    })
}

fn v4(addresses: &[IpAddr]) -> IpAddr {
    *addresses.iter().find(|ip| ip.is_ipv4()).unwrap()
}

fn has(trace: &Trace, kind: StepKind) -> bool {
    trace.steps.iter().any(|step| step.kind == kind)
}

#[test]
fn it_says_of_every_packet_whether_it_arrives() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    stage.add_silent(stage.host(2).pod("mute").label("app", "mute"))?;
    let host = stage.host(1);
    let local = json!({"type": "NodePort", "externalTrafficPolicy": "Local"});
    apply(
        host,
        &[
            selecting("empty", "nobody", 80, 8080),
            selecting("near", "near-only", 80, 8080),
            with_spec(selecting("web", "web", 80, 8080), json!({"type": "NodePort"})),
            with_spec(
                selecting("here", "web", 80, 8080),
                json!({"internalTrafficPolicy": "Local"}),
            ),
            with_spec(selecting("door", "web", 80, 8080), local),
            service(
                "elsewhere",
                json!({"type": "ExternalName", "externalName": "web.default.svc.cluster.local",
                    "ipFamilyPolicy": null}),
            ),
            service(
                "alone",
                json!({"clusterIP": "None", "selector": {"app": "web"},
                    "ports": [{"name": "http", "port": 8080}]}),
            ),
        ],
    )?;
    let at = |ip: IpAddr, port| SocketAddr::new(ip, port);
    let vip = |name: &str| -> Result<IpAddr> { Ok(v4(&cluster_ips(host, name)?)) };
    let pod = |name: &str| v4(&stage.pod(name).addresses());
    let (web, empty, here) = (vip("web")?, vip("empty")?, vip("here")?);
    let (open, door) = (node_port(host, "web", 80, "TCP")?, node_port(host, "door", 80, "TCP")?);
    let nodes: Vec<IpAddr> = stage.lab.hosts().iter().map(|host| v4(&host.addresses())).collect();
    let mut wrong = Vec::new();
    let mut check =
        |from: Position, typed: &str, to: SocketAddr| match holds(&stage, from, typed, to) {
            Ok(trace) => Some(trace),
            Err(error) => {
                wrong.push(format!("{error:#}"));
                None
            }
        };
    for from in Position::ALL {
        check(from, &format!("{web}:80"), at(web, 80));
        check(from, &format!("{web}:80/udp"), at(web, 80));
        check(from, &format!("{web}:81"), at(web, 81));
        check(from, &format!("{empty}:80"), at(empty, 80));
        check(from, &format!("{here}:80"), at(here, 80));
        for (number, node) in (1..).zip(&nodes) {
            check(from, &format!("node/host-{number}:{open}"), at(*node, open));
            check(from, &format!("node/host-{number}:{door}"), at(*node, door));
        }
        check(from, "pod/web-2:8080", at(pod("web-2"), 8080));
    }
    let pods = [Position::PodNear, Position::PodFar];
    for from in pods {
        let trace = check(from, "svc/web:t80", at(web, 80));
        ensure!(trace.is_none_or(|trace| trace.endpoints.len() == 2));
        check(from, "pod/web-1:8080/udp", at(pod("web-1"), 8080));
        for name in
            ["web:80", "web.default:80", "elsewhere:80", "web.default.svc.cluster.local.:80"]
        {
            let trace = check(from, name, at(web, 80));
            ensure!(trace.is_none_or(|trace| has(&trace, StepKind::Name)));
        }
        check(from, "svc/elsewhere:80", at(web, 80));
        let alone = follow(host, typed(from), "svc/alone")?;
        ensure!(alone.verdict.outcome == Outcome::Delivered, "{alone:#?}");
        ensure!(!has(&alone, StepKind::Service) && alone.packet.port == Some(8080));
    }
    ensure!(wrong.is_empty(), "{} do not hold:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

#[test]
fn it_names_what_stands_in_the_way() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    stage.add_silent(stage.host(2).pod("mute").label("app", "mute"))?;
    let host = stage.host(1);
    apply(
        host,
        &[
            selecting("empty", "nobody", 80, 8080),
            selecting("mute", "mute", 80, 8080),
            selecting("web", "web", 80, 8080),
        ],
    )?;
    let expect = |host: &Host, from: &str, to: &str, outcome: Outcome, part: &str| {
        eventually(SOON, || {
            let trace = follow(host, from, to)?;
            let text = &trace.verdict.text;
            ensure!(
                trace.verdict.outcome == outcome && text.contains(part),
                "{from} to {to}: {:?}, not {outcome} with {part:?}\n{:#?}",
                trace.verdict,
                trace.steps
            );
            Ok(())
        })
    };
    let refused = Outcome::Refused;
    expect(host, "near", "svc/empty:t80", refused, "service default/empty has no endpoints")?;
    expect(host, "near", "10.96.77.77:80", refused, "no service has 10.96.77.77:80")?;
    let nobody = "nobody.default.svc.cluster.local.:80";
    expect(host, "near", nobody, refused, "stands for no address")?;
    // Along the search path the name is asked outside, where nobody answers in this lab.
    expect(host, "near", "nobody:80", Outcome::Unknown, "cannot be told now")?;
    // Only the pod's own node can look into it.
    expect(stage.host(2), "far", "svc/mute:t80", refused, "nobody listens")?;
    let unleased = "10.244.250.1:80";
    expect(host, "near", unleased, refused, "no node holds the part of 10.244.0.0/16")?;
    let trace = follow(host, "near", "svc/web:t80")?;
    ensure!(trace.verdict.outcome == Outcome::Delivered, "{trace:#?}");
    // What a firewall does here.
    for (script, outcome, part) in [
        (
            "add rule inet filter forward tcp dport 8080 drop",
            Outcome::Dropped,
            "table inet filter, chain forward: rule 1",
        ),
        (
            "flush chain inet filter forward; add chain inet filter forward { policy drop; }",
            Outcome::Dropped,
            "table inet filter, chain forward: its policy",
        ),
        (
            "add rule inet filter forward tcp dport 8080 accept",
            Outcome::Dropped,
            "the answer to it does not",
        ),
        (
            "add rule inet filter forward ct state established accept",
            Outcome::Delivered,
            "it arrives at",
        ),
    ] {
        host.nft("add table inet filter; add chain inet filter forward { type filter hook forward priority 0; }")?;
        host.nft(script)?;
        let to = format!("{}:8080", v4(&stage.pod("web-1").addresses()));
        expect_now(host, "near", &to, outcome, part)?;
        let to = to.parse()?;
        let real = arrives(&stage, Position::PodNear, to, Protocol::Tcp)?;
        ensure!(real == (outcome == Outcome::Delivered), "{script}: {real}");
    }
    host.nft("delete table inet filter")?;
    stage.host(2).kill()?;
    let far = format!("{}:8080", v4(&stage.pod("web-2").addresses()));
    eventually(LEASE, || expect_now(host, "near", &far, Outcome::Unknown, "is not alive"))?;
    Ok(())
}

fn expect_now(host: &Host, from: &str, to: &str, outcome: Outcome, part: &str) -> Result<()> {
    let verdict = follow(host, from, to)?.verdict;
    if verdict.outcome == outcome && verdict.text.contains(part) {
        return Ok(());
    }
    bail!("{verdict:?}")
}

#[test]
fn a_person_reads_a_line_a_step_and_typos_are_answered() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    let host = stage.host(1);
    apply(host, &[with_spec(selecting("web", "web", 80, 8080), json!({"type": "NodePort"}))])?;
    cluster_ips(host, "web")?;
    let said = eventually(SOON, || {
        let said = pontoon(host, &["trace", "far", "web:80"])?;
        ensure!(said.code == Some(0), "{}{}", said.out, said.err);
        Ok(said)
    })?;
    for part in ["from ", "name ", "service ", "slot 0: ", "inet pontoon-services", "crossing"] {
        ensure!(said.out.contains(part), "no {part:?} in\n{}", said.out);
    }
    let last = said.out.trim_end().lines().last().unwrap_or_default();
    ensure!(last.starts_with("delivered on host-"), "{}", said.out);
    eprintln!("{}", said.out);
    for (words, code, part) in [
        (&["trace", "naer", "web:80"][..], 1, "did you mean near?"),
        (&["trace", "near", "svc/wbe:80"], 1, "did you mean web?"),
        (&["trace", "node/host-9", "web:80"], 1, "did you mean host-"),
        (&["trace", "near", "svc/web"], 1, "name one of t80 (80/TCP), u80 (80/UDP)"),
        (&["trace", "near", "svc/web:http"], 1, "no port \"http\""),
        (&["trace", "pdo/near", "web:80"], 2, "did you mean pod?"),
        (&["trace", "outside", "10.96.0.1:0"], 2, "no port"),
        (&["trace", "outside", "10.96.0.1:80", "--by", "hots-1"], 1, "did you mean host-1?"),
        (&["trace", "near", "web:80", "--by", "host-1"], 2, "--by is for packets from outside"),
    ] {
        let said = pontoon(host, words)?;
        ensure!(said.code == Some(code) && said.err.contains(part), "{words:?}: {}", said.err);
    }
    for words in [&["trace", "outside", "host-3:30080"][..], &["trace", "node/host-2", "near:80"]] {
        eprintln!("{words:?}\n{}", pontoon(host, words)?.out);
    }
    Ok(())
}

/// What a node saw of a packet that was really sent.
fn live(host: &Host, from: &str, to: &str) -> Result<Trace> {
    let said = pontoon(host, &["trace", from, to, "--live", "-o", "json"])?;
    serde_json::from_str(&said.out)
        .with_context(|| format!("{} of {from} to {to}: {}", host.name(), said.err))
}

fn live_ends(
    host: &Host,
    (from, to): (&str, &str),
    outcome: Outcome,
    node: &str,
    part: &str,
) -> Result<Trace> {
    let trace = live(host, from, to)?;
    let verdict = &trace.verdict;
    ensure!(
        verdict.outcome == outcome
            && verdict.text.contains(part)
            && verdict.node.as_ref().is_some_and(|at| at.as_str() == node),
        "{from} to {to}: {verdict:?}, not {outcome} on {node} with {part:?}\n{:#?}",
        trace.steps
    );
    Ok(trace)
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
        let trace = live(host, "far", "svc/web:t80")?;
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
    let trace = live(near, "node/host-3", "svc/web:t80")?;
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
