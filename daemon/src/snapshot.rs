//! What the node last knew of its cluster, on disk: with it a daemon comes up while the store is
//! away.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ipnetwork::IpNetwork;
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::name::NodeName;
use pontoon_model::node::{NodeMarks, NodeRecord};
use pontoon_model::subnet::SubnetRecord;
use serde::{Deserialize, Serialize};

use crate::view::{ClusterView, Known};

/// The part of the view that routing needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Which machine wrote it: the state folder of a cloned disk must not speak for its original.
    pub machine_id: String,
    /// The cluster's configuration.
    pub config: Option<Known<ClusterConfig>>,
    /// Every node.
    pub nodes: Vec<Known<NodeRecord>>,
    /// Every subnet and its owner.
    pub subnets: Vec<(IpNetwork, Known<SubnetRecord>)>,
    /// What people say of nodes.
    #[serde(default)]
    pub marks: BTreeMap<NodeName, NodeMarks>,
    /// The subnets that this node holds.
    pub held: Vec<IpNetwork>,
    /// The revision of the last change.
    pub topology: u64,
}

impl Snapshot {
    /// The snapshot of a view.
    #[must_use]
    pub fn of(view: &ClusterView, machine_id: &str, held: &[IpNetwork]) -> Self {
        Self {
            machine_id: machine_id.to_owned(),
            config: view.config.clone(),
            nodes: view.nodes.values().cloned().collect(),
            subnets: view.subnets.iter().map(|(net, known)| (*net, known.clone())).collect(),
            marks: view.marks.clone(),
            held: held.to_vec(),
            topology: view.topology,
        }
    }

    /// The view that it was taken of, without what is not kept: liveness and pods.
    #[must_use]
    pub fn into_view(self) -> ClusterView {
        ClusterView {
            config: self.config,
            nodes: self.nodes.into_iter().map(|n| (n.value.name.clone(), n)).collect(),
            subnets: self.subnets.into_iter().collect(),
            marks: self.marks,
            revision: self.topology,
            topology: self.topology,
            ..ClusterView::default()
        }
    }
}

/// The file that holds it.
#[derive(Debug, Clone)]
pub struct SnapshotFile(PathBuf);

impl SnapshotFile {
    /// The file below the daemon's state folder.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self(state.join("cluster.json"))
    }

    /// Reads it; an absent, a broken or another machine's file is none, with the reason.
    pub fn load(&self, machine_id: &str) -> Result<Option<Snapshot>, String> {
        let text = match fs::read(&self.0) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|e| format!("{}: {e}", self.0.display()))?,
        };
        let snapshot: Snapshot =
            serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", self.0.display()))?;
        if snapshot.machine_id != machine_id {
            return Err(format!(
                "{}: it was written by machine {}, this one is {machine_id}",
                self.0.display(),
                snapshot.machine_id
            ));
        }
        Ok(Some(snapshot))
    }

    /// Writes it, so that after a crash of the host the old one or the new one is there.
    ///
    /// # Errors
    /// When the disk is full or not writable; the old one is still there.
    pub fn store(&self, snapshot: &Snapshot) -> io::Result<()> {
        write_atomically(&self.0, &serde_json::to_vec(snapshot)?)
    }
}

/// Replaces a file by one with these bytes; a reader sees the old one or the new one.
///
/// # Errors
/// When the folder cannot be written; the old file is as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let fresh = path.with_file_name(format!(".{name}.new"));
    let written = fs::File::create(&fresh)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_whole_and_only_to_its_machine() {
        let state = tempfile::tempdir().unwrap();
        let file = SnapshotFile::new(state.path());
        assert_eq!(file.load("m"), Ok(None));
        let snapshot = Snapshot {
            machine_id: "m".into(),
            config: Some(Known { value: ClusterConfig::default(), created: 2, modified: 3 }),
            held: vec!["10.244.1.0/24".parse().unwrap()],
            topology: 9,
            ..Snapshot::default()
        };
        file.store(&snapshot).unwrap();
        assert_eq!(file.load("m"), Ok(Some(snapshot)));
        assert!(file.load("other").is_err());
        fs::write(state.path().join("cluster.json"), b"{").unwrap();
        assert!(file.load("m").is_err());
    }
}
