//! Reads the ruleset back.

use std::io;

use super::connection::{Generation, Nft};
use super::decode::{self, Boundary};
use super::error::ListError;
use super::uapi::*;
use super::{Chain, Element, Family, Set, Table};
use crate::nfnetlink::{DumpEnd, Header, Message, MessageBuffer};

/// Reads of a ruleset that another program keeps changing, before giving up.
const ATTEMPTS: u32 = 16;

/// A table with all that is in it, but for the elements of its sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// The table as it was written.
    pub table: Table,
    /// Its chains with their rules.
    pub chains: Vec<ChainInfo>,
    /// Its named sets.
    pub sets: Vec<SetInfo>,
    /// The ruleset that this was read from.
    pub generation: Generation,
}

impl TableInfo {
    /// The chain of this name.
    pub fn chain(&self, name: &str) -> Option<&ChainInfo> {
        self.chains.iter().find(|info| info.chain.name == name)
    }

    /// The set of this name.
    pub fn set(&self, name: &str) -> Option<&SetInfo> {
        self.sets.iter().find(|info| info.name == name)
    }
}

/// A chain in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainInfo {
    /// The chain as it was written.
    pub chain: Chain,
    /// Its rules in the order in which they run.
    pub rules: Vec<RuleInfo>,
}

/// A rule in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// The number that it is deleted or replaced by.
    pub handle: u64,
    /// [`Rule::digest`](super::Rule::digest) of the rule that this crate wrote; `None` if another
    /// program did.
    pub digest: Option<u64>,
    /// Its comment.
    pub comment: Option<String>,
}

/// A set in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetInfo {
    /// Its name.
    pub name: String,
    /// The set as it was written; `None` if another program made it of types that this crate does
    /// not know.
    pub set: Option<Set>,
}

impl Nft {
    /// The present state of the whole ruleset.
    ///
    /// # Errors
    /// [`ListError::Refused`].
    pub fn generation(&mut self) -> Result<Generation, ListError> {
        let id = self.generation_id().map_err(|error| ListError::Refused {
            what: "the ruleset's generation".to_owned(),
            error,
        })?;
        Ok(Generation { id })
    }

