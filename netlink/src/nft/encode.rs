//! Tables, chains, rules, sets and elements as the kernel reads them.

use std::time::Duration;

use super::element::{ElementData, ElementKey};
use super::expr::encode_all;
use super::rule::digest;
use super::set::{DataType, encoded_len, type_number};
use super::uapi::*;
use super::{Chain, Element, Family, Policy, Rule, Set, Table, Value, Verdict, userdata};
use crate::nfnetlink::MessageBuffer;

pub(super) fn encode_table(table: &Table, flags: u32, out: &mut MessageBuffer) {
    out.string(NFTA_TABLE_NAME, &table.name);
    out.u32_be(NFTA_TABLE_FLAGS, flags);
    if table.comment.is_some() {
        out.bytes(NFTA_TABLE_USERDATA, &userdata::comment(table.comment.as_deref()));
    }
}

pub(super) fn encode_chain(table: &Table, chain: &Chain, out: &mut MessageBuffer) {
    out.string(NFTA_CHAIN_TABLE, &table.name);
    out.string(NFTA_CHAIN_NAME, &chain.name);
    if let Some(hook) = &chain.hook {
        out.nested(NFTA_CHAIN_HOOK, |out| encode_hook(table.family, hook, out));
        out.u32_be(NFTA_CHAIN_POLICY, u32::from(hook.policy == Policy::Accept));
        out.string(NFTA_CHAIN_TYPE, hook.kind.name());
    }
    if chain.comment.is_some() {
        out.bytes(NFTA_CHAIN_USERDATA, &userdata::comment(chain.comment.as_deref()));
    }
}

fn encode_hook(family: Family, hook: &super::Hook, out: &mut MessageBuffer) {
    out.u32_be(NFTA_HOOK_HOOKNUM, hook.point.number(family));
    out.bytes(NFTA_HOOK_PRIORITY, &hook.priority.to_be_bytes());
    if let Some(device) = &hook.device {
        out.string(NFTA_HOOK_DEV, device);
    }
}

/// Table, chain, expressions, and userdata with comment and digest.
pub(super) fn encode_rule(table: &Table, rule: &Rule, out: &mut MessageBuffer) {
    out.string(NFTA_RULE_TABLE, &table.name);
    out.string(NFTA_RULE_CHAIN, &rule.chain);
    let start = out.len();
    out.nested(NFTA_RULE_EXPRESSIONS, |out| encode_all(&rule.exprs, out));
    let exprs = out.as_bytes().get(start..).unwrap_or_default();
    let digest = digest(exprs, rule.comment.as_deref());
    out.bytes(NFTA_RULE_USERDATA, &userdata::rule(rule.comment.as_deref(), digest));
}

pub(super) fn encode_set(table: &Table, set: &Set, id: u32, out: &mut MessageBuffer) {
    out.string(NFTA_SET_TABLE, &table.name);
    out.string(NFTA_SET_NAME, &set.name);
    out.u32_be(NFTA_SET_FLAGS, set_flags(set));
    out.u32_be(NFTA_SET_KEY_TYPE, type_number(&set.key));
    out.u32_be(NFTA_SET_KEY_LEN, count(encoded_len(&set.key)));
    match &set.data {
        Some(DataType::Fields(fields)) => {
            out.u32_be(NFTA_SET_DATA_TYPE, type_number(fields));
            out.u32_be(NFTA_SET_DATA_LEN, count(encoded_len(fields)));
        }
        Some(DataType::Verdict) => out.u32_be(NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT),
        None => {}
    }
    out.u32_be(NFTA_SET_ID, id);
    if let Some(timeout) = set.timeout {
        out.u64_be(NFTA_SET_TIMEOUT, milliseconds(timeout));
    }
    let is_concat_range = is_concat_range(set);
    if set.size.is_some() || is_concat_range {
        out.nested(NFTA_SET_DESC, |out| {
            if let Some(size) = set.size {
                out.u32_be(NFTA_SET_DESC_SIZE, size);
            }
            if is_concat_range {
                out.nested(NFTA_SET_DESC_CONCAT, |out| {
                    for field in set.key.iter() {
                        out.nested(NFTA_LIST_ELEM, |out| {
                            out.u32_be(NFTA_SET_FIELD_LEN, count(field.width()));
                        });
                    }
                });
            }
        });
    }
    out.bytes(NFTA_SET_USERDATA, &userdata::set(set));
}

