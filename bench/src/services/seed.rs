//! Fills stores, past the daemon that would admit each object.

use anyhow::{Context, Result};
use pontoon_lab::Host;
use pontoon_store::{EmbeddedStore, MAX_OPS, Op, Store, Txn};

use super::dataset::Service;

/// Writes services into the embedded store of a host whose daemon does not run.
pub(crate) fn embedded(host: &Host, services: impl Iterator<Item = Service>) -> Result<()> {
    let path = host.state_dir().join("store.redb");
    runtime()?.block_on(async {
        let store = EmbeddedStore::open(&path, Default::default()).await?;
        fill(&store, host.name(), services).await
    })
}

/// Writes services into a store.
pub(crate) async fn fill(
    store: &impl Store,
    node: &str,
    services: impl Iterator<Item = Service>,
) -> Result<()> {
    let mut records = services.flat_map(|service| service.records(node)).peekable();
    while records.peek().is_some() {
        let txn = records
            .by_ref()
            .take(MAX_OPS)
            .fold(Txn::new(), |txn, (key, value)| txn.then(Op::put(key, value)));
        store.txn(txn).await.with_context(|| format!("cannot fill {}", store.target()))?;
    }
    Ok(())
}

/// A runtime on the calling thread alone: its sockets belong to the thread's network namespace.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::dataset::Size;

    #[test]
    fn every_record_is_in_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let found = runtime().unwrap().block_on(async {
            let store = EmbeddedStore::open(&path, Default::default()).await.unwrap();
            let size = Size { services: 100, endpoints: 3 };
            fill(&store, "host-1", size.services()).await.unwrap();
            store.list("", None).await.unwrap().items.len()
        });
        assert_eq!(found, 300);
    }
}
