//! `pontoon node`.

use anyhow::Result;
use clap::Subcommand;
use pontoon_model::name::NodeName;
use pontoon_model::object::Kind;

use crate::api::Api;
use crate::exit::Exit;
use crate::get::explain;
use crate::scope::Scope;
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
    let already = |new: bool| if new { "" } else { "was already " };
    let (name, done) = match command {
        Command::List(output) => {
            status::print(output, &api.status()?, status::nodes)?;
            return Ok(Exit::Done);
        }
        Command::Cordon { name, reason } => {
            let done = api.cordon(name, reason.clone())?;
            (name, done.map(|new| format!("node/{name} {}cordoned", already(new))))
        }
        Command::Uncordon { name } => {
            let done = api.uncordon(name)?;
            (name, done.map(|new| format!("node/{name} {}uncordoned", already(new))))
        }
        Command::Remove { name } => {
            let done = api.remove_node(name)?;
            (name, done.map(|()| format!("node {name} is removed; its subnets are free")))
        }
    };
    match done {
        Ok(said) => {
            say::line(said)?;
            Ok(Exit::Done)
        }
        Err(failure) => {
            let everywhere = Scope::in_namespace(None);
            say::error(explain(api, Kind::Node, &everywhere, name.as_str(), &failure));
            Ok(Exit::of(&failure))
        }
    }
}
