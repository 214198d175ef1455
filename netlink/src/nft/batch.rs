//! A transaction under construction.

use std::borrow::Borrow;

use super::encode::{encode_chain, encode_element, encode_rule, encode_set, encode_table};
use super::uapi::*;
use super::{Chain, Element, Name, Rule, Set, Table};
use crate::nfnetlink::{Header, MessageBuffer};

/// Attribute lengths have 16 bits. A message's elements share one attribute, which is closed once
/// it is this long; no element comes near the rest.
const ELEMENTS_LENGTH: usize = 60 * 1024;

/// Changes that the kernel makes all together or not at all, in the order in which they were added.
///
/// Each method encodes at once, into one buffer: a batch holds no objects. Adding what exists
/// already changes nothing (rules excepted: each is a new one), and fails where it exists in
/// another shape. Deleting fails where there is nothing to delete; the `destroy` methods do not
/// mind.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    messages: MessageBuffer,
    count: u32,
    has_destroy: bool,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// There is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the encoded changes. Where the caller lacks `CAP_NET_ADMIN` in the initial user
    /// namespace, the kernel takes twice `net.core.wmem_max` in one transaction: 416 KiB by
    /// default.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.messages.clear();
        self.count = 0;
        self.has_destroy = false;
    }

    /// Adds a table.
    pub fn add_table(&mut self, table: &Table) {
        self.push(msg::NEWTABLE, NLM_F_CREATE, table, |out| encode_table(table, 0, out));
    }

    /// Adds a table that goes when this connection is closed, however that comes about, and that nobody
    /// else can change meanwhile (needs Linux 5.12).
    pub fn add_owned_table(&mut self, table: &Table) {
        self.push(msg::NEWTABLE, NLM_F_CREATE, table, |out| {
            encode_table(table, NFT_TABLE_F_OWNER, out);
        });
    }

    /// Deletes a table and all that is in it.
    pub fn delete_table(&mut self, table: &Table) {
        self.push(msg::DELTABLE, 0, table, |out| out.string(NFTA_TABLE_NAME, &table.name));
    }

    /// Deletes a table and all that is in it, if it exists.
    pub fn destroy_table(&mut self, table: &Table) {
        self.push(msg::DESTROYTABLE, 0, table, |out| out.string(NFTA_TABLE_NAME, &table.name));
    }

    /// Adds a chain. The policy of a base chain that exists is set; its hook cannot change.
    pub fn add_chain(&mut self, table: &Table, chain: &Chain) {
        self.push(msg::NEWCHAIN, NLM_F_CREATE, table, |out| encode_chain(table, chain, out));
    }

    /// Deletes all rules of a chain.
    pub fn flush_chain(&mut self, table: &Table, chain: &str) {
        self.push(msg::DELRULE, 0, table, |out| named(out, table, chain));
    }

    /// Deletes a chain, which no rule and no map may refer to any more, and its rules.
    pub fn delete_chain(&mut self, table: &Table, chain: &str) {
        self.push(msg::DELCHAIN, 0, table, |out| chain_name(out, table, chain));
    }

    /// Deletes a chain, if it exists.
    pub fn destroy_chain(&mut self, table: &Table, chain: &str) {
        self.push(msg::DESTROYCHAIN, 0, table, |out| chain_name(out, table, chain));
    }

    /// Adds a set or a map.
    pub fn add_set(&mut self, table: &Table, set: &Set) {
        // The kernel insists on a number that is unique in the batch. Nobody asks for it: sets go
        // by name here.
        let id = self.count + 1;
        self.push(msg::NEWSET, NLM_F_CREATE, table, |out| encode_set(table, set, id, out));
    }

    /// Deletes all elements of a set.
    pub fn flush_set(&mut self, table: &Table, set: &str) {
        self.push(msg::DELSETELEM, 0, table, |out| named(out, table, set));
    }

    /// Deletes a set, which no rule may use any more.
    pub fn delete_set(&mut self, table: &Table, set: &str) {
        self.push(msg::DELSET, 0, table, |out| named(out, table, set));
    }

    /// Deletes a set, if it exists.
    pub fn destroy_set(&mut self, table: &Table, set: &str) {
        self.push(msg::DESTROYSET, 0, table, |out| named(out, table, set));
    }

    /// Adds elements to a set. One that exists stays as it is; a map's element that exists with
    /// other data is an error: delete it first, in the same batch.
    pub fn add_elements<E: Borrow<Element>>(
        &mut self,
        table: &Table,
        set: &Set,
        elements: impl IntoIterator<Item = E>,
    ) {
        self.push_elements(msg::NEWSETELEM, NLM_F_CREATE, table, set, elements);
    }

    /// Deletes elements from a set; their data does not matter.
    pub fn delete_elements<E: Borrow<Element>>(
        &mut self,
        table: &Table,
        set: &Set,
        elements: impl IntoIterator<Item = E>,
    ) {
        self.push_elements(msg::DELSETELEM, 0, table, set, elements);
    }

    /// Deletes those elements that exist.
    pub fn destroy_elements<E: Borrow<Element>>(
        &mut self,
        table: &Table,
        set: &Set,
        elements: impl IntoIterator<Item = E>,
    ) {
        self.push_elements(msg::DESTROYSETELEM, 0, table, set, elements);
    }

    /// Adds a rule at the end of its chain.
    pub fn add_rule(&mut self, table: &Table, rule: &Rule) {
        self.push(msg::NEWRULE, NLM_F_CREATE | NLM_F_APPEND, table, |out| {
            encode_rule(table, rule, out);
        });
    }

    /// Adds a rule at the start of its chain.
    pub fn insert_rule(&mut self, table: &Table, rule: &Rule) {
        self.push(msg::NEWRULE, NLM_F_CREATE, table, |out| encode_rule(table, rule, out));
    }

    /// Adds a rule after the one with this handle.
    pub fn add_rule_after(&mut self, table: &Table, handle: u64, rule: &Rule) {
        self.push(msg::NEWRULE, NLM_F_CREATE | NLM_F_APPEND, table, |out| {
            encode_rule(table, rule, out);
            out.u64_be(NFTA_RULE_POSITION, handle);
        });
    }

    /// Adds a rule before the one with this handle.
    pub fn insert_rule_before(&mut self, table: &Table, handle: u64, rule: &Rule) {
        self.push(msg::NEWRULE, NLM_F_CREATE, table, |out| {
            encode_rule(table, rule, out);
            out.u64_be(NFTA_RULE_POSITION, handle);
        });
    }

    /// Puts a rule in the place of the one with this handle.
    pub fn replace_rule(&mut self, table: &Table, handle: u64, rule: &Rule) {
        self.push(msg::NEWRULE, NLM_F_REPLACE, table, |out| {
            encode_rule(table, rule, out);
            out.u64_be(NFTA_RULE_HANDLE, handle);
        });
    }

    /// Deletes a rule.
    pub fn delete_rule(&mut self, table: &Table, chain: &str, handle: u64) {
        self.push(msg::DELRULE, 0, table, |out| rule_handle(out, table, chain, handle));
    }

    /// Deletes a rule, if it exists.
    pub fn destroy_rule(&mut self, table: &Table, chain: &str, handle: u64) {
        self.push(msg::DESTROYRULE, 0, table, |out| rule_handle(out, table, chain, handle));
    }

    pub(super) fn messages(&self) -> &MessageBuffer {
        &self.messages
    }

    /// Something in it needs Linux 6.3, or a look at what exists.
    pub(super) fn has_destroy(&self) -> bool {
        self.has_destroy
    }

    /// The message's number in the batch, from 1 on, is its sequence number: the kernel's answers
    /// name it.
    fn next_header(&mut self, kind: u16, flags: u16, table: &Table) -> Header {
        self.count += 1;
        self.has_destroy |= kind >= msg::DESTROYTABLE;
        Header {
            kind: NFNL_SUBSYS_NFTABLES | kind,
            flags: NLM_F_REQUEST | flags,
            sequence: self.count,
            family: table.family.number(),
            resource: 0,
        }
    }

    fn push(
        &mut self,
        kind: u16,
        flags: u16,
        table: &Table,
        body: impl FnOnce(&mut MessageBuffer),
    ) {
        let header = self.next_header(kind, flags, table);
        self.messages.message(header, body);
    }

    fn push_elements<E: Borrow<Element>>(
        &mut self,
        kind: u16,
        flags: u16,
        table: &Table,
        set: &Set,
        elements: impl IntoIterator<Item = E>,
    ) {
        let split_range = set.has_split_intervals();
        let mut elements = elements.into_iter().peekable();
        while elements.peek().is_some() {
            let header = self.next_header(kind, flags, table);
            self.messages.message(header, |out| {
                named(out, table, &set.name);
                out.nested(NFTA_SET_ELEM_LIST_ELEMENTS, |out| {
                    let end = out.len() + ELEMENTS_LENGTH;
                    while out.len() < end
                        && let Some(element) = elements.next()
                    {
                        encode_element(element.borrow(), split_range, out);
                    }
                });
            });
        }
    }
}

/// Table and name of a set, of a set's elements or of the chain whose rules are meant: attributes 1
/// and 2 in all three.
fn named(out: &mut MessageBuffer, table: &Table, name: &str) {
    out.string(NFTA_SET_TABLE, &table.name);
    out.string(NFTA_SET_NAME, name);
}

fn chain_name(out: &mut MessageBuffer, table: &Table, chain: &str) {
    out.string(NFTA_CHAIN_TABLE, &table.name);
    out.string(NFTA_CHAIN_NAME, chain);
}

fn rule_handle(out: &mut MessageBuffer, table: &Table, chain: &str, handle: u64) {
    named(out, table, chain);
    out.u64_be(NFTA_RULE_HANDLE, handle);
}

/// The name, where errors speak of what a set or a chain is called.
impl From<&Set> for Name {
    fn from(set: &Set) -> Self {
        set.name.clone()
    }
}
