//! From base chain to base chain, in the kernel's order.

use std::net::IpAddr;

use pontoon_model::trace::PassedRule;
use pontoon_netlink::nft::{
    ChainKind, Element, ElementData, Family, HookPoint, NatKind, Policy, Reject, Rule, Verdict,
};

use super::rule::{self, Effect};
use super::table::Ruleset;
use super::text;
use super::walk_words::{socket, told};
use crate::packet::Packet;

/// Chains that lead to chains, at most: the kernel's own limit (`NFT_JUMP_STACK_SIZE`).
const DEPTH: usize = 16;

/// A host's tables, ready to be walked.
pub struct Walk<'a> {
    /// The tables.
    pub tables: &'a [Ruleset],
    /// Whether an address is the host's own.
    pub is_local: &'a dyn Fn(IpAddr) -> bool,
    /// What the host's address is on the way out, for what is masqueraded.
    pub own: &'a dyn Fn(&Packet) -> Option<IpAddr>,
    /// Which slot is drawn where several endpoints are.
    pub slot: u32,
}

/// What became of a packet at one place of its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The rules that did something with it.
    pub rules: Vec<PassedRule>,
    /// How it ended.
    pub end: End,
    /// Of how many slots one was drawn, where one was.
    pub slots: Option<u32>,
}

/// How a packet leaves a place of its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It goes on.
    Passed,
    /// It is dropped.
    Dropped,
    /// It is dropped, and its sender is told.
    Refused(Reject),
}

enum Flow {
    Accepted,
    Ended(End),
    /// It came to the chain's end.
    Fallen,
}

impl Walk<'_> {
    /// Takes a packet through the base chains of a place: those of the IP layer, or of a bridge.
    pub fn through(&self, bridge: bool, point: HookPoint, packet: &mut Packet) -> Passage {
        let mut passage = Passage { rules: Vec::new(), end: End::Passed, slots: None };
        let mut bases = Vec::new();
        for table in self.tables.iter().filter(|t| sees(t.table.family, bridge, packet)) {
            for chain in &table.chains {
                let hook = chain.hook.as_ref().filter(|hook| hook.point == point);
                bases.extend(hook.map(|hook| (hook.priority, table, chain, hook)));
            }
        }
        bases.sort_by_key(|(priority, ..)| *priority);
        // Of several chains that rewrite at one place only the first that does is asked.
        let mut rewritten = false;
        for (_, table, chain, hook) in bases {
            let nat = hook.kind == ChainKind::Nat;
            if nat && (rewritten || packet.untracked) {
                continue;
            }
            let before = (packet.dnat, packet.snat);
            let flow = self.chain(table, &chain.name, packet, &mut passage, 0);
            rewritten |= nat && before != (packet.dnat, packet.snat);
            match flow {
                Flow::Accepted => {}
                Flow::Ended(end) => {
                    passage.end = end;
                    break;
                }
                Flow::Fallen if hook.policy == Policy::Drop => {
                    passage.end = End::Dropped;
                    break;
                }
                Flow::Fallen => {}
            }
        }
        passage
    }

    fn chain(
        &self,
        table: &Ruleset,
        name: &str,
        packet: &mut Packet,
        passage: &mut Passage,
        depth: usize,
    ) -> Flow {
        if depth > DEPTH {
            return Flow::Fallen;
        }
        for rule in table.rules.iter().filter(|rule| rule.chain == name) {
            let ran = rule::run(rule, table, packet, self.is_local, self.slot);
            passage.slots = passage.slots.max(ran.slots);
            if ran.effect == Effect::None {
                continue;
            }
            let mut note = |verdict: String| {
                passage.rules.push(passed(table, rule, &ran.found, verdict));
            };
            match ran.effect {
                Effect::None => {}
                Effect::Done => note("go on".to_owned()),
                Effect::Reject(how) => {
                    note(told(how).to_owned());
                    return Flow::Ended(End::Refused(how));
                }
                Effect::Rewritten(NatKind::Destination) => {
                    note(format!("to {}", socket(packet.destination, packet.ports.1)));
                    return Flow::Accepted;
                }
                Effect::Rewritten(NatKind::Source) => {
                    note(format!("from {}", packet.source));
                    return Flow::Accepted;
                }
                Effect::Masquerade => {
                    packet.snat = true;
                    packet.source = (self.own)(packet).unwrap_or(packet.source);
                    note(format!("from {}", packet.source));
                    return Flow::Accepted;
                }
                Effect::Verdict(verdict) => {
                    note(verdict.to_string());
                    match verdict {
                        Verdict::Accept => return Flow::Accepted,
                        Verdict::Drop => return Flow::Ended(End::Dropped),
                        Verdict::Return => return Flow::Fallen,
                        Verdict::Continue => {}
                        Verdict::Goto(to) => {
                            return self.chain(table, &to, packet, passage, depth + 1);
                        }
                        Verdict::Jump(to) => {
                            let before = passage.rules.len();
                            match self.chain(table, &to, packet, passage, depth + 1) {
                                // Nothing came of it.
                                Flow::Fallen if passage.rules.len() == before => {
                                    passage.rules.pop();
                                }
                                Flow::Fallen => {}
                                flow => return flow,
                            }
                        }
                    }
                }
            }
        }
        Flow::Fallen
    }
}

fn sees(family: Family, bridge: bool, packet: &Packet) -> bool {
    match family {
        Family::Bridge => bridge,
        Family::Inet => !bridge,
        Family::Ip => !bridge && packet.source.is_ipv4(),
        Family::Ip6 => !bridge && packet.source.is_ipv6(),
        Family::Arp | Family::Netdev => false,
    }
}

fn passed(table: &Ruleset, rule: &Rule, found: &[Element], verdict: String) -> PassedRule {
    // What is said of the service stands with the element that leads to it.
    let of_element = found.iter().rev().find_map(|element| {
        let decides = matches!(element.data, Some(ElementData::Verdict(_)));
        element.comment.clone().filter(|_| decides)
    });
    PassedRule {
        table: table.table.to_string(),
        chain: rule.chain.to_string(),
        rule: text::of(rule),
        verdict,
        comment: rule.comment.clone().or(of_element).map(|comment| comment.to_string()),
    }
}
