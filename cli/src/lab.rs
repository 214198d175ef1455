//! `pontoon lab`: hands over to the lab's own program.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::exit::Exit;

const PROGRAM: &str = "pontoon-lab";

/// What `pontoon lab` takes.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// What the lab is to do; `--help` has it say what it can
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

/// Returns only when there is no lab.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let own = std::env::current_exe().unwrap_or_default();
    let found = places(&own).into_iter().find(|path| path.is_file());
    let found = found.unwrap_or_else(|| PathBuf::from(PROGRAM));
    let error = Command::new(&found).args(&arguments.arguments).exec();
    if error.kind() == std::io::ErrorKind::NotFound {
        bail!(
            "there is no {PROGRAM} beside this command or on the PATH: Debian's package pontoon has it, or run `cargo xtask demo` in Pontoon's sources"
        );
    }
    bail!("{} cannot be started: {error}", found.display())
}

/// Beside this command, as it is built; and where the package has it, which is on nobody's PATH.
fn places(own: &Path) -> Vec<PathBuf> {
    let Some(folder) = own.parent() else { return Vec::new() };
    let packaged = folder.parent().map(|above| above.join("libexec/pontoon").join(PROGRAM));
    std::iter::once(folder.join(PROGRAM)).chain(packaged).collect()
}
