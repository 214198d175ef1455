//! What the store last told of services, on this node's disk: a host that boots while etcd is away has
//! an empty kernel, and balances from here until etcd is back. Written behind the changes, a moment's
//! together; a host that loses that moment gets it from the store as soon as that answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pontoon_model::key::{ENDPOINT_SLICES, NAMESPACES, NODES, PODS, SERVICES};
use pontoon_store::{EmbeddedStore, Error, Event, KeyValue, MAX_OPS, Op, Store, Txn, Update};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::warn;

/// The shelf's file in the daemon's state folder.
pub const FILE: &str = "services.redb";

/// Changes of so long a time are written together.
const GATHER: Duration = Duration::from_millis(500);
/// The key under which the revision is kept that founded the cluster.
const FOUNDED: &str = "founded";
/// The key of the cluster's configuration.
const CONFIG: &str = "config";
/// The key of the serial number that the names' zone had last.
const SERIAL: &str = "serial";
/// For so long somebody else may have the file, who looks what is on the shelf.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// Changes by key: the value, or nothing for what is gone.
type Pending = BTreeMap<String, Option<Vec<u8>>>;

/// The shelf.
pub struct Shelf {
    store: Arc<dyn Store>,
    writes: mpsc::UnboundedSender<Write>,
}

/// Ends when everything that was told before the shelf was dropped is on disk.
pub type Written = JoinHandle<()>;

enum Write {
    /// Whatever is not in it is gone.
    All(Pending),
    Some(Pending),
}

/// What was on the shelf.
#[derive(Debug, Default)]
pub struct Kept {
    /// The revision that created the cluster's configuration.
    pub founded: Option<u64>,
    /// The cluster's configuration, as it was in the store.
    pub config: Option<Vec<u8>>,
    /// The serial number that the names' zone had last.
    pub serial: Option<u32>,
    /// Services, slices, namespaces, pods and nodes.
    pub items: Vec<KeyValue>,
}

impl Shelf {
    /// Opens it. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the file cannot be opened, or somebody has had it for a second.
    pub async fn open(file: &Path) -> pontoon_store::Result<(Self, Written)> {
        for _ in 1..TRIES {
            match Self::open_now(file).await {
                Err(Error::Locked(_)) => tokio::time::sleep(BETWEEN_TRIES).await,
                outcome => return outcome,
            }
        }
        Self::open_now(file).await
    }

    /// What is on the shelf of another process, if it has any.
    ///
    /// # Errors
    /// When it cannot be read, as while the other has it open.
    pub async fn peek(file: &Path) -> pontoon_store::Result<Kept> {
        if !file.exists() {
            return Ok(Kept::default());
        }
        let (shelf, written) = Self::open_now(file).await?;
        let kept = shelf.load().await;
        drop(shelf);
        let _ends_with_the_shelf = written.await;
        kept
    }

    async fn open_now(file: &Path) -> pontoon_store::Result<(Self, Written)> {
        let store = EmbeddedStore::open(file.to_owned(), Default::default()).await?;
        let store: Arc<dyn Store> = Arc::new(store);
        let (writes, queue) = mpsc::unbounded_channel();
        let written = tokio::spawn(write(Arc::clone(&store), queue));
        Ok((Self { store, writes }, written))
    }

    /// What is on it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(&self) -> pontoon_store::Result<Kept> {
        let mut kept = Kept::default();
        for item in self.store.list("", None).await?.items {
            match item.key.as_str() {
                FOUNDED => kept.founded = number(&item),
                SERIAL => kept.serial = number(&item),
                CONFIG => kept.config = Some(item.value),
                _ => kept.items.push(item),
            }
        }
        Ok(kept)
    }

    /// The serial number that the names' zone had last; `None` where that is not known.
    pub async fn serial(&self) -> Option<u32> {
        number(&self.store.get(SERIAL).await.ok().flatten()?)
    }

    /// Puts on it the serial number that the names' zone has by now.
    pub fn note_serial(&self, serial: u32) {
        let value = Some(serial.to_string().into_bytes());
        let _ = self.writes.send(Write::Some([(SERIAL.to_owned(), value)].into()));
    }

    /// Puts on it what the store tells.
    pub fn note(&self, update: &Update) {
        let write = match update {
            Update::Snapshot { items, .. } => Write::All(items.iter().flat_map(of_item).collect()),
            Update::Changes { events, .. } => {
                let changes = events.iter().map(|event| match event {
                    Event::Put(item) => of_item(item),
                    Event::Delete { key, .. } => match is_kept(key) {
                        true => vec![(key.clone(), None)],
                        false => Vec::new(),
                    },
                });
                let changes: Pending = changes.flatten().collect();
                if changes.is_empty() {
                    return;
                }
                Write::Some(changes)
            }
            Update::Progress { .. } | Update::Lost { .. } => return,
        };
        // The writer ends with the daemon.
        let _ = self.writes.send(write);
    }
}

fn number<T: std::str::FromStr>(item: &KeyValue) -> Option<T> {
    std::str::from_utf8(&item.value).ok()?.parse().ok()
}

