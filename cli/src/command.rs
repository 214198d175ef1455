//! Everything that can be typed.

use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::api::{Api, ApiError, Server};
use crate::exit::Exit;
use crate::mark::Mark;
use crate::say::{self, Colour};
use crate::usage::Usage;
use crate::{
    apply, backend, completion, delete, describe, diff, doctor, edit, get, init, kinds, lab, mark,
    node, pod, status, top, trace,
};

/// Looks after Pontoon on this host and in its cluster.
#[derive(Debug, Parser)]
#[command(name = "pontoon", version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    server: Server,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    color: Colour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows this node, its peers, the store and what is wrong; fails when the node is not ready
    Status(status::Arguments),
    /// Says what is wrong with this node and its cluster, why it hurts and what mends it
    Doctor(doctor::Arguments),
    /// Shows objects: services, pods, endpoints, nodes and others
    Get(get::Arguments),
    /// Tells of objects all that helps to understand them, and why something is not ready
    Describe(describe::Arguments),
    /// Creates or changes services, endpoint slices, namespaces and pods as files have them
    Apply(apply::Arguments),
    /// Shows what apply would change
    Diff(diff::Arguments),
    /// Opens an object in an editor, until the daemon takes it
    Edit(edit::Arguments),
    /// Sets labels of objects or takes them away
    #[command(after_help = format!("{}\n\n{}", kinds::HELP, mark::LABEL))]
    Label(mark::Arguments),
    /// Sets annotations of objects or takes them away
    #[command(after_help = format!("{}\n\n{}", kinds::HELP, mark::ANNOTATE))]
    Annotate(mark::Arguments),
    /// Deletes services, endpoint slices, namespaces and pods
    Delete(delete::Arguments),
    /// Nodes of the cluster
    #[command(subcommand)]
    Node(node::Command),
    /// Pods of this node
    #[command(subcommand)]
    Pod(pod::Command),
    /// How packets cross hosts
    #[command(subcommand)]
    Backend(backend::Command),
    /// Follows a packet from a pod, a node or outside, and says where it ends and why
    Trace(trace::Arguments),
    /// Shows what moves on this node, the busiest first
    Top(top::Arguments),
    /// Writes the daemon's configuration, and says what comes next
    Init(Box<init::Arguments>),
    /// Runs clusters on this one machine, in network namespaces
    Lab(lab::Arguments),
    /// Prints what makes a shell complete commands, kinds and names
    Completion(completion::Arguments),
}

/// The command line, for whoever describes it.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Does what was typed.
#[must_use]
pub fn main() -> ExitCode {
    completion::complete(Arguments::command);
    let arguments = Arguments::parse();
    say::set_colour(arguments.color);
    match run(&arguments) {
        Ok(exit) => exit.into(),
        Err(error) => {
            if let Some(usage) = error.downcast_ref::<Usage>() {
                Arguments::command().error(ErrorKind::ValueValidation, usage).exit();
            }
            say::aside(format_args!("pontoon: {error:#}"));
            error.downcast_ref::<ApiError>().map_or(Exit::Failed, |error| error.exit).into()
        }
    }
}

fn run(arguments: &Arguments) -> Result<Exit> {
    let api = || Api::of(&arguments.server);
    match &arguments.command {
        Command::Status(arguments) => status::run(&api()?, arguments),
        Command::Doctor(doctor) => doctor::run(&arguments.server, doctor),
        Command::Get(arguments) => get::run(&api()?, arguments),
        Command::Describe(arguments) => describe::run(&api()?, arguments),
        Command::Apply(arguments) => apply::run(&api()?, arguments),
        Command::Diff(arguments) => diff::run(&api()?, arguments),
        Command::Edit(arguments) => edit::run(&api()?, arguments),
        Command::Init(arguments) => init::run(arguments),
        Command::Lab(arguments) => lab::run(arguments),
        Command::Label(arguments) => mark::run(&api()?, arguments, Mark::Label),
        Command::Annotate(arguments) => mark::run(&api()?, arguments, Mark::Annotation),
        Command::Delete(arguments) => delete::run(&api()?, arguments),
        Command::Node(command) => node::run(&api()?, command),
        Command::Pod(command) => pod::run(&api()?, command),
        Command::Backend(command) => backend::run(&api()?, command),
        Command::Trace(arguments) => trace::run(&api()?, arguments),
        Command::Top(top) => top::run(&api()?, top, &arguments.server),
        Command::Completion(arguments) => completion::run(arguments),
    }
}
