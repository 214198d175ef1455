//! Rules from their expressions: what registers hold is followed from load to comparison.

use super::Shapes;
use super::sets::of_verdict;
use crate::filter::{Action, Field, Rule, Test, xt};
use crate::nfnetlink::{Attribute, Message};
use crate::nft::describe::read_verdict;
use crate::nft::expr::attr::*;
use crate::nft::uapi::*;
use crate::nft::{CmpOp, Table, decode};

/// `NFTA_MATCH_NAME`, `NFTA_TARGET_NAME` and their fellows.
const XT_NAME: u16 = 1;
const XT_REVISION: u16 = 2;
const XT_INFO: u16 = 3;

/// `NFT_REG_4`, the last register of 16 bytes, and `NFT_REG32_00`, the first of 4.
const LAST_LONG: u32 = 4;
const FIRST_SHORT: u32 = 8;

/// The rule and the name of its chain, if it is in this table.
pub(super) fn rule<'a>(
    message: &Message<'a>,
    table: &Table,
    shapes: &Shapes,
) -> Option<(&'a str, Rule)> {
    if !decode::is_in(message, table, NFTA_RULE_TABLE) {
        return None;
    }
    let attribute = |kind| message.attributes().find(kind);
    let chain = attribute(NFTA_RULE_CHAIN)?.str()?;
    let mut reader = Reader { held: Vec::new(), tests: Vec::new(), action: Action::Continue };
    for expression in attribute(NFTA_RULE_EXPRESSIONS).iter().flat_map(|list| list.nested()) {
        let name = expression.nested().find(NFTA_EXPR_NAME);
        let data = expression.nested().find(NFTA_EXPR_DATA);
        let name = name.and_then(|name| name.str()).unwrap_or("?");
        let empty = Attribute { kind: NFTA_EXPR_DATA, value: &[] };
        reader.take(name, data.unwrap_or(empty), shapes);
    }
    Some((chain, Rule { tests: reader.tests, action: reader.action }))
}

/// What a register holds, from this byte on.
struct Held {
    at: usize,
    field: Field,
    mask: Option<Vec<u8>>,
}

struct Reader {
    held: Vec<Held>,
    tests: Vec<Test>,
    action: Action,
}

impl Reader {
    fn take(&mut self, name: &str, data: Attribute<'_>, shapes: &Shapes) {
        let outcome = match name {
            "meta" => self.meta(data),
            "payload" => self.payload(data),
            "ct" => self.ct(data),
            "bitwise" => self.bitwise(data),
            "cmp" => self.cmp(data),
            "range" => self.range(data),
            "lookup" => self.lookup(data, shapes),
            "immediate" => self.immediate(data),
            "match" => self.xt_match(data),
            "target" => self.xt_target(data),
            "reject" => self.act(Action::Reject),
            "queue" | "tproxy" | "synproxy" | "fwd" => {
                self.act(Action::Unreadable(name.to_owned()))
            }
            // They do something on the way and let the packet go on.
            "counter" | "log" | "notrack" | "objref" | "dup" | "flow_offload" | "last" | "nat"
            | "masq" | "redir" => Some(()),
            _ => None,
        };
        if outcome.is_none() {
            self.unknown(name);
        }
    }

    /// An expression that is not read here loads a register, or may end the rule.
    fn unknown(&mut self, name: &str) {
        const LOADS: [&str; 14] = [
            "bitwise",
            "byteorder",
            "ct",
            "dynset",
            "exthdr",
            "fib",
            "hash",
            "immediate",
            "meta",
            "numgen",
            "osf",
            "payload",
            "rt",
            "socket",
        ];
        if LOADS.contains(&name) {
            // What the registers hold now is not known; who looks at them says so.
            self.held.clear();
        } else {
            self.tests.push(Test::Unreadable(name.to_owned()));
        }
    }

    fn act(&mut self, action: Action) -> Option<()> {
        self.action = action;
        Some(())
    }

    fn load(&mut self, at: usize, field: Field) {
        self.held.retain(|held| held.at != at);
        self.held.push(Held { at, field, mask: None });
    }

    fn meta(&mut self, data: Attribute<'_>) -> Option<()> {
        let number = |kind| data.nested().find(kind).and_then(|found| found.u32_be());
        let Some(register) = number(META_DREG) else {
            // It sets something.
            return number(META_SREG).map(drop);
        };
        let field = match number(META_KEY)? {
            1 => Field::Ethertype,
            3 => Field::Mark,
            4 => Field::InIndex,
            5 => Field::OutIndex,
            6 => Field::InName,
            7 => Field::OutName,
            15 => Field::Family,
            16 => Field::Protocol,
            key => Field::Other(format!("meta {key}")),
        };
        self.load(offset_of(register)?, field);
        Some(())
    }

    fn payload(&mut self, data: Attribute<'_>) -> Option<()> {
        let number = |kind| data.nested().find(kind).and_then(|found| found.u32_be());
        let Some(register) = number(PAYLOAD_DREG) else { return Some(()) };
        let offset = usize::try_from(number(PAYLOAD_OFFSET)?).ok()?;
        let length = usize::try_from(number(PAYLOAD_LEN)?).ok()?;
        let field = match number(PAYLOAD_BASE)? {
            1 => Field::Network { offset, length },
            2 => Field::Transport { offset, length },
            base => Field::Other(format!("payload {base}")),
        };
        self.load(offset_of(register)?, field);
        Some(())
    }

