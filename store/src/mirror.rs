//! Following a prefix for ever.
//!
//! A mirror lists, then watches. When the watch breaks, it watches on from where it was; when the history is gone, or
//! the store is not the one it knew, it lists again. Its reader is level-triggered: a [`Update::Snapshot`] is the truth
//! whatever came before, and [`diff`] tells what changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::{Error, Event, KeyValue, Listing, Result, Revision, Store, Watch};

/// Updates that wait for a slow reader before the mirror waits too.
const BUFFER: usize = 16;

/// A watch that lived less long than this did not work.
const SHORT: Duration = Duration::from_secs(1);

/// What a mirror tells. Any update but [`Update::Lost`] says that the store is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// Everything under the prefix, as of `revision`. Replaces what the reader holds.
    Snapshot {
        /// The revision of the items.
        revision: Revision,
        /// All keys, sorted.
        items: Vec<KeyValue>,
    },
    /// Changes since the update before, which bring the reader to `revision`.
    Changes {
        /// The revision that the reader now is at.
        revision: Revision,
        /// The changes, oldest first.
        events: Vec<Event>,
    },
    /// Nothing under the prefix changed up to `revision`; or the store is back after [`Update::Lost`] and nothing was
    /// missed.
    Progress {
        /// The revision that the reader now is at.
        revision: Revision,
    },
    /// The store cannot be read. Told once an outage, and again only when the kind of error changes.
    Lost {
        /// Why.
        error: Error,
    },
}

/// How a mirror behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The first wait after a failure.
    pub first_wait: Duration,
    /// The longest wait between attempts.
    pub longest_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { first_wait: Duration::from_millis(100), longest_wait: Duration::from_secs(10) }
    }
}

/// A task that follows a prefix. Dropping it ends the task.
#[derive(Debug)]
pub struct Mirror {
    updates: mpsc::Receiver<Update>,
    task: JoinHandle<()>,
}

impl Mirror {
    /// Follows `prefix` (`""` is all) from now on.
    #[must_use]
    pub fn follow(store: Arc<dyn Store>, prefix: impl Into<String>) -> Self {
        Self::follow_with(store, prefix, Options::default())
    }

    /// The same with other waits.
    #[must_use]
    pub fn follow_with(store: Arc<dyn Store>, prefix: impl Into<String>, options: Options) -> Self {
        let (sender, updates) = mpsc::channel(BUFFER);
        let follower = Follower {
            store,
            prefix: prefix.into(),
            updates: sender,
            backoff: Backoff::new(options.first_wait, options.longest_wait),
            position: None,
            lost: None,
        };
        Self { updates, task: tokio::spawn(follower.run()) }
    }

