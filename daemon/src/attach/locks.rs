//! One thing at a time for each attachment, many attachments at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pontoon_model::attachment::AttachmentId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

type Lock = Arc<AsyncMutex<()>>;

/// A lock for each attachment that anybody works on.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: Mutex<HashMap<AttachmentId, Lock>>,
}

/// The right to work on one attachment.
#[derive(Debug)]
pub(super) struct Guard<'a> {
    locks: &'a Locks,
    id: AttachmentId,
    lock: Option<OwnedMutexGuard<()>>,
}

impl Locks {
    /// Waits for the right to work on an attachment.
    pub(super) async fn lock(&self, id: &AttachmentId) -> Guard<'_> {
        let lock = Arc::clone(self.table().entry(id.clone()).or_default());
        Guard { locks: self, id: id.clone(), lock: Some(lock.lock_owned().await) }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<AttachmentId, Lock>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut table = self.locks.table();
        self.lock = None;
        // One reference is the table's own; who waits holds another.
        if table.get(&self.id).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            table.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn holders_take_turns_and_nothing_is_kept() {
        let locks = Locks::default();
        let id =
            AttachmentId { container_id: "a".parse().unwrap(), ifname: "eth0".parse().unwrap() };
        let first = locks.lock(&id).await;
        let second = locks.lock(&id);
        tokio::pin!(second);
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        drop(second.await);
        assert!(locks.table().is_empty());
    }
}
