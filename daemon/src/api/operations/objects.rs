//! What every kind of object can: list, get, watch, change, delete; and apply.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use pontoon_model::api::{Code, Failure};
use pontoon_model::object::{Documents, Kind, Outcome, OutcomeResult};
use pontoon_model::rest::{ListMetadata, MetadataPatch, ObjectList, ObjectOutcome, Outcomes, path};
use serde_json::Value;

use crate::api::operation::{Context, Operation, Shape};
use crate::api::query::{ALL, DRY_RUN, OVERWRITE, SELECTOR, VERSION, WATCH};
use crate::api::{reply, watch};
use crate::objects;

pub(super) fn operations() -> Vec<Operation> {
    let mut all = vec![Operation {
        method: Method::POST,
        path: path::APPLY.to_owned(),
        id: "apply".to_owned(),
        summary: "Creates the objects of these documents, or makes those of their names like them. 207 when some failed.".to_owned(),
        kind: None,
        query: &[DRY_RUN],
        body: Some(Shape::Manifests),
        answers: vec![(200, Shape::Named("Outcomes")), (207, Shape::Named("Outcomes"))],
        handler: |context| Box::pin(apply(context)),
    }];
    for kind in Kind::ALL {
        let names = kind.names();
        all.extend(collection(kind, &format!("/v1/{}", names.plural), names.namespaced));
        let mut folder = format!("/v1/{}", names.plural);
        if names.namespaced {
            folder = format!("/v1/namespaces/{{namespace}}/{}", names.plural);
            all.extend(collection(kind, &folder, false));
        }
        all.extend(single(kind, &format!("{folder}/{{name}}")));
    }
    all
}

/// Whether people change labels and annotations of a kind.
const fn is_marked(kind: Kind) -> bool {
    !matches!(kind, Kind::Subnet | Kind::Endpoints)
}

/// Whether people delete objects of a kind. Pods are refused with what to do in place of it.
const fn is_deleted(kind: Kind) -> bool {
    !matches!(kind, Kind::Subnet | Kind::Endpoints | Kind::Node)
}

fn collection(kind: Kind, path: &str, everywhere: bool) -> Vec<Operation> {
    let plural = kind.names().plural;
    let place = if everywhere { " of all namespaces" } else { "" };
    let names = kind.names().kind;
    let suffix = if everywhere { "Everywhere" } else { "" };
    let outcomes = || vec![(200, Shape::Named("Outcomes")), (207, Shape::Named("Outcomes"))];
    let of = |method, verb: &str, summary: String| Operation {
        method,
        path: path.to_owned(),
        id: format!("{verb}{names}{}{suffix}", if names.ends_with('s') { "" } else { "s" }),
        summary,
        kind: Some(kind),
        query: &[],
        body: None,
        answers: Vec::new(),
        handler: |context| Box::pin(list(context)),
    };
    let mut all = vec![Operation {
        query: &[SELECTOR, WATCH, VERSION],
        answers: vec![(200, Shape::List(kind))],
        ..of(Method::GET, "list", format!("Lists {plural}{place}, or watches them."))
    }];
    if is_marked(kind) {
        all.push(Operation {
            query: &[SELECTOR, ALL, OVERWRITE],
            body: Some(Shape::Named("MetadataPatch")),
            answers: outcomes(),
            handler: |context| Box::pin(patch(context)),
            ..of(
                Method::PATCH,
                "patch",
                format!("Changes labels and annotations of {plural}{place}."),
            )
        });
    }
    if is_deleted(kind) {
        all.push(Operation {
            query: &[SELECTOR, ALL],
            answers: outcomes(),
            handler: |context| Box::pin(delete(context)),
            ..of(Method::DELETE, "delete", format!("Deletes {plural}{place}."))
        });
    }
    all
}

fn single(kind: Kind, path: &str) -> Vec<Operation> {
    let names = kind.names();
    let of = |method, verb: &str, summary: String| Operation {
        method,
        path: path.to_owned(),
        id: format!("{verb}{}", names.kind),
        summary,
        kind: Some(kind),
        query: &[],
        body: None,
        answers: vec![(200, Shape::Named("ObjectOutcome"))],
        handler: |context| Box::pin(get(context)),
    };
    let singular = names.singular;
    let mut all = vec![Operation {
        query: &[WATCH, VERSION],
        answers: vec![(200, Shape::Object(kind))],
        ..of(Method::GET, "get", format!("Reads one of the {}, or watches it.", names.plural))
    }];
    if is_marked(kind) {
        all.push(Operation {
            query: &[OVERWRITE],
            body: Some(Shape::Named("MetadataPatch")),
            handler: |context| Box::pin(patch(context)),
            ..of(Method::PATCH, "patch", format!("Changes labels and annotations of a {singular}."))
        });
    }
    if is_deleted(kind) {
        all.push(Operation {
            handler: |context| Box::pin(delete(context)),
            ..of(Method::DELETE, "delete", format!("Deletes a {singular}."))
        });
    }
    all
}

