//! What became of a packet that was sent, from what came back and what nodes saw.

use pontoon_model::name::NodeName;
use pontoon_model::trace::live::{Echo, Probe, Sight};
use pontoon_model::trace::{Outcome, Trace, Transport, Verdict};

use super::seen::{Pass, passes};
use super::{Reports, time};
use crate::rules::walk_words::socket;
use crate::world::World;

/// What to do where a node did not see all.
const AGAIN: &str = "trace it again, when less is traced on that node";

/// What is known of one packet.
struct Case<'w> {
    world: &'w World,
    trace: &'w Trace,
    probe: &'w Probe,
    reports: &'w Reports,
    echo: &'w Echo,
}

/// The verdict.
pub(super) fn verdict(
    world: &World,
    trace: &Trace,
    probe: &Probe,
    reports: &Reports,
    echo: Option<&Echo>,
) -> Verdict {
    let Some(echo) = echo else {
        return Verdict {
            outcome: Outcome::Unknown,
            node: Some(probe.sender.clone()),
            text: format!("node {} did not say whether it sent the packet", probe.sender),
            next: Some("is its daemon alive, and of this version? see `pontoon status`".to_owned()),
        };
    };
    Case { world, trace, probe, reports, echo }.verdict()
}

impl<'w> Case<'w> {
    fn verdict(&self) -> Verdict {
        let sender = &self.probe.sender;
        match self.echo {
            Echo::Unsent(why) => {
                return end(Outcome::Unknown, sender, format!("it was not sent: {why}"), None);
            }
            Echo::Answered { micros } => {
                let last = self.last().map_or(sender, |(node, _)| node);
                let text = format!("it was answered after {}", time(*micros));
                return end(Outcome::Delivered, last, text, None);
            }
            Echo::Refused { .. } | Echo::Unreachable { .. } | Echo::Silence { .. } => {}
        }
        if let Some((node, sight)) = self.dropped(false) {
            return self.by_rule(node, sight);
        }
        if let Some((node, sight)) = self.dropped(true) {
            let mut verdict = self.by_rule(node, sight);
            verdict.outcome = Outcome::Dropped;
            verdict.text = format!("it arrives, and the answer is dropped: {}", verdict.text);
            return verdict;
        }
        let Some((node, pass)) = self.last() else { return self.never_seen() };
        match self.echo {
            Echo::Refused { .. } => self.refused(node, pass),
            Echo::Unreachable { said, .. } => {
                let text = format!("{said}: node {node} saw it last, {}", whereto(pass));
                let next = "see `ip route` and `ip neigh` there".to_owned();
                end(Outcome::Refused, node, text, Some(next))
            }
            _ => self.lost(node, pass),
        }
    }

