//! What was known before the start, for a process for DNS alone: from a shelf of its own, since a
//! daemon must find its own free; and from the daemon's, which is newer wherever there is one.

use std::path::{Path, PathBuf};

use pontoon_store::Update;
use tracing::warn;

use crate::services::shelf::{self, Kept, Shelf, Written};

/// The file in the daemon's state folder.
const FILE: &str = "names.redb";

/// Both shelves.
pub struct Recall {
    own: Option<(Shelf, Written)>,
    daemons: PathBuf,
}

impl Recall {
    /// Opens its own; goes on without where another process for DNS alone has it.
    pub async fn open(state: &Path) -> Self {
        let own = Shelf::open(&state.join(FILE)).await;
        let own = own.inspect_err(|error| warn!(%error, "names are not kept on this host's disk"));
        Self { own: own.ok(), daemons: state.join(shelf::FILE) }
    }

    /// Puts on its own what the store tells.
    pub fn note(&self, update: &Update) {
        if let Some((shelf, _)) = &self.own {
            shelf.note(update);
        }
    }

    /// What was last known on this host.
    ///
    /// # Errors
    /// Why nothing is, in words; while a daemon runs, which answers itself, too.
    pub async fn kept(&self) -> Result<Kept, String> {
        let daemons = Shelf::peek(&self.daemons).await.map_err(|error| error.to_string())?;
        if !daemons.items.is_empty() {
            return Ok(daemons);
        }
        let Some((shelf, _)) = &self.own else { return Err("there is no shelf".to_owned()) };
        let own = shelf.load().await.map_err(|error| error.to_string())?;
        if own.items.is_empty() {
            return Err("nothing was kept".to_owned());
        }
        Ok(own)
    }

    /// Waits until what was told is on disk.
    pub async fn close(self) {
        if let Some((shelf, written)) = self.own {
            drop(shelf);
            let _ends_with_the_shelf = written.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pontoon_store::{KeyValue, Revision};

    fn listing(service: &str) -> Update {
        let item = |key: String| KeyValue {
            key,
            value: b"{}".to_vec(),
            create_revision: Revision(1),
            mod_revision: Revision(1),
            version: 1,
            lease: None,
        };
        let items = vec![item("config".to_owned()), item(format!("services/default/{service}"))];
        Update::Snapshot { revision: Revision(2), items }
    }

    async fn told(recall: &Recall) -> Result<String, String> {
        let kept = recall.kept().await?;
        assert_eq!((kept.founded, kept.config.as_deref()), (Some(1), Some(&b"{}"[..])));
        Ok(kept.items[0].key.clone())
    }

    #[tokio::test]
    async fn what_a_daemon_kept_counts_before_its_own_and_nothing_while_the_daemon_runs() {
        let folder = tempfile::tempdir().unwrap();
        let recall = Recall::open(folder.path()).await;
        assert_eq!(told(&recall).await, Err("nothing was kept".to_owned()));
        recall.note(&listing("own"));
        recall.close().await;
        let recall = Recall::open(folder.path()).await;
        assert_eq!(told(&recall).await, Ok("services/default/own".to_owned()));

        let (shelf, written) = Shelf::open(&folder.path().join(shelf::FILE)).await.unwrap();
        shelf.note(&listing("daemon"));
        assert!(told(&recall).await.is_err());
        drop(shelf);
        written.await.unwrap();
        assert_eq!(told(&recall).await, Ok("services/default/daemon".to_owned()));
        // It has let go of it.
        Shelf::open(&folder.path().join(shelf::FILE)).await.unwrap();
    }
}
