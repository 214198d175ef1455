//! Changing the tables, inside one write transaction.

use redb::{ReadableTable, Table, WriteTransaction};

use super::failure::{Failure, Outcome};
use super::read;
use super::schema::{
    LEASED, LEASES, LOG, META, META_COMPACTED, META_LAST_LEASE, META_REVISION, VERSIONS, Version,
    counter,
};
use crate::{Compare, Error, KeyValue, LeaseId, Op, OpResponse, Revision, Txn, TxnOutcome};

/// The tables of one write, and the revision that its changes will carry.
pub(super) struct Change<'tx> {
    versions: Table<'tx, (&'static str, u64), Version>,
    log: Table<'tx, (u64, u32), &'static str>,
    leases: Table<'tx, i64, u64>,
    leased: Table<'tx, (i64, &'static str), ()>,
    meta: Table<'tx, &'static str, u64>,
    revision: u64,
    changed: u32,
}

impl<'tx> Change<'tx> {
    pub(super) fn begin(tx: &'tx WriteTransaction) -> Outcome<Self> {
        let meta = tx.open_table(META)?;
        let revision = counter(&meta, META_REVISION)? + 1;
        Ok(Self {
            versions: tx.open_table(VERSIONS)?,
            log: tx.open_table(LOG)?,
            leases: tx.open_table(LEASES)?,
            leased: tx.open_table(LEASED)?,
            meta,
            revision,
            changed: 0,
        })
    }

    /// Ends the change and returns the store's revision after it.
    pub(super) fn finish(mut self) -> Outcome<Revision> {
        if self.changed == 0 {
            return Ok(Revision(self.revision - 1));
        }
        self.meta.insert(META_REVISION, self.revision)?;
        Ok(Revision(self.revision))
    }

    pub(super) fn txn(&mut self, txn: &Txn) -> Outcome<TxnOutcome> {
        let mut succeeded = true;
        for compare in &txn.compares {
            succeeded &= holds(compare, read::get(&self.versions, compare.key())?.as_ref());
        }
        let ops = if succeeded { &txn.success } else { &txn.failure };
        let responses = ops.iter().map(|op| self.op(op)).collect::<Outcome<_>>()?;
        Ok(TxnOutcome { succeeded, revision: Revision(self.revision), responses })
    }

    fn op(&mut self, op: &Op) -> Outcome<OpResponse> {
        match op {
            Op::Put { key, value, lease } => self.put(key, value, *lease).map(|()| OpResponse::Put),
            Op::Get(key) => Ok(OpResponse::Get(read::get(&self.versions, key)?)),
            Op::Delete(key) => Ok(OpResponse::Deleted(u64::from(self.delete(key)?))),
            Op::DeletePrefix(prefix) => {
                let held = read::scan(&self.versions, prefix, u64::MAX)?;
                for item in &held {
                    self.delete(&item.key)?;
                }
                Ok(OpResponse::Deleted(held.len() as u64))
            }
        }
    }

    fn put(&mut self, key: &str, value: &[u8], lease: Option<LeaseId>) -> Outcome<()> {
        if let Some(lease) = lease
            && self.leases.get(lease.0)?.is_none()
        {
            return Err(Error::LeaseNotFound(lease).into());
        }
        let held = read::get(&self.versions, key)?;
        self.detach(held.as_ref())?;
        let (create, count) =
            held.map_or((self.revision, 1), |item| (item.create_revision.0, item.version + 1));
        let lease = lease.map_or(0, |lease| lease.0);
        if lease != 0 {
            self.leased.insert((lease, key), ())?;
        }
        self.record(key, (create, count, lease, value))
    }

    fn delete(&mut self, key: &str) -> Outcome<bool> {
        let Some(held) = read::get(&self.versions, key)? else {
            return Ok(false);
        };
        self.detach(Some(&held))?;
        self.record(key, (0, 0, 0, &[]))?;
        Ok(true)
    }

