//! Legacy tables as chains of rules. Nothing here trusts a length: what is malformed ends the table.

use std::collections::BTreeMap;

use super::Family;
use super::sockopt::Info;
use crate::filter::{Action, Base, Chain, Field, Rule, Table, Test, xt};
use crate::nft::{CmpOp, HookPoint};

/// Of `struct ipt_entry` and `ip6t_entry`: where things are.
struct Layout {
    /// Source, destination, and the masks of both, each so long.
    address: usize,
    /// The names of both devices and their masks.
    devices: usize,
    protocol: usize,
    flags: usize,
    inverted: usize,
    target_offset: usize,
    elements: usize,
    /// Where in the IP header the source is; the destination follows it.
    source: usize,
    /// The protocol counts only when a flag says so.
    protocol_flag: u8,
}

const V4: Layout = Layout {
    address: 4,
    devices: 16,
    protocol: 80,
    flags: 82,
    inverted: 83,
    target_offset: 88,
    elements: 112,
    source: 12,
    protocol_flag: 0,
};
const V6: Layout = Layout {
    address: 16,
    devices: 64,
    protocol: 128,
    flags: 131,
    inverted: 132,
    target_offset: 140,
    elements: 168,
    source: 8,
    protocol_flag: 1,
};

const IFNAMSIZ: usize = 16;
/// `struct xt_entry_match` and `xt_entry_target`: size, name, revision.
const MATCH: usize = 32;
const MATCH_NAME: usize = 29;

const INV_VIA_IN: u8 = 0x01;
const INV_VIA_OUT: u8 = 0x02;
const INV_SRCIP: u8 = 0x08;
const INV_DSTIP: u8 = 0x10;
const INV_PROTO: u8 = 0x40;
const F_FRAG: u8 = 0x01;
const F_GOTO_V4: u8 = 0x02;
const F_GOTO_V6: u8 = 0x04;

/// Verdicts of the standard target: `-NF_DROP - 1` and so on, `XT_RETURN`.
const DROP: i32 = -1;
const ACCEPT: i32 = -2;
const RETURN: i32 = -5;

const HOOKS: [(HookPoint, &str); 5] = [
    (HookPoint::Prerouting, "PREROUTING"),
    (HookPoint::Input, "INPUT"),
    (HookPoint::Forward, "FORWARD"),
    (HookPoint::Output, "OUTPUT"),
    (HookPoint::Postrouting, "POSTROUTING"),
];

/// An entry as it stands in the table.
struct Entry<'a> {
    bytes: &'a [u8],
    target: &'a str,
    info: &'a [u8],
}

pub(super) fn table(family: Family, name: &str, info: &Info, entries: &[u8]) -> Table {
    let layout = match family {
        Family::Ipv4 => &V4,
        Family::Ipv6 => &V6,
    };
    let found = split(layout, entries);
    let mut heads: BTreeMap<usize, Chain> = BTreeMap::new();
    let mut policies = Vec::new();
    for (index, (point, chain)) in HOOKS.into_iter().enumerate() {
        let (Some(entry), Some(policy)) = (info.entry.get(index), info.policy.get(index)) else {
            continue;
        };
        let (entry, policy) = (to_usize(*entry), to_usize(*policy));
        if info.hooks & (1 << index) == 0 {
            continue;
        }
        let drops = found.get(&policy).is_some_and(|entry| verdict(entry) == Some(DROP));
        let base = Some(Base { point, priority: 0, drops });
        heads.insert(entry, Chain { name: chain.to_owned(), base, rules: Vec::new() });
        policies.push(policy);
    }
    for (at, entry) in &found {
        // An entry with this target stands before the first rule of each chain that people made.
        if entry.target == "ERROR" {
            let chain = Chain { name: text(entry.info).to_owned(), base: None, rules: Vec::new() };
            heads.insert(at + entry.bytes.len(), chain);
        }
    }
    let names: BTreeMap<usize, String> =
        heads.iter().map(|(at, chain)| (*at, chain.name.clone())).collect();
    let mut current = None;
    for (at, entry) in &found {
        if heads.contains_key(at) {
            current = Some(*at);
        }
        let chain = current.and_then(|head| heads.get_mut(&head));
        if let Some(chain) = chain
            && !policies.contains(at)
            && entry.target != "ERROR"
        {
            chain.rules.push(rule(layout, family, entry, &names));
        }
    }
    for chain in heads.values_mut().filter(|chain| chain.base.is_none()) {
        // Each of them ends with one that nobody wrote.
        chain.rules.pop_if(|last| last.tests.is_empty() && last.action == Action::Return);
    }
    let ipv4 = family == Family::Ipv4;
    let shown = format!("{} {name}", if ipv4 { "ip" } else { "ip6" });
    Table {
        name: shown,
        legacy: true,
        ipv4,
        ipv6: !ipv4,
        chains: heads.into_values().collect(),
        sets: Vec::new(),
    }
}

fn split<'a>(layout: &Layout, entries: &'a [u8]) -> BTreeMap<usize, Entry<'a>> {
    let mut found = BTreeMap::new();
    let mut at = 0;
    while let Some(entry) = entries.get(at..).and_then(|rest| entry(layout, rest)) {
        let length = entry.bytes.len();
        found.insert(at, entry);
        at += length;
    }
    found
}

