//! A tarball for hosts that have no dpkg.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::content;
use super::naming::Release;
use super::stage::Stage;
use super::{Sources, run};

/// Makes it, and returns its file's name.
pub(crate) fn build(
    sources: &Sources<'_>,
    release: &Release,
    epoch: u64,
    work: &Path,
    to: &Path,
) -> Result<String> {
    let folder = release.folder();
    let stage = Stage::new(work.join(&folder))?;
    for item in content::tarball(sources) {
        stage.put("", &item).context("the tarball")?;
    }
    let file = format!("{folder}.tar.gz");
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--format=ustar",
        "--sort=name",
        "--numeric-owner",
        "--owner=0",
        "--group=0",
    ]);
    tar.arg(format!("--mtime=@{epoch}")).args(["--use-compress-program", "gzip -9 --no-name"]);
    tar.arg("--file").arg(to.join(&file)).arg("--directory").arg(work).arg(&folder);
    run(&mut tar)?;
    Ok(file)
}