    /// All tables of the network namespace.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn list_tables(&mut self) -> Result<Vec<Table>, ListError> {
        self.tables_of(decode::table)
    }

    /// The tables that somebody switched off: none of their rules is looked at.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn list_dormant_tables(&mut self) -> Result<Vec<Table>, ListError> {
        self.tables_of(decode::dormant_table)
    }

    fn tables_of(
        &mut self,
        decode: fn(&Message<'_>) -> Option<Table>,
    ) -> Result<Vec<Table>, ListError> {
        self.consistently("tables", |nft| {
            let mut tables = Vec::new();
            let end = nft.dump(
                msg::GETTABLE,
                0,
                |_| {},
                |message| {
                    tables.extend(decode(&message));
                },
            )?;
            Ok((tables, end))
        })
        .map(|(tables, _)| tables)
    }

    /// A table with its chains, rules and sets, all of one generation; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn list_table(
        &mut self,
        family: Family,
        name: &str,
    ) -> Result<Option<TableInfo>, ListError> {
        let what = format!("table {family} {name}");
        let (info, generation) = self.consistently(&what, |nft| nft.read_table(family, name))?;
        Ok(info.map(|info| TableInfo { generation, ..info }))
    }

    /// The elements of a set, in no particular order.
    ///
    /// # Errors
    /// [`ListError`]; the set must exist.
    pub fn list_elements(&mut self, table: &Table, set: &Set) -> Result<Vec<Element>, ListError> {
        self.fold_elements(table, set, Vec::new, |elements, element| elements.push(element))
    }

    /// Goes through the elements of a set without holding them all. Where the set changes
    /// underneath, `start` begins anew.
    ///
    /// # Errors
    /// [`ListError`]; the set must exist.
    pub fn fold_elements<T>(
        &mut self,
        table: &Table,
        set: &Set,
        start: impl Fn() -> T,
        mut add: impl FnMut(&mut T, Element),
    ) -> Result<T, ListError> {
        let what = format!("elements of set {table} {}", set.name);
        let (folded, _) = self.consistently(&what, |nft| {
            let mut folded = start();
            let mut boundaries: Vec<Boundary> = Vec::new();
            let end = nft.dump(
                msg::GETSETELEM,
                table.family.number(),
                |out| {
                    out.string(NFTA_SET_ELEM_LIST_TABLE, &table.name);
                    out.string(NFTA_SET_ELEM_LIST_SET, &set.name);
                },
                |message| {
                    for element in decode::elements(&message, set) {
                        if set.has_split_intervals() {
                            boundaries.push(element);
                        } else {
                            add(&mut folded, element.element);
                        }
                    }
                },
            )?;
            for element in decode::join(boundaries) {
                add(&mut folded, element);
            }
            Ok((folded, end))
        })?;
        Ok(folded)
    }

    /// The number of the present generation.
    pub(super) fn generation_id(&mut self) -> io::Result<u32> {
        let mut id = 0;
        self.ask(
            msg::GETGEN,
            NLM_F_ACK,
            0,
            |_| {},
            |message| {
                let found = message.attributes().find(NFTA_GEN_ID);
                id = found.and_then(|attribute| attribute.u32_be()).unwrap_or(id);
            },
        )?;
        Ok(id)
    }

    fn read_table(
        &mut self,
        family: Family,
        name: &str,
    ) -> io::Result<(Option<TableInfo>, DumpEnd)> {
        let mut table = None;
        let mut chains: Vec<ChainInfo> = Vec::new();
        let mut sets = Vec::new();
        let number = family.number();
        let is_ours = |found: &Table| found.family == family && found.name == name;

        let mut ends = vec![self.dump(
            msg::GETTABLE,
            number,
            |_| {},
            |message| {
                table = table.take().or_else(|| decode::table(&message).filter(is_ours));
            },
        )?];
        let Some(table) = table else {
            return Ok((None, DumpEnd::Complete));
        };
        ends.push(self.dump(
            msg::GETCHAIN,
            number,
            |_| {},
            |message| {
                let chain = decode::chain(&message, &table);
                chains.extend(chain.map(|chain| ChainInfo { chain, rules: Vec::new() }));
            },
        )?);
        let of_table = |out: &mut MessageBuffer| out.string(NFTA_RULE_TABLE, name);
        ends.push(self.dump(msg::GETRULE, number, of_table, |message| {
            if let Some((chain, rule)) = decode::rule(&message, &table)
                && let Some(info) = chains.iter_mut().find(|info| info.chain.name == chain)
            {
                info.rules.push(rule);
            }
        })?);
        ends.push(self.dump(msg::GETSET, number, of_table, |message| {
            sets.extend(decode::set(&message, &table));
        })?);

        let is_complete = ends.iter().all(|end| *end == DumpEnd::Complete);
        let end = if is_complete { DumpEnd::Complete } else { DumpEnd::Interrupted };
        // The generation is filled in by the caller, which has to compare it in any case.
        let generation = Generation { id: 0 };
        Ok((Some(TableInfo { table, chains, sets, generation }), end))
    }

    /// Reads until the ruleset was the same before and after.
    pub(super) fn consistently<T>(
        &mut self,
        what: &str,
        mut read: impl FnMut(&mut Self) -> io::Result<(T, DumpEnd)>,
    ) -> Result<(T, Generation), ListError> {
        let refused = |error| ListError::Refused { what: what.to_owned(), error };
        let mut before = self.generation_id().map_err(refused)?;
        for _ in 0..ATTEMPTS {
            let (value, end) = read(self).map_err(refused)?;
            let after = self.generation_id().map_err(refused)?;
            if end == DumpEnd::Complete && before == after {
                return Ok((value, Generation { id: after }));
            }
            before = after;
        }
        Err(ListError::Unstable { what: what.to_owned(), attempts: ATTEMPTS })
    }

    pub(super) fn dump(
        &mut self,
        kind: u16,
        family: u8,
        filter: impl FnOnce(&mut MessageBuffer),
        each: impl FnMut(Message<'_>),
    ) -> io::Result<DumpEnd> {
        self.ask(kind, NLM_F_DUMP, family, filter, each)
    }

    fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        family: u8,
        body: impl FnOnce(&mut MessageBuffer),
        each: impl FnMut(Message<'_>),
    ) -> io::Result<DumpEnd> {
        let header = Header {
            kind: NFNL_SUBSYS_NFTABLES | kind,
            flags: NLM_F_REQUEST | flags,
            sequence: self.socket.next_sequence(),
            family,
            resource: 0,
        };
        self.request.clear();
        self.request.message(header, body);
        self.socket.request(self.request.as_bytes(), each)
    }
}
