//! A difference between what the table holds and what it should, ready to be one transaction.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;

use pontoon_model::service::Protocol;
use pontoon_netlink::nft::{Batch, Chain as NftChain};

use crate::entry::{Chain, Entry, Map};
use crate::frontend::Frontend;
use crate::layout::{self, TABLE};

/// What changes, in no order: a transaction has none but that elements go before others come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Elements that go.
    pub gone: Vec<Entry>,
    /// Elements that come.
    pub new: Vec<Entry>,
    /// Chains that come, before any element leads to them.
    pub new_chains: BTreeSet<Chain>,
    /// Chains that go, once no element leads to them.
    pub gone_chains: BTreeSet<Chain>,
    /// Clients that are remembered at these frontends to be with these endpoints are to be forgotten.
    pub forget: Vec<(Frontend, SocketAddr)>,
    /// UDP frontends whose endpoints have changed: a tracked flow may go on to one that is gone.
    pub touched: BTreeSet<Frontend>,
}

impl Changes {
    /// Whether the table stays as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gone.is_empty()
            && self.new.is_empty()
            && self.new_chains.is_empty()
            && self.gone_chains.is_empty()
    }

    /// Elements that come and go.
    #[must_use]
    pub fn len(&self) -> usize {
        self.gone.len() + self.new.len()
    }

    /// Notes that a frontend's endpoints are others.
    pub(crate) fn touch(&mut self, at: Frontend) {
        if at.protocol == Protocol::Udp {
            self.touched.insert(at);
        }
    }

    /// Takes out what goes as often as it comes, and what is said twice: only the outcome counts.
    pub(crate) fn settle(&mut self) {
        if self.gone.is_empty() || self.new.is_empty() {
            return;
        }
        let mut balance: HashMap<Entry, i32> = HashMap::with_capacity(self.len());
        for entry in self.new.drain(..) {
            *balance.entry(entry).or_default() += 1;
        }
        for entry in self.gone.drain(..) {
            *balance.entry(entry).or_default() -= 1;
        }
        for (entry, balance) in balance {
            match balance.cmp(&0) {
                Ordering::Greater => self.new.push(entry),
                Ordering::Less => self.gone.push(entry),
                Ordering::Equal => {}
            }
        }
    }

    /// Adds the transaction's steps to a batch.
    pub fn encode(&self, batch: &mut Batch) {
        for chain in &self.new_chains {
            batch.add_chain(&TABLE, &NftChain::new(chain.to_string()));
            layout::rules_of(*chain).iter().for_each(|rule| batch.add_rule(&TABLE, rule));
        }
        // The stale go first: a map takes no second value for a key.
        for (map, entries) in by_map(&self.gone) {
            let elements = entries.into_iter().map(Entry::element);
            batch.delete_elements(&TABLE, &layout::set(map), elements);
        }
        for (map, entries) in by_map(&self.new) {
            let elements = entries.into_iter().map(Entry::element);
            batch.add_elements(&TABLE, &layout::set(map), elements);
        }
        for chain in &self.gone_chains {
            batch.delete_chain(&TABLE, &chain.to_string());
        }
    }
}

fn by_map(entries: &[Entry]) -> BTreeMap<Map, Vec<&Entry>> {
    let mut sorted: BTreeMap<Map, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        sorted.entry(entry.map()).or_default().push(entry);
    }
    sorted
}