fn entry<'a>(layout: &Layout, rest: &'a [u8]) -> Option<Entry<'a>> {
    let target = usize::from(u16_at(rest, layout.target_offset)?);
    let length = usize::from(u16_at(rest, layout.target_offset + 2)?);
    let bytes = rest.get(..length)?;
    if length < layout.elements || target < layout.elements {
        return None;
    }
    let (name, _, info) = named(bytes.get(target..)?)?;
    Some(Entry { bytes, target: name, info })
}

/// A match or a target: its name, revision and data.
fn named(bytes: &[u8]) -> Option<(&str, u32, &[u8])> {
    let size = usize::from(u16_at(bytes, 0)?);
    let name = text(bytes.get(2..2 + MATCH_NAME)?);
    let revision = u32::from(*bytes.get(2 + MATCH_NAME)?);
    Some((name, revision, bytes.get(MATCH..size)?))
}

fn rule(
    layout: &Layout,
    family: Family,
    entry: &Entry<'_>,
    names: &BTreeMap<usize, String>,
) -> Rule {
    let flags = entry.bytes.get(layout.flags).copied().unwrap_or_default();
    let mut tests = tests(layout, entry, flags).unwrap_or_else(|| vec![unreadable("header")]);
    if family == Family::Ipv4 && flags & F_FRAG != 0 {
        tests.push(unreadable("fragment"));
    }
    let end = usize::from(u16_at(entry.bytes, layout.target_offset).unwrap_or_default());
    let mut at = layout.elements;
    while at < end {
        let Some((name, revision, info)) = entry.bytes.get(at..end).and_then(named) else {
            tests.push(unreadable("match"));
            break;
        };
        tests.extend(xt::tests(name, revision, info));
        at += MATCH + info.len();
    }
    let goto = match family {
        Family::Ipv4 => flags & F_GOTO_V4 != 0,
        Family::Ipv6 => flags & F_GOTO_V6 != 0,
    };
    let action = match verdict(entry) {
        None => xt::action(entry.target),
        Some(DROP) => Action::Drop,
        Some(ACCEPT) => Action::Accept,
        Some(RETURN) => Action::Return,
        Some(to) => match usize::try_from(to).ok().and_then(|to| names.get(&to)) {
            Some(chain) if goto => Action::Goto(chain.clone()),
            Some(chain) => Action::Jump(chain.clone()),
            // A rule without a target is a jump to the next one.
            None if to > 0 => Action::Continue,
            None => Action::Unreadable(format!("verdict {to}")),
        },
    };
    Rule { tests, action }
}

fn tests(layout: &Layout, entry: &Entry<'_>, flags: u8) -> Option<Vec<Test>> {
    let inverted = *entry.bytes.get(layout.inverted)?;
    let mut tests = Vec::new();
    let mut compare = |field: Field, value: &[u8], mask: &[u8], bit: u8| {
        if mask.iter().any(|byte| *byte != 0) || inverted & bit != 0 {
            let op = if inverted & bit == 0 { CmpOp::Eq } else { CmpOp::Ne };
            let value = value.to_vec();
            tests.push(Test::Compare { field, mask: Some(mask.to_vec()), op, value });
        }
    };
    let address =
        |index: usize| entry.bytes.get(index * layout.address..(index + 1) * layout.address);
    let network = |index: usize| Field::Network {
        offset: layout.source + index * layout.address,
        length: layout.address,
    };
    compare(network(0), address(0)?, address(2)?, INV_SRCIP);
    compare(network(1), address(1)?, address(3)?, INV_DSTIP);
    let device = |index: usize| {
        entry.bytes.get(layout.devices + index * IFNAMSIZ..layout.devices + (index + 1) * IFNAMSIZ)
    };
    compare(Field::InName, device(0)?, device(2)?, INV_VIA_IN);
    compare(Field::OutName, device(1)?, device(3)?, INV_VIA_OUT);
    let protocol = u16_at(entry.bytes, layout.protocol)?;
    let counts = layout.protocol_flag == 0 || flags & layout.protocol_flag != 0;
    if protocol != 0 && counts {
        let number = [u8::try_from(protocol).ok()?];
        compare(Field::Protocol, &number, &[u8::MAX], INV_PROTO);
    }
    Some(tests)
}

fn verdict(entry: &Entry<'_>) -> Option<i32> {
    let standard = entry.target.is_empty();
    standard.then(|| entry.info.first_chunk().copied().map(i32::from_ne_bytes)).flatten()
}

fn unreadable(what: &str) -> Test {
    Test::Unreadable(what.to_owned())
}

fn text(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.get(..end).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or("?")
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_ne_bytes)
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            length in 100u16..200,
            places in prop::array::uniform5(0u32..400),
            ipv4 in any::<bool>(),
        ) {
            let family = if ipv4 { Family::Ipv4 } else { Family::Ipv6 };
            let mut bytes = bytes;
            let at = if ipv4 { V4.target_offset } else { V6.target_offset };
            for (at, number) in [(at, length - 40), (at + 2, length)] {
                if let Some(place) = bytes.get_mut(at..at + 2) {
                    place.copy_from_slice(&number.to_ne_bytes());
                }
            }
            let info = Info { hooks: 0x1f, entry: places, policy: places };
            let _ = table(family, "filter", &info, &bytes);
        }
    }
}
