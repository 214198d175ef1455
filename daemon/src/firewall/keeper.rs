//! Keeps our tables as they should be: small changes as they come, and the whole against what the
//! kernel has at the start and whenever somebody else has been at it.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pontoon_netlink::nft::{Batch, CommitError, Element, ListError, Nft, Port, Set, Table};
use tracing::{info, warn};

use super::{ElementList, Elements, SetId, TableSpec, elements, insert_all, ruleset};
use crate::attach::record::Record;

/// Why the tables are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum FirewallError {
    /// The connection could not be opened.
    #[error("cannot open a netlink socket for nf_tables: {0}")]
    Open(#[from] std::io::Error),
    /// A change was refused.
    #[error("nf_tables refused a change: {0}")]
    Commit(#[from] CommitError),
    /// The tables could not be read.
    #[error("cannot read nf_tables: {0}")]
    List(#[from] ListError),
}

/// The keeper.
#[derive(Debug)]
pub struct FirewallKeeper {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    nft: Nft,
    tables: [TableSpec; 2],
    /// What the cluster puts into the sets.
    cluster: ElementList,
    /// Everything that the sets should hold.
    desired: Elements,
    /// The kernel was compared with that once; before, changes are only noted.
    begun: bool,
}

impl FirewallKeeper {
    /// A keeper for the calling thread's network namespace. It changes nothing before the first
    /// [`Self::resync`].
    ///
    /// # Errors
    /// When there is no nf_tables.
    pub fn open() -> Result<Self, FirewallError> {
        let nft = Nft::open()?;
        let inner = Inner {
            nft,
            tables: ruleset::tables(),
            cluster: Vec::new(),
            desired: Elements::new(),
            begun: false,
        };
        Ok(Self { inner: Mutex::new(inner) })
    }

    /// The connection that our changes come from: whoever follows the tables leaves them out.
    pub fn port(&self) -> Port {
        self.lock().nft.port()
    }

    /// Says what the cluster is now: only what differs is written.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn set_cluster(&self, list: ElementList) -> Result<(), FirewallError> {
        let mut inner = self.lock();
        let before: HashSet<(SetId, Element)> = inner.cluster.iter().cloned().collect();
        let after: HashSet<(SetId, Element)> = list.iter().cloned().collect();
        let gone: ElementList = before.difference(&after).cloned().collect();
        let new: ElementList = after.difference(&before).cloned().collect();
        inner.cluster = list;
        inner.change(&gone, &new)
    }

    /// Lets a pod send, and opens its host ports.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn add_pod(&self, record: &Record) -> Result<(), FirewallError> {
        self.lock().change(&[], &elements::of_pod(record))
    }

    /// Takes back what [`Self::add_pod`] gave.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn remove_pod(&self, record: &Record) -> Result<(), FirewallError> {
        self.lock().change(&elements::of_pod(record), &[])
    }

    /// Says which pods there are, without writing: for the start, before [`Self::resync`].
    pub fn expect_pods<'a>(&self, records: impl IntoIterator<Item = &'a Record>) {
        let mut inner = self.lock();
        for record in records {
            insert_all(&mut inner.desired, elements::of_pod(record));
        }
    }

    /// Reads the tables back and writes what differs; whether anything did.
    ///
    /// # Errors
    /// When the kernel does not tell, or refuses.
    pub fn resync(&self) -> Result<bool, FirewallError> {
        self.lock().resync()
    }

    /// The tables that are not as they should be. Nothing is written.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn differing(&self) -> Result<Vec<Table>, FirewallError> {
        let mut inner = self.lock();
        let mut found = Vec::new();
        for index in 0..inner.tables.len() {
            let mut batch = Batch::new();
            inner.plan_table(index, &mut batch)?;
            if !batch.is_empty() {
                found.push(inner.tables[index].table.clone());
            }
        }
        Ok(found)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // What a panicking thread left behind is mended by the next resync.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn change(
        &mut self,
        gone: &[(SetId, Element)],
        new: &[(SetId, Element)],
    ) -> Result<(), FirewallError> {
        if gone.is_empty() && new.is_empty() {
            return Ok(());
        }
        for (set, element) in gone {
            if let Some(elements) = self.desired.get_mut(set) {
                elements.remove(element);
            }
        }
        insert_all(&mut self.desired, new.to_vec());
        if !self.begun {
            return Ok(());
        }
        let mut batch = Batch::new();
        for (set, element) in gone {
            batch.destroy_elements(&set.table(), self.set(*set), [element]);
        }
        for (set, element) in new {
            batch.add_elements(&set.table(), self.set(*set), [element]);
        }
        match self.nft.commit(&batch) {
            Ok(()) => Ok(()),
            Err(error) => {
                // The tables are not what we thought: somebody flushed or changed them.
                warn!(%error, "nf_tables is not as it was left; reading it back");
                self.resync().map(|_| ())
            }
        }
    }

    fn set(&self, id: SetId) -> &Set {
        // Every SetId is in one of the tables; a test holds that true.
        let all = || self.tables.iter().flat_map(|table| &table.sets);
        all().find(|set| set.name == id.name()).unwrap_or(&NO_SET)
    }

    fn resync(&mut self) -> Result<bool, FirewallError> {
        let mut batch = Batch::new();
        for index in 0..self.tables.len() {
            self.plan_table(index, &mut batch)?;
        }
        if !batch.is_empty() {
            self.nft.commit(&batch)?;
        }
        self.begun = true;
        if batch.is_empty() {
            return Ok(false);
        }
        info!("nf_tables brought up to date");
        Ok(true)
    }

    /// The difference of one table. Where chains, rules or sets are not ours to the letter, the
    /// table is made anew in the same transaction, so that no packet meets a half of it.
    fn plan_table(&mut self, index: usize, batch: &mut Batch) -> Result<(), FirewallError> {
        let spec = self.tables[index].clone();
        let found = self.nft.list_table(spec.table.family, &spec.table.name)?;
        let intact = found.is_some_and(|info| spec.is_intact(&info));
        if !intact {
            batch.destroy_table(&spec.table);
            batch.add_table(&spec.table);
            spec.sets.iter().for_each(|set| batch.add_set(&spec.table, set));
            spec.chains.iter().for_each(|chain| batch.add_chain(&spec.table, chain));
        }
        for id in SetId::ALL.into_iter().filter(|id| id.table() == spec.table) {
            let Some(set) = spec.sets.iter().find(|set| set.name == id.name()) else { continue };
            let actual: HashSet<Element> = if intact {
                self.nft.list_elements(&spec.table, set)?.into_iter().collect()
            } else {
                HashSet::new()
            };
            let nothing = HashSet::new();
            let desired = self.desired.get(&id).unwrap_or(&nothing);
            // The stale go first: a map takes no second value for a key.
            let stale: Vec<&Element> = actual.difference(desired).collect();
            let missing: Vec<&Element> = desired.difference(&actual).collect();
            if !stale.is_empty() {
                batch.delete_elements(&spec.table, set, stale);
            }
            if !missing.is_empty() {
                batch.add_elements(&spec.table, set, missing);
            }
        }
        if !intact {
            spec.rules.iter().for_each(|rule| batch.add_rule(&spec.table, rule));
        }
        Ok(())
    }
}

static NO_SET: Set = Set::new("", &[]);

/// Removes our tables and all that is in them; absent ones are fine.
///
/// # Errors
/// When the kernel refuses it.
pub fn remove_all() -> Result<(), FirewallError> {
    let mut batch = Batch::new();
    for spec in ruleset::tables() {
        batch.destroy_table(&spec.table);
    }
    Ok(Nft::open()?.commit(&batch)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_is_in_its_table_and_every_rule_in_a_chain() {
        let tables = ruleset::tables();
        for id in SetId::ALL {
            let table = tables.iter().find(|spec| spec.table == id.table()).unwrap();
            assert_eq!(table.sets.iter().filter(|set| set.name == id.name()).count(), 1, "{id:?}");
        }
        for spec in &tables {
            for rule in &spec.rules {
                assert!(
                    spec.chains.iter().any(|chain| chain.name == rule.chain),
                    "{:?}",
                    rule.chain
                );
            }
        }
        let sets: usize = tables.iter().map(|spec| spec.sets.len()).sum();
        assert_eq!(sets, SetId::ALL.len());
    }
}
