//! Whole documents, as people have them.

mod kinds;
mod pods;
mod properties;
mod services;
mod slices;
mod speed;

use serde_json::{Value, json};

use super::*;

fn read(document: Value) -> Result<Parsed, String> {
    parse(document, &Namespace::default()).map_err(|error| error.to_string())
}

/// A service with this spec.
fn service(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})
}

fn read_service(document: Value) -> Result<(ServiceManifest, Vec<String>), String> {
    match read(document)? {
        Parsed { object: Object::Service(service), warnings } => Ok((*service, warnings)),
        other => panic!("{other:?}"),
    }
}

/// What is said of a service with this spec.
fn refusal(spec: Value) -> String {
    read_service(service(spec)).unwrap_err()
}

/// The spec of a service with one port, and these fields.
fn with(fields: Value) -> Value {
    let mut spec = json!({"ports": [{"port": 80}]});
    for (key, value) in fields.as_object().unwrap() {
        spec[key] = value.clone();
    }
    spec
}
