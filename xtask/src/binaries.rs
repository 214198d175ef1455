//! The release binaries, in the one folder where the lab looks for them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::Workspace;

/// Builds everything that a host runs, and the lab's own program, into [`Workspace::bin`].
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let packages =
        ["--package", "pontoon-daemon", "--package", "pontoon-cli", "--package", "pontoon-lab"];
    workspace.step(
        "building pontoond, pontoon and the lab",
        workspace.cargo().args(["build", "--release", "--bins"]).args(packages),
    )?;
    let release = workspace.target().join("release");
    for name in ["pontoond", "pontoon", "pontoon-lab"] {
        place(&release.join(name), &workspace.bin())?;
    }

    let host = host_triple(workspace)?;
    let mut plugin = workspace.cargo();
    // An explicit target, so that the flag does not reach build scripts and macros.
    plugin.args([
        "build",
        "--profile",
        "cni",
        "--package",
        "pontoon-cni-plugin",
        "--target",
        &host,
    ]);
    plugin.env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static");
    workspace.step("building pontoon-cni, static", &mut plugin)?;
    place(&workspace.target().join(host).join("cni/pontoon-cni"), &workspace.bin())
}

/// Builds the daemon and the command anew so that they need no library of the system's, and puts
/// them into `target/pontoon/static`, with the plugin that [`build`] made, which never does.
pub(crate) fn build_static(workspace: &Workspace) -> Result<()> {
    let host = host_triple(workspace)?;
    let mut all = workspace.cargo();
    all.args(["build", "--release", "--bins", "--target", &host]);
    all.args(["--package", "pontoon-daemon", "--package", "pontoon-cli"]);
    all.env("RUSTFLAGS", "-C target-feature=+crt-static");
    workspace.step("building pontoond and pontoon, static", &mut all)?;
    let folder = workspace.target().join("pontoon/static");
    let release = workspace.target().join(host).join("release");
    for program in
        [release.join("pontoond"), release.join("pontoon"), workspace.bin().join("pontoon-cni")]
    {
        needs_no_library(&program)?;
        place(&program, &folder)?;
    }
    Ok(())
}

/// A program that asks for an interpreter is linked at its start.
fn needs_no_library(program: &Path) -> Result<()> {
    let mut readelf = Command::new("readelf");
    let output = readelf.args(["--wide", "--program-headers"]).arg(program).output();
    let output = output.context("cannot start readelf, of package binutils")?;
    let headers = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || headers.contains("INTERP") {
        bail!("{program:?} is not static: this toolchain does not obey crt-static");
    }
    Ok(())
}

/// Writes the man pages of the command into a folder.
pub(crate) fn man(workspace: &Workspace, folder: &Path) -> Result<()> {
    let run = ["run", "--quiet", "--package", "pontoon-cli", "--example", "man", "--"];
    workspace.step("man pages", workspace.cargo().args(run).arg(folder))
}

/// Puts a binary into a folder in one step: a running one is replaced, not overwritten.
fn place(from: &Path, bin: &Path) -> Result<()> {
    fs::create_dir_all(bin).with_context(|| format!("cannot make {bin:?}"))?;
    let to = bin.join(from.file_name().context("a binary without a name")?);
    let draft = to.with_extension("new");
    fs::copy(from, &draft)
        .and_then(|_| fs::rename(&draft, &to))
        .with_context(|| format!("cannot put {from:?} to {to:?}"))
}

fn host_triple(workspace: &Workspace) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).current_dir(workspace.target()).arg("-vV").output();
    let output = output.context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match text.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("rustc -vV tells no host: {text:?}"),
    }
}
