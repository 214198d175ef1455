//! Leaves a DEL on disk for a daemon that is down: the runtime asks once and forgets, the address
//! must not be lost for ever.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use pontoon_model::api::{Code, Failure};
use pontoon_model::attachment::AttachmentId;
use pontoon_model::cni::pending::{encode, file_name, temporary_name};

/// A DEL on disk.
#[derive(Debug)]
pub(crate) struct PendingDel(PathBuf);

impl PendingDel {
    /// Writes it: whole and on the disk, or not at all, whenever the process is killed.
    ///
    /// # Errors
    /// With code 106 when it cannot be written.
    pub(crate) fn write(dir: &Path, id: &AttachmentId) -> Result<Self, Failure> {
        let path = dir.join(file_name(id));
        write_whole(dir, &path, id).map_err(|error| {
            Failure::new(
                Code::StateNotWritten,
                "pontoond is not there and DEL could not be left for it",
                format!(
                    "writing {}: {error}; make the folder writable and its disk not full, or start pontoond, then delete the container again",
                    path.display()
                ),
            )
        })?;
        Ok(Self(path))
    }

    /// Takes it back once the daemon has carried it out: carried out again, it would hit a later
    /// ADD of the same container. When that fails the daemon still finds it; an ADD makes it void.
    pub(crate) fn withdraw(self) {
        let _ = fs::remove_file(self.0);
    }
}

fn write_whole(dir: &Path, path: &Path, id: &AttachmentId) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let temporary = dir.join(temporary_name(id, std::process::id()));
    let written =
        write_synced(&temporary, &encode(id)?).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(dir)?.sync_all()
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
