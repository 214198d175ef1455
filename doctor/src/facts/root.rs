//! Files of a host: below `/`, or below the folder where somebody laid them out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the host's files begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Default for Root {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

impl Root {
    /// The files below this folder.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Whether these are the files of the host that this program runs on.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Where a file of the host is.
    #[must_use]
    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        let file = file.as_ref();
        self.0.join(file.strip_prefix("/").unwrap_or(file))
    }

    /// The content of a file, `None` when it is not there.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self, file: impl AsRef<Path>) -> io::Result<Option<String>> {
        match fs::read(self.path(file)) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The content of a file that may be read, without the white space around it.
    #[must_use]
    pub fn value(&self, file: impl AsRef<Path>) -> Option<String> {
        Some(self.read(file).ok()??.trim().to_owned())
    }

    /// The number in a file.
    #[must_use]
    pub fn number(&self, file: impl AsRef<Path>) -> Option<u64> {
        self.value(file)?.parse().ok()
    }

    /// The names in a folder, sorted; none when it is not there.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn list(&self, folder: impl AsRef<Path>) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(folder)) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
