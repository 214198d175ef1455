//! What can go wrong with a store, said for the person who reads it at night.

use std::fmt;

use crate::{LeaseId, Revision};

/// The result of a store call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store call failed. What is retryable, and only that, may pass without a person doing something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store did not answer: it is down, unreachable, overloaded, without a leader, or not trusted by TLS.
    /// A write may have been applied all the same.
    #[error("store unavailable: {0}")]
    Unavailable(Box<Fault>),
    /// The store wants a user, or refused ours.
    #[error("store refused the login: {0}")]
    Unauthenticated(Box<Fault>),
    /// The store knows us, but does not let us do that.
    #[error("store denied permission: {0}")]
    PermissionDenied(Box<Fault>),
    /// The store's data is damaged, or is not a store.
    #[error("store is corrupt: {0}")]
    Corrupt(Box<Fault>),
    /// The store's disk or quota is full. Reads go on.
    #[error("store is full: {0}")]
    Full(Box<Fault>),
    /// Another process holds the embedded store.
    #[error("store is in use: {0}")]
    Locked(Box<Fault>),
    /// The request itself is wrong, and will be wrong tomorrow.
    #[error("invalid store request: {0}")]
    Invalid(Box<Fault>),
    /// The history from that revision is no longer kept. List again.
    #[error("revision {requested} is compacted away{}; list again", oldest(.compacted))]
    Compacted {
        /// The revision that was asked for.
        requested: Revision,
        /// The newest compacted revision, where the store tells it.
        compacted: Option<Revision>,
    },
    /// The store has not reached that revision: it was wiped, or restored from an older backup, or is another store.
    /// List again.
    #[error("revision {requested} is in the future{}: the store was wiped or restored, or is another one; list again",
        present(.current))]
    FutureRevision {
        /// The revision that was asked for.
        requested: Revision,
        /// The store's revision, where it tells it.
        current: Option<Revision>,
    },
    /// The lease expired, was revoked, or never was.
    #[error("lease {0} does not exist (expired or revoked)")]
    LeaseNotFound(LeaseId),
}

fn oldest(compacted: &Option<Revision>) -> String {
    compacted.map_or_else(String::new, |revision| format!(" (compacted up to {revision})"))
}

fn present(current: &Option<Revision>) -> String {
    current.map_or_else(String::new, |revision| format!(" (the store is at {revision})"))
}

impl Error {
    /// Whether the same call may work later with nothing changed but the store's own state.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }

    /// Whether the history was lost, so that the only way on is a new listing.
    #[must_use]
    pub fn needs_relist(&self) -> bool {
        matches!(self, Self::Compacted { .. } | Self::FutureRevision { .. })
    }

    /// What was tried, on what, and what happened, where the error has it.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Unavailable(fault)
            | Self::Unauthenticated(fault)
            | Self::PermissionDenied(fault)
            | Self::Corrupt(fault)
            | Self::Full(fault)
            | Self::Locked(fault)
            | Self::Invalid(fault) => Some(fault),
            Self::Compacted { .. } | Self::FutureRevision { .. } | Self::LeaseNotFound(_) => None,
        }
    }

    pub(crate) fn invalid(operation: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::Invalid(Box::new(Fault {
            target: String::new(),
            operation: operation.into(),
            cause: cause.into(),
            hint: None,
        }))
    }
}

/// The particulars of an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The endpoint or file. Empty when the call did not get that far.
    pub target: String,
    /// What was tried, such as `list nodes/`.
    pub operation: String,
    /// What happened.
    pub cause: String,
    /// The likely reason and the next step.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operation)?;
        if !self.target.is_empty() {
            write!(f, " on {}", self.target)?;
        }
        write!(f, ": {}", self.cause)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}
