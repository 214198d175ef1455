//! Says in nft's words what an encoded change is, for errors.

use super::set::fields_of_number;
use super::uapi::*;
use super::{Family, FieldType, Verdict};
use crate::nfnetlink::{Attribute, Attributes, Message, Messages};

/// The change that `message` makes. `offset` is where in it the kernel found fault; of many
/// elements it picks the one. `batch` may hold the set whose types say how to print an element.
pub(super) fn describe(batch: &[u8], message: &Message<'_>, offset: Option<usize>) -> String {
    let kind = message.kind() & 0xff;
    let family = Family::from_number(message.family())
        .map_or_else(|| message.family().to_string(), |family| family.to_string());
    let text = |kind: u16| {
        message.attributes().find(kind).map(|attribute| attribute.string()).unwrap_or_default()
    };
    let verb = verb(kind, message.flags());
    let handle = |kind: u16| {
        let handle = message.attributes().find(kind).and_then(|attribute| attribute.u64_be());
        handle.map(|handle| format!(" handle {handle}")).unwrap_or_default()
    };
    match kind {
        msg::NEWTABLE | msg::DELTABLE | msg::DESTROYTABLE => {
            format!("{verb} table {family} {}", text(NFTA_TABLE_NAME))
        }
        msg::NEWCHAIN | msg::DELCHAIN | msg::DESTROYCHAIN => {
            format!("{verb} chain {family} {} {}", text(NFTA_CHAIN_TABLE), text(NFTA_CHAIN_NAME))
        }
        msg::NEWRULE | msg::DELRULE | msg::DESTROYRULE => {
            let comment = message
                .attributes()
                .find(NFTA_RULE_USERDATA)
                .and_then(|userdata| super::userdata::read_comment(userdata.value))
                .map(|comment| format!(" … comment \"{comment}\""))
                .unwrap_or_default();
            format!(
                "{verb} rule {family} {} {}{}{}{}",
                text(NFTA_RULE_TABLE),
                text(NFTA_RULE_CHAIN),
                handle(NFTA_RULE_HANDLE),
                expressions(message, offset),
                comment,
            )
        }
        msg::NEWSET | msg::DELSET | msg::DESTROYSET => {
            format!("{verb} set {family} {} {}", text(NFTA_SET_TABLE), text(NFTA_SET_NAME))
        }
        msg::NEWSETELEM | msg::DELSETELEM | msg::DESTROYSETELEM => {
            let set = text(NFTA_SET_ELEM_LIST_SET);
            let fields = set_fields(batch, &set);
            let element = faulty_element(message, offset)
                .map(|element| format!(" {{ {} }}", element_text(element.nested(), &fields)))
                .unwrap_or_default();
            format!("{verb} element {family} {} {set}{element}", text(NFTA_SET_ELEM_LIST_TABLE))
        }
        other => format!("message {other}"),
    }
}

fn verb(kind: u16, flags: u16) -> &'static str {
    match kind {
        msg::NEWRULE if flags & NLM_F_REPLACE != 0 => "replace",
        msg::NEWRULE if flags & NLM_F_APPEND == 0 => "insert",
        msg::NEWTABLE | msg::NEWCHAIN | msg::NEWSET | msg::NEWSETELEM | msg::NEWRULE => "add",
        msg::DELTABLE | msg::DELCHAIN | msg::DELSET | msg::DELSETELEM | msg::DELRULE => "delete",
        _ => "destroy",
    }
}

/// The rule's expressions by name, with a mark before the one at fault.
fn expressions(message: &Message<'_>, offset: Option<usize>) -> String {
    let Some(list) = message.attributes().find(NFTA_RULE_EXPRESSIONS) else {
        return String::new();
    };
    let faulty = offset.and_then(|offset| containing(message, list.nested(), offset));
    let mut out = String::new();
    for expr in list.nested() {
        let name = expr.nested().find(NFTA_EXPR_NAME);
        let is_faulty = faulty.is_some_and(|faulty| std::ptr::eq(faulty.value, expr.value));
        out.push_str(if is_faulty { " →" } else { " " });
        out.push_str(name.and_then(|name| name.str()).unwrap_or("?"));
    }
    out
}

/// The element at fault; the only one, where there is only one.
fn faulty_element<'a>(message: &Message<'a>, offset: Option<usize>) -> Option<Attribute<'a>> {
    let list = message.attributes().find(NFTA_SET_ELEM_LIST_ELEMENTS)?;
    if let Some(found) = offset.and_then(|offset| containing(message, list.nested(), offset)) {
        return Some(found);
    }
    let mut elements = list.nested();
    let first = elements.next();
    first.filter(|_| elements.next().is_none())
}

