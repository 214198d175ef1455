//! DELs that the CNI plugin could not hand over, because the daemon was away.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pontoon_model::attachment::AttachmentId;

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
        // A dot begins the name of a file that is still being written.
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden || path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        match fs::read(&path).map_err(|e| e.to_string()).and_then(|text| {
            serde_json::from_slice::<AttachmentId>(&text).map_err(|e| e.to_string())
        }) {
            Ok(id) => good.push(PendingDel { id, path }),
            Err(problem) => bad.push((path, problem)),
        }
    }
    Ok((good, bad))
}

/// The pending DEL of one attachment, if there is one.
#[must_use]
pub fn of(folder: &Path, id: &AttachmentId) -> Option<PathBuf> {
    let path = folder.join(format!("{}:{}.json", id.container_id, id.ifname));
    path.exists().then_some(path)
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
        fs::write(folder.path().join(".c2:eth0.json"), b"{").unwrap();
        fs::write(folder.path().join("c3:eth0.json"), b"{").unwrap();
        let (good, bad) = scan(folder.path()).unwrap();
        assert_eq!(of(folder.path(), &good[0].id), Some(good[0].path.clone()));
        assert_eq!(good.len(), 1);
        assert_eq!(good[0].id.to_string(), "c1/eth0");
        assert_eq!(bad.len(), 1);
    }
}
