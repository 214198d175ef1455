//! `pontoon edit`: an object in an editor, until the daemon takes it.

mod file;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use pontoon_model::api::{Code, Failure};
use pontoon_model::name::Namespace;
use pontoon_model::object::{Kind, OutcomeResult};
use serde_json::Value;

use crate::api::{Api, ApiError};
use crate::delete::check;
use crate::documents;
use crate::exit::Exit;
use crate::get::{explain, fetch};
use crate::kinds;
use crate::output;
use crate::say;
use crate::scope::Scope;
use crate::table::text;
use crate::usage::Usage;
use file::Draft;

const EXAMPLES: &str = "\
Examples:
  pontoon edit svc web
  EDITOR=nano pontoon edit svc/web -n prod

What the daemon refuses is opened again, with the reason above it. Nothing is changed when nothing
was edited, when the file is left empty, or when somebody else has changed the object meanwhile; then
what was written is kept in a file. The editor is $PONTOON_EDITOR, $VISUAL, $EDITOR or vi.
Exit code: 0 also when nothing was edited, 1 when it was not taken.";

/// What `pontoon edit` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A kind and a name, or KIND/NAME
    #[arg(required = true, value_name = "KIND NAME", add = crate::completion::objects())]
    words: Vec<String>,
    /// The namespace of the object [default: default]
    #[arg(short, long, value_name = "NAMESPACE", add = crate::completion::namespaces())]
    namespace: Option<Namespace>,
}

pub(crate) fn run(api: &Api, arguments: &Arguments) -> Result<Exit> {
    let targets = kinds::targets(&arguments.words)?;
    let scope = Scope::in_namespace(arguments.namespace.clone());
    check(&targets, &scope, false, "edited")?;
    let [target] = targets.as_slice() else {
        bail!(Usage("one object at a time can be edited".to_owned()));
    };
    let [_] = target.names.as_slice() else {
        bail!(Usage("one object at a time can be edited: give its name".to_owned()));
    };
    kinds::check_written(target.kind, "edited")?;
    let kind = target.kind;
    let (objects, failures) = fetch(api, &scope.selection(target))?;
    if let Some((name, failure)) = failures.first() {
        say::error(explain(api, target.kind, &scope, name, failure));
        return Ok(Exit::of(failure));
    }
    let object = objects.into_iter().next().context("the object is gone")?;
    Session { api, kind, object }.run()
}

/// The editing of one object.
struct Session<'a> {
    api: &'a Api,
    kind: Kind,
    object: Value,
}

impl Session<'_> {
    fn run(&self) -> Result<Exit> {
        let original = output::yaml(&output::without_stamps(&self.object))?;
        let title = format!("{}/{}", self.kind, text(&self.object, "/metadata/name"));
        let draft = Draft::create(&title)?;
        let mut content = original.clone();
        let mut reason = None;
        loop {
            draft.write(&file::with_head(&title, reason.as_deref(), &content))?;
            open(draft.path())?;
            let edited = file::without_head(&draft.read()?);
            if edited.trim().is_empty() || (reason.is_none() && edited.trim() == original.trim()) {
                say::line("nothing was edited, so nothing is changed")?;
                return Ok(Exit::Done);
            }
            // Opened again and left as it was: it is given up.
            if reason.is_some() && edited.trim() == content.trim() {
                let path = draft.keep();
                bail!(
                    "{title} is as it was: {}; what you wrote is in {}",
                    reason.unwrap_or_default(),
                    path.display()
                );
            }
            match self.submit(&edited) {
                Ok(said) => {
                    say::line(format_args!("{title} {said}"))?;
                    return Ok(Exit::Done);
                }
                Err(Refused::Whole(error)) => {
                    let path = draft.keep();
                    say::aside(format_args!("what you wrote is in {}", path.display()));
                    return Err(error.into());
                }
                Err(Refused::Outdated) => {
                    let path = draft.keep();
                    bail!(
                        "{title}: the object has been modified while it was edited, and nothing is changed; please apply your changes to the latest version: what you wrote is in {}",
                        path.display()
                    );
                }
                Err(Refused::Edited(why)) => reason = Some(why),
            }
            content = edited;
        }
    }

    fn submit(&self, edited: &str) -> Result<&'static str, Refused> {
        let mut documents = documents::of_text("what you wrote", edited);
        let mut document = match (documents.pop(), documents.is_empty()) {
            (Some(document), true) => document.map_err(Refused::Edited)?.value,
            _ => return Err(Refused::Edited("one object belongs here".to_owned())),
        };
        for path in ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"] {
            let (old, new) = (text(&self.object, path), text(&document, path));
            if old != new {
                let field = path[1..].replace('/', ".");
                return Err(Refused::Edited(format!(
                    "{field}: {old:?} cannot be changed into {new:?}: apply a new object, and delete the old one"
                )));
            }
        }
        // The editor does not show it, and it must be the one that was read.
        let version = &self.object["metadata"]["resourceVersion"];
        if !version.is_null() {
            document["metadata"]["resourceVersion"] = version.clone();
        }
        let outcomes = self.api.apply(&vec![document], false).map_err(Refused::Whole)?;
        let outcome = outcomes.map_err(|f| Refused::Edited(f.to_string()))?.pop();
        let Some(outcome) = outcome else {
            return Err(Refused::Edited("pontoond did not say what became of it".to_owned()));
        };
        for warning in &outcome.warnings {
            say::aside(format_args!("warning: {warning}"));
        }
        match outcome.result {
            OutcomeResult::Failed(failure) if is_outdated(&failure) => Err(Refused::Outdated),
            OutcomeResult::Failed(failure) if Exit::of(&failure) == Exit::Failed => {
                Err(Refused::Edited(failure.to_string()))
            }
            OutcomeResult::Failed(failure) => Err(Refused::Whole(failure.into())),
            OutcomeResult::Unchanged => Ok("unchanged"),
            _ => Ok("edited"),
        }
    }
}

/// Why it was not taken.
enum Refused {
    /// Something is wrong with what was written.
    Edited(String),
    /// Others have changed the object since it was read.
    Outdated,
    /// The daemon does not take anything.
    Whole(ApiError),
}

fn is_outdated(failure: &Failure) -> bool {
    failure.code == Code::Conflict && failure.field.as_deref() == Some("metadata.resourceVersion")
}

/// Lets a person edit a file.
fn open(path: &Path) -> Result<()> {
    let set = |name: &str| std::env::var(name).ok().filter(|editor| !editor.trim().is_empty());
    let editor = ["PONTOON_EDITOR", "VISUAL", "EDITOR"].into_iter().find_map(set);
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    // It may have arguments of its own, such as `code --wait`.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("pontoon-edit")
        .arg(path)
        .status()
        .context("no shell can be started")?;
    if !status.success() {
        bail!("the editor {editor:?} ended with {status}: nothing is changed");
    }
    Ok(())
}
