//! `pontoon get`: objects as tables, as documents or as names.

mod hints;
mod watch;

use std::time::SystemTime;

use anyhow::Result;
use clap::{Args, ValueEnum};
use pontoon_model::api::{Code, Failure};
use pontoon_model::object::{Kind, Selection};
use serde_json::Value;

use crate::api::{Api, ApiError};
use crate::exit::{Done, Exit};
use crate::kinds::{self, Target};
use crate::scope::Scope;
use crate::table::{self, Layout};
use crate::usage::Usage;
use crate::{output, say};

pub(crate) use hints::{explain, none};

const EXAMPLES: &str = "\
Examples:
  pontoon get svc                      the services of namespace default
  pontoon get svc,eps -A -o wide       services and endpoint slices of all namespaces
  pontoon get pods -l app=web,tier     pods with these labels
  pontoon get svc/web -o yaml          one service as a document, to edit and apply
  pontoon get ep web -w                who stands behind a service, and every change of it
Exit code: 0 also when there are none; 1 when a name is not found.";

/// What `pontoon get` takes.
#[derive(Debug, Args)]
#[command(after_help = format!("{}\n\n{EXAMPLES}", kinds::HELP))]
pub(crate) struct Arguments {
    /// A kind or several, and names; or KIND/NAME for each object
    #[arg(required = true, value_name = "KIND [NAME]", add = crate::completion::objects())]
    words: Vec<String>,
    #[command(flatten)]
    scope: Scope,
    /// How to show them
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
    /// Goes on, with a line for each change, until it is interrupted
    #[arg(short, long)]
    watch: bool,
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

/// How objects are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
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

pub(crate) fn run(api: &Api, arguments: &Arguments) -> Result<Exit> {
    let targets = kinds::targets(&arguments.words)?;
    check(&targets, &arguments.scope)?;
    if arguments.watch {
        return watch::run(api, arguments, &targets);
    }
    let mut done = Done::ALL;
    let mut found = Vec::new();
    for target in &targets {
        let (objects, failures) = fetch(api, &arguments.scope.selection(target))?;
        for (name, failure) in failures {
            if failure.code != Code::NotFound || !arguments.ignore_not_found {
                let said = explain(api, target.kind, &arguments.scope, &name, &failure);
                done = done.and_refused(&failure, said);
            }
        }
        found.push((target.kind, sorted(objects)));
    }
    show(api, arguments, &targets, &found, done)?;
    Ok(done.into())
}

pub(crate) fn check(targets: &[Target], scope: &Scope) -> Result<(), Usage> {
    let named = targets.iter().any(|target| !target.names.is_empty());
    if named && scope.selector.is_some() {
        return Err(Usage("-l chooses among all objects, so leave the names out".to_owned()));
    }
    let in_one = |target: &&Target| target.kind.names().namespaced && !target.names.is_empty();
    if scope.all_namespaces
        && let Some(target) = targets.iter().find(in_one)
    {
        let kind = target.kind;
        return Err(Usage(format!("a {kind} with a name is in one namespace: use -n, not -A")));
    }
    Ok(())
}

fn show(
    api: &Api,
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
        Format::Json | Format::Yaml if nothing && (one || !done.is_all()) => Ok(()),
        Format::Json => say::line(output::json(&output::whole(all(), one))?),
        Format::Yaml => say::line(output::yaml(&output::whole(all(), one))?),
        _ if nothing => {
            if done.is_all() && !arguments.ignore_not_found {
                let kinds: Vec<Kind> = found.iter().map(|(kind, _)| *kind).collect();
                none(api, &kinds, &arguments.scope);
            }
            Ok(())
        }
        Format::Name => found.iter().try_for_each(|(kind, objects)| {
            objects.iter().try_for_each(|object| say::line(name(*kind, object)))
        }),
        Format::Table | Format::Wide => tables(arguments, found),
    }
}

/// An object as `-o name` shows it.
fn name(kind: Kind, object: &Value) -> String {
    format!("{kind}/{}", table::text(object, "/metadata/name"))
}

fn layout(arguments: &Arguments, kinds: bool) -> Layout {
    Layout {
        wide: arguments.output == Format::Wide,
        namespaces: arguments.scope.all_namespaces,
        labels: arguments.show_labels,
        headers: !arguments.no_headers,
        kinds,
    }
}

fn tables(arguments: &Arguments, found: &[(Kind, Vec<Value>)]) -> Result<()> {
    let layout = layout(arguments, found.len() > 1);
    let now = SystemTime::now();
    let tables: Vec<String> = found
        .iter()
        .filter(|(_, objects)| !objects.is_empty())
        .map(|(kind, objects)| table::render(*kind, objects, layout, now))
        .collect();
    say::line(tables.join("\n\n"))
}

type Missing = (String, Failure);

/// What is there of what is wanted, and what is said of the rest.
pub(crate) fn fetch(api: &Api, wanted: &Selection) -> Result<(Vec<Value>, Vec<Missing>), ApiError> {
    if wanted.names.is_empty() {
        return Ok((api.list(wanted)?, Vec::new()));
    }
    let (mut objects, mut failures) = (Vec::new(), Vec::new());
    for name in &wanted.names {
        match api.get(wanted.kind, wanted.namespace.as_ref(), name)? {
            Ok(object) => objects.push(object),
            Err(failure) => failures.push((name.clone(), failure)),
        }
    }
    Ok((objects, failures))
}

pub(crate) fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    let key = |object: &Value| {
        ["/metadata/namespace", "/metadata/name"].map(|path| table::text(object, path).to_owned())
    };
    objects.sort_by_cached_key(key);
    objects
}
