//! `pontoon delete`.

use anyhow::{Result, bail};
use clap::Args;
use pontoon_model::api::{Code, Failure};
use pontoon_model::manifest;
use pontoon_model::object::{Kind, OutcomeResult, Selection};

use crate::api::{Api, ApiError};
use crate::documents::{self, Document, Sources};
use crate::exit::{Done, Exit};
use crate::kinds::{self, Target};
use crate::output::Told;
use crate::scope::Scope;
use crate::usage::Usage;
use crate::{get, say};

const EXAMPLES: &str = "\
Examples:
  pontoon delete svc web api           by name
  pontoon delete svc/web ns/staging    of several kinds
  pontoon delete -f web.yaml           what a file has
  pontoon delete svc -l app=web        by labels
  pontoon delete svc --all -n staging  everything of a kind in a namespace
Exit code: 0 when all are gone, 1 when something is not or was not there (but see
--ignore-not-found).";

/// So that a request is done within its time.
const MOST_NAMES: usize = 500;

/// What `pontoon delete` takes.
#[derive(Debug, Args)]
#[command(after_help = format!("{}\n\n{EXAMPLES}", kinds::HELP))]
pub(crate) struct Arguments {
    /// A kind and names; or KIND/NAME for each object
    #[arg(value_name = "KIND [NAME]", conflicts_with = "file", add = crate::completion::objects())]
    words: Vec<String>,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    scope: Scope,
    /// All objects of the kind in the namespace
    #[arg(long, conflicts_with_all = ["selector", "file"])]
    all: bool,
    /// What is not there is gone, and no failure
    #[arg(long)]
    ignore_not_found: bool,
    #[command(flatten)]
    told: Told,
}

pub(crate) fn run(api: &Api, arguments: &Arguments) -> Result<Exit> {
    let mut done = Done::ALL;
    let selections = if arguments.sources.file.is_empty() {
        typed(arguments)?
    } else {
        if arguments.scope.selector.is_some() || arguments.scope.all_namespaces {
            bail!(Usage("-f names the objects, so leave -l and -A out".to_owned()));
        }
        written(arguments, &mut done)
    };
    let mut gone = 0;
    let mut empty = Vec::new();
    for selection in selections {
        let kind = selection.kind;
        let named = !selection.names.is_empty();
        let scope = arguments.scope.within(selection.namespace.as_ref());
        match api.delete(&selection)? {
            Ok(outcomes) => {
                if outcomes.is_empty() && !named {
                    empty.push(kind);
                }
                for outcome in outcomes {
                    for warning in outcome.warnings {
                        say::aside(format_args!("warning: {kind}/{}: {warning}", outcome.name));
                    }
                    match outcome.result {
                        OutcomeResult::Failed(failure) if failure.code == Code::Store => {
                            return Err(ApiError::from(failure).into());
                        }
                        OutcomeResult::Failed(failure) => {
                            if failure.code == Code::NotFound && arguments.ignore_not_found {
                                continue;
                            }
                            let said = failed(api, kind, &scope, &outcome.name, &failure);
                            done = done.and_refused(&failure, said);
                        }
                        _ => {
                            gone += 1;
                            let object = format!("{kind}/{}", outcome.name);
                            let said = format_args!("{kind} {:?} deleted", outcome.name);
                            arguments.told.line(&object, said)?;
                        }
                    }
                }
            }
            Err(failure) if failure.code == Code::NotFound && arguments.ignore_not_found => {}
            Err(failure) => done = done.and_refused(&failure, &failure),
        }
    }
    if gone == 0 && done.is_all() && !arguments.ignore_not_found {
        get::none(api, &empty, &arguments.scope);
    }
    Ok(done.into())
}

/// What the command line names.
fn typed(arguments: &Arguments) -> Result<Vec<Selection>, Usage> {
    let targets = kinds::targets(&arguments.words)?;
    check(&targets, &arguments.scope, arguments.all, "deleted")?;
    selections(&targets, &arguments.scope, "deleted by name")
}

/// What is to be changed, in requests that are done within their time.
pub(crate) fn selections(
    targets: &[Target],
    scope: &Scope,
    verb: &str,
) -> Result<Vec<Selection>, Usage> {
    let mut selections = Vec::new();
    for target in targets {
        kinds::check_written(target.kind, verb)?;
        selections.extend(by_batches(scope.selection(target)));
    }
    Ok(selections)
}

/// Checks that it is said which objects are meant.
pub(crate) fn check(targets: &[Target], scope: &Scope, all: bool, verb: &str) -> Result<(), Usage> {
    get::check(targets, scope)?;
    for Target { kind, names } in targets {
        if all && !names.is_empty() {
            return Err(Usage("--all means all objects, so leave the names out".to_owned()));
        }
        if !all && scope.selector.is_none() && names.is_empty() {
            return Err(Usage(format!(
                "it is not said which {} are to be {verb}: give names, -l LABELS or --all",
                kind.names().plural
            )));
        }
    }
    Ok(())
}

/// What is said of an object that something failed with.
pub(crate) fn failed(
    api: &Api,
    kind: Kind,
    scope: &Scope,
    name: &str,
    failure: &Failure,
) -> String {
    match failure.code {
        // It names the object itself.
        Code::NotFound => get::explain(api, kind, scope, name, failure),
        _ => format!("{kind}/{name}: {failure}"),
    }
}

/// A selection cut into ones that are done within the time of a request.
pub(crate) fn by_batches(selection: Selection) -> Vec<Selection> {
    if selection.names.is_empty() {
        return vec![selection];
    }
    let batch = |names: &[String]| Selection { names: names.to_vec(), ..selection.clone() };
    selection.names.chunks(MOST_NAMES).map(batch).collect()
}

/// What files name, in their order: neighbours of one kind and namespace go together.
fn written(arguments: &Arguments, done: &mut Done) -> Vec<Selection> {
    let mut selections: Vec<Selection> = Vec::new();
    for document in documents::read(&arguments.sources) {
        let place = document.and_then(|document| place(&document, &arguments.scope));
        let (kind, name, scope) = match place {
            Ok(place) => place,
            Err(unread) => {
                *done = done.and_failed(unread);
                continue;
            }
        };
        let next = scope.selection(&Target { kind, names: vec![name] });
        match selections.last_mut() {
            Some(last) if (last.kind, &last.namespace) == (next.kind, &next.namespace) => {
                last.names.extend(next.names);
            }
            _ => selections.push(next),
        }
    }
    selections.into_iter().flat_map(by_batches).collect()
}

fn place(document: &Document, scope: &Scope) -> Result<(Kind, String, Scope), documents::Unread> {
    let wrong = |reason: String| format!("{}: {}", document.origin, reason);
    let kind: Kind =
        manifest::kind_of(&document.value).map_err(|error| wrong(error.to_string()))?;
    let metadata = |field: &str| document.value["metadata"][field].as_str();
    let Some(name) = metadata("name").filter(|name| !name.is_empty()) else {
        return Err(wrong("metadata.name: it is missing".to_owned()));
    };
    let scope = match metadata("namespace").filter(|own| !own.is_empty()) {
        Some(own) if kind.names().namespaced => scope.narrowed(own).map_err(|reason| {
            wrong(format!("{}: metadata.namespace: {reason}", document.title()))
        })?,
        _ => scope.clone(),
    };
    Ok((kind, name.to_owned(), scope))
}