/// The attribute in which the byte at `offset` of the message lies.
fn containing<'a>(
    message: &Message<'a>,
    mut attributes: Attributes<'a>,
    offset: usize,
) -> Option<Attribute<'a>> {
    let base = message.as_bytes().as_ptr().addr();
    Iterator::find(&mut attributes, |attribute| {
        let start = attribute.value.as_ptr().addr().saturating_sub(base).saturating_sub(4);
        (start..start + 4 + attribute.value.len()).contains(&offset)
    })
}

/// The key's fields, if the batch also adds the set.
fn set_fields(batch: &[u8], set: &str) -> Vec<FieldType> {
    Messages::new(batch)
        .filter(|message| message.kind() & 0xff == msg::NEWSET)
        .find(|message| {
            message.attributes().find(NFTA_SET_NAME).and_then(|name| name.str()) == Some(set)
        })
        .and_then(|message| message.attributes().find(NFTA_SET_KEY_TYPE)?.u32_be())
        .and_then(fields_of_number)
        .unwrap_or_default()
}

fn element_text(element: Attributes<'_>, fields: &[FieldType]) -> String {
    let data = |kind: u16| element.clone().find(kind);
    let value = |kind: u16| data(kind).and_then(|data| data.nested().find(NFTA_DATA_VALUE));
    let mut out = match value(NFTA_SET_ELEM_KEY) {
        Some(key) => key_text(key.value, fields),
        None => "*".to_owned(),
    };
    if let Some(end) = value(NFTA_SET_ELEM_KEY_END) {
        out = format!("{out} - {}", key_text(end.value, fields));
    }
    if let Some(value) = value(NFTA_SET_ELEM_DATA) {
        out = format!("{out} : {}", key_text(value.value, &[]));
    } else if let Some(verdict) = data(NFTA_SET_ELEM_DATA).and_then(|data| read_verdict(&data)) {
        out = format!("{out} : {verdict}");
    }
    out
}

/// The verdict in an `NFTA_*_DATA` attribute.
pub(super) fn read_verdict(data: &Attribute<'_>) -> Option<Verdict> {
    let verdict = data.nested().find(NFTA_DATA_VERDICT)?;
    let code = verdict.nested().find(NFTA_VERDICT_CODE)?.u32_be()?;
    let chain = verdict.nested().find(NFTA_VERDICT_CHAIN);
    Verdict::from_parts(code.cast_signed(), chain.and_then(|chain| chain.str()))
}

/// A key by its fields; as bytes where they are not known.
fn key_text(mut key: &[u8], fields: &[FieldType]) -> String {
    let mut parts = Vec::new();
    for field in fields {
        let Some(value) = key.get(..field.width()) else { break };
        parts.push(field_text(*field, value));
        key = key.get(field.width().next_multiple_of(4)..).unwrap_or_default();
    }
    if parts.is_empty() {
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        return format!("0x{hex}");
    }
    parts.join(" . ")
}

fn field_text(field: FieldType, value: &[u8]) -> String {
    let ints = |bytes: &[u8]| bytes.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    match field {
        FieldType::Ipv4Addr => <[u8; 4]>::try_from(value)
            .map(|octets| std::net::Ipv4Addr::from(octets).to_string())
            .unwrap_or_default(),
        FieldType::Ipv6Addr => <[u8; 16]>::try_from(value)
            .map(|octets| std::net::Ipv6Addr::from(octets).to_string())
            .unwrap_or_default(),
        FieldType::EtherAddr => {
            let parts: Vec<String> = value.iter().map(|byte| format!("{byte:02x}")).collect();
            parts.join(":")
        }
        FieldType::InetProto => match value {
            [super::proto::TCP] => "tcp".to_owned(),
            [super::proto::UDP] => "udp".to_owned(),
            [super::proto::SCTP] => "sctp".to_owned(),
            other => ints(other).to_string(),
        },
        FieldType::InetService => ints(value).to_string(),
        FieldType::IfName => {
            let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
            let name = value.get(..end).map(String::from_utf8_lossy).unwrap_or_default();
            format!("\"{name}\"")
        }
        FieldType::Mark | FieldType::Number => <[u8; 4]>::try_from(value)
            .map(|bytes| u32::from_ne_bytes(bytes).to_string())
            .unwrap_or_default(),
    }
}
