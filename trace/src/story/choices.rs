//! What becomes of a packet at each of several endpoints.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use pontoon_model::trace::{Choice, Outcome, Verdict};

use crate::aim::Aim;
use crate::host::Host;
use crate::packet::Packet;
use crate::way::{self, Start, Way};
use crate::world::World;

/// Endpoints that are looked at, at most.
const MOST: u32 = 256;

/// What becomes of it at each endpoint, and the way that is shown: one that does not arrive, if there
/// is such.
pub(super) fn choices(
    world: &World,
    host: &dyn Host,
    start: Start<'_>,
    aim: &Aim,
    packet: &Packet,
    first: Way,
) -> (Way, Vec<Choice>) {
    let count = first.slots.unwrap_or(1).clamp(1, MOST);
    let mut found: BTreeMap<SocketAddr, (Vec<u32>, Way)> = BTreeMap::new();
    let Some((_, endpoint)) = first.endpoint.clone() else { return (first, Vec::new()) };
    found.insert(endpoint, (vec![0], first));
    for slot in 1..count {
        let way = way::follow(world, host, start, aim.transport, packet.clone(), slot);
        if let Some((_, endpoint)) = way.endpoint {
            found.entry(endpoint).or_insert_with(|| (Vec::new(), way)).0.push(slot);
        }
    }
    let choice = |(at, (slots, way)): (&SocketAddr, &(Vec<u32>, Way))| {
        let pod = world.pod_at(at.ip());
        Choice {
            address: at.ip(),
            port: at.port(),
            pod: pod.map(|pod| pod.id.clone()),
            node: pod.map(|pod| pod.node.clone()).or_else(|| world.node_at(at.ip()).cloned()),
            slots: slots.clone(),
            verdict: way.verdict.clone(),
        }
    };
    let choices = found.iter().map(choice).collect();
    // Of those alike, the one with the first slot.
    let worst = found
        .into_values()
        .min_by_key(|(slots, way)| (way.verdict.outcome.is_good(), slots.first().copied()));
    match worst {
        Some((_, way)) => (way, choices),
        None => (way::follow(world, host, start, aim.transport, packet.clone(), 0), choices),
    }
}

/// The verdict on all of them.
pub(super) fn sum_up(shown: &Way, endpoints: &[Choice]) -> Verdict {
    let total: usize = endpoints.iter().map(|choice| choice.slots.len()).sum();
    let good: usize = endpoints
        .iter()
        .filter(|choice| choice.verdict.outcome.is_good())
        .map(|choice| choice.slots.len())
        .sum();
    if total == 0 || good == 0 || good == total {
        return shown.verdict.clone();
    }
    let of = &shown.verdict;
    Verdict {
        outcome: Outcome::Partly,
        text: format!(
            "{} of {total} slots lead to where it does not arrive: {}",
            total - good,
            of.text
        ),
        ..of.clone()
    }
}
