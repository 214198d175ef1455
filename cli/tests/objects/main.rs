//! The command against a daemon that answers what a test tells it.
//! `UPDATE_GOLDEN=1` writes anew what is compared.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers, too"
)]

mod apply;
mod change;
mod diff;
mod edit;
mod endings;
mod get;
mod init;
mod lab;
mod look;
mod refusals;
mod support;
mod wire;

use pontoon_model::object::{Kind, Outcome, OutcomeResult, Selection};
use serde_json::{Value, json};

fn selection(kind: Kind, namespace: Option<&str>, names: &[&str]) -> Selection {
    Selection {
        kind,
        namespace: namespace.map(|namespace| namespace.parse().unwrap()),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        labels: Default::default(),
    }
}

fn service(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {"on": "yes"}},
        "spec": {"clusterIP": "10.96.0.10", "selector": {"app": name}, "ports": [{"port": 80}]}})
}

fn outcome(kind: Kind, name: &str, result: OutcomeResult) -> Outcome {
    let namespace = kind.names().namespaced.then(|| "default".parse().unwrap());
    let name = name.to_owned();
    Outcome { kind: Some(kind), namespace, name, result, warnings: Vec::new(), document: None }
}

const MANIFESTS: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {foo: 1, ports: [{port: 80}]}
---
# nothing
---
apiVersion: v1
kind: Service
metadata: {name: broken
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: prod}}
- {apiVersion: v1, kind: Service, metadata: {name: old, namespace: prod}}
- {apiVersion: v1, kind: Service, metadata: {}}
---
apiVersion: v1
kind: Service
metadata: {name: same}
";
