//! What the kernel tells of packets, in words: rules by their number, comment and, where they are ours,
//! their text.

use std::collections::{BTreeMap, HashMap};

use pontoon_model::trace::PassedRule;
use pontoon_model::trace::live::{Ends, Sight};
use pontoon_netlink::Rtnl;
use pontoon_netlink::nft::{
    ChainInfo, Family, HookPoint, Nft, Rule, Sighting, TableInfo, TraceEvent, Verdict,
};
use pontoon_proxy::layout;
use pontoon_trace::live::seen::POLICY;
use pontoon_trace::rules::text;

use super::mark::{BACK, FORTH, PREFIX};
use crate::firewall::ruleset;
use crate::names::BRIDGE;

/// Puts in words what was seen, of the packet and of what answers it: of what the table of this name
/// has marked.
pub(super) fn read(nft: &mut Nft, own: &str, seen: Vec<Sighting>) -> Result<Vec<Sight>, String> {
    let mut tables: BTreeMap<(Family, String), Option<TableInfo>> = BTreeMap::new();
    for sighting in &seen {
        let key = (sighting.family, sighting.table.clone());
        if let std::collections::btree_map::Entry::Vacant(place) = tables.entry(key) {
            let found = nft.list_table(sighting.family, &sighting.table);
            // A table that its owner is changing all the time is left without numbers.
            place.insert(found.ok().flatten());
        }
    }
    let links = Rtnl::open().and_then(|mut rtnl| rtnl.links()).map_err(|e| e.to_string())?;
    let devices = links.iter().map(|link| (link.index, link.name.to_string())).collect();
    let teller = Teller { tables, devices, texts: texts() };
    let mut sights = Vec::new();
    for (id, pass) in &sorted(seen) {
        let answers = match teller.kind(own, pass) {
            Kind::Forth => false,
            Kind::Back => true,
            Kind::Other => continue,
        };
        sights.extend(teller.sights(*id, answers, pass));
    }
    Ok(sights)
}

/// One pass of a packet through this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The packet itself.
    Forth,
    /// What answers it.
    Back,
    /// Something else that somebody marked.
    Other,
}

/// By their passes, in the order in which they began.
fn sorted(seen: Vec<Sighting>) -> Vec<(u32, Vec<Sighting>)> {
    let mut numbered: Vec<(u32, Vec<Sighting>)> = Vec::new();
    for sighting in seen {
        match numbered.iter_mut().find(|(id, _)| *id == sighting.packet) {
            Some((_, pass)) => pass.push(sighting),
            None => numbered.push((sighting.packet, vec![sighting])),
        }
    }
    // The kernel gives a packet another number once a bridge has handed it to the IP layer: what nobody
    // marked anew goes on with what was seen of it before.
    let mut passes: Vec<(u32, Vec<Sighting>)> = Vec::new();
    for (id, pass) in numbered {
        let marked = pass.iter().any(|sighting| sighting.table.starts_with(PREFIX));
        let before = if marked {
            None
        } else {
            passes.iter_mut().rev().find(|(_, before)| goes_on(before, &pass))
        };
        match before {
            Some((_, before)) => before.extend(pass),
            None => passes.push((id, pass)),
        }
    }
    passes
}

/// Whether a pass may be the same packet's as an earlier one: one of its ends is the same, whatever
/// became of the other.
fn goes_on(before: &[Sighting], pass: &[Sighting]) -> bool {
    let first = pass.iter().find_map(|sighting| sighting.headers);
    let last = before.iter().rev().find_map(|sighting| sighting.headers);
    let (Some(first), Some(last)) = (first, last) else { return false };
    let source = (first.source, first.ports.0) == (last.source, last.ports.0);
    let destination = (first.destination, first.ports.1) == (last.destination, last.ports.1);
    first.protocol == last.protocol && (source || destination)
}

struct Teller {
    tables: BTreeMap<(Family, String), Option<TableInfo>>,
    devices: HashMap<u32, String>,
    /// Our own rules by their digests.
    texts: HashMap<u64, String>,
}

impl Teller {
    fn kind(&self, own: &str, pass: &[Sighting]) -> Kind {
        let comments =
            pass.iter().filter(|sighting| sighting.table == own).filter_map(|sighting| {
                let TraceEvent::Rule { handle, .. } = sighting.event else { return None };
                let rule = self.chain(sighting)?.rules.iter().find(|rule| rule.handle == handle);
                rule?.comment.as_deref()
            });
        comments.fold(Kind::Other, |kind, comment| match comment {
            FORTH => Kind::Forth,
            BACK if kind == Kind::Other => Kind::Back,
            _ => kind,
        })
    }

