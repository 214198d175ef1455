//! A stream of changes.

use std::fmt;

use futures::stream::{BoxStream, StreamExt};

use crate::{Error, Event, Result, Revision};

/// Changes that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Every change under the prefix up to and including this revision has now been delivered.
    pub revision: Revision,
    /// The changes, oldest first. Those of one revision are never spread over two batches. Empty when only the
    /// revision moved on.
    pub events: Vec<Event>,
}

/// The changes under a prefix, from a revision on. Dropping it ends it.
pub struct Watch {
    batches: BoxStream<'static, Result<Batch>>,
    ended: Option<Error>,
}

impl Watch {
    pub(crate) fn new(
        batches: impl futures::Stream<Item = Result<Batch>> + Send + 'static,
    ) -> Self {
        Self { batches: batches.boxed(), ended: None }
    }

    /// Waits for the next changes. A watch ends only with an error, which is then given again on every call:
    /// [`Error::Compacted`] when the reader fell too far behind, [`Error::Unavailable`] when the store went away.
    /// Safe to drop half-way: nothing is lost.
    pub async fn next(&mut self) -> Result<Batch> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        match self.batches.next().await {
            Some(Ok(batch)) => Ok(batch),
            Some(Err(error)) => {
                self.ended = Some(error.clone());
                Err(error)
            }
            None => {
                let error = Error::invalid("watch", "the watch has ended");
                self.ended = Some(error.clone());
                Err(error)
            }
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("ended", &self.ended).finish_non_exhaustive()
    }
}
