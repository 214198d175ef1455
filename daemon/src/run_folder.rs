//! The folder that a daemon has for as long as it runs: one daemon a folder, and what the last one
//! ended with.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use pontoon_model::files::{LAST_WORDS, LOCK};
use tracing::warn;

/// The folder, held.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Makes the folder and holds it until the value is dropped, whoever else starts.
    ///
    /// # Errors
    /// When another daemon has it, or it cannot be made.
    pub fn hold(path: &Path) -> Result<Self> {
        make(path)?;
        let folder = Self { path: path.to_owned(), _lock: lock(path)? };
        let _ = fs::remove_file(folder.last_words());
        Ok(folder)
    }

    /// Leaves word of why this daemon ends, for `pontoon doctor`.
    pub fn leave_word(&self, error: &anyhow::Error) {
        let path = self.last_words();
        if let Err(error) = fs::write(&path, format!("{error:#}\n")) {
            warn!(path = %path.display(), %error, "cannot leave word of why this ends");
        }
    }

    fn last_words(&self) -> PathBuf {
        self.path.join(LAST_WORDS)
    }
}

/// Makes a folder of the daemon's.
///
/// # Errors
/// When that is not allowed.
pub fn make(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| {
        format!("cannot make the folder {}; is pontoond run by root?", path.display())
    })
}

/// One daemon a run folder, whoever starts them.
///
/// # Errors
/// When another daemon has it.
pub fn lock(run: &Path) -> Result<File> {
    let path = run.join(LOCK);
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            bail!("another pontoond is running: it holds {}", path.display())
        }
        Err(fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_daemon_has_the_folder_and_its_last_words_stay_until_the_next_one_starts() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let first = RunFolder::hold(&run).unwrap();
        let second = RunFolder::hold(&run).unwrap_err();
        assert!(second.to_string().starts_with("another pontoond is running"), "{second}");
        first.leave_word(&anyhow::anyhow!("cause").context("what"));
        drop(first);
        let words = run.join(LAST_WORDS);
        assert_eq!(fs::read_to_string(&words).unwrap(), "what: cause\n");
        let _next = RunFolder::hold(&run).unwrap();
        assert!(!words.exists());
    }
}
