//! `pontoon label`.

use anyhow::Result;
use clap::Args;
use pontoon_model::manifest::label;
use pontoon_model::object::{LabelChange, OutcomeResult};

use crate::api::Api;
use crate::delete::{check, failed, selections};
use crate::exit::{Done, Exit};
use crate::scope::Scope;
use crate::usage::Usage;
use crate::{get, kinds, say};

const EXAMPLES: &str = "\
Examples:
  pontoon label pod web-0 app=web               sets a label that is not there yet
  pontoon label pod web-0 track=canary --overwrite
  pontoon label svc/web svc/api tier-           takes a label away
  pontoon label pods -l app=web live=yes        by labels
Exit code: 0 when all have the labels, 1 when something has not.";

/// What `pontoon label` takes.
#[derive(Debug, Args)]
#[command(after_help = format!("{}\n\n{EXAMPLES}", kinds::HELP))]
pub(crate) struct Arguments {
    /// A kind and names, or KIND/NAME for each object; then the labels: key=value sets, key- takes away
    #[arg(required = true, value_name = "KIND [NAME] KEY=VALUE|KEY-", add = crate::completion::objects())]
    words: Vec<String>,
    #[command(flatten)]
    scope: Scope,
    /// All objects of the kind in the namespace
    #[arg(long, conflicts_with = "selector")]
    all: bool,
    /// Also where the label has another value
    #[arg(long)]
    overwrite: bool,
}

pub(crate) fn run(api: Api<'_>, arguments: &Arguments) -> Result<Exit> {
    let (objects, change) = split(&arguments.words, arguments.overwrite)?;
    let targets = kinds::targets(&objects)?;
    check(&targets, &arguments.scope, arguments.all, "labeled")?;
    let verb = if change.set.is_empty() { "unlabeled" } else { "labeled" };
    let mut done = Done::ALL;
    let mut touched = 0;
    let mut empty = Vec::new();
    for objects in selections(&targets, &arguments.scope, "labeled")? {
        let kind = objects.kind;
        match api.label(objects, change.clone())? {
            Ok(outcomes) => {
                if outcomes.is_empty() {
                    empty.push(kind);
                }
                touched += outcomes.len();
                for outcome in outcomes {
                    let name = outcome.name;
                    match outcome.result {
                        OutcomeResult::Failed(failure) => {
                            let said = failed(api, kind, &arguments.scope, &name, &failure);
                            done = done.and_refused(&failure, said);
                        }
                        OutcomeResult::Unchanged => {
                            say::line(format_args!("{kind}/{name} not {verb}"))?;
                        }
                        _ => say::line(format_args!("{kind}/{name} {verb}"))?,
                    }
                }
            }
            Err(failure) => done = done.and_refused(&failure, &failure),
        }
    }
    if touched == 0 && done.is_all() {
        get::none(api, &empty, &arguments.scope);
    }
    Ok(done.into())
}

/// Objects come first, then changes. No name has '=' or ends with '-'.
fn split(words: &[String], overwrite: bool) -> Result<(Vec<String>, LabelChange), Usage> {
    let is_change = |word: &String| word.contains('=') || word.ends_with('-');
    let first = words.iter().position(is_change).unwrap_or(words.len());
    let (objects, changes) = words.split_at(first);
    if changes.is_empty() {
        return Err(Usage(
            "there is no label: write key=value to set, key- to take away".to_owned(),
        ));
    }
    let usage = |error: label::LabelError| Usage(error.to_string());
    let mut change = LabelChange { overwrite, ..LabelChange::default() };
    for word in changes {
        let twice = |key: &str| Err(Usage(format!("label {key} is there twice")));
        match (word.split_once('='), word.strip_suffix('-')) {
            (Some((key, value)), _) => {
                label::check_key(key).map_err(usage)?;
                label::check_value(value).map_err(usage)?;
                if change.remove.iter().any(|other| other == key)
                    || change.set.insert(key.to_owned(), value.to_owned()).is_some()
                {
                    return twice(key);
                }
            }
            (None, Some(key)) => {
                label::check_key(key).map_err(usage)?;
                if change.set.contains_key(key) || change.remove.iter().any(|other| other == key) {
                    return twice(key);
                }
                change.remove.push(key.to_owned());
            }
            (None, None) => {
                return Err(Usage(format!("{word:?} stands behind the labels: names come first")));
            }
        }
    }
    Ok((objects.to_vec(), change))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<(String, LabelChange), Usage> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        split(&words, false).map(|(objects, change)| (objects.join(" "), change))
    }

    #[test]
    fn labels_follow_the_names() {
        let (objects, change) = read("pod web-0 web-1 app=web tier- x.org/a=").unwrap();
        assert_eq!(objects, "pod web-0 web-1");
        assert_eq!(change.remove, ["tier"]);
        let set: Vec<_> = change.set.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(set, ["app=web", "x.org/a="]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for words in [
            "pod web",
            "pod app=a web",
            "pod app=a app-",
            "pod a=1 a=2",
            "pod a- a-",
            "pod =x",
            "pod a=b=c",
        ] {
            assert!(read(words).is_err(), "{words}");
        }
    }
}
