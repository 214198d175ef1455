//! DELs that the CNI plugin could not hand over, because the daemon was away.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pontoon_model::attachment::AttachmentId;
use pontoon_model::cni::pending;

/// A DEL that waits to be carried out.
#[derive(Debug)]
pub struct PendingDel {
    /// Which attachment.
    pub id: AttachmentId,
    /// The file that says so, to be removed when it is done.
    pub path: PathBuf,
}

/// A file among them that is none, and why.
pub type NotPending = (PathBuf, String);

/// All pending DELs, and the files that are none. An absent folder holds none.
///
/// # Errors
/// When the folder cannot be read.
pub fn scan(folder: &Path) -> io::Result<(Vec<PendingDel>, Vec<NotPending>)> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((good, bad)),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if pending::is_temporary(name) {
            remove_abandoned(&path);
            continue;
        }
        match fs::read(&path)
            .map_err(|e| e.to_string())
            .and_then(|text| pending::decode(&text).map_err(|e| e.to_string()))
        {
            Ok(id) => good.push(PendingDel { id, path }),
            Err(problem) => bad.push((path, problem)),
        }
    }
    Ok((good, bad))
}

/// The pending DEL of one attachment, if there is one.
#[must_use]
pub fn of(folder: &Path, id: &AttachmentId) -> Option<PathBuf> {
    let path = folder.join(pending::file_name(id));
    path.exists().then_some(path)
}

/// A plugin that was killed while it wrote leaves its half behind; one that lives is done in
/// moments.
fn remove_abandoned(path: &Path) {
    const ABANDONED: Duration = Duration::from_secs(60);
    let age = fs::metadata(path).and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
    if age.is_some_and(|age| age > ABANDONED) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_whole_and_tells_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        assert!(scan(&folder.path().join("absent")).unwrap().0.is_empty());
        fs::write(folder.path().join("c1:eth0.json"), br#"{"containerId":"c1","ifname":"eth0"}"#)
            .unwrap();
        fs::write(folder.path().join(".c2:eth0.json.7"), b"{").unwrap();
        fs::write(folder.path().join("c3:eth0.json"), b"{").unwrap();
        let (good, bad) = scan(folder.path()).unwrap();
        assert_eq!(of(folder.path(), &good[0].id), Some(good[0].path.clone()));
        assert_eq!(good.len(), 1);
        assert_eq!(good[0].id.to_string(), "c1/eth0");
        assert_eq!(bad.len(), 1);
    }
}