async fn list(context: Context) -> Result<Response, Failure> {
    let selection = context.selection()?;
    if context.query.flag(&WATCH, false)? {
        return watch::open(&context, selection).await;
    }
    let names = selection.kind.names();
    let listed = context.api.parts.objects.list(&selection).await?;
    let list = ObjectList {
        api_version: names.api_version.to_owned(),
        kind: format!("{}List", names.kind),
        metadata: ListMetadata { resource_version: listed.version },
        items: listed.documents,
    };
    Ok(reply::json(StatusCode::OK, &list))
}

async fn get(context: Context) -> Result<Response, Failure> {
    let selection = context.selection()?;
    if context.query.flag(&WATCH, false)? {
        return watch::open(&context, selection).await;
    }
    let found = context.api.parts.objects.get(&selection).await?;
    // Two nodes may tell of a pod that has just moved; either will do.
    match found.into_iter().next() {
        Some(document) => Ok(reply::json(StatusCode::OK, &document)),
        None => Err(Failure::new(Code::NotFound, format!("{} does not exist", selection.kind), "")),
    }
}

async fn apply(context: Context) -> Result<Response, Failure> {
    let dry_run = context.query.flag(&DRY_RUN, false)?;
    let documents: Documents = match context.document::<Value>()? {
        Value::Array(documents) => documents,
        document @ Value::Object(_) => vec![document],
        _ => {
            let said = "the body is neither an object nor an array of objects";
            return Err(Failure::new(Code::Decode, said, "send documents as JSON"));
        }
    };
    let config = context.api.parts.situation.borrow().config.clone();
    let config = config.ok_or_else(objects::config_unknown)?;
    let outcomes = context.api.parts.objects.apply(&config, documents, dry_run).await;
    Ok(several(outcomes))
}

async fn delete(context: Context) -> Result<Response, Failure> {
    let selection = context.selection()?;
    context.check_breadth()?;
    let outcomes = context.api.parts.objects.delete(&selection).await?;
    context.reply(outcomes)
}

async fn patch(context: Context) -> Result<Response, Failure> {
    let selection = context.selection()?;
    context.check_breadth()?;
    let overwrite = context.query.flag(&OVERWRITE, true)?;
    let change = context.document::<MetadataPatch>()?.into_change(overwrite);
    let outcomes = context.api.parts.objects.change(&selection, &change).await?;
    context.reply(outcomes)
}

impl Context {
    /// What changes many objects says so.
    fn check_breadth(&self) -> Result<(), Failure> {
        let chosen =
            self.name.is_some() || self.query.text(&SELECTOR).is_some_and(|t| !t.is_empty());
        if chosen || self.query.flag(&ALL, false)? {
            return Ok(());
        }
        Err(Failure::new(
            Code::Decode,
            "it would be done to every object",
            "choose some with labelSelector, or say all=true",
        )
        .of_field(SELECTOR.name))
    }

    /// Of one object that was named, what became of it; of several, of each.
    fn reply(&self, outcomes: Vec<Outcome>) -> Result<Response, Failure> {
        if self.name.is_none() {
            return Ok(several(outcomes));
        }
        let mut last = None;
        for outcome in outcomes {
            if let OutcomeResult::Failed(failure) = outcome.result {
                return Err(failure);
            }
            last = Some(outcome);
        }
        let last = last.ok_or_else(|| Failure::new(Code::NotFound, "it does not exist", ""))?;
        Ok(one(last))
    }
}

pub(super) fn one(outcome: Outcome) -> Response {
    reply::json(StatusCode::OK, &ObjectOutcome::from(outcome))
}

fn several(outcomes: Vec<Outcome>) -> Response {
    let outcomes = Outcomes::from(outcomes);
    let status = if outcomes.any_failed() { StatusCode::MULTI_STATUS } else { StatusCode::OK };
    reply::json(status, &outcomes)
}
