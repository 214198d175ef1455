//! The tables of the database file. All history is kept by key and revision, so that a listing at any kept revision is
//! one walk, and a second table says which keys each revision changed, so that a watch is one walk too.

use redb::{ReadableTable, StorageError, TableDefinition};

use crate::{KeyValue, LeaseId, Revision};

/// Bumped when the tables change in a way that older daemons cannot read.
pub(super) const FORMAT: u64 = 1;

/// (create revision, version, lease or 0, value). Version 0 says that the key was deleted here.
pub(super) type Version = (u64, u64, i64, &'static [u8]);

/// (key, revision) → what the key was from that revision on.
pub(super) const VERSIONS: TableDefinition<(&str, u64), Version> = TableDefinition::new("versions");
/// (revision, position in its transaction) → the key that was changed.
pub(super) const LOG: TableDefinition<(u64, u32), &str> = TableDefinition::new("log");
/// Lease → its time to live in seconds.
pub(super) const LEASES: TableDefinition<i64, u64> = TableDefinition::new("leases");
/// (lease, key) for every key that now hangs on a lease.
pub(super) const LEASED: TableDefinition<(i64, &str), ()> = TableDefinition::new("leased");
/// The counters below.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

pub(super) const META_FORMAT: &str = "format";
pub(super) const META_REVISION: &str = "revision";
pub(super) const META_COMPACTED: &str = "compacted";
pub(super) const META_LAST_LEASE: &str = "last-lease";

pub(super) fn counter(
    meta: &impl ReadableTable<&'static str, u64>,
    name: &str,
) -> Result<u64, StorageError> {
    Ok(meta.get(name)?.map_or(0, |value| value.value()))
}

/// What a key is at one revision: `None` if it does not exist there.
pub(super) fn key_value(
    key: &str,
    revision: u64,
    version: (u64, u64, i64, &[u8]),
) -> Option<KeyValue> {
    let (create, count, lease, value) = version;
    (count > 0).then(|| KeyValue {
        key: key.to_owned(),
        value: value.to_vec(),
        create_revision: Revision(create),
        mod_revision: Revision(revision),
        version: count,
        lease: (lease != 0).then_some(LeaseId(lease)),
    })
}
