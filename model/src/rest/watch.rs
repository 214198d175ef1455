//! What happens to objects, event by event.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event of a watch, in Kubernetes' shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchEvent {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// To which object: as it is now, or as it was before it went. Of [`EventKind::Bookmark`] nothing
    /// but `metadata.resourceVersion`.
    pub object: Value,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum EventKind {
    /// It is there, or is selected now.
    Added,
    /// It is another.
    Modified,
    /// It is gone, or is not selected any more.
    Deleted,
    /// Nothing: all that was there when the watch began has been told.
    Bookmark,
}

impl EventKind {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
            Self::Bookmark => "BOOKMARK",
        }
    }
}
