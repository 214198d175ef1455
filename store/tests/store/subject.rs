//! The store under test: a fresh one for each case.

use std::sync::Arc;
use std::time::Duration;

use pontoon_store::embedded::{EmbeddedStore, Options};
use pontoon_store::{Batch, Event, Mirror, Revision, Store, Update, Watch};
use tempfile::TempDir;

use crate::etcd_server::EtcdServer;

/// A fresh store, and what must live as long as it.
pub(crate) struct Subject {
    pub(crate) store: Arc<dyn Store>,
    _keep: Box<dyn std::any::Any>,
}

pub(crate) async fn embedded() -> Option<Subject> {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let store =
        EmbeddedStore::open(folder.path().join("store.redb"), Options::default()).await.unwrap();
    Some(Subject { store: Arc::new(store), _keep: Box::new(folder) })
}

pub(crate) async fn etcd() -> Option<Subject> {
    let server = EtcdServer::start().await?;
    // A key of somebody else, which must never be seen.
    server.ctl(&["put", "/pontoon-test/v10", "neighbour"]);
    Some(Subject { store: Arc::new(server.store()), _keep: Box::new(server) })
}

/// The events of a watch up to and including a revision.
pub(crate) async fn events_until(watch: &mut Watch, revision: Revision) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let batch = next(watch).await;
        events.extend(batch.events);
        if batch.revision >= revision {
            return events;
        }
    }
}

pub(crate) async fn next(watch: &mut Watch) -> Batch {
    tokio::time::timeout(Duration::from_secs(10), watch.next())
        .await
        .expect("the watch brings something")
        .unwrap()
}

/// `+key=value` or `-key`, for comparing what happened at a glance.
pub(crate) fn brief(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| match event {
        Event::Put(item) => format!("+{}={}", item.key, String::from_utf8_lossy(&item.value)),
        Event::Delete { key, .. } => format!("-{key}"),
    };
    events.iter().map(name).collect()
}

/// The next update of a mirror, passing over mere progress.
pub(crate) async fn update(mirror: &mut Mirror) -> Update {
    loop {
        match next_update(mirror).await {
            Update::Progress { .. } => {}
            update => return update,
        }
    }
}

/// The next update of a mirror, whatever it is.
pub(crate) async fn next_update(mirror: &mut Mirror) -> Update {
    tokio::time::timeout(Duration::from_secs(30), mirror.next())
        .await
        .expect("the mirror tells something")
        .unwrap()
}
