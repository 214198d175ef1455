//! The bytes that the kernel keeps with an object for userland: nft's comments and types, and our
//! digest of a rule.
//!
//! They are runs of (type, length, value), a byte each for type and length, as libnftnl writes
//! them. nft skips types that it does not know.

use super::FieldType;
use super::Set;
use super::set::DataType;

/// `NFTNL_UDATA_{TABLE,CHAIN,RULE,SET_ELEM}_COMMENT`: the same number in all four.
const COMMENT: u8 = 0;
/// Ours, in rules: far above what libnftnl counts up from 0.
const RULE_DIGEST: u8 = 0xd1;

const SET_KEY_BYTEORDER: u8 = 0;
const SET_DATA_BYTEORDER: u8 = 1;
const SET_KEY_TYPEOF: u8 = 3;
const SET_DATA_TYPEOF: u8 = 4;
const SET_COMMENT: u8 = 7;

/// What nft's own parser allows, NUL included (`NFTNL_UDATA_COMMENT_MAXLEN`).
const MAX_COMMENT: usize = 128;

/// The comment of a table, chain or element; nothing where there is none.
pub(super) fn comment(comment: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    put_comment(&mut out, COMMENT, comment);
    out
}

/// Comment and digest of a rule.
pub(super) fn rule(comment: Option<&str>, digest: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_comment(&mut out, COMMENT, comment);
    put(&mut out, RULE_DIGEST, &digest.to_be_bytes());
    out
}

pub(super) fn read_comment(userdata: &[u8]) -> Option<String> {
    read_string(userdata, COMMENT)
}

pub(super) fn read_rule_digest(userdata: &[u8]) -> Option<u64> {
    let value = find(userdata, RULE_DIGEST)?;
    Some(u64::from_be_bytes(value.try_into().ok()?))
}

pub(super) fn read_set_comment(userdata: &[u8]) -> Option<String> {
    read_string(userdata, SET_COMMENT)
}

/// What nft needs to print a set's keys and data by their types.
pub(super) fn set(set: &Set) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, SET_KEY_BYTEORDER, &byteorder(&set.key).to_ne_bytes());
    if let Some(DataType::Fields(data)) = &set.data {
        put(&mut out, SET_DATA_BYTEORDER, &byteorder(data).to_ne_bytes());
    }
    if needs_typeof(set) {
        put(&mut out, SET_KEY_TYPEOF, &typeof_fields(&set.key));
        match &set.data {
            Some(DataType::Fields(fields)) => {
                put(&mut out, SET_DATA_TYPEOF, &typeof_fields(fields))
            }
            // Without it nft 1.0 dies on an assertion when it lists such a map.
            Some(DataType::Verdict) => put(&mut out, SET_DATA_TYPEOF, &expr(EXPR_VERDICT, &[])),
            None => {}
        }
    }
    put_comment(&mut out, SET_COMMENT, set.comment.as_deref());
    out
}

/// It holds a field that has no type by name.
fn needs_typeof(set: &Set) -> bool {
    let data = match &set.data {
        Some(DataType::Fields(fields)) => fields,
        _ => &[][..],
    };
    set.key.iter().chain(data).any(|field| *field == FieldType::Number)
}

/// `enum byteorder` of nftables: 0 for a concatenation, whose fields know theirs, and for a single
/// byte.
fn byteorder(fields: &[FieldType]) -> u32 {
    match fields {
        [FieldType::InetProto] => 0,
        [field] if field.is_host_endian() => 1,
        [_] => 2,
        _ => 0,
    }
}

/// An expression in place of a type: `typeof ip daddr . th dport`.
fn typeof_fields(fields: &[FieldType]) -> Vec<u8> {
    match fields {
        [single] => typeof_expr(*single),
        fields => {
            let mut parts = Vec::new();
            for (index, field) in (0u8..).zip(fields) {
                put(&mut parts, index, &typeof_expr(*field));
            }
            expr(EXPR_CONCAT, &parts)
        }
    }
}

/// `enum expr_types` of nftables.
const EXPR_VERDICT: u32 = 1;
const EXPR_PAYLOAD: u32 = 7;
const EXPR_META: u32 = 9;
const EXPR_CONCAT: u32 = 13;
const EXPR_NUMGEN: u32 = 23;

/// The expression that stands for a field, in the numbers that nft 1.0 writes: for a header field
/// its protocol (`enum proto_desc_id`) and place in nft's template of that header, for metadata the
/// key.
fn typeof_expr(field: FieldType) -> Vec<u8> {
    let (kind, numbers): (u32, &[u32]) = match field {
        FieldType::InetService => (EXPR_PAYLOAD, &[11, 2]),
        FieldType::Ipv4Addr => (EXPR_PAYLOAD, &[12, 12]),
        FieldType::Ipv6Addr => (EXPR_PAYLOAD, &[13, 9]),
        FieldType::EtherAddr => (EXPR_PAYLOAD, &[17, 2]),
        FieldType::Mark => (EXPR_META, &[3]),
        FieldType::IfName => (EXPR_META, &[6]),
        FieldType::InetProto => (EXPR_META, &[16]),
        // Random, below 65536, from 0 on: the bound is for the reader's eye only.
        FieldType::Number => (EXPR_NUMGEN, &[1, 65536, 0]),
    };
    let mut data = Vec::new();
    for (index, number) in (0u8..).zip(numbers) {
        put(&mut data, index, &number.to_ne_bytes());
    }
    expr(kind, &data)
}

fn expr(kind: u32, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, 0, &kind.to_ne_bytes());
    put(&mut out, 1, data);
    out
}

fn put_comment(out: &mut Vec<u8>, kind: u8, comment: Option<&str>) {
    let Some(comment) = comment else { return };
    let mut end = comment.len().min(MAX_COMMENT - 1);
    while !comment.is_char_boundary(end) {
        end -= 1;
    }
    let mut text = comment.get(..end).unwrap_or_default().as_bytes().to_vec();
    text.push(0);
    put(out, kind, &text);
}

fn put(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    if let Ok(length) = u8::try_from(value.len()) {
        out.push(kind);
        out.push(length);
        out.extend_from_slice(value);
    }
}

fn read_string(userdata: &[u8], kind: u8) -> Option<String> {
    let text = find(userdata, kind)?;
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    text.get(..end).map(|text| String::from_utf8_lossy(text).into_owned())
}

fn find(mut userdata: &[u8], wanted: u8) -> Option<&[u8]> {
    while let [kind, length, rest @ ..] = userdata {
        let value = rest.get(..usize::from(*length))?;
        if *kind == wanted {
            return Some(value);
        }
        userdata = rest.get(usize::from(*length)..)?;
    }
    None
}
