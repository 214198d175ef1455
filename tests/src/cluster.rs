//! Whole clusters in the lab, and what is asked of them again and again.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pontoon_lab::host::Host;
use pontoon_lab::probe::{self, Responder};
use pontoon_lab::{Lab, LabBuilder, Netns, Pod};

/// Long enough for anything that happens at once, on a busy machine.
pub const SOON: Duration = Duration::from_secs(10);
/// Long enough for what waits for a liveness lease to run out.
pub const LEASE: Duration = Duration::from_secs(40);
/// The port that responders listen on.
pub const PORT: u16 = 7777;

/// Why a cluster cannot be had on this machine; printed, so that a skipped test says so.
#[must_use]
pub fn skipped() -> bool {
    let missing = pontoon_lab::unavailable().or_else(|| {
        pontoon_lab::binaries::find("pontoond").err().map(|error| format!("{error:#}"))
    });
    missing.inspect(|why| eprintln!("skipped: {why}")).is_some()
}

/// Builds a lab and waits until every node is ready.
///
/// # Errors
/// When a node does not get there.
pub fn cluster(builder: LabBuilder) -> Result<Lab> {
    let lab = builder.build()?;
    lab.start(Duration::from_secs(30))?;
    Ok(lab)
}

/// Tries until it holds.
///
/// # Errors
/// The last one, when it does not hold in time.
pub fn eventually<T>(patience: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) if began.elapsed() > patience => {
                return Err(error).with_context(|| format!("not within {} s", patience.as_secs()));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// One attempt over TCP: the far side must see the source at one of `own`.
///
/// # Errors
/// When there is no answer, or the source was rewritten.
pub fn reach(from: &Netns, own: &[IpAddr], to: IpAddr) -> Result<()> {
    let seen = probe::tcp(from, SocketAddr::new(to, PORT), Duration::from_secs(2))?;
    ensure!(own.contains(&seen.source.ip()), "{to} saw {} in place of {own:?}", seen.source.ip());
    Ok(())
}

/// Every pod reaches every pod and every host, and every host every pod, over both families, at
/// the first attempt and without NAT.
///
/// # Errors
/// The first pair for which that does not hold.
pub fn all_reach_all(hosts: &[&Host], pods: &[&Pod]) -> Result<()> {
    let mut responders = Vec::new();
    for host in hosts {
        responders.push(Responder::start(host.netns(), PORT)?);
    }
    for pod in pods {
        responders.push(Responder::start(pod.netns(), PORT)?);
    }
    for from in pods {
        let targets = pods.iter().map(|pod| (pod.name().to_owned(), pod.addresses()));
        let all =
            targets.chain(hosts.iter().map(|host| (host.name().to_owned(), host.addresses())));
        for (name, addresses) in all {
            for to in addresses {
                reach(from.netns(), &from.addresses(), to).with_context(|| {
                    format!("{} on {} to {name} at {to}", from.name(), from.host().name())
                })?;
            }
        }
    }
    for host in hosts {
        let own = host.all_addresses()?;
        for pod in pods {
            for to in pod.addresses() {
                reach(host.netns(), &own, to)
                    .with_context(|| format!("{} to {} at {to}", host.name(), pod.name()))?;
            }
        }
    }
    Ok(())
}

/// The subnets that a node says it holds, sorted.
///
/// # Errors
/// When the daemon does not answer.
pub fn subnets(host: &Host) -> Result<Vec<String>> {
    let status = host.status()?;
    let own = status.nodes.iter().find(|node| node.name == status.node);
    let mut subnets: Vec<String> = own
        .context("the node does not know itself")?
        .subnets
        .iter()
        .map(ToString::to_string)
        .collect();
    subnets.sort();
    Ok(subnets)
}

/// Waits until a node's status says something.
///
/// # Errors
/// The problems that it tells of, when it does not say so in time.
pub fn wait_for_problem(host: &Host, part: &str) -> Result<()> {
    eventually(SOON, || {
        let problems = host.status()?.problems;
        if problems.iter().any(|problem| problem.contains(part)) {
            return Ok(());
        }
        bail!("no problem of {} says {part:?}: {problems:#?}", host.name())
    })
}
