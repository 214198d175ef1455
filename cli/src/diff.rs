//! `pontoon diff`: what apply would change.

mod settled;

use anyhow::{Result, bail};
use clap::Args;
use pontoon_model::api::Code;
use pontoon_model::name::Namespace;
use pontoon_model::object::{Documents, Outcome, OutcomeResult};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use crate::api::{Api, ApiError};
use crate::apply::{batches, in_namespace};
use crate::documents::{self, Document, Sources};
use crate::exit::{Done, Exit};
use crate::output;
use crate::say::{self, Tone, toned};
use crate::usage::Usage;

const EXAMPLES: &str = "\
Examples:
  pontoon diff -f web.yaml
  pontoon diff -R -f manifests/ || pontoon apply -R -f manifests/

What comes is what the daemon says that apply would make of each object; addresses and ports that it
would choose then are left out. Lines with - go, lines with + come.
Exit code: 0 when nothing differs, 1 when something does, 7 when an object could not be compared.";

/// What `pontoon diff` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    sources: Sources,
    /// The namespace of objects that name none [default: default]; those that name another are refused
    #[arg(short, long, value_name = "NAMESPACE", add = crate::completion::namespaces())]
    namespace: Option<Namespace>,
}

pub(crate) fn run(api: &Api, arguments: &Arguments) -> Result<Exit> {
    if arguments.sources.file.is_empty() {
        bail!(Usage("there is nothing to compare: name a file, a folder or - with -f".to_owned()));
    }
    let mut done = Done::ALL;
    let mut documents = Vec::new();
    for document in documents::read(&arguments.sources) {
        let namespace = arguments.namespace.as_ref();
        match document.and_then(|document| in_namespace(document, namespace)) {
            Ok(document) => documents.push(document),
            Err(unread) => done = done.and_ended(Exit::Incomparable, unread),
        }
    }
    let (batches, too_long) = batches(documents);
    for unread in too_long {
        done = done.and_ended(Exit::Incomparable, unread);
    }
    let mut differs = false;
    for batch in batches {
        let values: Documents = batch.iter().map(|document| of_now(&document.value)).collect();
        let outcomes = api.apply(&values, true)?.map_err(ApiError::from)?;
        for (document, outcome) in batch.iter().zip(outcomes) {
            match compare(api, document, outcome)? {
                Ok(None) => {}
                Ok(Some(text)) => {
                    differs = true;
                    say::line(text)?;
                }
                Err((exit, said)) => done = done.and_ended(exit, said),
            }
        }
    }
    let differs = if differs { Exit::Failed } else { Exit::Done };
    Ok(Exit::from(done).max(differs))
}

/// A document without the state that it was made from: it is compared with what is there now.
fn of_now(document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
    }
    document
}

/// What differs, or why that cannot be said.
type Compared = Result<Option<String>, (Exit, String)>;

fn compare(api: &Api, document: &Document, outcome: Outcome) -> Result<Compared> {
    let place = format!("{}: {}", document.origin, document.title());
    if let OutcomeResult::Failed(failure) = &outcome.result {
        if failure.code == Code::Store {
            return Err(ApiError::from(failure.clone()).into());
        }
        let exit = Exit::of(failure).max(Exit::Incomparable);
        return Ok(Err((exit, format!("{place}: {failure}"))));
    }
    if outcome.result == OutcomeResult::Unchanged {
        return Ok(Ok(None));
    }
    let (Some(kind), Some(new)) = (outcome.kind, outcome.document) else {
        let said =
            format!("{place}: pontoond does not say what it would be: it is of another version");
        return Ok(Err((Exit::Silent, said)));
    };
    let found = api.get(kind, outcome.namespace.as_ref(), &outcome.name)?;
    let old = match found {
        Ok(object) => Some(object),
        Err(failure) if failure.code == Code::NotFound => None,
        Err(failure) => return Ok(Err((Exit::Incomparable, format!("{place}: {failure}")))),
    };
    let new = settled::only(new, &document.value, old.as_ref());
    let title = format!("{kind}/{}", outcome.name);
    Ok(Ok(unified(&title, old.as_ref(), &new)?))
}

/// A unified difference of two objects; none when nothing is told of what differs.
fn unified(title: &str, old: Option<&Value>, new: &Value) -> Result<Option<String>> {
    let text = |object: &Value| -> Result<String> {
        Ok(format!("{}\n", output::yaml(&output::without_stamps(object))?))
    };
    let (before, after) = (old.map(text).transpose()?.unwrap_or_default(), text(new)?);
    if before == after {
        return Ok(None);
    }
    let place = if old.is_some() { "as it is" } else { "not there yet" };
    let mut lines = vec![
        toned(Tone::Head, &format!("--- {title} ({place})")),
        toned(Tone::Head, &format!("+++ {title} (applied)")),
    ];
    let diff = TextDiff::from_lines(&before, &after);
    for hunk in diff.unified_diff().iter_hunks() {
        lines.push(hunk.header().to_string());
        for change in hunk.iter_changes() {
            let (sign, tone) = match change.tag() {
                ChangeTag::Delete => ('-', Tone::Bad),
                ChangeTag::Insert => ('+', Tone::Good),
                ChangeTag::Equal => (' ', Tone::Plain),
            };
            lines.push(toned(tone, &format!("{sign}{}", change.value().trim_end_matches('\n'))));
        }
    }
    Ok(Some(lines.join("\n")))
}
