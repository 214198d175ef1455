//! What the init process of a runtime host is told on its standard input.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One line of JSON. The pipe stays open behind it: its end is the end of the host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Spec {
    /// The host's name.
    pub(super) hostname: String,
    /// Empty folder on a file system that can hold the upper layer of an overlay.
    pub(super) folder: PathBuf,
    /// Files and folders of the machine that the host sees, and where; missing targets are made.
    pub(super) binds: Vec<(PathBuf, PathBuf)>,
    /// Whether the machine has one cgroup hierarchy (version 2) or one for each controller.
    pub(super) unified_cgroups: bool,
}

/// What init prints once the host can be used; anything else that it prints is why it cannot.
pub(super) const READY: &str = "ready";
