//! `pontoon-bench`, started by `cargo xtask bench`: ours and the peer in turn, in one run, several
//! rounds, as ratios. Above 1 ours is better.

mod cni;
mod datapath;
mod dns;
mod flow;
mod footprint;
mod plugin;
mod report;
mod services;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

/// Measures Pontoon against its peers
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure; everything when absent
    name: Option<Name>,
    /// Writes the rows as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Attaching and detaching pods, against the reference plugins
    Cni,
    /// Throughput and round trip across hosts, against the same devices set up by hand
    Datapath,
    /// Sizes of binaries and of the daemon's memory
    Footprint,
    /// Services: how fast they get into the kernel, and what they cost those who connect; against
    /// kube-proxy itself, too, where PONTOON_KUBE_PROXY names its binary
    Services,
    /// Cluster DNS: what an answer costs the server; against those of unbound, knot, nsd, dnsmasq and
    /// CoreDNS (PONTOON_COREDNS) that are here
    Dns,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pontoon-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    if let Some(why) = pontoon_lab::unavailable() {
        anyhow::bail!("no lab on this machine: {why}");
    }
    let mut rows = Vec::new();
    let wanted = |name| arguments.name.is_none_or(|only| only == name);
    if wanted(Name::Footprint) {
        rows.extend(footprint::measure().context("footprint")?);
    }
    if wanted(Name::Cni) {
        rows.extend(cni::measure().context("cni")?);
    }
    if wanted(Name::Datapath) {
        rows.extend(datapath::measure().context("datapath")?);
    }
    let mut notes = Vec::new();
    if wanted(Name::Services) {
        rows.extend(services::measure(&mut notes).context("services")?);
    }
    if wanted(Name::Dns) {
        rows.extend(dns::measure(&mut notes).context("dns")?);
    }
    println!("{}", report::table(&rows));
    for note in notes {
        println!("{note}");
    }
    if let Some(path) = &arguments.json {
        std::fs::write(path, report::json(&rows)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
