//! Sets of any types, as bytes.

use std::cell::Cell;

use crate::filter::{Action, Element};
use crate::nfnetlink::Message;
use crate::nft::error::ListError;
use crate::nft::uapi::*;
use crate::nft::{DataType, ElementData, ElementKey, FieldType, Nft, Set, Table, Verdict, decode};

/// Longer lists are of addresses from somewhere else: they are not worth the memory.
const MOST: usize = 1 << 16;

/// What must be known of a set to read its elements and the rules that look into it.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// Bytes of its key.
    pub(super) length: usize,
    /// The kernel's types are not told apart here: what counts is how elements are laid out.
    set: Set,
}

/// The set, an anonymous one too, if it is one of this table.
pub(super) fn shape(message: &Message<'_>, table: &Table) -> Option<(String, Shape)> {
    if !decode::is_in(message, table, NFTA_SET_TABLE) {
        return None;
    }
    let number = |kind| message.attributes().find(kind).and_then(|found| found.u32_be());
    let flags = number(NFTA_SET_FLAGS).unwrap_or_default();
    let name = message.attributes().find(NFTA_SET_NAME)?.string();
    let key: &'static [FieldType] = if flags & NFT_SET_CONCAT != 0 {
        &[FieldType::Number, FieldType::Number]
    } else {
        &[FieldType::Number]
    };
    let verdicts = number(NFTA_SET_DATA_TYPE) == Some(NFT_DATA_VERDICT);
    let set = Set {
        interval: flags & NFT_SET_INTERVAL != 0,
        data: (flags & NFT_SET_MAP != 0 && verdicts).then_some(DataType::Verdict),
        name: name.clone().into(),
        ..Set::new("", key)
    };
    let length = usize::try_from(number(NFTA_SET_KEY_LEN)?).ok()?;
    Some((name, Shape { length, set }))
}

/// The elements; `None` when there are too many.
pub(super) fn read(
    nft: &mut Nft,
    table: &Table,
    name: &str,
    shape: &Shape,
) -> Result<Option<Vec<Element>>, ListError> {
    let mut set = shape.set.clone();
    set.name = name.to_owned().into();
    let too_many = Cell::new(false);
    let elements =
        nft.fold_elements(table, &set, Vec::new, |elements: &mut Vec<Element>, element| {
            if elements.len() >= MOST {
                too_many.set(true);
                return;
            }
            let keys = match element.key {
                ElementKey::Single(key) => Some((key.as_bytes().to_vec(), key.as_bytes().to_vec())),
                ElementKey::Range(from, to) => {
                    Some((from.as_bytes().to_vec(), to.as_bytes().to_vec()))
                }
                ElementKey::CatchAll => None,
            };
            let action = match element.data {
                Some(ElementData::Verdict(verdict)) => Some(of_verdict(&verdict)),
                _ => None,
            };
            elements.push(Element { keys, action });
        })?;
    Ok((!too_many.get()).then_some(elements))
}

/// What a verdict does.
pub(super) fn of_verdict(verdict: &Verdict) -> Action {
    match verdict {
        Verdict::Accept => Action::Accept,
        Verdict::Drop => Action::Drop,
        Verdict::Continue => Action::Continue,
        Verdict::Return => Action::Return,
        Verdict::Jump(chain) => Action::Jump(chain.to_string()),
        Verdict::Goto(chain) => Action::Goto(chain.to_string()),
    }
}
