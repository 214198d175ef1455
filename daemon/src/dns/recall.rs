//! What was known before the start, for a process for DNS alone: from a shelf of its own, since a
//! daemon must find its own free; and from the daemon's, which is newer wherever there is one.

use std::fmt;
use std::path::{Path, PathBuf};

use pontoon_store::{Error, Update};
use tracing::warn;

use crate::services::shelf::{self, Kept, Shelf, Written};

/// The file in the daemon's state folder.
const FILE: &str = "names.redb";

/// Why nothing is known of earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgotten {
    /// Another process has what there is: it answers itself.
    Elsewhere,
    /// There is nothing, or it cannot be read: in words.
    Nothing(String),
}

impl fmt::Display for Forgotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere => f.write_str("a daemon that runs has them, and answers itself"),
            Self::Nothing(why) => f.write_str(why),
        }
    }
}

impl From<Error> for Forgotten {
    fn from(error: Error) -> Self {
        match error {
            Error::Locked(_) => Self::Elsewhere,
            other => Self::Nothing(other.to_string()),
        }
    }
}

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

    /// The serial number of the names that this last answered with.
    pub async fn serial(&self) -> Option<u32> {
        self.own.as_ref()?.0.serial().await
    }

    /// Puts on its own the serial number that the names have by now.
    pub fn note_serial(&self, serial: u32) {
        if let Some((shelf, _)) = &self.own {
            shelf.note_serial(serial);
        }
    }

    /// What was last known on this host.
    ///
    /// # Errors
    /// Why nothing is; while a daemon runs, which answers itself, too.
    pub async fn kept(&self) -> Result<Kept, Forgotten> {
        let daemons = Shelf::peek(&self.daemons).await?;
        if !daemons.items.is_empty() {
            return Ok(daemons);
        }
        let nothing = |why: &str| Err(Forgotten::Nothing(why.to_owned()));
        let Some((shelf, _)) = &self.own else { return nothing("there is no shelf") };
        let own = shelf.load().await?;
        if own.items.is_empty() {
            return nothing("nothing was kept");
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

    async fn told(recall: &Recall) -> Result<String, Forgotten> {
        let kept = recall.kept().await?;
        assert_eq!((kept.founded, kept.config.as_deref()), (Some(1), Some(&b"{}"[..])));
        Ok(kept.items[0].key.clone())
    }

    #[tokio::test]
    async fn what_a_daemon_kept_counts_before_its_own_and_nothing_while_the_daemon_runs() {
        let folder = tempfile::tempdir().unwrap();
        let recall = Recall::open(folder.path()).await;
        assert_eq!(told(&recall).await, Err(Forgotten::Nothing("nothing was kept".to_owned())));
        recall.note(&listing("own"));
        recall.close().await;
        let recall = Recall::open(folder.path()).await;
        assert_eq!(told(&recall).await, Ok("services/default/own".to_owned()));

        let (shelf, written) = Shelf::open(&folder.path().join(shelf::FILE)).await.unwrap();
        shelf.note(&listing("daemon"));
        assert_eq!(told(&recall).await, Err(Forgotten::Elsewhere));
        drop(shelf);
        written.await.unwrap();
        assert_eq!(told(&recall).await, Ok("services/default/daemon".to_owned()));
        // It has let go of it.
        Shelf::open(&folder.path().join(shelf::FILE)).await.unwrap();
    }
}
