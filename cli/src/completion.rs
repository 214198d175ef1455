//! `pontoon completion`: what a shell needs. The shell asks this very command for what may come next,
//! so that names are those of the cluster.

mod words;

use std::ffi::OsStr;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};
use pontoon_model::object::Kind;

use crate::api::Api;
use crate::exit::Exit;
use crate::table::text;
use words::Typed;

const EXAMPLES: &str = "\
Examples:
  pontoon completion bash > /etc/bash_completion.d/pontoon
  pontoon completion zsh > /usr/local/share/zsh/site-functions/_pontoon
  pontoon completion fish > ~/.config/fish/completions/pontoon.fish";

/// The variable by which a shell asks.
const VARIABLE: &str = "PONTOON_COMPLETE";
/// A shell that waits is worse than one that knows no names.
const PATIENCE: Duration = Duration::from_millis(700);

/// What `pontoon completion` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    shell: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    let shells = Shells::builtins();
    let shell = shells
        .completer(&arguments.shell)
        .context("this build has no completion for that shell")?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "pontoon", "pontoon", "pontoon", &mut script)?;
    crate::say::line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}

/// Answers a shell that asks, and ends then.
pub(crate) fn complete(command: impl Fn() -> clap::Command) {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

/// Kinds and names of objects.
pub(crate) fn objects() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let typed = Typed::now();
        let current = current.to_str().unwrap_or_default();
        if let Some((word, start)) = current.split_once('/') {
            let Some(kind) = words::kind(word) else { return Vec::new() };
            return candidates(&typed, kind, start, &format!("{word}/"));
        }
        match typed.kind() {
            Some(kind) => candidates(&typed, kind, current, ""),
            None => {
                let (before, start) =
                    current.rsplit_once(',').map_or(("", current), |(b, s)| (b, s));
                let before = if before.is_empty() { String::new() } else { format!("{before},") };
                let plurals = Kind::ALL.map(|kind| kind.names().plural.to_owned());
                starting(plurals, start, &before)
            }
        }
    })
}

/// Names of namespaces.
pub(crate) fn namespaces() -> ArgValueCompleter {
    of(Kind::Namespace)
}

/// Names of nodes.
pub(crate) fn nodes() -> ArgValueCompleter {
    of(Kind::Node)
}

fn of(kind: Kind) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        candidates(&Typed::now(), kind, current.to_str().unwrap_or_default(), "")
    })
}

fn candidates(typed: &Typed, kind: Kind, start: &str, before: &str) -> Vec<CompletionCandidate> {
    let namespace = if kind.names().namespaced { typed.namespace() } else { None };
    let server = typed.server();
    let (teller, told) = mpsc::channel();
    std::thread::spawn(move || {
        let found = Api::of(&server).and_then(|api| api.all(kind, namespace)).unwrap_or_default();
        // Nobody listens any more when it took too long.
        let _ = teller.send(found);
    });
    let found = told.recv_timeout(PATIENCE).unwrap_or_default();
    starting(found.iter().map(|object| text(object, "/metadata/name").to_owned()), start, before)
}

fn starting(
    words: impl IntoIterator<Item = String>,
    start: &str,
    before: &str,
) -> Vec<CompletionCandidate> {
    let words = words.into_iter().filter(|word| word.starts_with(start));
    words.map(|word| CompletionCandidate::new(format!("{before}{word}"))).collect()
}