    fn sights(&self, id: u32, answers: bool, pass: &[Sighting]) -> Vec<Sight> {
        let mut hook = None;
        let mut sights = Vec::new();
        for sighting in pass {
            let base = self.chain(sighting).and_then(|chain| chain.chain.hook.as_ref());
            hook = base.map(|hook| place(sighting.family, hook.point)).or(hook);
            // It is ours, and stands nowhere else.
            if sighting.table.starts_with(PREFIX) {
                continue;
            }
            let Some((rule, dropped)) = self.rule(sighting) else { continue };
            let device = |index: Option<u32>| self.devices.get(&index?).cloned();
            sights.push(Sight {
                pass: id,
                answers,
                hook: hook.clone(),
                input: device(sighting.input),
                output: device(sighting.output),
                ends: sighting.headers.map(|headers| Ends {
                    source: headers.source,
                    source_port: headers.ports.0,
                    destination: headers.destination,
                    port: headers.ports.1,
                }),
                rule,
                dropped,
            });
        }
        sights
    }

    fn chain(&self, sighting: &Sighting) -> Option<&ChainInfo> {
        let key = (sighting.family, sighting.table.clone());
        self.tables.get(&key)?.as_ref()?.chain(&sighting.chain)
    }

    /// The rule or the policy, and whether the packet ends there; `None` for what says nothing.
    fn rule(&self, sighting: &Sighting) -> Option<(PassedRule, bool)> {
        let (rule, comment, verdict) = match &sighting.event {
            TraceEvent::Rule { handle, verdict } => {
                let (rule, comment) = self.text(sighting, *handle);
                (rule, comment, verdict)
            }
            TraceEvent::Policy(verdict) => (POLICY.to_owned(), None, verdict),
            TraceEvent::End | TraceEvent::Return(_) => {
                // What stands in a chain's first words is needed all the same.
                sighting.headers?;
                (POLICY.to_owned(), None, &Verdict::Continue)
            }
        };
        let dropped = *verdict == Verdict::Drop;
        let passed = PassedRule {
            table: format!("{} {}", sighting.family, sighting.table),
            chain: sighting.chain.clone(),
            rule,
            verdict: verdict.to_string(),
            comment,
        };
        Some((passed, dropped))
    }

    fn text(&self, sighting: &Sighting, handle: u64) -> (String, Option<String>) {
        let rules = self.chain(sighting).map(|chain| chain.rules.as_slice()).unwrap_or_default();
        let Some(index) = rules.iter().position(|rule| rule.handle == handle) else {
            return (format!("the rule with handle {handle}"), None);
        };
        let rule = rules.get(index);
        let comment = rule.and_then(|rule| rule.comment.clone());
        let digest = rule.and_then(|rule| rule.digest);
        let ours = digest.and_then(|digest| {
            let fixed = self.texts.get(&digest).cloned();
            fixed.or_else(|| of_slots(&sighting.chain, digest))
        });
        (ours.unwrap_or_else(|| format!("rule {} (handle {handle})", index + 1)), comment)
    }
}

/// A place in a packet's way, with the bridge's told apart from the IP layer's.
fn place(family: Family, point: HookPoint) -> String {
    let point = match point {
        HookPoint::Prerouting => "prerouting",
        HookPoint::Input => "input",
        HookPoint::Forward => "forward",
        HookPoint::Output => "output",
        HookPoint::Postrouting => "postrouting",
        HookPoint::Ingress => "ingress",
    };
    if family == Family::Bridge { format!("bridge {point}") } else { point.to_owned() }
}

/// A rule of a chain that is there for a number of slots or a time.
fn of_slots(chain: &str, digest: u64) -> Option<String> {
    let rules = layout::rules_of(chain.parse().ok()?);
    rules.iter().find(|rule| rule.digest() == digest).map(text::of)
}

/// All rules that we write but those.
fn texts() -> HashMap<u64, String> {
    let of = |rule: &Rule| (rule.digest(), text::of(rule));
    let tables = ruleset::tables();
    let firewall = tables.iter().flat_map(|table| &table.rules).map(of);
    firewall.chain(layout::rules(BRIDGE).iter().map(of)).collect()
}
