//! What the node remembers of its attachments: a file each, written before the kernel is touched.
//!
//! A record is written by one `write` and is not synced to the disk: it must outlive the daemon, and
//! a process's death loses no write that returned. It need not outlive the kernel: with the kernel
//! go all network namespaces, and with them every attachment that a record could speak of.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use pontoon_model::attachment::{Attached, AttachmentId, AttachmentSpec};
use pontoon_model::name::PodId;
use serde::{Deserialize, Serialize};

/// A network namespace's identity: device and inode of its nsfs file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetnsIdentity {
    /// Device of the nsfs.
    pub dev: u64,
    /// Inode in it.
    pub ino: u64,
}

/// One attachment as it was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// What was asked for.
    pub spec: AttachmentSpec,
    /// What was granted.
    pub attached: Attached,
    /// The namespace that the path led to.
    pub netns: NetnsIdentity,
    /// The pod that it is to the cluster.
    pub pod: PodId,
    /// How often a person changed its labels or annotations since.
    #[serde(default)]
    pub generation: u64,
}

impl Record {
    /// The attachment's id.
    #[must_use]
    pub fn id(&self) -> &AttachmentId {
        &self.spec.id
    }

    /// The pod's addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.attached.addresses.iter().map(|a| a.address.ip())
    }
}

/// The folder of records, and the list of released addresses.
#[derive(Debug, Clone)]
pub struct RecordFolder {
    records: PathBuf,
    released: PathBuf,
}

/// A file among the records that is none.
#[derive(Debug)]
pub struct BadRecord {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// Released addresses are remembered up to this many lines.
const RELEASED_LINES: usize = 1 << 16;

impl RecordFolder {
    /// Opens the folder below the daemon's state folder, making it when absent.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(state: &Path) -> io::Result<Self> {
        let records = state.join("attachments");
        fs::create_dir_all(&records)?;
        Ok(Self { records, released: state.join("released") })
    }

    fn path(&self, id: &AttachmentId) -> PathBuf {
        // ':' is in neither part's alphabet.
        self.records.join(format!("{}:{}.json", id.container_id, id.ifname))
    }

    /// Writes a record; a file that could not be written whole is taken away again.
    ///
    /// # Errors
    /// When the disk is full or not writable.
    pub fn write(&self, record: &Record) -> io::Result<()> {
        let text = serde_json::to_vec(record)?;
        let path = self.path(record.id());
        let written = fs::File::create(&path).and_then(|mut file| file.write_all(&text));
        if written.is_err() {
            let _ = fs::remove_file(&path);
        }
        written
    }

    /// Removes a record; none is fine.
    ///
    /// # Errors
    /// When the folder is not writable.
    pub fn remove(&self, id: &AttachmentId) -> io::Result<()> {
        ignore_missing(fs::remove_file(self.path(id)))
    }

    /// Reads all records. A file that is cut short belongs to an ADD that never got to the kernel.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn load(&self) -> io::Result<(Vec<Record>, Vec<BadRecord>)> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.records)? {
            let path = entry?.path();
            let read = fs::read(&path)
                .map_err(|e| e.to_string())
                .and_then(|text| serde_json::from_slice::<Record>(&text).map_err(|e| e.to_string()))
                .and_then(|record| {
                    if self.path(record.id()) == path {
                        Ok(record)
                    } else {
                        Err(format!(
                            "it speaks of attachment {}, which its name does not",
                            record.id()
                        ))
                    }
                });
            match read {
                Ok(record) => good.push(record),
                Err(problem) => bad.push(BadRecord { path, problem }),
            }
        }
        good.sort_by(|a, b| a.id().cmp(b.id()));
        Ok((good, bad))
    }

    /// Notes that addresses were released, newest last.
    ///
    /// # Errors
    /// When the file cannot be written; nothing but the rest of those addresses is lost.
    pub fn note_released(&self, addresses: impl IntoIterator<Item = IpAddr>) -> io::Result<()> {
        let lines: String = addresses.into_iter().map(|ip| format!("{ip}\n")).collect();
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.released)?
            .write_all(lines.as_bytes())
    }

    /// The released addresses of earlier runs, oldest first. The file is cut to its newest lines.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn released(&self) -> io::Result<Vec<IpAddr>> {
        let text = match fs::read_to_string(&self.released) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read?,
        };
        let mut all: Vec<IpAddr> = text.lines().filter_map(|line| line.parse().ok()).collect();
        if all.len() > RELEASED_LINES {
            all.drain(..all.len() - RELEASED_LINES);
            let kept: String = all.iter().map(|ip| format!("{ip}\n")).collect();
            let fresh = self.released.with_extension("new");
            fs::write(&fresh, kept)?;
            fs::rename(&fresh, &self.released)?;
        }
        Ok(all)
    }
}