fn is_kept(key: &str) -> bool {
    [SERVICES, ENDPOINT_SLICES, NAMESPACES, PODS, NODES]
        .iter()
        .any(|prefix| key.starts_with(prefix))
}

fn of_item(item: &KeyValue) -> Vec<(String, Option<Vec<u8>>)> {
    let as_it_is = (item.key.clone(), Some(item.value.clone()));
    if item.key == CONFIG {
        let revision = item.create_revision.0.to_string().into_bytes();
        return vec![(FOUNDED.to_owned(), Some(revision)), as_it_is];
    }
    if is_kept(&item.key) { vec![as_it_is] } else { Vec::new() }
}

async fn write(store: Arc<dyn Store>, mut queue: mpsc::UnboundedReceiver<Write>) {
    while let Some(first) = queue.recv().await {
        let until = Instant::now() + GATHER;
        let mut pending = Pending::new();
        let mut next = Some(first);
        while let Some(write) = next {
            match write {
                Write::Some(changes) => pending.extend(changes),
                Write::All(all) => match missing_from(&*store, all).await {
                    Ok(difference) => {
                        pending.retain(|key, _| key == SERIAL);
                        pending.extend(difference);
                    }
                    Err(error) => warn!(%error, "services are not kept on this node's disk"),
                },
            }
            // At the end there is nothing more to wait for.
            next = tokio::time::timeout_at(until, queue.recv()).await.ok().flatten();
        }
        if let Err(error) = put(&*store, pending).await {
            warn!(%error, "services are not kept on this node's disk: it cannot balance after a boot while the store is away");
        }
    }
}

/// What makes the shelf hold these and nothing else.
async fn missing_from(store: &dyn Store, mut all: Pending) -> pontoon_store::Result<Pending> {
    for item in store.list("", None).await?.items {
        match all.get(&item.key) {
            Some(Some(value)) if *value == item.value => drop(all.remove(&item.key)),
            Some(_) => {}
            // No part of the listing.
            None if item.key == SERIAL => {}
            None => drop(all.insert(item.key, None)),
        }
    }
    Ok(all)
}

async fn put(store: &dyn Store, pending: Pending) -> pontoon_store::Result<()> {
    let mut ops = pending.into_iter().map(|(key, value)| match value {
        Some(value) => Op::put(key, value),
        None => Op::Delete(key),
    });
    loop {
        let txn = ops.by_ref().take(MAX_OPS).fold(Txn::new(), Txn::then);
        if txn.success.is_empty() {
            return Ok(());
        }
        store.txn(txn).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pontoon_store::Revision;

    fn item(key: &str, value: &str) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: value.as_bytes().to_vec(),
            create_revision: Revision(7),
            mod_revision: Revision(9),
            version: 1,
            lease: None,
        }
    }

    async fn kept(shelf: &Shelf, wanted: &[&str]) -> Kept {
        for _ in 0..100 {
            let kept = shelf.load().await.unwrap();
            if kept.items.iter().map(|item| item.key.as_str()).eq(wanted.iter().copied()) {
                return kept;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{:?} is on the shelf", shelf.load().await.unwrap())
    }

    #[tokio::test]
    async fn the_shelf_follows_what_is_told_and_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let (shelf, written) = Shelf::open(&file).await.unwrap();
        let listing = ["config", "nodes/a", "alive/a", "services/default/a", "services/default/b"];
        let items = listing.map(|key| item(key, "1")).to_vec();
        shelf.note(&Update::Snapshot { revision: Revision(9), items });
        kept(&shelf, &["nodes/a", "services/default/a", "services/default/b"]).await;
        let events = vec![
            Event::Delete { key: "services/default/a".to_owned(), revision: Revision(10) },
            Event::Put(item("pods/a/default/x", "2")),
        ];
        shelf.note(&Update::Changes { revision: Revision(10), events });
        let now = ["nodes/a", "pods/a/default/x", "services/default/b"];
        kept(&shelf, &now).await;
        assert_eq!(shelf.serial().await, None);
        shelf.note_serial(41);
        shelf.note_serial(42);
        let items = vec![item("config", "1"), item("services/default/b", "3")];
        shelf.note(&Update::Snapshot { revision: Revision(12), items });
        let left = kept(&shelf, &["services/default/b"]).await;
        let events = vec![Event::Put(item("services/default/c", "4"))];
        shelf.note(&Update::Changes { revision: Revision(13), events });
        drop(shelf);
        written.await.unwrap();
        let (again, _) = Shelf::open(&file).await.unwrap();
        let serials = (again.serial().await, again.load().await.unwrap().serial);
        assert_eq!(serials, (Some(42), Some(42)), "a listing has taken it away");
        assert_eq!(again.load().await.unwrap().items.len(), 2);
        assert_eq!((left.founded, left.items[0].value.as_slice()), (Some(7), &b"3"[..]));
        assert_eq!(left.config.as_deref(), Some(&b"1"[..]));
    }
}
