//! What can be asked.

use pontoon_model::object::Kind;
use serde_json::{Map, Value, json};

use super::SCHEMAS;
use crate::api::operation::{Operation, Shape};
use crate::api::query::{Parameter, WATCH};

/// What an operation belongs to.
const CLUSTER: &str = "cluster";

pub(super) fn tags() -> Vec<Value> {
    let kinds = Kind::ALL.map(|kind| kind.names().plural);
    [CLUSTER].into_iter().chain(kinds).map(|name| json!({ "name": name })).collect()
}

pub(super) fn paths(operations: &[Operation]) -> Map<String, Value> {
    let mut paths = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] = describe(operation);
    }
    paths
}

fn describe(operation: &Operation) -> Value {
    let tag = operation.kind.map_or(CLUSTER, |kind| kind.names().plural);
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [tag],
        "responses": responses(operation),
    });
    let in_path = ["namespace", "name"].into_iter();
    let in_path = in_path.filter(|name| operation.path.contains(&format!("{{{name}}}")));
    let in_path = in_path.map(
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
    );
    let parameters: Vec<Value> = in_path.chain(operation.query.iter().map(parameter)).collect();
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(shape) = operation.body {
        described["requestBody"] = json!({
            "required": !matches!(shape, Shape::Optional(_)),
            "content": {"application/json": {"schema": schema(shape)}},
        });
    }
    described
}

fn parameter(parameter: &Parameter) -> Value {
    let kind = if parameter.flag { "boolean" } else { "string" };
    json!({"name": parameter.name, "in": "query", "description": parameter.about,
        "schema": {"type": kind}})
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    for (status, shape) in &operation.answers {
        let description = match status {
            207 => "It was done in part: see the items.",
            _ => "It is done.",
        };
        let mut content = json!({"application/json": {"schema": schema(*shape)}});
        if let (Some(kind), true) = (operation.kind, operation.query.contains(&WATCH)) {
            let event = format!("{SCHEMAS}{}Event", kind.names().kind);
            // What `data` holds of each event.
            content["text/event-stream"] = json!({"schema": {"$ref": event}});
        }
        responses
            .insert(status.to_string(), json!({"description": description, "content": content}));
    }
    responses.insert(
        "default".to_owned(),
        json!({
            "description": "It is not done, and why.",
            "content": {"application/json": {"schema": {"$ref": format!("{SCHEMAS}ApiError")}}},
        }),
    );
    responses.into()
}

fn schema(shape: Shape) -> Value {
    let named = |name: &str| json!({"$ref": format!("{SCHEMAS}{name}")});
    match shape {
        Shape::Named(name) | Shape::Optional(name) => named(name),
        Shape::Object(kind) => named(kind.names().kind),
        Shape::List(kind) => named(&format!("{}List", kind.names().kind)),
        Shape::Manifests => {
            let kinds = Kind::APPLIED.map(|kind| named(kind.names().kind));
            let one = json!({"anyOf": kinds});
            json!({"anyOf": [one, {"type": "array", "items": {"anyOf": kinds}}]})
        }
        Shape::Anything => json!({"type": "object"}),
    }
}
