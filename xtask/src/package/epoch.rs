//! The time that everything in a package is dated, so that the same sources give the same packages.

use std::path::Path;
use std::process::Command;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};

/// See <https://reproducible-builds.org/specs/source-date-epoch/>.
pub(crate) const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// Seconds since 1970: what the variable says, or when the last commit was made, or, in a checkout
/// without its history, when the list of dependencies was last written.
pub(crate) fn of(root: &Path) -> Result<u64> {
    if let Some(said) = std::env::var_os(VARIABLE) {
        let said = said.to_string_lossy();
        return said.parse().with_context(|| {
            format!("{VARIABLE} is {said:?}: it must be a number of seconds since 1970")
        });
    }
    of_last_commit(root).map_or_else(|| of_file(&root.join("Cargo.lock")), Ok)
}

fn of_last_commit(root: &Path) -> Option<u64> {
    let mut git = Command::new("git");
    let output = git.args(["log", "-1", "--format=%ct"]).current_dir(root).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn of_file(file: &Path) -> Result<u64> {
    let context = || format!("cannot tell when {file:?} was written; set {VARIABLE}");
    let written = file.metadata().and_then(|data| data.modified()).with_context(context)?;
    Ok(written.duration_since(UNIX_EPOCH).with_context(context)?.as_secs())
}
