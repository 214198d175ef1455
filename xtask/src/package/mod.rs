//! `cargo xtask package`: what is given to people who do not build Pontoon themselves.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`naming`] | versions, architectures and file names |
//! | [`content`] | which file goes where, in each package |
//! | [`stage`] | a folder laid out as a package says |
//! | [`deb`], [`tarball`] | the two kinds of packages, by the system's own tools |
//! | [`epoch`] | the time that everything in a package is dated |

mod content;
mod deb;
mod epoch;
mod naming;
mod stage;
mod tarball;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell::{Workspace, heading};
use crate::{binaries, packages};
use naming::Release;
use packages::Purpose;

/// What `cargo xtask package` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Builds nothing and packs what is in this folder: bin/, man/ and, for the tarball, static/
    #[arg(long, value_name = "FOLDER")]
    pub(crate) from: Option<PathBuf>,
    /// Where to put the packages [default: target/pontoon/packages]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
    /// Only Debian packages; the tarball's programs are built apart, which takes as long again
    #[arg(long)]
    pub(crate) no_tarball: bool,
}

/// Where everything comes from that is packed.
struct Sources<'a> {
    /// The checkout.
    root: &'a Path,
    /// Programs that may use the system's libraries.
    dynamic: PathBuf,
    /// Programs that need nothing of the system.
    fixed: PathBuf,
    /// Man pages.
    man: PathBuf,
    /// What shells complete by.
    completions: PathBuf,
}

/// Makes the packages and their checksums, and says where they are.
pub(crate) fn make(workspace: &Workspace, options: Options) -> Result<()> {
    packages::provide(Purpose::Packages)?;
    let pontoon = workspace.target().join("pontoon");
    let from = match options.from {
        Some(folder) => std::path::absolute(folder)?,
        None => {
            binaries::build(workspace)?;
            if !options.no_tarball {
                binaries::build_static(workspace)?;
            }
            binaries::man(workspace, &workspace.man())?;
            pontoon.clone()
        }
    };
    heading("packages");
    let (to, work) =
        (options.to.unwrap_or_else(|| pontoon.join("packages")), pontoon.join("staging"));
    let _never_made = fs::remove_dir_all(&work);
    let outcome = pack(workspace, &from, &to, &work, !options.no_tarball);
    let _never_made = fs::remove_dir_all(&work);
    for file in outcome? {
        println!("   {}", to.join(file).display());
    }
    Ok(())
}

/// Makes Debian packages of what [`binaries::build`] left, for the tests.
pub(crate) fn make_for_tests(workspace: &Workspace) -> Result<()> {
    binaries::man(workspace, &workspace.man())?;
    let pontoon = workspace.target().join("pontoon");
    let to = Some(pontoon.join("test-packages"));
    make(workspace, Options { from: Some(pontoon), to, no_tarball: true })
}

fn pack(
    workspace: &Workspace,
    from: &Path,
    to: &Path,
    work: &Path,
    tarball: bool,
) -> Result<Vec<String>> {
    let release = Release::of_this_build()?;
    let epoch = epoch::of(workspace.root())?;
    let (dynamic, fixed) = (from.join("bin"), from.join("static"));
    let completions = work.join("completions");
    write_completions(&dynamic.join("pontoon"), &completions)?;
    let sources =
        Sources { root: workspace.root(), dynamic, fixed, man: from.join("man"), completions };
    fs::create_dir_all(to).with_context(|| format!("cannot make {to:?}"))?;
    forget_older(to).with_context(|| format!("cannot remove older packages from {to:?}"))?;

    let mut made = Vec::new();
    for package in content::DEBS {
        made.push(deb::build(package, &sources, &release, epoch, work, to)?);
    }
    if tarball {
        made.push(tarball::build(&sources, &release, epoch, work, to)?);
    }
    let sums = run(Command::new("sha256sum").args(&made).current_dir(to))?;
    fs::write(to.join(SUMS), sums).context("cannot write the checksums")?;
    made.push(SUMS.to_owned());
    Ok(made)
}

/// An older version's packages beside new ones would be installed by `*.deb`.
fn forget_older(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        if text.starts_with("pontoon") && (text.ends_with(".deb") || text.ends_with(".tar.gz")) {
            fs::remove_file(folder.join(&name))?;
        }
    }
    Ok(())
}

/// The file with the checksums.
const SUMS: &str = "SHA256SUMS";

/// Each by the name that the shell looks for.
fn write_completions(pontoon: &Path, to: &Path) -> Result<()> {
    for (shell, file) in [("bash", "pontoon"), ("zsh", "_pontoon"), ("fish", "pontoon.fish")] {
        let script = run(Command::new(pontoon).args(["completion", shell]))?;
        let folder = to.join(shell);
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join(file), script))
            .with_context(|| format!("cannot write into {folder:?}"))?;
    }
    Ok(())
}

/// Runs a tool to its end and returns what it printed.
fn run(command: &mut Command) -> Result<Vec<u8>> {
    let shown = crate::shell::show(command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`"))?;
    anyhow::ensure!(
        output.status.success(),
        "`{shown}` failed with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}
