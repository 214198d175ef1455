//! `pontoon`, what a person types. It asks the daemon of this host and prints what it answers.

mod apply;
mod daemon;
mod delete;
mod documents;
mod get;
mod kinds;
mod label;
mod say;
mod scope;
mod show;
mod table;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use pontoon_model::api::{DEFAULT_SOCKET, Request, Response, Status};
use pontoon_model::cluster::BackendKind;
use pontoon_model::name::NodeName;

use daemon::Daemon;

/// Looks after Pontoon on this host and in its cluster.
#[derive(Debug, Parser)]
#[command(name = "pontoon", version, propagate_version = true)]
struct Arguments {
    /// The daemon's socket
    #[arg(long, global = true, env = "PONTOON_SOCKET", default_value = DEFAULT_SOCKET, value_name = "PATH")]
    socket: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Creates or changes services, endpoint slices, namespaces and pods as files have them
    Apply(apply::Arguments),
    /// Shows services, endpoint slices, namespaces and pods
    Get(get::Arguments),
    /// Deletes services, endpoint slices, namespaces and pods
    Delete(delete::Arguments),
    /// Sets labels of objects or takes them away
    Label(label::Arguments),
    /// Shows this node, its cluster and its pods, and what is wrong; fails when the node is not ready
    Status(Output),
    /// Nodes of the cluster
    #[command(subcommand)]
    Node(NodeCommand),
    /// Pods of this node
    #[command(subcommand)]
    Pod(PodCommand),
    /// How packets cross hosts
    #[command(subcommand)]
    Backend(BackendCommand),
}

#[derive(Debug, Args)]
struct Output {
    /// Prints the daemon's answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum NodeCommand {
    /// Lists the nodes, their subnets and the way to them
    List(Output),
    /// Frees the subnets of a node that is gone for good
    Remove {
        /// The node's name
        name: NodeName,
    },
}

#[derive(Debug, Subcommand)]
enum PodCommand {
    /// Lists the pods of this node
    List(Output),
}

#[derive(Debug, Subcommand)]
enum BackendCommand {
    /// Changes the backend of the running cluster: vxlan, host-gw or auto
    Set {
        /// The new one
        kind: BackendKind,
    },
}

/// Whether all of it was done, when it is done for each object by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    All,
    Partly,
}

impl Done {
    /// Says what failed, and goes on.
    fn and_failed(self, what: impl std::fmt::Display) -> Self {
        say::error(what);
        Self::Partly
    }
}

impl From<Done> for ExitCode {
    fn from(done: Done) -> Self {
        match done {
            Done::All => Self::SUCCESS,
            Done::Partly => Self::FAILURE,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            if let Some(usage) = error.downcast_ref::<usage::Usage>() {
                Arguments::command().error(ErrorKind::ValueValidation, usage).exit();
            }
            say::aside(format_args!("pontoon: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let daemon = Daemon::at(&arguments.socket);
    let status = || match daemon.ask(&Request::Status)? {
        Response::Status(status) => Ok(*status),
        other => bail!(daemon::strange(&other)),
    };
    match &arguments.command {
        Command::Apply(arguments) => return Ok(apply::run(daemon, arguments)?.into()),
        Command::Get(arguments) => return Ok(get::run(daemon, arguments)?.into()),
        Command::Delete(arguments) => return Ok(delete::run(daemon, arguments)?.into()),
        Command::Label(arguments) => return Ok(label::run(daemon, arguments)?.into()),
        Command::Status(output) => {
            let status = status()?;
            print(output, &status, show::status)?;
            return Ok(if status.ready { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Node(NodeCommand::List(output)) => print(output, &status()?, show::nodes)?,
        Command::Pod(PodCommand::List(output)) => print(output, &status()?, show::pods)?,
        Command::Node(NodeCommand::Remove { name }) => {
            daemon.ask(&Request::RemoveNode { name: name.clone() })?;
            say::line(format_args!("node {name} is removed; its subnets are free"))?;
        }
        Command::Backend(BackendCommand::Set { kind }) => {
            daemon.ask(&Request::SetBackend { kind: *kind })?;
            say::line(format_args!(
                "the cluster's backend is {kind}; `pontoon node list` shows the ways as nodes follow"
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(output: &Output, status: &Status, human: fn(&Status) -> String) -> Result<()> {
    if output.json {
        say::line(serde_json::to_string_pretty(status).context("the status is no JSON")?)
    } else {
        say::line(human(status))
    }
}
