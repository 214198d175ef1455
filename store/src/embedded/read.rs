//! Reading the tables, in a read transaction or inside a write.

use redb::{ReadableDatabase, ReadableTable};

use super::failure::{Failure, Outcome};
use super::schema::{
    LOG, META, META_COMPACTED, META_REVISION, VERSIONS, Version, counter, key_value,
};
use crate::{Batch, Error, Event, KeyValue, Listing, Revision};

/// The most keys in one batch of a watch that catches up, so that its memory stays small. A revision is never split.
const BATCH_KEYS: usize = 256;

pub(super) fn get(
    versions: &impl ReadableTable<(&'static str, u64), Version>,
    key: &str,
) -> Outcome<Option<KeyValue>> {
    match versions.range((key, 0)..=(key, u64::MAX))?.next_back() {
        Some(entry) => {
            let (at, version) = entry?;
            Ok(key_value(key, at.value().1, version.value()))
        }
        None => Ok(None),
    }
}

/// Every key under `prefix` that exists at `at`.
pub(super) fn scan(
    versions: &impl ReadableTable<(&'static str, u64), Version>,
    prefix: &str,
    at: u64,
) -> Outcome<Vec<KeyValue>> {
    let mut items: Vec<KeyValue> = Vec::new();
    let mut newest: Option<KeyValue> = None;
    for entry in versions.range((prefix, 0)..)? {
        let (id, version) = entry?;
        let (key, revision) = id.value();
        if !key.starts_with(prefix) {
            break;
        }
        if newest.as_ref().is_some_and(|item| item.key != key) {
            items.extend(newest.take());
        }
        if revision <= at {
            newest = key_value(key, revision, version.value());
        }
    }
    items.extend(newest);
    Ok(items)
}

pub(super) fn list(db: &redb::Database, prefix: &str, at: Option<Revision>) -> Outcome<Listing> {
    let tx = db.begin_read()?;
    let meta = tx.open_table(META)?;
    let revision = match at {
        Some(at) => {
            let (current, compacted) =
                (counter(&meta, META_REVISION)?, counter(&meta, META_COMPACTED)?);
            check_readable(at, current, compacted)?;
            at.0
        }
        None => counter(&meta, META_REVISION)?,
    };
    let items = scan(&tx.open_table(VERSIONS)?, prefix, revision)?;
    Ok(Listing { revision: Revision(revision), items })
}

fn check_readable(at: Revision, current: u64, compacted: u64) -> Result<(), Error> {
    if at.0 > current {
        return Err(Error::FutureRevision { requested: at, current: Some(Revision(current)) });
    }
    if at.0 < compacted {
        return Err(Error::Compacted { requested: at, compacted: Some(Revision(compacted)) });
    }
    Ok(())
}

/// The changes under `prefix` from revision `from` on; `None` when the store has not reached `from`.
pub(super) fn changes(db: &redb::Database, prefix: &str, from: Revision) -> Outcome<Option<Batch>> {
    let tx = db.begin_read()?;
    let meta = tx.open_table(META)?;
    let (current, compacted) = (counter(&meta, META_REVISION)?, counter(&meta, META_COMPACTED)?);
    if from.0 < compacted {
        return Err(
            Error::Compacted { requested: from, compacted: Some(Revision(compacted)) }.into()
        );
    }
    if from.0 > current {
        return Ok(None);
    }
    let (log, versions) = (tx.open_table(LOG)?, tx.open_table(VERSIONS)?);
    let mut events = Vec::new();
    for entry in log.range((from.0, 0)..)? {
        let (id, key) = entry?;
        let (revision, key) = (id.value().0, key.value());
        let full = events.len() >= BATCH_KEYS;
        if full && events.last().is_some_and(|event: &Event| event.revision().0 < revision) {
            return Ok(Some(Batch { revision: Revision(revision - 1), events }));
        }
        if key.starts_with(prefix) {
            events.push(event(&versions, key, revision)?);
        }
    }
    Ok(Some(Batch { revision: Revision(current), events }))
}

fn event(
    versions: &impl ReadableTable<(&'static str, u64), Version>,
    key: &str,
    revision: u64,
) -> Outcome<Event> {
    let version = versions.get((key, revision))?.ok_or_else(|| {
        Failure::corrupt(format!(
            "the log says that revision {revision} changed {key:?}, which has no such version"
        ))
    })?;
    Ok(key_value(key, revision, version.value()).map_or_else(
        || Event::Delete { key: key.to_owned(), revision: Revision(revision) },
        Event::Put,
    ))
}
