//! How well nodes reach each other, as they measure it themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::NodeName;

/// The UDP port at which nodes answer each other's probes.
pub const PORT: u16 = 9555;

/// From so many per cent of loss on a way counts as bad.
const BAD: u8 = 50;

/// What is known of all ways of the cluster: this node's own as they are now, others' as they last said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Mesh {
    /// Whether this node probes.
    pub enabled: bool,
    /// How often it probes each peer, milliseconds.
    pub interval_ms: u64,
    /// The nodes of the cluster.
    pub nodes: Vec<NodeName>,
    /// What nodes measured, by node; those that are not heard of are left out.
    pub rows: BTreeMap<NodeName, MeshRow>,
}

/// Key `mesh/<node>`, under a lease: what a node measured. It is written when it has changed
/// enough to matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeshRow {
    /// How many peers it probes; in large clusters that is a sample.
    pub probed: usize,
    /// Its own DNS, asked at the cluster's DNS address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<Quality>,
    /// A virtual address of its own, which its service table must translate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Quality>,
    /// The ways to its peers; in large clusters only those that are not good.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub peers: BTreeMap<NodeName, MeshWays>,
}

/// The ways from a node to a peer; each is left out that does not exist or was not measured yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeshWays {
    /// From host to host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlay: Option<Quality>,
    /// Over the pod network, IPv4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods4: Option<Quality>,
    /// Over the pod network, IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods6: Option<Quality>,
}

/// How well it went over a window of probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// Probes without an answer, per cent; not 0 if there was one.
    pub loss_percent: u8,
    /// The median time to an answer, microseconds; nothing when none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u32>,
}

/// A word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Nothing is lost.
    Good,
    /// Some is.
    Lossy,
    /// Half of it and more.
    Bad,
}

impl Quality {
    /// In a word.
    #[must_use]
    pub fn grade(self) -> Grade {
        match self.loss_percent {
            0 => Grade::Good,
            1..BAD => Grade::Lossy,
            _ => Grade::Bad,
        }
    }
}

impl MeshWays {
    /// The ways that were measured, by name.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, Quality)> + use<> {
        let ways = [("underlay", self.underlay), ("pods4", self.pods4), ("pods6", self.pods6)];
        ways.into_iter().filter_map(|(name, quality)| Some((name, quality?)))
    }

    /// The worst of them.
    #[must_use]
    pub fn grade(&self) -> Option<Grade> {
        self.each().map(|(_, quality)| quality.grade()).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_and_says_nothing_of_what_is_not_there() {
        let text = r#"{"probed":2,"dns":{"lossPercent":0,"rttUs":90},"peers":{"b":{"pods4":{"lossPercent":100}}}}"#;
        let row: MeshRow = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&row).unwrap(), text);
        let ways = row.peers[&"b".parse::<NodeName>().unwrap()];
        assert_eq!(ways.grade(), Some(Grade::Bad));
        assert_eq!(MeshWays::default().grade(), None);
    }

    #[test]
    fn one_lost_of_many_is_not_good() {
        let grade = |loss_percent| Quality { loss_percent, rtt_us: Some(1) }.grade();
        assert_eq!(
            [0, 1, 49, 50].map(grade),
            [Grade::Good, Grade::Lossy, Grade::Lossy, Grade::Bad]
        );
    }
}
