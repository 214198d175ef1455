//! `pontoon lab`: hands over to the lab's own program.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
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
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(PROGRAM)));
    let found = beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(PROGRAM));
    let error = Command::new(&found).args(&arguments.arguments).exec();
    if error.kind() == std::io::ErrorKind::NotFound {
        bail!(
            "there is no {PROGRAM} beside this command or on the PATH: install it, or run `cargo xtask demo` in Pontoon's sources"
        );
    }
    bail!("{} cannot be started: {error}", found.display())
}
