//! A table with the elements of its sets.

use std::collections::HashMap;

use pontoon_netlink::nft::{Chain, Element, ElementKey, Rule, Set, Table, lies_between};
use pontoon_proxy::entry::{self, Entry, Map, MapKind};
use pontoon_proxy::layout;

/// A table.
#[derive(Debug, Clone)]
pub struct Ruleset {
    /// Its family and name.
    pub table: Table,
    /// Its chains.
    pub chains: Vec<Chain>,
    /// Its rules, in order within each chain.
    pub rules: Vec<Rule>,
    sets: HashMap<String, Elements>,
}

/// The elements of a set, as they are looked up.
#[derive(Debug, Clone)]
struct Elements {
    /// Where the fields of a key end.
    widths: Vec<usize>,
    single: HashMap<Vec<u8>, Element>,
    ranges: Vec<Element>,
}

impl Ruleset {
    /// A table with nothing in its sets yet.
    #[must_use]
    pub fn new(table: Table, chains: Vec<Chain>, rules: Vec<Rule>) -> Self {
        Self { table, chains, rules, sets: HashMap::new() }
    }

    /// The same with a set and what is in it.
    #[must_use]
    pub fn with(mut self, set: &Set, elements: impl IntoIterator<Item = Element>) -> Self {
        let widths = set.key.iter().map(|field| field.width()).collect();
        let empty = || Elements { widths, single: HashMap::new(), ranges: Vec::new() };
        let known = self.sets.entry(set.name.to_string()).or_insert_with(empty);
        for element in elements {
            match &element.key {
                ElementKey::Single(key) => {
                    known.single.insert(key.as_bytes().to_vec(), element);
                }
                _ => known.ranges.push(element),
            }
        }
        self
    }

    /// The table of services with these elements and chains. What clients are remembered to be with is
    /// not in it.
    #[must_use]
    pub fn of_services(
        bridge: &str,
        entries: impl IntoIterator<Item = Entry>,
        chains: impl IntoIterator<Item = entry::Chain>,
    ) -> Self {
        let mut table = Self::new(layout::TABLE, layout::chains(), layout::rules(bridge));
        for chain in chains {
            table.chains.push(Chain::new(chain.to_string()));
            table.rules.extend(layout::rules_of(chain));
        }
        let mut by_map: HashMap<Map, Vec<Element>> = HashMap::new();
        for entry in entries {
            by_map.entry(entry.map()).or_default().push(entry.element());
        }
        for map in Map::all().filter(|map| map.kind != MapKind::Affinity) {
            table = table.with(&layout::set(map), by_map.remove(&map).unwrap_or_default());
        }
        table
    }

    /// Bytes of a set's key; `None` for a set that is not known.
    pub(super) fn key_length(&self, set: &str) -> Option<usize> {
        Some(match self.sets.get(set)?.widths.as_slice() {
            [single] => *single,
            widths => widths.iter().map(|width| width.next_multiple_of(4)).sum(),
        })
    }

    /// The element of a set that has a key.
    pub(super) fn find(&self, set: &str, key: &[u8]) -> Option<&Element> {
        let elements = self.sets.get(set)?;
        elements.single.get(key).or_else(|| {
            elements.ranges.iter().find(|element| match &element.key {
                ElementKey::Range(from, to) => fields(key, &elements.widths)
                    .is_some_and(|fields| lies_between(fields, from.as_bytes(), to.as_bytes())),
                ElementKey::CatchAll => true,
                ElementKey::Single(_) => false,
            })
        })
    }
}

/// The fields of a key; in a concatenation each begins at a multiple of four bytes.
fn fields<'k>(key: &'k [u8], widths: &[usize]) -> Option<Vec<&'k [u8]>> {
    let mut at = 0;
    let field = |width: &usize| {
        let place = at..at + width;
        at += width.next_multiple_of(4);
        key.get(place)
    };
    widths.iter().map(field).collect()
}
