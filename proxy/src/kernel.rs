//! Carries differences out, and reads the table back.

use std::collections::HashSet;

use pontoon_model::cidr::Family;
use pontoon_netlink::nft::{Batch, CommitError, Element, ListError, Nft, Port, Rule, TableInfo};
use tracing::{info, warn};

use crate::arrangement::{Arrangement, Found};
use crate::changes::Changes;
use crate::entry::{Chain, Entry, Map, MapKind, read_affinity};
use crate::layout::{self, TABLE};

/// Why the table is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The connection could not be opened.
    #[error("cannot open a netlink socket for nf_tables: {0}")]
    Open(#[from] std::io::Error),
    /// A change was refused.
    #[error("nf_tables refused a change of services: {0}")]
    Commit(#[from] CommitError),
    /// The table could not be read.
    #[error("cannot read nf_tables: {0}")]
    List(#[from] ListError),
}

/// The table of services in the calling thread's network namespace.
#[derive(Debug)]
pub struct Proxy {
    nft: Nft,
    /// The device behind which this node's pods are.
    bridge: String,
}

/// What was found in the kernel.
#[derive(Debug, Default)]
pub struct Actual {
    /// The table has our maps, chains and rules to the letter; elements are read only then.
    pub intact: bool,
    /// Its elements.
    pub entries: Vec<Entry>,
    /// Elements of ours that no version of ours writes.
    pub strange: Vec<(Map, Element)>,
    /// The chains that are there while they are needed.
    pub chains: Vec<Chain>,
}

impl Proxy {
    /// Opens the connections. Nothing is changed.
    ///
    /// # Errors
    /// When there is no nf_tables.
    pub fn open(bridge: &str) -> Result<Self, ProxyError> {
        Ok(Self { nft: Nft::open()?, bridge: bridge.to_owned() })
    }

    /// The connection that our changes come from.
    pub fn port(&self) -> Port {
        self.nft.port()
    }

    /// Reads the table.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn read(&mut self) -> Result<Actual, ProxyError> {
        let Some(info) = self.nft.list_table(TABLE.family, &TABLE.name)? else {
            return Ok(Actual::default());
        };
        let Some(chains) = self.chains_if_intact(&info) else { return Ok(Actual::default()) };
        let mut actual = Actual { intact: true, chains, ..Actual::default() };
        for map in Map::all().filter(|map| map.kind != MapKind::Affinity) {
            let read = self.nft.fold_elements(
                &TABLE,
                &layout::set(map),
                || (Vec::new(), Vec::new()),
                |(entries, strange), element| match Entry::read(map, &element) {
                    Some(entry) => entries.push(entry),
                    None => strange.push((map, element)),
                },
            )?;
            actual.entries.extend(read.0);
            actual.strange.extend(read.1);
        }
        Ok(actual)
    }

    /// Whether the table has our maps, chains and rules to the letter, whatever is in the maps.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn is_intact(&mut self) -> Result<bool, ProxyError> {
        let info = self.nft.list_table(TABLE.family, &TABLE.name)?;
        Ok(info.is_some_and(|info| self.chains_if_intact(&info).is_some()))
    }

    /// Whether there is a table of ours, right or not.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn is_there(&mut self) -> Result<bool, ProxyError> {
        Ok(self.nft.list_tables()?.iter().any(|table| {
            (table.family, table.name.as_ref()) == (TABLE.family, TABLE.name.as_ref())
        }))
    }

    /// The numbers and slots to keep from what was read.
    #[must_use]
    pub fn found(actual: &Actual) -> Found {
        let mut found = Found::default();
        actual.entries.iter().for_each(|entry| found.note(entry));
        found
    }

    /// Makes the table what the arrangement says, given what was read just before. Whether anything
    /// had to be written.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn restore(
        &mut self,
        arrangement: &mut Arrangement,
        actual: Actual,
    ) -> Result<(bool, Changes), ProxyError> {
        let mut batch = Batch::new();
        let entries = if actual.intact { actual.entries } else { Vec::new() };
        let chains = if actual.intact { actual.chains } else { Vec::new() };
        if !actual.intact {
            batch.destroy_table(&TABLE);
            batch.add_table(&TABLE);
            Map::all().for_each(|map| batch.add_set(&TABLE, &layout::set(map)));
            layout::chains().iter().for_each(|chain| batch.add_chain(&TABLE, chain));
            layout::rules(&self.bridge).iter().for_each(|rule| batch.add_rule(&TABLE, rule));
        }
        for (map, element) in &actual.strange {
            batch.delete_elements(&TABLE, &layout::set(*map), [element]);
        }
        let changes = arrangement.compare(entries, chains);
        changes.encode(&mut batch);
        if batch.is_empty() {
            return Ok((false, changes));
        }
        self.nft.commit(&batch)?;
        info!(elements = changes.len(), whole = !actual.intact, "services brought up to date");
        Ok((true, changes))
    }

    /// Carries a difference out in one transaction.
    ///
    /// # Errors
    /// When the kernel refuses; nothing was changed then.
    pub fn apply(&mut self, changes: &Changes) -> Result<(), ProxyError> {
        let mut batch = Batch::new();
        changes.encode(&mut batch);
        if !changes.forget.is_empty() {
            self.forget(changes, &mut batch)?;
        }
        self.nft.commit(&batch)?;
        if !changes.forget.is_empty() {
            // A packet may have taught the kernel the old endpoint once more meanwhile.
            let mut late = Batch::new();
            self.forget(changes, &mut late)?;
            self.nft.commit(&late)?;
        }
        Ok(())
    }

    /// Adds what makes the kernel forget clients of endpoints that go.
    fn forget(&mut self, changes: &Changes, batch: &mut Batch) -> Result<(), ProxyError> {
        let gone: HashSet<_> = changes.forget.iter().copied().collect();
        for family in [Family::V4, Family::V6] {
            if !gone.iter().any(|(at, _)| at.family() == family) {
                continue;
            }
            let set = layout::set(Map { kind: MapKind::Affinity, family });
            let remembered = self.nft.list_elements(&TABLE, &set)?;
            let stale = remembered
                .into_iter()
                .filter(|e| read_affinity(family, e).is_some_and(|known| gone.contains(&known)))
                // Only the key counts, and what expires meanwhile is as well.
                .map(|element| Element { data: None, timeout: None, ..element });
            batch.destroy_elements(&TABLE, &set, stale);
        }
        Ok(())
    }

    /// Removes the table; an absent one is fine.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove(&mut self) -> Result<(), ProxyError> {
        let mut batch = Batch::new();
        batch.destroy_table(&TABLE);
        Ok(self.nft.commit(&batch)?)
    }

    /// The chains that come and go, if everything else is ours to the letter.
    fn chains_if_intact(&self, info: &TableInfo) -> Option<Vec<Chain>> {
        let maps = Map::all().map(layout::set);
        let mut count = 0;
        for set in maps {
            count += 1;
            if info.set(&set.name)?.set.as_ref() != Some(&set) {
                warn!(set = %set.name, "is not as it was made");
                return None;
            }
        }
        if info.sets.len() != count {
            return None;
        }
        let (fixed, rules) = (layout::chains(), layout::rules(&self.bridge));
        let mut moving = Vec::new();
        for found in &info.chains {
            let name = found.chain.name.as_ref();
            let wanted: Vec<Rule> = if let Some(chain) = fixed.iter().find(|c| c.name == name) {
                if *chain != found.chain {
                    return None;
                }
                rules.iter().filter(|rule| rule.chain == name).cloned().collect()
            } else {
                let chain: Chain = name.parse().ok()?;
                moving.push(chain);
                layout::rules_of(chain)
            };
            let digests = wanted.iter().map(|rule| Some(rule.digest()));
            if !found.rules.iter().map(|rule| rule.digest).eq(digests) {
                warn!(chain = name, "is not as it was made");
                return None;
            }
        }
        (info.chains.len() == fixed.len() + moving.len()).then_some(moving)
    }
}
