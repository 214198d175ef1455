//! The file that is edited.

use std::cell::Cell;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const MARK: char = '#';

/// A file for nobody else's eyes, taken away unless it is kept.
pub(super) struct Draft {
    path: PathBuf,
    kept: Cell<bool>,
}

impl Draft {
    pub(super) fn create(title: &str) -> Result<Self> {
        let folder = std::env::temp_dir();
        let title = title.replace('/', "-");
        for number in 0.. {
            let path = folder.join(format!("pontoon-{title}-{}-{number}.yaml", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(_) => return Ok(Self { path, kept: Cell::new(false) }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1000 => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("{} cannot be written", path.display()));
                }
            }
        }
        anyhow::bail!("{} is full of drafts", folder.display())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn write(&self, text: &str) -> Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options
            .open(&self.path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }

    pub(super) fn read(&self) -> Result<String> {
        fs::read_to_string(&self.path)
            .with_context(|| format!("{} cannot be read", self.path.display()))
    }

    /// Leaves it to the person.
    pub(super) fn keep(&self) -> &Path {
        self.kept.set(true);
        &self.path
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept.get() {
            // Left behind it does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A text with what a person should know above it.
pub(super) fn with_head(title: &str, reason: Option<&str>, text: &str) -> String {
    let mut head = vec![
        format!(
            "{MARK} Edit {title}, save and leave the editor. Lines here that begin with {MARK} do not count;"
        ),
        format!("{MARK} an empty file, or one without a change, changes nothing."),
    ];
    if let Some(reason) = reason {
        head.push(format!("{MARK}"));
        head.push(format!("{MARK} It was not taken:"));
        head.extend(reason.lines().map(|line| format!("{MARK}   {line}")));
    }
    format!("{}\n{}\n", head.join("\n"), text.trim_end())
}

/// The text below the head; a comment further below is the person's.
pub(super) fn without_head(text: &str) -> String {
    let lines = text.lines().skip_while(|line| line.starts_with(MARK));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_head_comes_off_again(text in "[a-z: #\n]{0,60}", reason in proptest::option::of("[a-z\n]{0,20}")) {
            let text = format!("kind: x\n{text}");
            let shown = with_head("service/web", reason.as_deref(), &text);
            prop_assert_eq!(without_head(&shown), text.trim_end());
        }
    }

    #[test]
    fn a_draft_goes_with_its_session_unless_it_is_kept() {
        let path = {
            let draft = Draft::create("service/test").unwrap();
            draft.write("a").unwrap();
            assert_eq!(draft.read().unwrap(), "a");
            draft.path().to_owned()
        };
        assert!(!path.exists());
        let draft = Draft::create("service/test").unwrap();
        let path = draft.keep().to_owned();
        drop(draft);
        assert!(path.exists());
        fs::remove_file(path).unwrap();
    }
}
