//! All of it as an answer.

mod choices;

use std::net::{IpAddr, SocketAddr};

use pontoon_model::cidr::Family;
use pontoon_model::endpoint::Endpoint;
use pontoon_model::name::NodeName;
use pontoon_model::trace::{
    Basis, Origin, Outcome, Question, Sent, Step, StepKind, Trace, Verdict,
};

use crate::aim::{self, Aim, Named};
use crate::host::Host;
use crate::packet::Packet;
use crate::route;
use crate::rules::walk_words::socket;
use crate::service::{self, Met};
use crate::way::{self, Start, Way};
use crate::why;
use crate::world::World;
use choices::{choices, sum_up};

/// Follows the packet of a question that aims at something.
#[must_use]
pub fn tell(
    world: &World,
    host: &dyn Host,
    question: &Question,
    aim: &Aim,
    named: Option<Named>,
) -> Trace {
    let mut steps: Vec<Step> = Vec::new();
    let sent = Sent {
        source: None,
        destination: aim.address,
        protocol: aim.transport,
        port: (aim.port != 0).then_some(aim.port),
    };
    let mut trace = Trace {
        node: world.me.clone(),
        packet: sent,
        steps: Vec::new(),
        verdict: nowhere(aim, named.as_ref()),
        planned: None,
        endpoints: Vec::new(),
    };
    let named_step = named.map(|named| named.step);
    let start = start(world, question, aim);
    let Some(address) = aim.address else {
        trace.steps.extend(start.ok().map(|start| source_step(world, start, None)));
        trace.steps.extend(named_step);
        return trace;
    };
    let started = start.and_then(|start| {
        let source = source(world, host, question, start, address);
        source.map(|source| (start, source)).ok_or_else(|| no_family(start, address))
    });
    let (start, source) = match started {
        Ok(started) => started,
        Err(verdict) => {
            trace.steps.extend(named_step);
            trace.verdict = verdict;
            return trace;
        }
    };
    trace.packet.source = Some(source);
    steps.push(source_step(world, start, Some(source)));
    steps.extend(named_step);
    let packet = Packet::new(source, address, aim.transport.number(address.is_ipv4()), aim.port);
    let first = way::follow(world, host, start, aim.transport, packet.clone(), 0);
    let node = first.endpoint.as_ref().map_or_else(|| on(start).clone(), |(node, _)| node.clone());
    steps.extend(service_step(world, host, &node, &first, &packet));
    let (shown, endpoints) = choices(world, host, start, aim, &packet, first);
    trace.verdict = sum_up(&shown, &endpoints);
    if let Some(doubt) = led(world, question, address).filter(|_| trace.verdict.outcome.is_good()) {
        trace.verdict.outcome = Outcome::Unknown;
        trace.verdict.text = format!("{}, if {doubt}", trace.verdict.text);
        trace.verdict.next = Some("say which node it comes to".to_owned());
    }
    let answer = answer_step(world, &shown, &packet);
    steps.extend(shown.steps);
    steps.extend(answer);
    trace.steps = steps;
    trace.endpoints = endpoints;
    trace
}

/// What must be so that a packet from outside comes to the cluster at all, where nobody here knows that.
fn led(world: &World, question: &Question, address: IpAddr) -> Option<String> {
    let Origin::Outside { node: None, .. } = question.from else { return None };
    let config = &world.config;
    let range =
        config.pod_cidrs.iter().chain(&config.service_cidrs).find(|r| r.contains(address))?;
    Some(format!("the network outside leads {range} to that node, which is not known here"))
}

fn nowhere(aim: &Aim, named: Option<&Named>) -> Verdict {
    let text = match (named, &aim.service) {
        (Some(named), _) => named.step.text.clone(),
        (None, Some(service)) => {
            format!("the name of service {service} leads nowhere: nobody behind it is ready")
        }
        (None, None) => "it has no address".to_owned(),
    };
    let certain = named.is_none_or(|named| named.certain);
    let outcome = if certain { Outcome::Refused } else { Outcome::Unknown };
    Verdict { outcome, node: None, text, next: None }
}

/// Where the packet begins.
fn start<'w>(world: &'w World, question: &Question, aim: &Aim) -> Result<Start<'w>, Verdict> {
    let gone = |what: String| Verdict {
        outcome: Outcome::Unknown,
        node: None,
        text: format!("{what} is not known here"),
        next: None,
    };
    match &question.from {
        Origin::Pod(id) => world.pod(id).map(Start::Pod).ok_or_else(|| gone(format!("pod {id}"))),
        Origin::Node(name) => {
            let known = world.nodes.get_key_value(name);
            known.map(|(name, _)| Start::Node(name)).ok_or_else(|| gone(format!("node {name}")))
        }
        Origin::Outside { node: Some(name), .. } => {
            let known = world.nodes.get_key_value(name);
            known.map(|(name, _)| Start::Outside(name)).ok_or_else(|| gone(format!("node {name}")))
        }
        Origin::Outside { node: None, .. } => {
            let owner = aim.address.and_then(|address| {
                world.node_at(address).or_else(|| world.subnet_owner(address).map(|(node, _)| node))
            });
            Ok(Start::Outside(owner.unwrap_or(&world.me)))
        }
    }
}

const fn on<'w>(start: Start<'w>) -> &'w NodeName {
    match start {
        Start::Pod(pod) => &pod.node,
        Start::Node(node) | Start::Outside(node) => node,
    }
}

