//! The network configuration that runtimes find: written once the node is ready, never over a
//! stranger's.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::config::PathSettings;
use crate::snapshot::write_atomically;

/// What went on with the file.
#[derive(Debug, PartialEq, Eq)]
pub enum Conflist {
    /// It says what it should.
    Unchanged,
    /// It was written.
    Written,
    /// A file of that name is there which is not ours; it was left alone.
    Foreign,
}

/// The document. It says 1.0.0 since containerd 1.6 and podman 4.3 refuse results of 1.1.0.
#[must_use]
pub fn document(paths: &PathSettings) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "pontoon",
        "plugins": [{
            "type": "pontoon-cni",
            "socket": paths.socket(),
            "pendingDir": paths.pending(),
            "capabilities": {
                "portMappings": true,
                "ips": true,
                "mac": true,
                "aliases": true,
                "dns": true,
                "io.kubernetes.cri.pod-annotations": true,
            },
        }],
    })
}

/// Writes the file, unless it says the same already or is a stranger's.
///
/// # Errors
/// When it cannot be read or written.
pub fn install(paths: &PathSettings) -> io::Result<Conflist> {
    let path = paths.conflist();
    let wanted = document(paths);
    match owner(&path)? {
        Owner::Stranger => return Ok(Conflist::Foreign),
        Owner::Us(found) if found == wanted => return Ok(Conflist::Unchanged),
        Owner::Us(_) | Owner::Nobody => {}
    }
    fs::create_dir_all(&paths.cni_conf)?;
    let mut text = serde_json::to_vec_pretty(&wanted)?;
    text.push(b'\n');
    write_atomically(&path, &text)?;
    Ok(Conflist::Written)
}

/// Removes the file if it is ours.
///
/// # Errors
/// When it cannot be read or removed.
pub fn remove(paths: &PathSettings) -> io::Result<()> {
    let path = paths.conflist();
    match owner(&path)? {
        Owner::Us(_) => fs::remove_file(path),
        Owner::Stranger | Owner::Nobody => Ok(()),
    }
}

enum Owner {
    Nobody,
    Stranger,
    Us(Value),
}

fn owner(path: &Path) -> io::Result<Owner> {
    let text = match fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Owner::Nobody),
        read => read?,
    };
    let ours = |doc: &Value| {
        let plugins = doc.get("plugins").and_then(Value::as_array);
        doc.get("name").and_then(Value::as_str) == Some("pontoon")
            && plugins.is_some_and(|p| {
                p.iter().any(|p| p.get("type").and_then(Value::as_str) == Some("pontoon-cni"))
            })
    };
    Ok(match serde_json::from_slice::<Value>(&text) {
        Ok(doc) if ours(&doc) => Owner::Us(doc),
        _ => Owner::Stranger,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(root: &Path) -> PathSettings {
        PathSettings { cni_conf: root.join("net.d"), ..PathSettings::default() }
    }

    #[test]
    fn is_written_once_and_taken_away() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(root.path());
        assert_eq!(install(&paths).unwrap(), Conflist::Written);
        assert_eq!(install(&paths).unwrap(), Conflist::Unchanged);
        let names: Vec<_> =
            fs::read_dir(&paths.cni_conf).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["10-pontoon.conflist"]);
        remove(&paths).unwrap();
        remove(&paths).unwrap();
        assert!(!paths.conflist().exists());
    }

    #[test]
    fn a_strangers_file_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let paths = paths(root.path());
        fs::create_dir_all(&paths.cni_conf).unwrap();
        for text in ["", "{}", r#"{"name":"mine","plugins":[{"type":"bridge"}]}"#] {
            fs::write(paths.conflist(), text).unwrap();
            assert_eq!(install(&paths).unwrap(), Conflist::Foreign);
            remove(&paths).unwrap();
            assert_eq!(fs::read_to_string(paths.conflist()).unwrap(), text);
        }
    }
}
