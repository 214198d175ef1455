//! `pontoon backend`.

use anyhow::Result;
use clap::Subcommand;

use crate::api::Api;
use crate::exit::Exit;
use crate::say;

/// What can be done with the backend.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Changes the backend of the running cluster: vxlan, host-gw or auto
    Set {
        /// The new one
        #[arg(value_parser = ["vxlan", "host-gw", "auto"])]
        kind: String,
    },
}

pub(crate) fn run(api: &Api, command: &Command) -> Result<Exit> {
    match command {
        Command::Set { kind } => {
            api.set_backend(kind.parse()?)?;
            say::line(format_args!(
                "the cluster's backend is {kind}; `pontoon get nodes` shows the ways as nodes follow"
            ))?;
        }
    }
    Ok(Exit::Done)
}
