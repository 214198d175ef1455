//! What happens to objects of the store: what is there, then what the daemon's mirror tells. Where
//! something may have been missed, all is listed again, and the difference is told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pontoon_model::api::{Code, Failure};
use pontoon_model::key::Key;
use pontoon_model::object::{Kind, Selection};
use pontoon_model::rest::{EventKind, HEARTBEAT};
use pontoon_store::{Event, Revision, Store};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tracing::debug;

use super::{Batch, RETRY, expired, no_position};
use crate::feed::Notice;
use crate::objects::project::{Change, Item, Projection, listing};
use crate::objects::read::has_labels;

/// Watches that list at once: after an outage all of them want to.
static LISTING: Semaphore = Semaphore::const_new(4);
/// The longest wait for what an object was before it went.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A watch.
pub(super) struct Stored {
    store: Arc<dyn Store>,
    changes: Receiver<Notice>,
    selection: Selection,
    objects: Projection,
    prefixes: Vec<String>,
    /// What the client was told, by key, and what tells it from what it is later.
    shown: HashMap<String, u64>,
    revision: Revision,
    /// Something may have been missed.
    stale: bool,
}

impl Stored {
    /// Begins, behind a state if one is given. `changes` must have begun before.
    pub(super) async fn begin(
        store: Arc<dyn Store>,
        changes: Receiver<Notice>,
        selection: Selection,
        since: Option<&str>,
    ) -> Result<(Self, Batch), Failure> {
        let kind = selection.kind;
        let objects = Projection::of(kind)
            .ok_or_else(|| Failure::new(Code::Internal, format!("{kind} is not stored"), ""))?;
        let since = since.map(|text| text.parse().map(Revision).map_err(|_| no_position(text)));
        let since = since.transpose()?;
        let mut watch = Self {
            prefixes: objects.prefixes(selection.namespace.as_ref()),
            store,
            changes,
            selection,
            objects,
            shown: HashMap::new(),
            revision: Revision::default(),
            stale: false,
        };
        if let Some(since) = since {
            watch.recall(since).await?;
        }
        let first = watch.relist().await.map_err(store_away)?;
        Ok((watch, first.begun(kind)))
    }

    /// Takes for shown what was there at a state.
    async fn recall(&mut self, then: Revision) -> Result<(), Failure> {
        let listed = listing(&*self.store, &self.prefixes, Some(then)).await;
        let (_, keys) = listed.map_err(|error| match error {
            error if error.needs_relist() => expired(error),
            error => store_away(error),
        })?;
        for item in self.objects.replace(&keys) {
            if self.selects(&item) {
                self.shown.insert(item.key.to_string(), item.version);
            }
        }
        Ok(())
    }

