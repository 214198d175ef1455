//! Cluster DNS: what an answer costs the server, CPU and memory, against other servers with the same
//! names, asked the same questions by dnsperf.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `questions` | what is asked |
//! | `load` | dnsperf, and what it says |
//! | `peers` | the other servers and their configurations |
//! | `zone_file` | the same names as a zone file has them |

mod load;
mod peers;
mod questions;
mod zone_file;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use pontoon_lab::{Host, Lab, Process, binaries};

use self::load::{Asked, PORT};
use self::peers::Peer;
use self::questions::{Kind, MIX};
use crate::report::{Better, Row};
use crate::services::dataset::{self, Size};
use crate::services::{limited, seed};
use crate::usage;

/// What the server is to hold.
const SIZE: Size = Size { services: 10_000, endpoints: 2 };
const ROUNDS: usize = 3;
/// How long a server is asked.
const TIME: Duration = Duration::from_secs(4);
/// A rate at which servers mostly wait, questions a second.
const PACED: u32 = 5000;
const WAIT: Duration = Duration::from_secs(60);
/// Megabytes, in which the limit is given, in a MiB.
const MEGABYTES: f64 = 1.048_576;

/// What a server took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// Microseconds of CPU a question, as many as it can.
    saturated: f64,
    /// The same, at [`PACED`].
    paced: f64,
    /// Questions a second, as many as it can.
    rate: f64,
    /// MiB.
    resident: f64,
}

pub(crate) fn measure(notes: &mut Vec<String>) -> Result<Vec<Row>> {
    if binaries::on_path("dnsperf").is_none() {
        notes.push("skipped: DNS, since there is no dnsperf (Debian package dnsperf)".to_owned());
        return Ok(Vec::new());
    }
    let lab = Lab::builder()
        .hosts(1)
        .embedded()
        .dual_stack(false)
        .configure("cluster.pod-cidrs", [dataset::POD_CIDR])
        .configure("cluster.service-cidrs", [dataset::SERVICE_CIDR])
        .configure("dns.listen", [format!("127.0.0.1:{PORT}")])
        // One client asks for all; the limit is there, and looked at.
        .configure("dns.rate-limit", 100_000_000)
        .configure("log.level", "info")
        .build()?;
    let host = lab.host(1);
    host.start()?;
    host.wait_ready(WAIT)?;
    host.stop()?;
    // No server is to pay for the rules of a node: answering names needs none of them.
    host.exec(&["nft", "flush", "ruleset"])?;
    seed::embedded(host, SIZE.services())?;
    let (peers, absent) = peers::find(host, SIZE)?;
    if !absent.is_empty() {
        notes.push(format!("skipped: {}, which are not here", absent.join(", ")));
    }
    let mut ours = Vec::new();
    let mut theirs: Vec<Vec<Cost>> = vec![Vec::new(); peers.len()];
    let mut kinds: Vec<Vec<f64>> = vec![Vec::new(); Kind::ALL.len()];
    for _ in 0..ROUNDS {
        let server = start_ours(host)?;
        ours.push(cost(host, &server).context("pontoond")?);
        for (kind, samples) in Kind::ALL.into_iter().zip(&mut kinds) {
            samples.push(ask(host, &server, &[kind], None)?.0);
        }
        server.kill();
        for (peer, costs) in peers.iter().zip(&mut theirs) {
            let server = peer.start(host)?;
            costs.push(
                cost(host, &server).with_context(|| {
                    format!("{}; its log ends:\n{}", peer.name, server.log_tail())
                })?,
            );
            server.kill();
        }
    }
    Ok(rows(&ours, &peers, &theirs, &kinds))
}

fn start_ours(host: &Host) -> Result<Process> {
    let binary = binaries::find("pontoond")?;
    let config = host.config_file();
    host.spawn(&[&binary.to_string_lossy(), "--config", &config.to_string_lossy(), "--dns-only"])
}

/// What a server takes that has just been started.
fn cost(host: &Host, server: &Process) -> Result<Cost> {
    load::wait_for(host, server, &questions::first(SIZE), WAIT)?;
    let (saturated, asked) = ask(host, server, &MIX, None)?;
    let (paced, _) = ask(host, server, &MIX, Some(PACED))?;
    let resident = usage::resident_in_all(server.pid())?;
    Ok(Cost { saturated, paced, rate: asked.rate, resident })
}

/// Asks for a while; microseconds of the server's CPU for each question, and what dnsperf says.
fn ask(host: &Host, server: &Process, kinds: &[Kind], rate: Option<u32>) -> Result<(f64, Asked)> {
    let file = host.path().join("questions");
    std::fs::write(&file, questions::list(SIZE, kinds))?;
    let before = usage::threads(server.pid())?;
    let asked = load::run(host, &file, TIME, rate)?;
    let took = usage::threads(server.pid())?.saturating_sub(before);
    let missing = kinds.iter().filter(|kind| **kind == Kind::Missing).count();
    let expected = missing as f64 / kinds.len() as f64;
    if (asked.missing - expected).abs() > 0.01 || asked.failed > 0.001 {
        bail!("the server answers something else than it should: {asked:?}");
    }
    Ok((took.as_secs_f64() * 1e6 / asked.answered, asked))
}

fn rows(ours: &[Cost], peers: &[Peer], theirs: &[Vec<Cost>], kinds: &[Vec<f64>]) -> Vec<Row> {
    let of = |costs: &[Cost], pick: fn(&Cost) -> f64| costs.iter().map(pick).collect::<Vec<_>>();
    let what = format!("DNS, {SIZE}");
    let mut rows = vec![
        limited(format!("{what}, CPU an answer, saturated"), "µs", of(ours, |c| c.saturated), 5.0),
        limited(format!("{what}, CPU an answer, {PACED}/s"), "µs", of(ours, |c| c.paced), 15.0),
        limited(
            format!("{what}, pontoond --dns-only, RSS"),
            "MB",
            of(ours, |c| c.resident * MEGABYTES),
            40.0,
        ),
    ];
    for (peer, costs) in peers.iter().zip(theirs) {
        let against = |name: &str, unit, pick: fn(&Cost) -> f64, better| Row {
            name: format!("{what}, {name}"),
            unit,
            ours: of(ours, pick),
            peer: peer.name.to_owned(),
            theirs: of(costs, pick),
            better,
            target: 1.0,
        };
        rows.push(against("CPU an answer, saturated", "µs", |c| c.saturated, Better::Lower));
        rows.push(against("CPU an answer, 5000/s", "µs", |c| c.paced, Better::Lower));
        rows.push(against("answers", "1/s", |c| c.rate, Better::Higher));
        rows.push(against("RSS", "MiB", |c| c.resident, Better::Lower));
    }
    let [address, others @ ..] = kinds else { return rows };
    for (kind, samples) in Kind::ALL.into_iter().skip(1).zip(others) {
        rows.push(Row {
            name: format!("{what}, CPU an answer, saturated: {kind}"),
            unit: "µs",
            ours: samples.clone(),
            peer: "A, times 1.5".to_owned(),
            theirs: address.iter().map(|a| a * 1.5).collect(),
            better: Better::Lower,
            target: 1.0,
        });
    }
    rows
}
