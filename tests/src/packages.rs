//! The packages that `cargo xtask package` makes.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::systemd::SystemdHost;

/// Names the folder with the packages under test, in place of `target/pontoon/test-packages`.
const VARIABLE: &str = "PONTOON_PACKAGES";
/// The programs that tests of packages need.
pub const PROGRAMS: &[&str] = &["dpkg", "dpkg-deb"];

/// The folder with packages of Debian that hosts of a test can install; `cargo xtask setup` fills it.
#[must_use]
pub fn of_debian() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pontoon/debian");
    folder.canonicalize().unwrap_or(folder)
}

/// The folder that holds the packages under test.
#[must_use]
pub fn folder() -> PathBuf {
    let folder = env::var_os(VARIABLE).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pontoon/test-packages"),
        PathBuf::from,
    );
    folder.canonicalize().unwrap_or(folder)
}

/// Why there is nothing to install, if so.
#[must_use]
pub fn missing() -> Option<String> {
    let found = debs(&folder()).unwrap_or_default();
    found.is_empty().then(|| {
        "needs packages: `cargo xtask test NAME` makes them of the programs under test".to_owned()
    })
}

/// The Debian packages in a folder, sorted.
///
/// # Errors
/// When it is not there.
pub fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {folder:?}"))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut debs: Vec<_> =
        paths.filter(|path| path.extension() == Some(OsStr::new("deb"))).collect();
    debs.sort();
    Ok(debs)
}

/// The version of the packages under test.
///
/// # Errors
/// When there are none.
pub fn version() -> Result<String> {
    let debs = debs(&folder())?;
    let first = debs.first().context("there are no packages")?;
    tool(Command::new("dpkg-deb").arg("--field").arg(first).arg("Version"))
        .map(|version| version.trim().to_owned())
}

/// Makes the same packages with a higher version, and returns it. `change` may alter what is in
/// them: it is called with a package's name and the folder that becomes it.
///
/// # Errors
/// When dpkg-deb fails.
pub fn make_newer(
    to: &Path,
    mut change: impl FnMut(&str, &Path) -> std::io::Result<()>,
) -> Result<String> {
    let old = version()?;
    let new = format!("{old}+next");
    for deb in debs(&folder())? {
        let name = tool(Command::new("dpkg-deb").arg("--field").arg(&deb).arg("Package"))?;
        let name = name.trim();
        let tree = to.join(name);
        tool(Command::new("dpkg-deb").arg("--raw-extract").arg(&deb).arg(&tree))?;
        let control = tree.join("DEBIAN/control");
        let text = fs::read_to_string(&control)?;
        fs::write(&control, text.replace(&old, &new))?;
        change(name, &tree).with_context(|| format!("cannot change {name}"))?;
        let mut build = Command::new("dpkg-deb");
        // It is installed once.
        build.args(["--root-owner-group", "-Zgzip", "-z1", "--build"]).arg(&tree);
        tool(build.arg(to.join(format!("{name}.deb"))))?;
        fs::remove_dir_all(&tree)?;
    }
    Ok(new)
}

/// Installs or upgrades by all packages of a folder that the host sees, and returns what was said.
///
/// # Errors
/// When dpkg fails.
pub fn install(host: &SystemdHost, folder: &Path) -> Result<String> {
    let debs = debs(folder)?;
    let files: Vec<_> = debs.iter().map(|deb| deb.to_string_lossy()).collect();
    // Some machines are told to leave documents out, and `dpkg --verify` then misses them.
    let dpkg = ["dpkg", "--force-unsafe-io", "--path-include=*", "--install"];
    let mut words = dpkg.to_vec();
    words.extend(files.iter().map(AsRef::as_ref));
    host.exec(&words)
}

/// What `dpkg` says about all of our packages, the better the less.
///
/// # Errors
/// When dpkg finds fault with the installation.
pub fn verify(host: &SystemdHost) -> Result<()> {
    for check in ["--verify", "--audit"] {
        for package in ["pontoond", "pontoon", "pontoon-cni"] {
            let said = host.exec(&["dpkg", check, package])?;
            ensure!(said.is_empty(), "dpkg {check} {package} says {said}");
        }
    }
    Ok(())
}

/// Runs a tool of the machine to its end and returns what it printed.
fn tool(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed with {}: {said}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
