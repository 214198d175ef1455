//! The store, as its own answers show it.

use std::time::Duration;

/// The store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Store {
    /// It is an etcd.
    pub etcd: bool,
    /// Its members, or its file.
    pub target: String,
    /// What the last attempt to reach it said, when it is away.
    pub away: Option<String>,
    /// The quickest of several answers.
    pub latency: Option<Duration>,
    /// What it complains of itself.
    pub alarms: Vec<String>,
    /// Members that were asked one by one and do not answer, and why.
    pub silent: Vec<(String, String)>,
    /// How far this host's clock is ahead of the store's, seconds; negative when it is behind.
    pub clock_ahead: Option<i64>,
}
