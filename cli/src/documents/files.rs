//! Which files a path of the command line means.

use std::io;
use std::path::{Path, PathBuf};

use super::Unread;

const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// The file itself, or the folder's files by name.
pub(super) fn of(path: &Path, recursive: bool) -> Vec<Result<PathBuf, Unread>> {
    let unread = |error: &io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound if path.to_string_lossy().contains("://") => {
                "; addresses are not fetched: pipe the text into `-f -`"
            }
            _ => "",
        };
        vec![Err(format!("{}: it cannot be read: {error}{hint}", path.display()))]
    };
    match path.metadata() {
        Ok(metadata) if !metadata.is_dir() => return vec![Ok(path.to_owned())],
        Ok(_) => {}
        Err(error) => return unread(&error),
    }
    let mut found = Vec::new();
    if let Err(error) = walk(path, recursive, &mut found) {
        return unread(&error);
    }
    if found.is_empty() {
        let hint = if recursive { "" } else { "; -R looks into its folders, too" };
        let said = format!(
            "{}: there are no files that end in .yaml, .yml or .json{hint}",
            path.display()
        );
        return vec![Err(said)];
    }
    found
}

fn walk(
    folder: &Path,
    recursive: bool,
    found: &mut Vec<Result<PathBuf, Unread>>,
) -> io::Result<()> {
    let mut entries = folder.read_dir()?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link to a folder is not followed: it may lead back.
        if entry.file_type()?.is_dir() {
            if recursive && let Err(error) = walk(&path, recursive, found) {
                found.push(Err(format!("{}: it cannot be read: {error}", path.display())));
            }
        } else if has_extension(&path) && !path.is_dir() {
            found.push(Ok(path));
        }
    }
    Ok(())
}

fn has_extension(path: &Path) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| EXTENSIONS.contains(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: Vec<Result<PathBuf, Unread>>, root: &Path) -> Vec<String> {
        let name = |path: PathBuf| path.strip_prefix(root).unwrap().display().to_string();
        found.into_iter().map(|file| file.map_or_else(|unread| unread, name)).collect()
    }

    #[test]
    fn a_folder_is_its_manifests_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("c/d")).unwrap();
        for file in ["b.yaml", "a.json", "z.yml", "notes.txt", "c/x.yaml", "c/d/y.yaml"] {
            std::fs::write(root.join(file), "").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("c/loop")).unwrap();
        std::os::unix::fs::symlink(root.join("notes.txt"), root.join("link.yaml")).unwrap();
        let flat = names(of(root, false), root);
        assert_eq!(flat, ["a.json", "b.yaml", "link.yaml", "z.yml"]);
        let all = names(of(root, true), root);
        assert_eq!(all, ["a.json", "b.yaml", "c/d/y.yaml", "c/x.yaml", "link.yaml", "z.yml"]);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let said = |path: &Path| of(path, false).remove(0).unwrap_err();
        assert!(said(&dir.path().join("none")).contains("none: it cannot be read: No such file"));
        assert!(said(dir.path()).contains("no files that end in .yaml, .yml or .json; -R"));
        assert!(said(Path::new("http://x/y.yaml")).contains("pipe the text into `-f -`"));
    }
}