    /// The passes of the packet, or of what answers it, with the nodes that saw them: the sender's first.
    fn passes(&self, answers: bool) -> impl Iterator<Item = (&'w NodeName, Pass<'w>)> + use<'w> {
        let reports = self.reports;
        self.probe.nodes.iter().flat_map(move |node| {
            let of_node = reports.get(node).into_iter().flat_map(passes);
            of_node.filter(move |pass| pass.answers() == answers).map(move |pass| (node, pass))
        })
    }

    fn dropped(&self, answers: bool) -> Option<(&'w NodeName, &'w Sight)> {
        self.passes(answers).find_map(|(node, pass)| Some((node, pass.dropped()?)))
    }

    /// Where it was seen last: on the node farthest from its sender. When it is sent again, chains that
    /// rewrite are not asked again, so of several passes the one that tells how it left counts.
    fn last(&self) -> Option<(&'w NodeName, Pass<'w>)> {
        let (node, _) = self.passes(false).last()?;
        let mut here = self.passes(false).filter(|(at, _)| *at == node);
        let first = here.next()?;
        let tells = |(_, pass): &(&NodeName, Pass<'_>)| pass.came_in() || pass.output().is_some();
        let told = std::iter::once(first).chain(here).find(tells);
        Some(told.unwrap_or(first))
    }

    fn by_rule(&self, node: &NodeName, sight: &Sight) -> Verdict {
        let told = matches!(self.echo, Echo::Refused { .. } | Echo::Unreachable { .. });
        let outcome = if told { Outcome::Refused } else { Outcome::Dropped };
        let rule = &sight.rule;
        // What is planned says why our own rules do so.
        let planned = &self.trace.verdict;
        if rule.table.ends_with(" pontoon-services")
            && matches!(planned.outcome, Outcome::Refused | Outcome::Dropped)
        {
            return end(outcome, node, planned.text.clone(), planned.next.clone());
        }
        let comment = rule.comment.as_ref().map(|comment| format!(" ({comment})"));
        let comment = comment.unwrap_or_default();
        let text = format!("table {}, chain {}: {}{comment}", rule.table, rule.chain, rule.rule);
        let next = format!("see `nft -a list chain {} {}` on node {node}", rule.table, rule.chain);
        end(outcome, node, text, Some(next))
    }

    fn never_seen(&self) -> Verdict {
        let sender = &self.probe.sender;
        let report = self.reports.get(sender);
        if report.is_none_or(|report| report.problem.is_some()) {
            let text = format!("node {sender} could not look for it");
            return end(Outcome::Unknown, sender, text, None);
        }
        let (text, next) = match &self.probe.pod {
            Some(pod) => (
                format!("it never came out of pod {pod}"),
                "look at rules and routes in the pod's own namespace".to_owned(),
            ),
            None => {
                (format!("node {sender} did not let it out"), "see `ip route get` there".to_owned())
            }
        };
        end(Outcome::Dropped, sender, text, Some(next))
    }

    fn refused(&self, node: &NodeName, pass: Pass<'_>) -> Verdict {
        if let Some((blind, problem)) = self.blind() {
            let text = format!(
                "it was refused, and by whom is not known: node {blind} may not have seen all: {problem}"
            );
            return end(Outcome::Refused, node, text, Some(AGAIN.to_owned()));
        }
        let at = pass.ends().map_or_else(String::new, |ends| socket(ends.destination, ends.port));
        let protocol = self.probe.transport;
        let text = format!("it arrives at {at}, and nobody listens there over {protocol}");
        let next = "start what is to listen there, or mend the service's targetPort".to_owned();
        end(Outcome::Refused, node, text, Some(next))
    }

    /// Nobody answered.
    fn lost(&self, node: &NodeName, pass: Pass<'_>) -> Verdict {
        let destination = pass.ends().map(|ends| ends.destination);
        let owner = destination.and_then(|ip| {
            let owner = self.world.subnet_owner(ip).map(|(node, _)| node);
            owner.or_else(|| self.world.node_at(ip))
        });
        match owner {
            Some(owner) if owner != node => self.never_came(node, owner, pass),
            Some(_) => self.unanswered(node, pass),
            None => {
                let text = format!("it {}, and nobody answered", whereto(pass));
                end(Outcome::Leaves, node, text, None)
            }
        }
    }

    /// A node that may not have seen all of it, and why.
    fn blind(&self) -> Option<(&'w NodeName, &'w str)> {
        self.probe.nodes.iter().find_map(|node| {
            let problem = self.reports.get(node)?.problem.as_deref()?;
            Some((node, problem))
        })
    }

    /// It left one node for another that has not seen it.
    fn never_came(&self, node: &NodeName, peer: &NodeName, pass: Pass<'_>) -> Verdict {
        let looked = self.reports.get(peer).is_some_and(|report| report.problem.is_none());
        let left = whereto(pass);
        if !looked {
            let text = format!("it {left} for node {peer}, which did not look for it");
            let next = format!("look at node {peer}: `systemctl status pontoond` there");
            return end(Outcome::Unknown, node, text, Some(next));
        }
        let underlay = |name: &NodeName| {
            self.world.nodes.get(name).map(|node| node.record.underlay.to_string())
        };
        let between = match (underlay(node), underlay(peer)) {
            (Some(from), Some(to)) => format!(" from {from} to {to}"),
            _ => String::new(),
        };
        let overlay = pass.output() == Some(&self.world.devices.overlay);
        let what = if overlay {
            format!("UDP port {}", self.world.config.backend.vxlan_port)
        } else {
            "packets of pods as they are".to_owned()
        };
        end(
            Outcome::Dropped,
            node,
            format!("it {left} and never came to node {peer}: the underlay lost it{between}"),
            Some(format!("let {what} pass between the two hosts; see `pontoon status --mesh`")),
        )
    }

    /// It came to where it was to go.
    fn unanswered(&self, node: &NodeName, pass: Pass<'_>) -> Verdict {
        let at = pass.ends().map_or_else(String::new, |ends| socket(ends.destination, ends.port));
        let sender = &self.probe.sender;
        let answered: Vec<&NodeName> = self.passes(true).map(|(node, _)| node).collect();
        if answered.contains(&sender) {
            let text = format!(
                "it arrives at {at}, and the answer came back to node {sender}, too late or not to whom it was for"
            );
            return end(Outcome::Unknown, sender, text, None);
        }
        if answered.contains(&node) && self.blind().is_none() {
            let text = format!(
                "it arrives at {at}, and the answer left node {node} and never came to node {sender}"
            );
            let next = "the underlay lets packets pass one way only; see `pontoon status --mesh`";
            return end(Outcome::Dropped, node, text, Some(next.to_owned()));
        }
        if self.probe.transport == Transport::Udp {
            let text = format!("it arrives at {at}; nobody answered, and over UDP nobody need");
            return end(Outcome::Delivered, node, text, None);
        }
        if let Some((blind, problem)) = self.blind() {
            let text = format!(
                "it arrives at {at}, and what became of the answer is not known: node {blind} may not have seen all: {problem}"
            );
            return end(Outcome::Unknown, blind, text, Some(AGAIN.to_owned()));
        }
        let text = format!("it arrives at {at}, and no answer came out of there");
        let next = "look at rules in the pod's own namespace, and at what should answer".to_owned();
        end(Outcome::Dropped, node, text, Some(next))
    }
}

fn whereto(pass: Pass<'_>) -> String {
    match pass.output() {
        Some(output) => format!("left by {output}"),
        None => "went on".to_owned(),
    }
}

fn end(outcome: Outcome, node: &NodeName, text: String, next: Option<String>) -> Verdict {
    Verdict { outcome, node: Some(node.clone()), text, next }
}