fn set_flags(set: &Set) -> u32 {
    let mut flags = 0;
    for (is_on, flag) in [
        (set.interval, NFT_SET_INTERVAL),
        (is_concat_range(set), NFT_SET_CONCAT),
        (set.data.is_some(), NFT_SET_MAP),
        (set.expires, NFT_SET_TIMEOUT),
        (set.dynamic, NFT_SET_EVAL),
    ] {
        if is_on {
            flags |= flag;
        }
    }
    flags
}

/// Only then does the kernel need to know where in the key each field begins.
fn is_concat_range(set: &Set) -> bool {
    set.interval && set.key.len() > 1
}

/// One element, which is two in the kernel when it is a range over a single field.
pub(super) fn encode_element(element: &Element, split_range: bool, out: &mut MessageBuffer) {
    let (first, last) = match (element.key, split_range) {
        (ElementKey::CatchAll, _) => (None, None),
        (ElementKey::Single(key), false) => (Some(key), None),
        (ElementKey::Single(key), true) => (Some(key), Some(key)),
        (ElementKey::Range(first, last), _) => (Some(first), Some(last)),
    };
    out.nested(NFTA_LIST_ELEM, |out| {
        match &first {
            Some(key) => value(NFTA_SET_ELEM_KEY, key, out),
            None => out.u32_be(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_CATCHALL),
        }
        match &last {
            Some(key) if !split_range => value(NFTA_SET_ELEM_KEY_END, key, out),
            _ => {}
        }
        match &element.data {
            Some(ElementData::Value(data)) => value(NFTA_SET_ELEM_DATA, data, out),
            Some(ElementData::Verdict(verdict)) => encode_verdict(verdict, NFTA_SET_ELEM_DATA, out),
            None => {}
        }
        if let Some(timeout) = element.timeout {
            out.u64_be(NFTA_SET_ELEM_TIMEOUT, milliseconds(timeout));
        }
        if element.comment.is_some() {
            out.bytes(NFTA_SET_ELEM_USERDATA, &userdata::comment(element.comment.as_deref()));
        }
    });
    // No end to a range that reaches the highest value.
    if let Some(end) = last.filter(|_| split_range).as_ref().and_then(successor) {
        out.nested(NFTA_LIST_ELEM, |out| {
            out.u32_be(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
            value(NFTA_SET_ELEM_KEY, &end, out);
        });
    }
}

pub(super) fn encode_verdict(verdict: &Verdict, kind: u16, out: &mut MessageBuffer) {
    out.nested(kind, |out| {
        out.nested(NFTA_DATA_VERDICT, |out| {
            out.bytes(NFTA_VERDICT_CODE, &verdict.code().to_be_bytes());
            if let Some(chain) = verdict.chain() {
                out.string(NFTA_VERDICT_CHAIN, chain);
            }
        });
    });
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The next higher value of the same length, byte by byte; `None` after the highest.
pub(super) fn successor(value: &Value) -> Option<Value> {
    step(value, u8::MAX, 0, u8::wrapping_add)
}

/// The next lower value; `None` before the lowest.
pub(super) fn predecessor(value: &Value) -> Option<Value> {
    step(value, 0, u8::MAX, u8::wrapping_sub)
}

fn step(value: &Value, carries: u8, becomes: u8, change: fn(u8, u8) -> u8) -> Option<Value> {
    let mut bytes = value.as_bytes().to_vec();
    for byte in bytes.iter_mut().rev() {
        if *byte != carries {
            *byte = change(*byte, 1);
            return Some(Value::from_bytes(&bytes));
        }
        *byte = becomes;
    }
    None
}

fn value(kind: u16, value: &Value, out: &mut MessageBuffer) {
    out.nested(kind, |out| out.bytes(NFTA_DATA_VALUE, value.as_bytes()));
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
