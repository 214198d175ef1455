//! The file, in its place when the daemon finds it good.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use pontoon_model::files::{DAEMON, daemon_places};

use crate::say;

/// Writes the text beside the file, has the daemon check it, and puts it in the file's place. Says
/// whether there was a daemon to check it.
pub(super) fn put(file: &Path, text: &str) -> Result<bool> {
    let beside = with_end(file, "new");
    write(&beside, text).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            anyhow::anyhow!("{} may not be written: use sudo", beside.display())
        }
        _ => anyhow::anyhow!("{} cannot be written: {error}", beside.display()),
    })?;
    let checked = check(&beside).and_then(|checked| {
        if file.exists() {
            let old = with_end(file, "old");
            fs::rename(file, &old).with_context(|| format!("{} cannot be kept", file.display()))?;
            say::aside(format_args!("what was there is now {}", old.display()));
        }
        fs::rename(&beside, file)
            .with_context(|| format!("{} cannot be put in place", file.display()))?;
        Ok(checked)
    });
    if checked.is_err() {
        // What is wrong with it is said; the file itself is of no use.
        let _ = fs::remove_file(&beside);
    }
    checked
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o640).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// What the daemon says of it.
fn check(file: &Path) -> Result<bool> {
    let own = std::env::current_exe().ok();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = daemon_places(own.as_deref(), &path).find(|place| place.is_file());
    let daemon = found.unwrap_or_else(|| PathBuf::from(DAEMON));
    let output = match Command::new(&daemon)
        .arg("--check-config")
        .arg("--config")
        .arg(file)
        .output()
    {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            say::aside(format_args!(
                "warning: there is no {DAEMON} on the PATH, so the file is unchecked: run `{DAEMON} --check-config` where it is"
            ));
            return Ok(false);
        }
        Err(error) => bail!("{} cannot be started: {error}", daemon.display()),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("nothing is written; {}", said.trim_end());
    }
    Ok(true)
}

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{end}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_kept_beside() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("etc/pontoond.toml");
        put(&file, "# one\n").unwrap();
        put(&file, "# two\n").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "# two\n");
        assert_eq!(fs::read_to_string(with_end(&file, "old")).unwrap(), "# one\n");
        assert!(!with_end(&file, "new").exists());
    }
}