fn source(
    world: &World,
    host: &dyn Host,
    question: &Question,
    start: Start<'_>,
    address: IpAddr,
) -> Option<IpAddr> {
    if let Start::Node(node) = start {
        let planned = route::source(world, node, address);
        let looked = (*node == world.me).then(|| host.source(address)).flatten();
        return looked.or(planned);
    }
    let mut sources = aim::sources(world, &question.from).into_iter();
    sources.find(|source| Family::of(*source) == Family::of(address))
}

fn no_family(start: Start<'_>, address: IpAddr) -> Verdict {
    let family = Family::of(address);
    let (who, node) = match start {
        Start::Pod(pod) => (format!("pod {}", pod.id), Some(pod.node.clone())),
        Start::Node(node) => (format!("node {node}"), Some(node.clone())),
        Start::Outside(_) => ("the sender".to_owned(), None),
    };
    Verdict {
        outcome: Outcome::Refused,
        node,
        text: format!("{who} has no {family} address to send to {address} from"),
        next: Some(format!(
            "use an address of its family, or give the cluster a {family} pod CIDR"
        )),
    }
}

fn source_step(world: &World, start: Start<'_>, source: Option<IpAddr>) -> Step {
    let from = source.map(|source| format!(" from {source}")).unwrap_or_default();
    let (text, mut details) = match start {
        Start::Pod(pod) => {
            let by = pod
                .attached
                .as_ref()
                .map(|attached| format!("its cable ends at {}", attached.host_end));
            (format!("pod {} on node {} sends{from}", pod.id, pod.node), Vec::from_iter(by))
        }
        Start::Node(node) => (format!("node {node} itself sends{from}"), Vec::new()),
        Start::Outside(node) => {
            (format!("somebody outside sends{from}, and it comes to node {node}"), Vec::new())
        }
    };
    if world.nodes.get(on(start)).is_some_and(|node| !node.alive) {
        details.push(format!("node {} is not alive", on(start)));
    }
    let node = match start {
        Start::Outside(_) => None,
        _ => Some(on(start).clone()),
    };
    Step { kind: StepKind::Source, node, basis: Basis::Store, text, details, rules: Vec::new() }
}

/// The service that the packet meets, with its endpoints by their slots.
fn service_step(
    world: &World,
    host: &dyn Host,
    node: &NodeName,
    first: &Way,
    packet: &Packet,
) -> Option<Step> {
    let at = SocketAddr::new(packet.destination, packet.ports.1);
    let met = service::met(world, node, service::frontend(at, packet.protocol)?)?;
    let service = &met.backed.service;
    let name = met.port().map(|port| port.name.as_str()).filter(|name| !name.is_empty());
    let port = name.map(|name| format!(", port {name}")).unwrap_or_default();
    let mut details = Vec::new();
    let inside = why::is_inside(world, node, packet.source);
    if met.stays(inside) {
        details.push(format!("its traffic policy is Local: only endpoints on node {node} count"));
    }
    if !met.frontend.ranges.is_empty() {
        let ranges: Vec<String> = met.frontend.ranges.iter().map(ToString::to_string).collect();
        details.push(format!("only for sources in {}", ranges.join(", ")));
    }
    if let Some(seconds) = met.plan.affinity {
        details.push(format!("clients stay with their endpoint until they were quiet for {seconds} s; a new one is drawn"));
    }
    details.extend(not_used(world, &met, packet));
    let tables = host.tables(node);
    details.extend(tables.remarks.iter().cloned());
    let count = first.slots.map_or(0, |slots| slots);
    let text = match (count, first.endpoint.is_some()) {
        (_, false) => format!("{at} is service {}{port}", service.id),
        (0 | 1, true) => format!("{at} is service {}{port}, with one endpoint", service.id),
        (count, true) => {
            format!("{at} is service {}{port}, one of {count} slots is drawn", service.id)
        }
    };
    Some(Step {
        kind: StepKind::Service,
        node: Some(node.clone()),
        basis: Basis::Store,
        text,
        details,
        rules: Vec::new(),
    })
}

fn not_used<'a>(
    world: &'a World,
    met: &'a Met<'_>,
    packet: &'a Packet,
) -> impl Iterator<Item = String> + 'a {
    let all = met.backed.endpoints.get(met.index).into_iter().flatten();
    let of_family = all.filter(|e: &&Endpoint| e.address.is_ipv4() == packet.destination.is_ipv4());
    of_family.filter_map(|endpoint| {
        let why = why::unused(world, endpoint)?;
        let pod = world.pod_at(endpoint.address).map(|pod| format!(", pod {}", pod.id));
        let at = socket(endpoint.address, endpoint.port);
        Some(format!("not used: {at}{} ({why})", pod.unwrap_or_default()))
    })
}

/// How the answer finds back, where something was rewritten.
fn answer_step(world: &World, shown: &Way, packet: &Packet) -> Option<Step> {
    let arrives = matches!(shown.verdict.outcome, Outcome::Delivered | Outcome::Leaves);
    let (node, _) = shown.endpoint.as_ref().filter(|_| arrives)?;
    let at = socket(packet.destination, packet.ports.1);
    let masked = shown.last.source != packet.source;
    let mut details = Vec::new();
    if masked {
        details.push(format!(
            "whoever answers sees {} in place of {}",
            shown.last.source, packet.source
        ));
    }
    let known = world.nodes.contains_key(node);
    known.then(|| Step {
        kind: StepKind::Answer,
        node: Some(node.clone()),
        basis: Basis::Plan,
        text: format!("the answer comes back through node {node}, which makes it come from {at}"),
        details,
        rules: Vec::new(),
    })
}