    fn detach(&mut self, held: Option<&KeyValue>) -> Outcome<()> {
        if let Some(KeyValue { key, lease: Some(lease), .. }) = held {
            self.leased.remove((lease.0, key.as_str()))?;
        }
        Ok(())
    }

    fn record(&mut self, key: &str, version: (u64, u64, i64, &[u8])) -> Outcome<()> {
        self.versions.insert((key, self.revision), version)?;
        self.log.insert((self.revision, self.changed), key)?;
        self.changed += 1;
        Ok(())
    }

    pub(super) fn grant(&mut self, ttl_secs: u64) -> Outcome<LeaseId> {
        let id = counter(&self.meta, META_LAST_LEASE)? + 1;
        self.meta.insert(META_LAST_LEASE, id)?;
        let id = i64::try_from(id).map_err(|_| Failure::corrupt("the lease counter overflowed"))?;
        self.leases.insert(id, ttl_secs)?;
        Ok(LeaseId(id))
    }

    pub(super) fn revoke(&mut self, lease: LeaseId) -> Outcome<()> {
        if self.leases.remove(lease.0)?.is_none() {
            return Err(Error::LeaseNotFound(lease).into());
        }
        let mut keys = Vec::new();
        for entry in self.leased.range((lease.0, "")..)? {
            let id = entry?.0;
            let (holder, key) = id.value();
            if holder != lease.0 {
                break;
            }
            keys.push(key.to_owned());
        }
        for key in keys {
            self.delete(&key)?;
        }
        Ok(())
    }

    /// Forgets what only listings before `at` could show. The log of `at` itself is kept, deletions included, so that a
    /// watch from `at` misses nothing.
    pub(super) fn compact(&mut self, at: Revision) -> Outcome<()> {
        let (current, compacted) = (self.revision - 1, counter(&self.meta, META_COMPACTED)?);
        if at.0 > current {
            return Err(
                Error::FutureRevision { requested: at, current: Some(Revision(current)) }.into()
            );
        }
        if at.0 <= compacted {
            return Err(
                Error::Compacted { requested: at, compacted: Some(Revision(compacted)) }.into()
            );
        }
        let mut keys = std::collections::BTreeSet::new();
        let mut forgotten = Vec::new();
        for entry in self.log.range((0, 0)..=(at.0, u32::MAX))? {
            let (id, key) = entry?;
            keys.insert(key.value().to_owned());
            if id.value().0 < at.0 {
                forgotten.push(id.value());
            }
        }
        for key in keys {
            self.compact_key(&key, at.0)?;
        }
        for id in forgotten {
            self.log.remove(id)?;
        }
        self.meta.insert(META_COMPACTED, at.0)?;
        Ok(())
    }

    fn compact_key(&mut self, key: &str, at: u64) -> Outcome<()> {
        let mut old = Vec::new();
        let mut newest_deleted = false;
        for entry in self.versions.range((key, 0)..=(key, at))? {
            let (id, version) = entry?;
            old.push(id.value().1);
            newest_deleted = version.value().1 == 0;
        }
        if let Some(newest) = old.pop()
            && newest_deleted
            && newest < at
        {
            old.push(newest);
        }
        for revision in old {
            self.versions.remove((key, revision))?;
        }
        Ok(())
    }
}

fn holds(compare: &Compare, held: Option<&KeyValue>) -> bool {
    match compare {
        Compare::Absent(_) => held.is_none(),
        Compare::Exists(_) => held.is_some(),
        Compare::CreateRevision(_, at) => {
            held.map_or(Revision(0), |item| item.create_revision) == *at
        }
        Compare::ModRevision(_, at) => held.map_or(Revision(0), |item| item.mod_revision) == *at,
        Compare::Version(_, count) => held.map_or(0, |item| item.version) == *count,
        Compare::Value(_, value) => held.is_some_and(|item| item.value == *value),
    }
}
