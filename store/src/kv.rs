//! What a store holds: keys, values, revisions, leases.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A point in the store's history. Revision 1 is the empty store; the first change makes revision 2.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision of a store that was never written to.
    pub const EMPTY_STORE: Self = Self(1);

    /// The revision after this one: where to watch from, after a listing at this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The revision before this one.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a lease. Positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseId(pub i64);

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A lease as it was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Its name.
    pub id: LeaseId,
    /// How long it lives without a keep-alive. The store may give more than was asked for (etcd's least is 2 s).
    pub ttl: std::time::Duration,
}

/// A key with its value and history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The key, relative to the store's prefix. A key in the store that is not UTF-8 appears with U+FFFD in it, so that
    /// whoever reads it can reject and report it.
    pub key: String,
    /// The value.
    pub value: Vec<u8>,
    /// The revision that created the key.
    pub create_revision: Revision,
    /// The revision of its last change.
    pub mod_revision: Revision,
    /// How often it was put since it was created; 1 at first.
    pub version: u64,
    /// The lease that it dies with.
    pub lease: Option<LeaseId>,
}

/// The keys under a prefix, all at one revision, sorted by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The revision that the items were read at. Watch from [`Revision::next`] of it.
    pub revision: Revision,
    /// The keys that existed.
    pub items: Vec<KeyValue>,
}

/// A change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The key was created or changed.
    Put(KeyValue),
    /// The key was deleted, or its lease ended.
    Delete {
        /// The key, relative to the store's prefix.
        key: String,
        /// The revision that deleted it.
        revision: Revision,
    },
}

impl Event {
    /// The key that changed.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Put(item) => &item.key,
            Self::Delete { key, .. } => key,
        }
    }

    /// The revision of the change.
    #[must_use]
    pub fn revision(&self) -> Revision {
        match self {
            Self::Put(item) => item.mod_revision,
            Self::Delete { revision, .. } => *revision,
        }
    }
}
