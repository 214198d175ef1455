//! Objects from the kernel's messages. Whatever does not decode is left out: it is not ours.

use std::time::Duration;

use super::describe::read_verdict;
use super::element::{ElementData, ElementKey};
use super::encode::predecessor;
use super::list::{RuleInfo, SetInfo};
use super::set::{DataType, fields_of_number};
use super::uapi::*;
use super::{
    Chain, ChainKind, Element, Family, Hook, HookPoint, Policy, Set, Table, Value, userdata,
};
use crate::nfnetlink::{Attribute, Attributes, Message};

pub(super) fn table(message: &Message<'_>) -> Option<Table> {
    let userdata = message.attributes().find(NFTA_TABLE_USERDATA);
    Some(Table {
        family: Family::from_number(message.family())?,
        name: message.attributes().find(NFTA_TABLE_NAME)?.string().into(),
        comment: comment(userdata),
    })
}

/// The table, if it is switched off.
pub(super) fn dormant_table(message: &Message<'_>) -> Option<Table> {
    let flags = message.attributes().find(NFTA_TABLE_FLAGS)?.u32_be()?;
    (flags & NFT_TABLE_F_DORMANT != 0).then(|| table(message)).flatten()
}

/// The chain, if it is in this table.
pub(super) fn chain(message: &Message<'_>, table: &Table) -> Option<Chain> {
    let attribute = |kind| message.attributes().find(kind);
    if !is_in(message, table, NFTA_CHAIN_TABLE) {
        return None;
    }
    let hook = attribute(NFTA_CHAIN_HOOK).and_then(|found| hook(message, &found, table.family));
    Some(Chain {
        name: attribute(NFTA_CHAIN_NAME)?.string().into(),
        hook,
        comment: comment(attribute(NFTA_CHAIN_USERDATA)),
    })
}

fn hook(message: &Message<'_>, hook: &Attribute<'_>, family: Family) -> Option<Hook> {
    let attribute = |kind| message.attributes().find(kind);
    let number = hook.nested().find(NFTA_HOOK_HOOKNUM)?.u32_be()?;
    let policy = attribute(NFTA_CHAIN_POLICY).and_then(|policy| policy.u32_be());
    Some(Hook {
        kind: ChainKind::from_name(attribute(NFTA_CHAIN_TYPE)?.str()?)?,
        point: HookPoint::from_number(number, family)?,
        priority: hook.nested().find(NFTA_HOOK_PRIORITY)?.u32_be()?.cast_signed(),
        policy: if policy == Some(0) { Policy::Drop } else { Policy::Accept },
        device: hook.nested().find(NFTA_HOOK_DEV).map(|device| device.string().into()),
    })
}

/// The rule and the name of its chain, if it is in this table.
pub(super) fn rule<'a>(message: &Message<'a>, table: &Table) -> Option<(&'a str, RuleInfo)> {
    let attribute = |kind| message.attributes().find(kind);
    if !is_in(message, table, NFTA_RULE_TABLE) {
        return None;
    }
    let userdata = attribute(NFTA_RULE_USERDATA).map(|found| found.value).unwrap_or_default();
    let rule = RuleInfo {
        handle: attribute(NFTA_RULE_HANDLE)?.u64_be()?,
        digest: userdata::read_rule_digest(userdata),
        comment: userdata::read_comment(userdata),
    };
    Some((attribute(NFTA_RULE_CHAIN)?.str()?, rule))
}

/// The set, if it is a named one of this table.
pub(super) fn set(message: &Message<'_>, table: &Table) -> Option<SetInfo> {
    let number = |kind| message.attributes().find(kind).and_then(|found| found.u32_be());
    let flags = number(NFTA_SET_FLAGS).unwrap_or_default();
    if !is_in(message, table, NFTA_SET_TABLE) || flags & NFT_SET_ANONYMOUS != 0 {
        return None;
    }
    let name = message.attributes().find(NFTA_SET_NAME)?.string();
    let set = shape(message, &name, flags);
    Some(SetInfo { name, set })
}

