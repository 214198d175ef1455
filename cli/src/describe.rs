//! `pontoon describe`: an object with all that a person needs to understand it.
//!
//! | module | what it tells of |
//! | --- | --- |
//! | `service`, `slice` | who stands behind, and why others do not |
//! | `pod` | where it is, how it is attached, which services select it |
//! | `node`, `subnet`, `namespace` | what is in them |
//! | `sheet` | how it is laid out |

mod cluster;
mod pod;
mod service;
mod sheet;
mod slice;

use std::time::SystemTime;

use anyhow::Result;
use clap::Args;
use pontoon_model::api::Status;
use pontoon_model::object::Kind;
use serde_json::Value;

use crate::api::{Api, ApiError};
use crate::behind::Around;
use crate::exit::{Done, Exit};
use crate::get::{check, explain, fetch, none, sorted};
use crate::kinds;
use crate::say;
use crate::scope::Scope;
use crate::table::{self, labels, text};
use sheet::Sheet;

const EXAMPLES: &str = "\
Examples:
  pontoon describe svc web             addresses, ports, endpoints, and why others are not ready
  pontoon describe pod web-0           where it is attached, which services select it
  pontoon describe nodes               all nodes
  pontoon describe svc -l app=web -A   services with a label, of all namespaces
Exit code: 0 also when there are none; 1 when a name is not found.";

/// What `pontoon describe` takes.
#[derive(Debug, Args)]
#[command(after_help = format!("{}\n\n{EXAMPLES}", kinds::HELP))]
pub(crate) struct Arguments {
    /// A kind or several, and names; or KIND/NAME for each object
    #[arg(required = true, value_name = "KIND [NAME]", add = crate::completion::objects())]
    words: Vec<String>,
    #[command(flatten)]
    scope: Scope,
}

/// What is known beside the objects themselves.
struct Known {
    around: Around,
    services: Vec<Value>,
    status: Status,
    now: SystemTime,
}

pub(crate) fn run(api: &Api, arguments: &Arguments) -> Result<Exit> {
    let targets = kinds::targets(&arguments.words)?;
    check(&targets, &arguments.scope)?;
    let mut done = Done::ALL;
    let mut found = Vec::new();
    for target in &targets {
        let (objects, failures) = fetch(api, &arguments.scope.selection(target))?;
        for (name, failure) in failures {
            let said = explain(api, target.kind, &arguments.scope, &name, &failure);
            done = done.and_refused(&failure, said);
        }
        found.extend(sorted(objects).into_iter().map(|object| (target.kind, object)));
    }
    if found.is_empty() {
        if done.is_all() {
            let kinds: Vec<Kind> = targets.iter().map(|target| target.kind).collect();
            none(api, &kinds, &arguments.scope);
        }
        return Ok(done.into());
    }
    let known = known(api)?;
    let sheets: Vec<String> =
        found.iter().map(|(kind, object)| describe(*kind, object, &known).to_string()).collect();
    say::line(sheets.join("\n\n"))?;
    Ok(done.into())
}

fn known(api: &Api) -> Result<Known, ApiError> {
    Ok(Known {
        around: api.around(None)?,
        services: api.all(Kind::Service, None)?,
        status: api.status()?,
        now: SystemTime::now(),
    })
}

fn describe(kind: Kind, object: &Value, known: &Known) -> Sheet {
    let mut sheet = Sheet::default();
    let metadata = |field: &str| text(object, &format!("/metadata/{field}")).to_owned();
    sheet.field("Name", metadata("name"));
    if kind.names().namespaced {
        sheet.field("Namespace", metadata("namespace"));
    }
    match kind {
        Kind::Service => service::tell(&mut sheet, object, known),
        Kind::Pod => pod::tell(&mut sheet, object, known),
        Kind::EndpointSlice => slice::tell(&mut sheet, object, known),
        Kind::Namespace => cluster::namespace(&mut sheet, object, known),
        Kind::Endpoints => service::endpoints(&mut sheet, object, known),
        Kind::Node => cluster::node(&mut sheet, object, known),
        Kind::Subnet => cluster::subnet(&mut sheet, object, known),
    }
    sheet
}

/// Labels, annotations and age, as every kind has them.
fn metadata(sheet: &mut Sheet, object: &Value, known: &Known) {
    sheet.field("Labels", labels(object, "/metadata/labels"));
    // Copies of whole documents tell nothing that is not told here.
    let annotations = object["metadata"]["annotations"].as_object().into_iter().flatten();
    let annotations: Vec<String> = annotations
        .filter(|(key, _)| key.as_str() != "kubectl.kubernetes.io/last-applied-configuration")
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("?")))
        .collect();
    sheet.lines("Annotations", annotations);
    let created = text(object, "/metadata/creationTimestamp");
    if !created.is_empty() {
        sheet.field("Age", format!("{} (since {created})", table::since(created, known.now)));
    }
}

#[cfg(test)]
mod tests;
