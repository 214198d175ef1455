//! The whole way of a packet, hop by hop.

mod arrive;
mod leave;
mod pass;
mod say;

use std::net::SocketAddr;

use pontoon_model::cluster::BackendKind;
use pontoon_model::name::NodeName;
use pontoon_model::trace::{Outcome, Step, Transport, Verdict};
use pontoon_netlink::nft::HookPoint;

use crate::host::{Host, Tables};
use crate::packet::{Frame, Packet};
use crate::route::{self, Leads};
use crate::world::{Pod, World};
use say::crossing;

/// A packet is handed on between hosts so often at most: more is a loop.
const HOPS: usize = 4;

/// Where a packet begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start<'w> {
    /// In a pod.
    Pod(&'w Pod),
    /// On a node.
    Node(&'w NodeName),
    /// Outside; it comes to this node.
    Outside(&'w NodeName),
}

/// What was found of a way.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) steps: Vec<Step>,
    pub(crate) verdict: Verdict,
    /// Where it was sent in place of where it aimed, and by which node.
    pub(crate) endpoint: Option<(NodeName, SocketAddr)>,
    /// Of how many slots one was drawn.
    pub(crate) slots: Option<u32>,
    /// As it left or arrived.
    pub(crate) last: Packet,
}

/// Follows a packet; where slots are drawn, that one is.
pub(crate) fn follow(
    world: &World,
    host: &dyn Host,
    start: Start<'_>,
    transport: Transport,
    packet: Packet,
    slot: u32,
) -> Way {
    let mut walker = Walker {
        world,
        host,
        transport,
        slot,
        packet,
        steps: Vec::new(),
        endpoint: None,
        slots: None,
        doubt: None,
        unread: Vec::new(),
    };
    let verdict = walker.go(start);
    let verdict = match (walker.doubt.take(), verdict) {
        (Some(doubt), verdict) if verdict.outcome.is_good() => doubt,
        (_, verdict) => verdict,
    };
    Way {
        steps: walker.steps,
        verdict,
        endpoint: walker.endpoint,
        slots: walker.slots,
        last: walker.packet,
    }
}

struct Walker<'w> {
    world: &'w World,
    host: &'w dyn Host,
    transport: Transport,
    slot: u32,
    packet: Packet,
    steps: Vec<Step>,
    endpoint: Option<(NodeName, SocketAddr)>,
    slots: Option<u32>,
    /// Why it may end although nothing that can be read ends it.
    doubt: Option<Verdict>,
    /// The nodes on its way whose rules of other programs cannot be read from here.
    unread: Vec<NodeName>,
}

/// A way that ends.
type Ended = Verdict;

impl<'w> Walker<'w> {
    fn go(&mut self, start: Start<'w>) -> Verdict {
        let mut node = match start {
            Start::Pod(pod) => &pod.node,
            Start::Node(node) | Start::Outside(node) => node,
        };
        let mut from_pod = matches!(start, Start::Pod(_));
        let mut made_here = matches!(start, Start::Node(_));
        for hop in 0..HOPS {
            let tables = self.host.tables(node);
            if hop == 0
                && let Start::Pod(pod) = start
                && let Err(ended) = self.enter_bridge(node, &tables, pod)
            {
                return ended;
            }
            if hop == 0 {
                self.packet.input = match start {
                    Start::Pod(_) => Some(self.world.devices.bridge.clone()),
                    Start::Node(_) => None,
                    Start::Outside(node) => Some(self.underlay(node)),
                };
            }
            match self.host_on_way(node, &tables, from_pod, made_here) {
                Err(ended) => return ended,
                Ok(next) => node = next,
            }
            made_here = false;
            from_pod = false;
        }
        self.end(
            Outcome::Dropped,
            node,
            "it is handed on between nodes without end".to_owned(),
            Some("compare `pontoon get subnets` with `ip route` on both".to_owned()),
        )
    }

    /// Who sends from which port of the bridge.
    fn enter_bridge(&mut self, node: &NodeName, tables: &Tables, pod: &Pod) -> Result<(), Ended> {
        let Some(attached) = &pod.attached else { return Ok(()) };
        self.packet.input = Some(attached.host_end.clone());
        self.packet.frame = Some(Frame { source: attached.mac, destination: attached.gateway });
        let text =
            format!("rules of the bridge, as it comes from the pod by {}", attached.host_end);
        let outcome = self.rules(node, tables, true, HookPoint::Prerouting, text);
        self.packet.frame = None;
        outcome
    }

    /// Through one host: in, to where it leads, out. The next host, unless it ends here.
    fn host_on_way(
        &mut self,
        node: &'w NodeName,
        tables: &Tables,
        from_pod: bool,
        made_here: bool,
    ) -> Result<&'w NodeName, Ended> {
        let (point, text) = if made_here {
            (HookPoint::Output, "rules, as the host sends it (output)")
        } else {
            (HookPoint::Prerouting, "rules, as it comes in (prerouting)")
        };
        self.rules(node, tables, false, point, text.to_owned())?;
        let leads = route::leads(self.world, node, self.packet.destination, from_pod);
        self.route(node, &leads, from_pod)?;
        if leads == Leads::Here {
            let text = "rules, as it comes to the host (input)".to_owned();
            self.rules(node, tables, false, HookPoint::Input, text)?;
            return Err(self.at_host(node, tables));
        }
        if !made_here {
            let text = "rules, as it is passed on (forward)".to_owned();
            self.rules(node, tables, false, HookPoint::Forward, text)?;
        }
        let text = "rules, as it leaves (postrouting)".to_owned();
        self.rules(node, tables, false, HookPoint::Postrouting, text)?;
        match leads {
            Leads::Pod(pod) => Err(self.at_pod(node, pod)),
            Leads::Peer { node: peer, backend, .. } => {
                let backend = backend.unwrap_or(self.world.config.backend.kind);
                self.steps.push(crossing(self.world, node, peer, backend));
                let input = match backend {
                    BackendKind::Vxlan => self.world.devices.overlay.clone(),
                    _ => self.underlay(peer),
                };
                self.packet = self.packet.arrived(&input);
                self.heard_of(peer)?;
                Ok(peer)
            }
            _ => Err(self.away(node)),
        }
    }

    fn underlay(&self, node: &NodeName) -> String {
        let mine = self.world.devices.underlay.clone().filter(|_| *node == self.world.me);
        mine.unwrap_or_else(|| "underlay".to_owned())
    }

    fn end(
        &self,
        outcome: Outcome,
        node: &NodeName,
        text: String,
        next: Option<String>,
    ) -> Verdict {
        Verdict { outcome, node: Some(node.clone()), text, next }
    }
}