fn shape(message: &Message<'_>, name: &str, flags: u32) -> Option<Set> {
    let attribute = |kind| message.attributes().find(kind);
    let number = |kind| attribute(kind).and_then(|found: Attribute<'_>| found.u32_be());
    let data = match number(NFTA_SET_DATA_TYPE) {
        _ if flags & NFT_SET_MAP == 0 => None,
        Some(NFT_DATA_VERDICT) => Some(DataType::Verdict),
        Some(data) => Some(DataType::Fields(fields_of_number(data)?.into())),
        None => return None,
    };
    let size = attribute(NFTA_SET_DESC).and_then(|desc| desc.nested().find(NFTA_SET_DESC_SIZE));
    let userdata = attribute(NFTA_SET_USERDATA).map(|found| found.value).unwrap_or_default();
    Some(Set {
        name: name.to_owned().into(),
        key: fields_of_number(number(NFTA_SET_KEY_TYPE)?)?.into(),
        data,
        interval: flags & NFT_SET_INTERVAL != 0,
        dynamic: flags & NFT_SET_EVAL != 0,
        expires: flags & NFT_SET_TIMEOUT != 0,
        timeout: attribute(NFTA_SET_TIMEOUT).and_then(|timeout| timeout_of(&timeout)),
        size: size.and_then(|size| size.u32_be()),
        comment: userdata::read_set_comment(userdata).map(Into::into),
    })
}

/// An element as the kernel has it: an interval over one field comes as two of them.
#[derive(Clone, Debug)]
pub(super) struct Boundary {
    pub(super) element: Element,
    is_end: bool,
}

/// The elements in one message of a dump.
pub(super) fn elements<'a>(
    message: &Message<'a>,
    set: &'a Set,
) -> impl Iterator<Item = Boundary> + use<'a> {
    message
        .attributes()
        .find(NFTA_SET_ELEM_LIST_ELEMENTS)
        .map_or(Attributes::new(&[]), |list| list.nested())
        .filter_map(|element| boundary(element.nested(), set))
}

fn boundary(attributes: Attributes<'_>, set: &Set) -> Option<Boundary> {
    let attribute = |kind| attributes.clone().find(kind);
    let flags = attribute(NFTA_SET_ELEM_FLAGS).and_then(|flags| flags.u32_be()).unwrap_or_default();
    let first = attribute(NFTA_SET_ELEM_KEY).and_then(|key| value(&key));
    let last = attribute(NFTA_SET_ELEM_KEY_END).and_then(|key| value(&key));
    let key = match (first, last) {
        _ if flags & NFT_SET_ELEM_CATCHALL != 0 => ElementKey::CatchAll,
        (Some(first), Some(last)) if set.interval => ElementKey::Range(first, last),
        (Some(first), None) if set.interval && !set.has_split_intervals() => {
            ElementKey::Range(first, first)
        }
        (Some(first), _) => ElementKey::Single(first),
        (None, _) => return None,
    };
    let data = attribute(NFTA_SET_ELEM_DATA).and_then(|data| {
        let verdict = read_verdict(&data).map(ElementData::Verdict);
        verdict.or_else(|| value(&data).map(ElementData::Value))
    });
    let timeout = attribute(NFTA_SET_ELEM_TIMEOUT).and_then(|timeout| timeout_of(&timeout));
    Some(Boundary {
        element: Element {
            key,
            data,
            timeout: timeout.filter(|timeout| Some(*timeout) != set.timeout),
            comment: comment(attribute(NFTA_SET_ELEM_USERDATA)),
        },
        is_end: flags & NFT_SET_ELEM_INTERVAL_END != 0,
    })
}

/// Puts intervals over one field together from their two elements.
pub(super) fn join(mut boundaries: Vec<Boundary>) -> impl Iterator<Item = Element> {
    // Where one interval ends, the next may begin: the end comes first.
    boundaries.sort_by_key(|boundary| (boundary.element.key, !boundary.is_end));
    let mut joined = Vec::with_capacity(boundaries.len() / 2 + 1);
    let mut open: Option<(Value, Element)> = None;
    for boundary in boundaries {
        let ElementKey::Single(key) = boundary.element.key else {
            joined.push(boundary.element);
            continue;
        };
        if let Some((first, mut element)) = open.take() {
            let last = predecessor(&key).unwrap_or(first);
            element.key = ElementKey::Range(first, last);
            joined.push(element);
        }
        if !boundary.is_end {
            open = Some((key, boundary.element));
        }
    }
    if let Some((first, mut element)) = open {
        let highest = vec![u8::MAX; first.as_bytes().len()];
        element.key = ElementKey::Range(first, Value::from_bytes(&highest));
        joined.push(element);
    }
    joined.into_iter()
}

pub(super) fn is_in(message: &Message<'_>, table: &Table, kind: u16) -> bool {
    let name = message.attributes().find(kind);
    message.family() == table.family.number()
        && name.and_then(|name| name.str()).is_some_and(|name| name == table.name)
}

fn comment(userdata: Option<Attribute<'_>>) -> Option<super::Name> {
    userdata::read_comment(userdata?.value).map(Into::into)
}

fn value(data: &Attribute<'_>) -> Option<Value> {
    data.nested().find(NFTA_DATA_VALUE).map(|value| Value::from_bytes(value.value))
}

fn timeout_of(attribute: &Attribute<'_>) -> Option<Duration> {
    attribute.u64_be().filter(|ms| *ms > 0).map(Duration::from_millis)
}