    /// Waits for the next events.
    pub(super) async fn next(&mut self) -> Option<Batch> {
        if self.stale {
            match self.relist().await {
                Ok(batch) => return Some(batch),
                Err(error) => {
                    debug!(%error, "a watch waits for the store");
                    tokio::time::sleep(RETRY).await;
                    return Some(self.batch(Vec::new()));
                }
            }
        }
        let deadline = tokio::time::Instant::now() + HEARTBEAT;
        loop {
            let Ok(heard) = tokio::time::timeout_at(deadline, self.changes.recv()).await else {
                return Some(self.batch(Vec::new()));
            };
            match heard {
                Ok(Notice::Changes { revision, events }) if revision > self.revision => {
                    let told = self.take(&events).await;
                    self.revision = revision;
                    if !told.is_empty() {
                        return Some(self.batch(told));
                    }
                }
                Ok(Notice::Progress(revision)) => self.revision = self.revision.max(revision),
                Ok(Notice::Changes { .. }) => {}
                Ok(Notice::Relist) | Err(RecvError::Lagged(_)) => {
                    self.stale = true;
                    return Some(self.batch(Vec::new()));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn batch(&self, events: Vec<(EventKind, Value)>) -> Batch {
        Batch { events, position: self.revision.to_string() }
    }

    fn selects(&self, item: &Item) -> bool {
        let Selection { namespace, names, .. } = &self.selection;
        (namespace.is_none() || item.namespace.is_none() || item.namespace == *namespace)
            && (names.is_empty() || names.contains(&item.name))
            && has_labels(&item.document, &self.selection)
    }

    /// Lists anew, and says what is different from what was shown.
    async fn relist(&mut self) -> pontoon_store::Result<Batch> {
        // It is never closed.
        let _turn = LISTING.acquire().await;
        let (revision, keys) = listing(&*self.store, &self.prefixes, None).await?;
        let mut before = std::mem::take(&mut self.shown);
        let mut events = Vec::new();
        for item in self.objects.replace(&keys) {
            if !self.selects(&item) {
                continue;
            }
            let key = item.key.to_string();
            let kind = match before.remove(&key) {
                None => Some(EventKind::Added),
                Some(version) if version != item.version => Some(EventKind::Modified),
                Some(_) => None,
            };
            self.shown.insert(key, item.version);
            events.extend(kind.map(|kind| (kind, item.document)));
        }
        let mut gone: Vec<String> = before.into_keys().collect();
        gone.sort();
        let gone = gone.iter().filter_map(|key| bare(self.selection.kind, &key.parse().ok()?));
        events.extend(gone.map(|document| (EventKind::Deleted, document)));
        self.revision = revision;
        self.stale = false;
        Ok(self.batch(events))
    }

    /// Takes in changes that are newer than what was shown.
    async fn take(&mut self, events: &[Event]) -> Vec<(EventKind, Value)> {
        let mut told = Vec::new();
        for event in events {
            let known = event.revision() <= self.revision;
            if known || !self.prefixes.iter().any(|prefix| event.key().starts_with(prefix)) {
                continue;
            }
            for change in self.objects.change(event) {
                told.extend(self.tell(change, event).await);
            }
        }
        told
    }

    async fn tell(&mut self, change: Change, event: &Event) -> Option<(EventKind, Value)> {
        match change {
            Change::Is(item) if self.selects(&item) => {
                match self.shown.insert(item.key.to_string(), item.version) {
                    None => Some((EventKind::Added, item.document)),
                    Some(version) if version == item.version => None,
                    Some(_) => Some((EventKind::Modified, item.document)),
                }
            }
            // It is not selected any more.
            Change::Is(item) => {
                self.shown.remove(&item.key.to_string())?;
                Some((EventKind::Deleted, item.document))
            }
            Change::Gone { key, last } => {
                self.shown.remove(&key.to_string())?;
                let last = match last {
                    Some(item) => Some(item.document),
                    None => self.last(&key, event.revision().previous()).await,
                };
                let mut last = last.or_else(|| bare(self.selection.kind, &key))?;
                last["metadata"]["resourceVersion"] = event.revision().to_string().into();
                Some((EventKind::Deleted, last))
            }
        }
    }

    /// What was there at a revision, if the store still knows.
    async fn last(&self, key: &Key, at: Revision) -> Option<Value> {
        let key = key.to_string();
        let listed = tokio::time::timeout(LAST_WORDS, self.store.list(&key, Some(at))).await;
        let mut items = listed.ok()?.ok()?.items;
        items.retain(|item| item.key == key);
        let found = Projection::of(self.selection.kind)?.replace(&items);
        found.into_iter().next().map(|item| item.document)
    }
}

/// An object of which nothing but its name is known.
fn bare(kind: Kind, key: &Key) -> Option<Value> {
    let (namespace, name) = match key {
        Key::Service(id) => (Some(&id.namespace), id.name.to_string()),
        Key::EndpointSlice(id) => (Some(&id.namespace), id.name.to_string()),
        Key::Pod(_, id) => (Some(&id.namespace), id.name.to_string()),
        key => (None, key.to_string().split_once('/')?.1.to_owned()),
    };
    let names = kind.names();
    let mut document =
        json!({"apiVersion": names.api_version, "kind": names.kind, "metadata": {"name": name}});
    if let Some(namespace) = namespace {
        document["metadata"]["namespace"] = json!(namespace);
    }
    Some(document)
}

fn store_away(error: pontoon_store::Error) -> Failure {
    Failure::new(Code::Store, "the store does not answer", error.to_string())
}
