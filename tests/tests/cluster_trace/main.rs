//! What `pontoon trace` says of a packet, against what becomes of it.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

mod live;
mod plans;

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pontoon_lab::Host;
use pontoon_lab::binaries;
use pontoon_lab::probe::{self, Reply};
use pontoon_model::service::Protocol;
use pontoon_model::trace::{Outcome, Step, StepKind, Trace, Transport};
use pontoon_tests::cluster::{SOON, eventually};
use pontoon_tests::services::stage::{Position, Stage};

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
    if from == "outside" && (to.starts_with("10.96.") || to.starts_with("[fd00:10:96:")) {
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
    holds_over(stage, from, typed_to, to, protocol)
}

/// As [`holds`], over a protocol that need not be typed.
fn holds_over(
    stage: &Stage,
    from: Position,
    typed_to: &str,
    to: SocketAddr,
    protocol: Protocol,
) -> Result<Trace> {
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

fn v6(addresses: &[IpAddr]) -> IpAddr {
    *addresses.iter().find(|ip| ip.is_ipv6()).unwrap()
}

fn has(trace: &Trace, kind: StepKind) -> bool {
    trace.steps.iter().any(|step| step.kind == kind)
}

/// What a node saw of a packet that was really sent.
fn sent(host: &Host, from: &str, to: &str) -> Result<Trace> {
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
    let trace = sent(host, from, to)?;
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

/// Whether a node saw what answers the packet, and nothing else.
fn saw_answer(trace: &Trace, node: &str) -> bool {
    let of = |kind: StepKind| trace.steps.iter().filter(move |step| step.kind == kind);
    // Wherever it was seen: where it is masked it is seen as such by the next node.
    let forth = of(StepKind::Seen).flat_map(|step| &step.details);
    let senders: Vec<&str> =
        forth.clone().filter_map(|line| line.split_once(" -> ")).map(|(from, _)| from).collect();
    let here = |step: &&Step| step.node.as_ref().is_some_and(|at| at.as_str() == node);
    let back = of(StepKind::SeenBack).filter(here).flat_map(|step| &step.details);
    let whole = forth.chain(back.clone()).all(|line| !line.contains("may not be all"));
    // Over TCP there is more to a conversation.
    let tcp = trace.packet.protocol == Transport::Tcp;
    let alone = tcp || back.clone().all(|line| !line.contains("more"));
    // An error has no ports.
    let is = |sender: &str, to: &str| {
        let ip = sender.parse::<SocketAddr>().map(|sender| sender.ip().to_string());
        sender == to || ip.is_ok_and(|ip| ip == to)
    };
    let mut answers = back.filter_map(|line| line.split_once(" -> "));
    whole && alone && answers.any(|(_, to)| senders.iter().any(|sender| is(sender, to)))
}
