//! `pontoon`, what a person types. It asks the daemon of this host and prints what it answers.

mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use pontoon_client::{ask, deadline};
use pontoon_model::api::{DEFAULT_SOCKET, Failure, Request, Response, Status};
use pontoon_model::cluster::BackendKind;
use pontoon_model::name::NodeName;

/// Looks after Pontoon on this host and in its cluster.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    /// The daemon's socket
    #[arg(long, global = true, env = "PONTOON_SOCKET", default_value = DEFAULT_SOCKET, value_name = "PATH")]
    socket: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
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

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pontoon: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let status = || match send(arguments, &Request::Status)? {
        Response::Status(status) => Ok(*status),
        other => bail!("pontoond answered {other:?}; is it of another version?"),
    };
    match &arguments.command {
        Command::Status(output) => {
            let status = status()?;
            print(output, &status, show::status)?;
            return Ok(if status.ready { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Node(NodeCommand::List(output)) => print(output, &status()?, show::nodes)?,
        Command::Pod(PodCommand::List(output)) => print(output, &status()?, show::pods)?,
        Command::Node(NodeCommand::Remove { name }) => {
            send(arguments, &Request::RemoveNode { name: name.clone() })?;
            println!("node {name} is removed; its subnets are free");
        }
        Command::Backend(BackendCommand::Set { kind }) => {
            send(arguments, &Request::SetBackend { kind: *kind })?;
            println!(
                "the cluster's backend is {kind}; `pontoon node list` shows the ways as nodes follow"
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(output: &Output, status: &Status, human: fn(&Status) -> String) -> Result<()> {
    if output.json {
        println!("{}", serde_json::to_string_pretty(status).context("the status is no JSON")?);
    } else {
        println!("{}", human(status));
    }
    Ok(())
}

/// Asks the daemon; what it could not do is an error.
fn send(arguments: &Arguments, request: &Request) -> Result<Response> {
    match ask(&arguments.socket, request, deadline::of_request(request)) {
        Ok(Response::Failed(failure)) => bail!("{failure}"),
        Ok(response) => Ok(response),
        Err(error) => bail!("{}", Failure::from(&error)),
    }
}
