//! What changes in the kernel without us.

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// An interface or address that is not ours: the underlay may be another.
    Underlay,
    /// Something of ours was taken away.
    Ours,
    /// Events were lost.
    Everything,
    /// Somebody else changed nf_tables.
    Firewall,
    /// A pod's host end has vanished.
    HostEndGone(String),
    /// Nothing that matters.
    Nothing,
}

/// The sources of events.
#[derive(Debug)]
pub(super) struct Watchers;

impl Watchers {
    pub(super) fn open() -> Self {
        Self
    }

    pub(super) async fn next(&mut self) -> Seen {
        std::future::pending().await
    }
}
