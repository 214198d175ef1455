//! Where the lab finds the programs under test.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// Names the folder with `pontoond`, `pontoon` and `pontoon-cni`, in place of `target/pontoon/bin`.
pub const BIN_VARIABLE: &str = "PONTOON_BIN";

/// Where packages and `install.sh` put the programs.
const INSTALLED: [&str; 6] = [
    "/usr/sbin",
    "/usr/bin",
    "/usr/lib/cni",
    "/usr/local/bin",
    "/opt/cni/bin",
    "/usr/libexec/pontoon",
];

/// The folder that holds the programs under test.
#[must_use]
pub fn folder() -> PathBuf {
    env::var_os(BIN_VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pontoon/bin"),
        PathBuf::from,
    )
}

/// One of the programs under test.
///
/// # Errors
/// When it has not been built.
pub fn find(name: &str) -> Result<PathBuf> {
    let path = folder().join(name);
    let own = env::current_exe().unwrap_or_default();
    if let Some(installed) = beside_installed(&own, name) {
        return Ok(installed);
    }
    if !path.is_file() {
        bail!(
            "{path:?} is not there: build it with `cargo xtask build`, or let {BIN_VARIABLE} name another folder"
        );
    }
    // CNI plugins and daemons are started with other working directories than ours.
    Ok(std::path::absolute(&path)?)
}

/// A lab that is installed, and is told nothing else, tries what is installed with it. One that is
/// built never does, whatever is installed on its machine.
fn beside_installed(own: &Path, name: &str) -> Option<PathBuf> {
    let is_installed = INSTALLED.iter().any(|folder| own.parent() == Some(Path::new(folder)));
    if !is_installed || env::var_os(BIN_VARIABLE).is_some() {
        return None;
    }
    INSTALLED.iter().map(|folder| Path::new(folder).join(name)).find(|file| file.is_file())
}

/// Where a program is on PATH or in the folders of the administrator, if anywhere.
#[must_use]
pub fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&search_path()).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// PATH and the folders of the administrator, which an ordinary user's PATH lacks on Debian.
#[must_use]
pub fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = env::split_paths(&path).collect();
    for folder in ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    env::join_paths(folders).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_installed_lab_uses_what_is_installed() {
        if env::var_os(BIN_VARIABLE).is_none() {
            // Every machine has it.
            let env = beside_installed(Path::new("/usr/libexec/pontoon/pontoon-lab"), "env");
            assert!(env.is_some_and(|env| env.ends_with("bin/env")));
        }
        assert_eq!(beside_installed(Path::new("/src/target/debug/pontoon-lab"), "env"), None);
        assert_eq!(beside_installed(Path::new("/usr/bin/pontoon-lab"), "no-such-program"), None);
    }
}
