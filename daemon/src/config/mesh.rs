//! The connectivity mesh.

use std::time::Duration;

use serde::Deserialize;

/// How often a peer is probed: not so often that it costs, not so rarely that it tells nothing.
const INTERVALS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(600);

/// Probes between nodes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MeshSettings {
    /// Whether this node probes its peers and answers them.
    pub enabled: bool,
    /// How often it probes each.
    #[serde(with = "pontoon_model::duration")]
    pub interval: Duration,
}

impl Default for MeshSettings {
    fn default() -> Self {
        Self { enabled: true, interval: Duration::from_secs(10) }
    }
}

impl MeshSettings {
    /// What is wrong with them.
    pub(super) fn fault(&self) -> Option<String> {
        let wrong = !INTERVALS.contains(&self.interval);
        wrong.then(|| format!("mesh.interval: {:?} is not in 100ms to 600s", self.interval))
    }
}
