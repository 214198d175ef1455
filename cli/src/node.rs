//! `pontoon node`.

use anyhow::Result;
use clap::Subcommand;
use pontoon_model::name::NodeName;

use crate::api::Api;
use crate::exit::Exit;
use crate::status::{self, Output};
use crate::{completion, say};

/// What can be done with nodes.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the nodes, their subnets and the way to them, as `pontoon get nodes` does
    List(Output),
    /// Frees the subnets of a node that is gone for good
    Remove {
        /// The node's name
        #[arg(add = completion::nodes())]
        name: NodeName,
    },
}

pub(crate) fn run(api: Api<'_>, command: &Command) -> Result<Exit> {
    match command {
        Command::List(output) => {
            status::print(output, &api.status()?, status::nodes)?;
        }
        Command::Remove { name } => {
            api.remove_node(name)?;
            say::line(format_args!("node {name} is removed; its subnets are free"))?;
        }
    }
    Ok(Exit::Done)
}
