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
    /// Keeps new pods from a node; those that it has stay
    Cordon {
        /// The node's name
        #[arg(add = completion::nodes())]
        name: NodeName,
        /// Why, for whoever wonders
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lets new pods to a node again
    Uncordon {
        /// The node's name
        #[arg(add = completion::nodes())]
        name: NodeName,
    },
    /// Frees the subnets of a node that is gone for good
    Remove {
        /// The node's name
        #[arg(add = completion::nodes())]
        name: NodeName,
    },
}

pub(crate) fn run(api: &Api, command: &Command) -> Result<Exit> {
    match command {
        Command::List(output) => {
            status::print(output, &api.status()?, status::nodes)?;
        }
        Command::Cordon { name, reason } => {
            let new = api.cordon(name, reason.clone())?;
            say::line(format_args!(
                "node/{name} {}cordoned",
                if new { "" } else { "was already " }
            ))?;
        }
        Command::Uncordon { name } => {
            let new = api.uncordon(name)?;
            say::line(format_args!(
                "node/{name} {}uncordoned",
                if new { "" } else { "was already " }
            ))?;
        }
        Command::Remove { name } => {
            api.remove_node(name)?;
            say::line(format_args!("node {name} is removed; its subnets are free"))?;
        }
    }
    Ok(Exit::Done)
}
