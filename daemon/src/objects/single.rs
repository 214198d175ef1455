//! Objects that hold nothing but their own key: read, changed, and written if nobody else was quicker.

use pontoon_model::api::Failure;
use pontoon_model::key::Key;
use pontoon_model::object::OutcomeResult;
use pontoon_store::{Compare, KeyValue, Op, OpResponse, Store, Txn};
use serde_json::Value;

use super::failure::{busy, store as store_failure};
use super::seen::Seen;

/// How often it is tried; each time somebody else was quicker.
const ATTEMPTS: usize = 16;

/// Makes of a document what `change` makes of it, and says whether it was created, configured or left.
pub(super) async fn change(
    store: &dyn Store,
    key: &Key,
    seen: &Seen,
    dry_run: bool,
    change: impl Fn(Option<&Value>) -> Result<Value, Failure>,
) -> Result<OutcomeResult, Failure> {
    let read = |item: &KeyValue| serde_json::from_slice::<Value>(&item.value).unwrap_or_default();
    let write = |old: Option<&KeyValue>| {
        let document = old.map(read);
        let new = change(document.as_ref())?;
        if document.as_ref() == Some(&new) {
            return Ok(None);
        }
        seen.check(old)?;
        Ok(Some(new.to_string().into_bytes()))
    };
    update(store, &key.to_string(), dry_run, write).await
}

/// Makes of a value what `write` makes of it; `None` leaves it.
pub(super) async fn update(
    store: &dyn Store,
    key: &str,
    dry_run: bool,
    write: impl Fn(Option<&KeyValue>) -> Result<Option<Vec<u8>>, Failure>,
) -> Result<OutcomeResult, Failure> {
    let mut found = store.get(key).await.map_err(store_failure)?;
    for _ in 0..ATTEMPTS {
        let Some(value) = write(found.as_ref())? else { return Ok(OutcomeResult::Unchanged) };
        let result =
            if found.is_some() { OutcomeResult::Configured } else { OutcomeResult::Created };
        if dry_run {
            return Ok(result);
        }
        let as_read = match &found {
            Some(item) => Compare::ModRevision(key.to_owned(), item.mod_revision),
            None => Compare::Absent(key.to_owned()),
        };
        let txn =
            Txn::new().when(as_read).then(Op::put(key, value)).otherwise(Op::Get(key.to_owned()));
        let mut outcome = store.txn(txn).await.map_err(store_failure)?;
        if outcome.succeeded {
            return Ok(result);
        }
        found = match outcome.responses.pop() {
            Some(OpResponse::Get(item)) => item,
            _ => None,
        };
    }
    Err(busy(key))
}