    fn ct(&mut self, data: Attribute<'_>) -> Option<()> {
        let number = |kind| data.nested().find(kind).and_then(|found| found.u32_be());
        let Some(register) = number(CT_DREG) else { return number(CT_SREG).map(drop) };
        let field = match number(CT_KEY)? {
            0 => Field::State,
            2 => Field::Status,
            key => Field::Other(format!("ct {key}")),
        };
        self.load(offset_of(register)?, field);
        Some(())
    }

    fn bitwise(&mut self, data: Attribute<'_>) -> Option<()> {
        let from = register(&data, BITWISE_SREG)?;
        let to = register(&data, BITWISE_DREG)?;
        let mask = value(&data, BITWISE_MASK);
        let xor = value(&data, BITWISE_XOR).unwrap_or_default();
        let held = self.held.iter().find(|held| held.at == from)?;
        let (field, mask) = match mask {
            Some(mask) if held.mask.is_none() && xor.iter().all(|byte| *byte == 0) => {
                (held.field.clone(), Some(mask))
            }
            _ => (Field::Other("bitwise".to_owned()), None),
        };
        self.load(to, field);
        if let Some(held) = self.held.last_mut() {
            held.mask = mask;
        }
        Some(())
    }

    fn cmp(&mut self, data: Attribute<'_>) -> Option<()> {
        let (field, mask) = self.at(register(&data, CMP_SREG)?)?;
        let op = match data.nested().find(CMP_OP)?.u32_be()? {
            0 => CmpOp::Eq,
            1 => CmpOp::Ne,
            2 => CmpOp::Lt,
            3 => CmpOp::Le,
            4 => CmpOp::Gt,
            5 => CmpOp::Ge,
            _ => return None,
        };
        let value = value(&data, CMP_DATA)?;
        self.tests.push(Test::Compare { field, mask, op, value });
        Some(())
    }

    fn range(&mut self, data: Attribute<'_>) -> Option<()> {
        let (field, mask) = self.at(register(&data, RANGE_SREG)?)?;
        let negated = data.nested().find(RANGE_OP)?.u32_be()? != 0;
        let (from, to) = (value(&data, RANGE_FROM)?, value(&data, RANGE_TO)?);
        if mask.is_some() {
            return None;
        }
        self.tests.push(Test::Between { field, from, to, negated });
        Some(())
    }

    fn lookup(&mut self, data: Attribute<'_>, shapes: &Shapes) -> Option<()> {
        let set = data.nested().find(LOOKUP_SET)?.string();
        let negated =
            data.nested().find(LOOKUP_FLAGS).and_then(|f| f.u32_be()).unwrap_or(0) & 1 != 0;
        let from = register(&data, LOOKUP_SREG)?;
        let key = self.key(from, shapes.get(&set)?.length)?;
        match data.nested().find(LOOKUP_DREG).and_then(|found| found.u32_be()) {
            None => self.tests.push(Test::Among { key, set, negated }),
            Some(0) => self.action = Action::ByMap { key, map: set },
            // Without an entry the rule ends here.
            Some(register) => {
                self.load(offset_of(register)?, Field::Other("map".to_owned()));
                self.tests.push(Test::Among { key, set, negated: false });
            }
        }
        Some(())
    }

    /// The fields that lie in the registers from this byte on.
    fn key(&self, from: usize, length: usize) -> Option<Vec<Field>> {
        let mut key = Vec::new();
        let mut at = from;
        while at < from + length {
            let held = self.held.iter().find(|held| held.at == at)?;
            let width = held.field.length()?;
            if held.mask.is_some() {
                return None;
            }
            key.push(held.field.clone());
            at += width.next_multiple_of(4);
        }
        Some(key)
    }

    fn immediate(&mut self, data: Attribute<'_>) -> Option<()> {
        let register = data.nested().find(IMMEDIATE_DREG)?.u32_be()?;
        if register == 0 {
            let verdict = read_verdict(&data.nested().find(IMMEDIATE_DATA)?);
            return self.act(match verdict {
                Some(verdict) => of_verdict(&verdict),
                None => Action::Unreadable("verdict".to_owned()),
            });
        }
        self.load(offset_of(register)?, Field::Other("immediate".to_owned()));
        Some(())
    }

    fn xt_match(&mut self, data: Attribute<'_>) -> Option<()> {
        let (name, revision, info) = xt_entry(&data)?;
        self.tests.extend(xt::tests(name, revision, info));
        Some(())
    }

    fn xt_target(&mut self, data: Attribute<'_>) -> Option<()> {
        let (name, ..) = xt_entry(&data)?;
        self.act(xt::action(name))
    }

    fn at(&self, at: usize) -> Option<(Field, Option<Vec<u8>>)> {
        let held = self.held.iter().find(|held| held.at == at)?;
        Some((held.field.clone(), held.mask.clone()))
    }
}

fn xt_entry<'a>(data: &Attribute<'a>) -> Option<(&'a str, u32, &'a [u8])> {
    let name = data.nested().find(XT_NAME)?.str()?;
    let revision = data.nested().find(XT_REVISION)?.u32_be()?;
    Some((name, revision, data.nested().find(XT_INFO)?.value))
}

fn register(data: &Attribute<'_>, kind: u16) -> Option<usize> {
    offset_of(data.nested().find(kind)?.u32_be()?)
}

/// Where a register begins, in bytes.
fn offset_of(register: u32) -> Option<usize> {
    let offset = match register {
        1..=LAST_LONG => (register - 1) * 16,
        FIRST_SHORT.. => (register - FIRST_SHORT).checked_mul(4)?,
        _ => return None,
    };
    usize::try_from(offset).ok()
}

fn value(data: &Attribute<'_>, kind: u16) -> Option<Vec<u8>> {
    Some(data.nested().find(kind)?.nested().find(NFTA_DATA_VALUE)?.value.to_vec())
}
