//! `pontoon label` and `pontoon annotate`.

use anyhow::Result;
use clap::Args;
use pontoon_model::api::Code;
use pontoon_model::manifest::label;
use pontoon_model::object::{Kind, LabelChange, MetadataChange, OutcomeResult};

use crate::api::{Api, ApiError};
use crate::delete::{by_batches, check, failed};
use crate::exit::{Done, Exit};
use crate::output::Told;
use crate::scope::Scope;
use crate::usage::Usage;
use crate::{get, kinds};

pub(crate) const LABEL: &str = "\
Examples:
  pontoon label pod web-0 app=web               sets a label that is not there yet
  pontoon label pod web-0 track=canary --overwrite
  pontoon label svc/web svc/api tier-           takes a label away
  pontoon label pods -l app=web live=yes        by labels
  pontoon label node host-1 disk=ssd
Exit code: 0 when all have the labels, 1 when something has not.";

pub(crate) const ANNOTATE: &str = "\
Examples:
  pontoon annotate pod web-0 pontoon.net/readiness='http:8080/healthz;period=2s'
  pontoon annotate svc web pontoon.net/weights=track=canary:5,track=stable:95 --overwrite
  pontoon annotate pod web-0 pontoon.net/readiness-          takes it away
Exit code: 0 when all have the annotations, 1 when something has not.";

/// What both take.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A kind and names, or KIND/NAME for each object; then what is to be: key=value sets, key- takes away
    #[arg(required = true, value_name = "KIND [NAME] KEY=VALUE|KEY-", add = crate::completion::objects())]
    words: Vec<String>,
    #[command(flatten)]
    scope: Scope,
    /// All objects of the kind in the namespace
    #[arg(long, conflicts_with = "selector")]
    all: bool,
    /// Also where there is another value
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    told: Told,
}

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// `metadata.labels`
    Label,
    /// `metadata.annotations`
    Annotation,
}

impl Mark {
    const fn done(self) -> &'static str {
        match self {
            Self::Label => "labeled",
            Self::Annotation => "annotated",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Annotation => "annotation",
        }
    }
}

pub(crate) fn run(api: &Api, arguments: &Arguments, mark: Mark) -> Result<Exit> {
    let (objects, change) = split(mark, &arguments.words, arguments.overwrite)?;
    let targets = kinds::targets(&objects)?;
    check(&targets, &arguments.scope, arguments.all, mark.done())?;
    let verb = match (mark, change.set.is_empty()) {
        (Mark::Label, true) => "unlabeled",
        _ => mark.done(),
    };
    let change = match mark {
        Mark::Label => MetadataChange { labels: change, ..MetadataChange::default() },
        Mark::Annotation => MetadataChange { annotations: change, ..MetadataChange::default() },
    };
    let mut done = Done::ALL;
    let mut touched = 0;
    let mut empty = Vec::new();
    for target in &targets {
        // What people say of a node is theirs, though the node is not.
        if target.kind != Kind::Node {
            kinds::check_written(target.kind, mark.done())?;
        }
    }
    let selections = targets.iter().map(|target| arguments.scope.selection(target));
    for objects in selections.flat_map(by_batches) {
        let kind = objects.kind;
        match api.change(&objects, &change)? {
            Ok(outcomes) => {
                if outcomes.is_empty() {
                    empty.push(kind);
                }
                touched += outcomes.len();
                for outcome in outcomes {
                    let name = outcome.name;
                    let object = format!("{kind}/{name}");
                    match outcome.result {
                        OutcomeResult::Failed(failure) if failure.code == Code::Store => {
                            return Err(ApiError::from(failure).into());
                        }
                        OutcomeResult::Failed(failure) => {
                            let said = failed(api, kind, &arguments.scope, &name, &failure);
                            done = done.and_refused(&failure, said);
                        }
                        OutcomeResult::Unchanged => {
                            arguments.told.line(&object, format_args!("{object} not {verb}"))?;
                        }
                        _ => arguments.told.line(&object, format_args!("{object} {verb}"))?,
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
fn split(
    mark: Mark,
    words: &[String],
    overwrite: bool,
) -> Result<(Vec<String>, LabelChange), Usage> {
    let is_change = |word: &String| word.contains('=') || word.ends_with('-');
    let first = words.iter().position(is_change).unwrap_or(words.len());
    let (objects, changes) = words.split_at(first);
    if changes.is_empty() {
        return Err(Usage(format!(
            "there is no {}: write key=value to set, key- to take away",
            mark.noun()
        )));
    }
    let usage = |error: label::LabelError| Usage(error.to_string());
    let mut change = LabelChange { overwrite, ..LabelChange::default() };
    for word in changes {
        let twice = |key: &str| Err(Usage(format!("{} {key} is there twice", mark.noun())));
        match (word.split_once('='), word.strip_suffix('-')) {
            (Some((key, value)), _) => {
                label::check_key(key).map_err(usage)?;
                if mark == Mark::Label {
                    label::check_value(value).map_err(usage)?;
                }
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
                return Err(Usage(format!(
                    "{word:?} stands behind the {}s: names come first",
                    mark.noun()
                )));
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
        split(Mark::Label, &words, false).map(|(objects, change)| (objects.join(" "), change))
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
