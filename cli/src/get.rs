//! `pontoon get`: objects as tables, as documents or as names.

mod documents;

use std::time::SystemTime;

use anyhow::Result;
use clap::{Args, ValueEnum};
use pontoon_model::api::{Code, Failure};
use pontoon_model::object::{Kind, Selection};
use serde_json::Value;

use crate::daemon::Daemon;
use crate::kinds::{self, Target};
use crate::scope::Scope;
use crate::table::{self, Layout};
use crate::usage::Usage;
use crate::{Done, say};

const EXAMPLES: &str = "\
Examples:
  pontoon get svc                      the services of namespace default
  pontoon get svc,eps -A -o wide       services and endpoint slices of all namespaces
  pontoon get pods -l app=web,tier     pods with these labels
  pontoon get svc/web -o yaml          one service as a document, to edit and apply
Exit code: 0 also when there are none; 1 when a name is not found or the daemon does not answer.";

/// What `pontoon get` takes.
#[derive(Debug, Args)]
#[command(after_help = format!("{}\n\n{EXAMPLES}", kinds::HELP))]
pub(crate) struct Arguments {
    /// A kind or several, and names; or KIND/NAME for each object
    #[arg(required = true, value_name = "KIND [NAME]")]
    words: Vec<String>,
    #[command(flatten)]
    scope: Scope,
    /// How to show them
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
    /// Leaves the heads of tables out
    #[arg(long)]
    no_headers: bool,
    /// Shows the labels in tables, too
    #[arg(long)]
    show_labels: bool,
    /// A name that is not found is no failure
    #[arg(long)]
    ignore_not_found: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// What matters, a line each
    Table,
    /// A table with more columns
    Wide,
    /// As they are, as JSON
    Json,
    /// As they are, as YAML
    Yaml,
    /// KIND/NAME, a line each
    Name,
}

pub(crate) fn run(daemon: Daemon<'_>, arguments: &Arguments) -> Result<Done> {
    let targets = kinds::targets(&arguments.words)?;
    check(&targets, &arguments.scope)?;
    let mut done = Done::All;
    let mut found = Vec::new();
    for target in &targets {
        let (objects, failures) = fetch(daemon, arguments.scope.selection(target))?;
        for failure in failures {
            if failure.code != Code::NotFound || !arguments.ignore_not_found {
                done = done.and_failed(failure);
            }
        }
        found.push((target.kind, sorted(objects)));
    }
    show(arguments, &targets, &found, done)?;
    Ok(done)
}

pub(crate) fn check(targets: &[Target], scope: &Scope) -> Result<(), Usage> {
    let named = targets.iter().any(|target| !target.names.is_empty());
    if named && scope.selector.is_some() {
        return Err(Usage("-l chooses among all objects, so leave the names out".to_owned()));
    }
    if scope.all_namespaces
        && let Some(target) =
            targets.iter().find(|target| target.kind.names().namespaced && !target.names.is_empty())
    {
        let kind = target.kind;
        return Err(Usage(format!("a {kind} with a name is in one namespace: use -n, not -A")));
    }
    Ok(())
}

fn show(
    arguments: &Arguments,
    targets: &[Target],
    found: &[(Kind, Vec<Value>)],
    done: Done,
) -> Result<()> {
    let all = || found.iter().flat_map(|(_, objects)| objects);
    let one = matches!(targets, [target] if target.names.len() == 1);
    let nothing = all().next().is_none();
    match arguments.output {
        // Nothing that was named is found; of what was not named, there is an empty list.
        Format::Json | Format::Yaml if nothing && (one || done == Done::Partly) => Ok(()),
        Format::Json => say::line(documents::json(&documents::whole(all(), one))?),
        Format::Yaml => say::line(documents::yaml(&documents::whole(all(), one))?),
        _ if nothing => {
            if done == Done::All && !arguments.ignore_not_found {
                let kinds: Vec<Kind> = found.iter().map(|(kind, _)| *kind).collect();
                none(&kinds, &arguments.scope);
            }
            Ok(())
        }
        Format::Name => found.iter().try_for_each(|(kind, objects)| {
            objects.iter().try_for_each(|object| {
                say::line(format_args!("{kind}/{}", table::text(object, "/metadata/name")))
            })
        }),
        Format::Table | Format::Wide => tables(arguments, found),
    }
}

fn tables(arguments: &Arguments, found: &[(Kind, Vec<Value>)]) -> Result<()> {
    let layout = Layout {
        wide: arguments.output == Format::Wide,
        namespaces: arguments.scope.all_namespaces,
        labels: arguments.show_labels,
        headers: !arguments.no_headers,
        kinds: found.len() > 1,
    };
    let now = SystemTime::now();
    let tables: Vec<String> = found
        .iter()
        .filter(|(_, objects)| !objects.is_empty())
        .map(|(kind, objects)| table::render(*kind, objects, layout, now))
        .collect();
    say::line(tables.join("\n\n"))
}

/// Says that there is nothing of the kinds that were asked for.
pub(crate) fn none(kinds: &[Kind], scope: &Scope) {
    for kind in kinds {
        say::aside(format_args!("No {} found{}.", kind.names().plural, scope.place(*kind)));
    }
}

/// What is there of a selection, and what is said of the rest. One name that is nothing's makes the
/// daemon refuse all, so they are asked for one by one then.
fn fetch(daemon: Daemon<'_>, selection: Selection) -> Result<(Vec<Value>, Vec<Failure>)> {
    match daemon.objects(selection.clone())? {
        Ok(objects) => Ok((objects, Vec::new())),
        Err(failure) if failure.code == Code::NotFound && selection.names.len() > 1 => {
            let (mut objects, mut failures) = (Vec::new(), Vec::new());
            for name in &selection.names {
                match daemon
                    .objects(Selection { names: vec![name.clone()], ..selection.clone() })?
                {
                    Ok(found) => objects.extend(found),
                    Err(failure) => failures.push(failure),
                }
            }
            Ok((objects, failures))
        }
        Err(failure) => Ok((Vec::new(), vec![failure])),
    }
}

fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    let key = |object: &Value| {
        ["/metadata/namespace", "/metadata/name"].map(|path| table::text(object, path).to_owned())
    };
    objects.sort_by_cached_key(key);
    objects
}