    /// Waits for the next update. Safe to drop half-way. The first is a [`Update::Snapshot`] or a [`Update::Lost`].
    /// `None` only when the runtime is shutting down.
    pub async fn next(&mut self) -> Option<Update> {
        self.updates.recv().await
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How far the reader is.
struct Position {
    revision: Revision,
    /// A key and the revision of a change of it that was seen. A store that holds the same change at `revision` is the
    /// store that we followed; one that was wiped and filled again is not, even if it has come as far.
    anchor: Option<(String, Revision)>,
}

struct Follower {
    store: Arc<dyn Store>,
    prefix: String,
    updates: mpsc::Sender<Update>,
    backoff: Backoff,
    position: Option<Position>,
    lost: Option<Error>,
}

/// The reader is gone.
struct Gone;

impl Follower {
    async fn run(mut self) {
        // The only way out is a reader that is gone.
        while let Ok(()) = self.follow().await {
            self.backoff.wait().await;
        }
    }

    /// Follows until something fails.
    async fn follow(&mut self) -> Result<(), Gone> {
        let error = match self.begin().await? {
            Ok(watch) => {
                let begun = Instant::now();
                let error = self.pass_on(watch).await?;
                // Where etcd is back at once, nobody needs to know; a watch that ends as soon as it begins is another
                // matter.
                if begun.elapsed() < SHORT && !error.needs_relist() {
                    self.report(&error).await?;
                } else if begun.elapsed() >= SHORT {
                    self.backoff.reset();
                }
                error
            }
            Err(error) => {
                self.report(&error).await?;
                error
            }
        };
        tracing::debug!(prefix = self.prefix, %error, "the store cannot be followed, will try again");
        if !matches!(error, Error::Unavailable(_)) {
            self.position = None;
        }
        Ok(())
    }

    /// Opens a watch: from where the reader is, or after a snapshot.
    async fn begin(&mut self) -> Result<Result<Watch>, Gone> {
        match self.resume().await {
            Ok(Some(watch)) => {
                if self.lost.take().is_some()
                    && let Some(revision) = self.position.as_ref().map(|position| position.revision)
                {
                    self.send(Update::Progress { revision }).await?;
                }
                return Ok(Ok(watch));
            }
            Ok(None) => {}
            Err(error) if error.needs_relist() => {}
            Err(error) => return Ok(Err(error)),
        }
        self.position = None;
        let Listing { revision, items } = match self.store.list(&self.prefix, None).await {
            Ok(listing) => listing,
            Err(error) => return Ok(Err(error)),
        };
        let newest = items.iter().max_by_key(|item| item.mod_revision);
        let anchor = newest.map(|item| (item.key.clone(), item.mod_revision));
        self.position = Some(Position { revision, anchor });
        self.lost = None;
        self.send(Update::Snapshot { revision, items }).await?;
        Ok(self.store.watch(&self.prefix, revision.next()).await)
    }

    /// Watches on from where the reader is, if the store still is the one that it knew.
    async fn resume(&self) -> Result<Option<Watch>> {
        let Some(Position { revision, anchor: Some((key, changed)) }) = &self.position else {
            return Ok(None);
        };
        let then = self.store.list(key, Some(*revision)).await?;
        let same = then.items.iter().any(|item| item.key == *key && item.mod_revision == *changed);
        match same {
            true => self.store.watch(&self.prefix, revision.next()).await.map(Some),
            false => Ok(None),
        }
    }

    /// Passes on what the watch brings until it ends.
    async fn pass_on(&mut self, mut watch: Watch) -> Result<Error, Gone> {
        loop {
            let batch = tokio::select! {
                () = self.updates.closed() => return Err(Gone),
                batch = watch.next() => batch,
            };
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => return Ok(error),
            };
            if let Some(position) = &mut self.position {
                position.advance(batch.revision, &batch.events);
            }
            let (revision, events) = (batch.revision, batch.events);
            self.send(match events.is_empty() {
                true => Update::Progress { revision },
                false => Update::Changes { revision, events },
            })
            .await?;
        }
    }

    async fn report(&mut self, error: &Error) -> Result<(), Gone> {
        let known = self
            .lost
            .as_ref()
            .is_some_and(|lost| std::mem::discriminant(lost) == std::mem::discriminant(error));
        if !known {
            self.send(Update::Lost { error: error.clone() }).await?;
        }
        self.lost = Some(error.clone());
        Ok(())
    }

    async fn send(&self, update: Update) -> Result<(), Gone> {
        self.updates.send(update).await.map_err(|_| Gone)
    }
}

impl Position {
    fn advance(&mut self, revision: Revision, events: &[Event]) {
        self.revision = revision;
        for event in events {
            match event {
                Event::Put(item) => self.anchor = Some((item.key.clone(), item.mod_revision)),
                Event::Delete { key, .. } => {
                    if self.anchor.as_ref().is_some_and(|(anchor, _)| anchor == key) {
                        self.anchor = None;
                    }
                }
            }
        }
    }
}

/// What leads from one listing to a later one: deletions at `revision`, then puts, each sorted by key.
#[must_use]
pub fn diff(old: &[KeyValue], new: &[KeyValue], revision: Revision) -> Vec<Event> {
    let before: BTreeMap<&str, &KeyValue> =
        old.iter().map(|item| (item.key.as_str(), item)).collect();
    let after: BTreeMap<&str, &KeyValue> =
        new.iter().map(|item| (item.key.as_str(), item)).collect();
    let deleted = before.keys().filter(|key| !after.contains_key(*key));
    let deleted = deleted.map(|key| Event::Delete { key: (*key).to_owned(), revision });
    let put = after.iter().filter(|(key, item)| before.get(*key) != Some(*item));
    deleted.chain(put.map(|(_, item)| Event::Put((*item).clone()))).collect()
}

#[cfg(test)]
mod tests;
