//! `pontoon apply`: objects as files have them.

mod batch;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use pontoon_model::api::Code;
use pontoon_model::manifest;
use pontoon_model::name::Namespace;
use pontoon_model::object::{Documents, Outcome, OutcomeResult};
use serde_json::Value;

pub(crate) use batch::cut as batches;

use crate::api::{Api, ApiError};
use crate::documents::{self, Document, Sources};
use crate::exit::{Done, Exit};
use crate::output::Told;
use crate::say;
use crate::scope::elsewhere;
use crate::usage::Usage;

pub(crate) const EXAMPLES: &str = "\
Examples:
  pontoon apply -f web.yaml                 a file, of one document or several
  pontoon apply -R -f manifests/            a folder and the folders in it
  kubectl get svc -o yaml | pontoon apply -f -
  pontoon apply -n prod --dry-run -f web.yaml

Every document that is refused is named with its file, its number and the field; the others are
applied all the same. Fields that Pontoon does not use are named in warnings.
Exit code: 0 when all were applied, 1 when something was not.";

/// What `pontoon apply` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    sources: Sources,
    /// The namespace of objects that name none [default: default]; those that name another are refused
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<Namespace>,
    /// Only says what would be done; the daemon checks everything but what others do meanwhile
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true,
        default_value = "none", default_missing_value = "server", hide_possible_values = true)]
    dry_run: DryRun,
    #[command(flatten)]
    told: Told,
}

impl Arguments {
    fn dry_run(&self) -> bool {
        self.dry_run != DryRun::None
    }
}

/// kubectl's words; checked is in the daemon either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DryRun {
    None,
    Client,
    Server,
}

pub(crate) fn run(api: &Api, arguments: &Arguments) -> Result<Exit> {
    if arguments.sources.file.is_empty() {
        bail!(Usage("there is nothing to apply: name a file, a folder or - with -f".to_owned()));
    }
    let mut done = Done::ALL;
    let mut documents = Vec::new();
    for document in documents::read(&arguments.sources) {
        let placed =
            document.and_then(|document| in_namespace(document, arguments.namespace.as_ref()));
        match placed {
            Ok(document) => documents.push(document),
            Err(unread) => done = done.and_failed(unread),
        }
    }
    if documents.is_empty() && done.is_all() {
        bail!("there are no objects in what -f names");
    }
    let total = documents.len();
    let mut before = 0;
    let (cut, too_long) = batches(documents);
    for unread in too_long {
        done = done.and_failed(unread);
    }
    for batch in cut {
        let values: Documents = batch.iter().map(|document| document.value.clone()).collect();
        // What stands in the way of this request would stand in the way of the next.
        let outcomes = match api.apply(&values, arguments.dry_run()) {
            Ok(Ok(outcomes)) if outcomes.len() == batch.len() => outcomes,
            Ok(Ok(outcomes)) => bail!(
                "pontoond told of {} objects where {} were sent; is it of another version?",
                outcomes.len(),
                batch.len()
            ),
            Ok(Err(failure)) => bail!(ApiError::from(failure).behind(before, total)),
            Err(error) => bail!(error.behind(before, total)),
        };
        let mut away = None;
        for (document, outcome) in batch.iter().zip(outcomes) {
            match outcome.result {
                // It would be the same of every document.
                OutcomeResult::Failed(failure) if failure.code == Code::Store => {
                    away.get_or_insert(failure);
                }
                _ => {
                    before += 1;
                    done = tell(document, &outcome, arguments, done)?;
                }
            }
        }
        if let Some(failure) = away {
            bail!(ApiError::from(failure).behind(before, total));
        }
    }
    Ok(done.into())
}

/// Puts an object without a namespace into the one that was asked for.
pub(crate) fn in_namespace(
    mut document: Document,
    asked: Option<&Namespace>,
) -> Result<Document, documents::Unread> {
    // What is of no known kind is for the daemon to refuse, like everything else that is wrong.
    if !manifest::kind_of(&document.value).is_ok_and(|kind| kind.names().namespaced) {
        return Ok(document);
    }
    let object = document.title();
    let Some(Value::Object(metadata)) = document.value.get_mut("metadata") else {
        return Ok(document);
    };
    match (metadata.get("namespace").unwrap_or(&Value::Null), asked) {
        (Value::Null, _) => {
            let namespace = asked.cloned().unwrap_or_default();
            metadata.insert("namespace".to_owned(), namespace.as_str().into());
        }
        (Value::String(own), Some(asked)) if own != asked.as_str() => {
            let reason = elsewhere(own, asked);
            return Err(format!("{}: {object}: metadata.namespace: {reason}", document.origin));
        }
        _ => {}
    }
    Ok(document)
}

fn tell(document: &Document, outcome: &Outcome, arguments: &Arguments, done: Done) -> Result<Done> {
    let place = format!("{}: {}", document.origin, document.title());
    for warning in &outcome.warnings {
        say::aside(format_args!("warning: {place}: {warning}"));
    }
    let verb = match &outcome.result {
        OutcomeResult::Created => "created",
        OutcomeResult::Configured => "configured",
        OutcomeResult::Unchanged => "unchanged",
        OutcomeResult::Labeled | OutcomeResult::Annotated => "marked",
        OutcomeResult::Deleted => "deleted",
        OutcomeResult::Failed(failure) => {
            return Ok(done.and_refused(failure, format!("{place}: {failure}")));
        }
    };
    let dry = if arguments.dry_run() { " (dry run)" } else { "" };
    let kind = outcome.kind.map(|kind| kind.to_string()).unwrap_or_default();
    let object = format!("{kind}/{}", outcome.name);
    arguments.told.line(&object, format_args!("{object} {verb}{dry}"))?;
    Ok(done)
}
