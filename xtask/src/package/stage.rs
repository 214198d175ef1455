//! A folder laid out as a package says, whatever the umask.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use super::content::{Item, What};

/// A folder that becomes a package.
pub(crate) struct Stage {
    root: PathBuf,
}

impl Stage {
    /// An empty one.
    pub(crate) fn new(root: PathBuf) -> Result<Self> {
        let stage = Self { root };
        stage.folder(Path::new(""), 0o755)?;
        Ok(stage)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Puts something where it belongs, below a folder of the package.
    pub(crate) fn put(&self, below: &str, item: &Item) -> Result<()> {
        let to = Path::new(below).join(item.to);
        match &item.what {
            What::Copy { from, mode } => self.write(&to, &read(from)?, *mode),
            What::Changed { from, old, new } => {
                let text = String::from_utf8(read(from)?).with_context(|| format!("{from:?}"))?;
                ensure!(text.matches(old).count() == 1, "{from:?} has not one line {old:?}");
                self.write(&to, text.replace(old, new).as_bytes(), 0o644)
            }
            What::Gzip { from } => self.write(&to, &gzip(&read(from)?)?, 0o644),
            What::All { from, ending, gzip: packed } => {
                for name in names(from, ending)? {
                    let file = from.join(&name);
                    if *packed {
                        let mut name = name;
                        name.push(".gz");
                        self.write(&to.join(name), &gzip(&read(&file)?)?, 0o644)?;
                    } else {
                        self.write(&to.join(name), &read(&file)?, 0o644)?;
                    }
                }
                Ok(())
            }
            What::Link { target } => {
                self.parents(&to)?;
                symlink(target, self.root.join(&to)).with_context(|| format!("cannot link {to:?}"))
            }
            What::Folder { mode } => {
                self.parents(&to)?;
                self.folder(&to, *mode)
            }
        }
    }

    /// Writes a file.
    pub(crate) fn write(&self, to: &Path, content: &[u8], mode: u32) -> Result<()> {
        self.parents(to)?;
        let file = self.root.join(to);
        fs::write(&file, content)
            .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(mode)))
            .with_context(|| format!("cannot write {file:?}"))
    }

    fn parents(&self, to: &Path) -> Result<()> {
        let above: Vec<&Path> = to.ancestors().skip(1).collect();
        above.into_iter().rev().try_for_each(|folder| self.folder(folder, 0o755))
    }

    /// Leaves one that is there as it is.
    fn folder(&self, to: &Path, mode: u32) -> Result<()> {
        let folder = self.root.join(to);
        if folder.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(&folder)
            .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)))
            .with_context(|| format!("cannot make {folder:?}"))
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| {
        format!(
            "cannot read {file:?}; `cargo xtask build` and `cargo xtask man` make what is packed"
        )
    })
}

/// Packs as Debian packs documents: without name and time, which would differ from build to build.
pub(crate) fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut packer = Command::new("gzip");
    packer.args(["-9", "--no-name"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = packer.spawn().context("cannot start gzip")?;
    let mut input = child.stdin.take().context("gzip has no standard input")?;
    let written = thread::scope(|scope| {
        // Apart, since it waits for us to read when there is much.
        scope.spawn(move || input.write_all(content));
        child.wait_with_output()
    })?;
    ensure!(written.status.success(), "gzip failed with {}", written.status);
    Ok(written.stdout)
}

/// The names of a folder's files that end so; none is a mistake.
fn names(folder: &Path, ending: &str) -> Result<Vec<OsString>> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot list {folder:?}; `cargo xtask man` makes man pages"))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_file() && name.to_string_lossy().ends_with(ending) {
            names.push(name);
        }
    }
    if names.is_empty() {
        bail!("{folder:?} has no file named *{ending}");
    }
    names.sort();
    Ok(names)
}
