//! A packet that is really sent: what to send and look for, and what follows from what nodes saw.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`seen`] | what a node saw, as steps |
//! | `judge` | what became of it |

mod judge;
pub mod seen;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use pontoon_model::name::NodeName;
use pontoon_model::trace::live::{Echo, Probe, Report};
use pontoon_model::trace::{Basis, Origin, Question, Step, StepKind, Trace, Transport};

use crate::rules::walk_words::socket;
use crate::world::World;

/// What nodes have told.
pub type Reports = BTreeMap<NodeName, Report>;

/// The packet that a trace is about, to be sent and looked for by the nodes on its way that are alive;
/// `None` where nobody here can send it.
#[must_use]
pub fn probe(world: &World, question: &Question, trace: &Trace, source_port: u16) -> Option<Probe> {
    let (sender, pod) = match &question.from {
        Origin::Pod(id) => (world.pod(id)?.node.clone(), Some(id.clone())),
        Origin::Node(name) => (name.clone(), None),
        Origin::Outside { .. } => return None,
    };
    let destination = trace.packet.destination?;
    let mut targets = vec![destination];
    targets.extend(trace.endpoints.iter().map(|choice| choice.address));
    targets.sort_unstable();
    targets.dedup();
    let mut nodes = vec![sender.clone()];
    let ends = targets.iter().filter_map(|address| {
        let owner = world.subnet_owner(*address).map(|(node, _)| node);
        owner.or_else(|| world.node_at(*address)).cloned()
    });
    let on_way = trace.steps.iter().filter_map(|step| step.node.clone());
    let chosen = trace.endpoints.iter().filter_map(|choice| choice.node.clone());
    for node in on_way.chain(chosen).chain(ends) {
        let alive = world.nodes.get(&node).is_some_and(|node| node.alive);
        if alive && !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    Some(Probe {
        sender,
        pod,
        destination,
        port: trace.packet.port.unwrap_or(0),
        transport: trace.packet.protocol,
        source_port,
        targets,
        nodes,
    })
}

/// The trace with what was seen of its packet, and the verdict on that.
#[must_use]
pub fn join(world: &World, mut trace: Trace, probe: &Probe, reports: &Reports) -> Trace {
    let echo = reports.get(&probe.sender).and_then(|report| report.echo.clone());
    trace.steps.push(sent(&trace, probe, echo.as_ref()));
    for node in &probe.nodes {
        trace.steps.extend(seen::steps(node, reports.get(node)));
    }
    let verdict = judge::verdict(world, &trace, probe, reports, echo.as_ref());
    trace.planned = Some(std::mem::replace(&mut trace.verdict, verdict));
    trace
}

fn sent(trace: &Trace, probe: &Probe, echo: Option<&Echo>) -> Step {
    let from = trace.packet.source.map(|ip| format!(" from {}", socket(ip, probe.source_port)));
    let what = if probe.transport == Transport::Icmp {
        format!("a ping to {}", probe.destination)
    } else {
        let at = socket(probe.destination, probe.port);
        format!("a packet of {}{} to {at}", probe.transport, from.unwrap_or_default())
    };
    let became = match echo {
        Some(Echo::Answered { micros }) => format!("answered after {}", time(*micros)),
        Some(Echo::Refused { micros }) => format!("refused after {}", time(*micros)),
        Some(Echo::Unreachable { micros, said }) => format!("{said} after {}", time(*micros)),
        Some(Echo::Silence { micros }) => format!("no answer for {}", time(*micros)),
        Some(Echo::Unsent(why)) => format!("not sent: {why}"),
        None => "its sender did not say what became of it".to_owned(),
    };
    Step {
        kind: StepKind::Probe,
        node: Some(probe.sender.clone()),
        basis: Basis::Sight,
        text: format!("{what}: {became}"),
        details: Vec::new(),
        rules: Vec::new(),
    }
}

/// A time as people read it.
fn time(micros: u64) -> String {
    if micros < 1000 {
        format!("{micros} µs")
    } else if micros < 1_000_000 {
        format!("{:.1} ms", micros as f64 / 1000.0)
    } else {
        format!("{:.1} s", micros as f64 / 1_000_000.0)
    }
}
