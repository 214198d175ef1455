//! Through the chains of a place.

use std::net::{IpAddr, SocketAddr};

use pontoon_model::name::NodeName;
use pontoon_model::trace::{Outcome, Step, StepKind, Verdict};
use pontoon_netlink::nft::HookPoint;

use super::{Ended, Walker, say};
use crate::host::{Others, Tables};
use crate::packet::Packet;
use crate::rules::{End, Walk};
use crate::why;

impl Walker<'_> {
    /// Takes it through the chains of a place, ours and others'.
    pub(super) fn rules(
        &mut self,
        node: &NodeName,
        tables: &Tables,
        bridge: bool,
        point: HookPoint,
        text: String,
    ) -> Result<(), Ended> {
        let before = self.packet.clone();
        if *node != self.world.me && !self.unread.contains(node) {
            self.unread.push(node.clone());
        }
        let walk = Walk {
            tables: &tables.rulesets,
            is_local: &|ip| self.world.is_local(node, ip),
            own: &|packet| self.own_address(node, packet),
            slot: self.slot,
        };
        let mut packet = self.packet.clone();
        let mut passage = walk.through(bridge, point, &mut packet);
        let mut details = Vec::new();
        let mut back = false;
        if *node == self.world.me && !bridge {
            let others = self.others(point, &before, &packet).map(|others| (others, false));
            if let Some((others, answering)) = others.or_else(|| self.others_back(point, &packet)) {
                let rules =
                    others.rules.iter().map(|rule| format!("{} {}", rule.table, rule.chain));
                let theirs: Vec<String> = rules.collect();
                passage.rules.extend(others.rules);
                if others.doubtful {
                    let said = format!(
                        "{} stops it, unless a rule that cannot be read accepts it",
                        theirs.join(", ")
                    );
                    details.push(said.clone());
                    let next = "see `pontoon doctor` for the rule and its mend".to_owned();
                    self.doubt = Some(self.end(Outcome::Unknown, node, said, Some(next)));
                } else if passage.end == End::Passed {
                    passage.end = others.end;
                    back = answering;
                }
            }
        }
        self.packet = packet;
        if self.slots.is_none() {
            self.slots = passage.slots;
        }
        if !passage.rules.is_empty() {
            self.steps.push(Step {
                kind: StepKind::Rules,
                node: Some(node.clone()),
                basis: tables.basis,
                text,
                details,
                rules: passage.rules,
            });
        }
        if self.packet.destination != before.destination || self.packet.ports.1 != before.ports.1 {
            let to = SocketAddr::new(self.packet.destination, self.packet.ports.1);
            if self.endpoint.is_none() {
                self.endpoint = Some((node.clone(), to));
            }
            self.steps.push(say::endpoint(self.world, node, tables.basis, to));
        }
        let outcome = match passage.end {
            End::Passed => return Ok(()),
            // Whoever answers is told of a refused answer, and not who waits for it.
            End::Refused(_) if !back => Outcome::Refused,
            End::Dropped | End::Refused(_) => Outcome::Dropped,
        };
        let mut ended = self.ended_by_rule(node, outcome, bridge, &before);
        if back {
            ended.text = format!("it passes, and the answer to it does not: {}", ended.text);
        }
        Err(ended)
    }

    /// What ends it in the chains of other programs, if anything does.
    fn others(&self, point: HookPoint, before: &Packet, after: &Packet) -> Option<Others> {
        let others = self.host.others(point, before, after)?;
        (others.end != End::Passed).then_some(others)
    }

    /// What ends the answer to it there, on its way back through this host.
    fn others_back(&self, point: HookPoint, packet: &Packet) -> Option<(Others, bool)> {
        let point = match point {
            HookPoint::Forward => HookPoint::Forward,
            HookPoint::Input => HookPoint::Output,
            HookPoint::Output => HookPoint::Input,
            _ => return None,
        };
        let answer = packet.answer();
        self.others(point, &answer, &answer).map(|others| (others, true))
    }

    fn ended_by_rule(
        &self,
        node: &NodeName,
        outcome: Outcome,
        bridge: bool,
        packet: &Packet,
    ) -> Verdict {
        let last = self.steps.last().and_then(|step| step.rules.last());
        let ours = |table: &str| table.ends_with(" pontoon-services");
        match last {
            Some(rule) if ours(&rule.table) => {
                let why = why::ended(self.world, node, packet);
                self.end(outcome, node, why.text, why.next)
            }
            Some(rule) => {
                let said = rule.comment.clone().unwrap_or_else(|| rule.rule.clone());
                let next = if bridge {
                    "the pod's address or card is not the one that it was given".to_owned()
                } else {
                    format!("see `nft list chain {} {}`", rule.table, rule.chain)
                };
                let text = format!("table {}, chain {}: {said}", rule.table, rule.chain);
                self.end(outcome, node, text, Some(next))
            }
            None => self.end(outcome, node, "a rule ends it".to_owned(), None),
        }
    }

    fn own_address(&self, node: &NodeName, packet: &Packet) -> Option<IpAddr> {
        use pontoon_model::cidr::{Family, gateway};
        let family = Family::of(packet.destination);
        let known = self.world.nodes.get(node)?;
        let mut subnets = known.subnets.iter().filter(|net| Family::of_network(**net) == family);
        let output = packet.output.as_deref();
        if output == Some(&self.world.devices.bridge) {
            return subnets.next().map(|net| gateway(*net));
        }
        if output == Some(&self.world.devices.overlay) {
            return subnets.next().map(|net| net.network());
        }
        known.address(family)
    }
}