/// Turns "not found" into success.
///
/// # Errors
/// Every other error.
pub fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample(container: &str, address: &str) -> Record {
        let interface = |name: &str| pontoon_model::attachment::Interface {
            name: name.parse().unwrap(),
            mac: "02:00:00:00:00:01".parse().unwrap(),
        };
        let spec = serde_json::json!({"id": {"containerId": container, "ifname": "eth0"}, "netns": "/run/netns/x", "network": "pontoon"});
        Record {
            spec: serde_json::from_value(spec).unwrap(),
            attached: Attached {
                pod_interface: interface("eth0"),
                host_interface: interface("ptn0"),
                bridge: interface("pontoon0"),
                mtu: 1450,
                addresses: vec![pontoon_model::attachment::AttachedAddress {
                    address: address.parse().unwrap(),
                    gateway: "10.244.1.1".parse().unwrap(),
                }],
                dns: Default::default(),
            },
            netns: NetnsIdentity { dev: 4, ino: 4026531840 },
            pod: PodId { namespace: Default::default(), name: container.parse().unwrap() },
            generation: 0,
        }
    }

    #[test]
    fn records_outlive_the_process_that_wrote_them() {
        let state = tempfile::tempdir().unwrap();
        let folder = RecordFolder::open(state.path()).unwrap();
        let (a, b) = (sample("a", "10.244.1.2/32"), sample("b", "10.244.1.3/32"));
        folder.write(&b).unwrap();
        folder.write(&a).unwrap();
        let (good, bad) = RecordFolder::open(state.path()).unwrap().load().unwrap();
        assert_eq!(good, [a.clone(), b.clone()]);
        assert!(bad.is_empty());
        folder.remove(a.id()).unwrap();
        folder.remove(a.id()).unwrap();
        assert_eq!(folder.load().unwrap().0, [b]);
    }

    #[test]
    fn a_broken_file_is_told_and_hides_no_other() {
        let state = tempfile::tempdir().unwrap();
        let folder = RecordFolder::open(state.path()).unwrap();
        folder.write(&sample("a", "10.244.1.2/32")).unwrap();
        fs::write(state.path().join("attachments/cut:eth0.json"), b"{\"spec\":").unwrap();
        fs::copy(
            state.path().join("attachments/a:eth0.json"),
            state.path().join("attachments/c:eth0.json"),
        )
        .unwrap();
        let (good, bad) = folder.load().unwrap();
        assert_eq!((good.len(), bad.len()), (1, 2));
    }

    #[test]
    fn released_addresses_come_back_in_order() {
        let state = tempfile::tempdir().unwrap();
        let folder = RecordFolder::open(state.path()).unwrap();
        assert!(folder.released().unwrap().is_empty());
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.2".parse().unwrap(), "fd00::2".parse().unwrap());
        folder.note_released([a]).unwrap();
        folder.note_released([b, a]).unwrap();
        assert_eq!(folder.released().unwrap(), [a, b, a]);
    }
}
