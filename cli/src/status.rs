//! `pontoon status`: one screen for a person who asks what is wrong.

mod mesh;
mod screen;

use anyhow::Result;
use clap::Args;
use pontoon_model::object::Kind;
use serde::Serialize;

use crate::api::Api;
use crate::exit::Exit;
use crate::output::Format;
use crate::say;

pub(crate) use screen::nodes;

const EXAMPLES: &str = "\
What is wrong comes first. Exit code: 0 when this node is ready for pods, 1 when it is not.

With --mesh: every node's probes of its peers, the worst way and the longest median time of each
pair; what is lost of the last probes comes before the time. DNS and SERVICE are what a node checks of
itself. Exit code: 0 when all is good, 1 when something is not.";

/// What `pontoon status` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Show how well nodes reach each other
    #[arg(long)]
    mesh: bool,
    #[command(flatten)]
    output: Output,
}

/// How the daemon's status is printed.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// How to show it
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    output: Format,
    /// The same as `-o json`
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

pub(crate) fn run(api: &Api, arguments: &Arguments) -> Result<Exit> {
    if arguments.mesh {
        let known = api.mesh()?;
        let (text, good) = mesh::whole(&known);
        print(&arguments.output, &known, |_| text.clone())?;
        return Ok(if good { Exit::Done } else { Exit::Failed });
    }
    let status = api.status()?;
    let ready = status.ready;
    print(&arguments.output, &status, |status| {
        // They are kept in the store, which is asked only if somebody is there.
        let count = |kind: Kind| {
            let found = status.store.connected.then(|| api.all(kind, None).ok());
            found.flatten().map(|objects| objects.len())
        };
        screen::whole(status, count(Kind::Service), count(Kind::Pod))
    })?;
    Ok(if ready { Exit::Done } else { Exit::Failed })
}

/// Prints what the daemon says, or a part of it for people.
pub(crate) fn print<T: Serialize>(
    output: &Output,
    said: &T,
    human: impl FnOnce(&T) -> String,
) -> Result<()> {
    let format = if output.json { Format::Json } else { output.output };
    say::line(format.shown(said, human)?)
}
