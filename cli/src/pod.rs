//! `pontoon pod`: what runs on this node.

use anyhow::Result;
use clap::Subcommand;
use pontoon_model::api::Status;

use crate::api::Api;
use crate::exit::Exit;
use crate::grid::{self, Cell};
use crate::status::{self, Output};

/// What can be done with the pods of this node.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the pods of this node with their interfaces; `pontoon get pods -A` has those of all nodes
    List(Output),
}

pub(crate) fn run(api: &Api, command: &Command) -> Result<Exit> {
    match command {
        Command::List(output) => status::print(output, &api.status()?, table)?,
    }
    Ok(Exit::Done)
}

fn table(status: &Status) -> String {
    let mut rows = vec![grid::heads(["POD", "ADDRESSES", "INTERFACE", "ATTACHMENT"])];
    rows.extend(status.pods.iter().map(|pod| {
        let addresses: Vec<String> = pod.addresses.iter().map(ToString::to_string).collect();
        [pod.pod.to_string(), addresses.join(" "), pod.host_interface.clone(), pod.id.to_string()]
            .map(Cell::from)
            .to_vec()
    }));
    grid::lay_out(&rows)
}
