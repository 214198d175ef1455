//! Objects as tables, with kubectl's columns.

mod age;
mod cluster;
mod endpoint_slices;
mod endpoints;
mod pods;
mod services;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use pontoon_model::object::Kind;
use serde_json::Value;

pub(crate) use age::since;

use crate::grid::{self, Cell};
use crate::scope::Scope;

/// Which columns and what is around them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// With the columns of `-o wide`.
    pub(crate) wide: bool,
    /// With the namespace.
    pub(crate) namespaces: bool,
    /// With the labels.
    pub(crate) labels: bool,
    /// With a head.
    pub(crate) headers: bool,
    /// With the kind before each name.
    pub(crate) kinds: bool,
}

/// What a kind shows beside its name.
struct Columns {
    /// Their heads.
    heads: &'static [&'static str],
    /// The cells of an object.
    cells: fn(&Value) -> Vec<Cell>,
    /// Whether the age comes next.
    age: bool,
    /// Further ones of wide tables.
    wide: Option<WideColumn>,
}

type WideColumn = (&'static str, fn(&Value) -> String);

const fn columns(kind: Kind) -> Columns {
    match kind {
        Kind::Service => services::COLUMNS,
        Kind::EndpointSlice => endpoint_slices::COLUMNS,
        Kind::Pod => pods::COLUMNS,
        Kind::Namespace => Columns {
            heads: &["STATUS"],
            cells: |namespace| {
                let phase = text(namespace, "/status/phase");
                vec![if phase.is_empty() { "Active" } else { phase }.into()]
            },
            age: true,
            wide: None,
        },
        Kind::Endpoints => endpoints::COLUMNS,
        Kind::Node => cluster::NODES,
        Kind::Subnet => cluster::SUBNETS,
    }
}

/// A line for each object, in their order.
pub(crate) fn render(kind: Kind, objects: &[Value], layout: Layout, now: SystemTime) -> String {
    let mut rows: Vec<Vec<Cell>> =
        layout.headers.then(|| heads(kind, layout)).into_iter().collect();
    rows.extend(objects.iter().map(|object| row(kind, object, layout, now)));
    grid::lay_out(&rows)
}

/// The heads of a table.
pub(crate) fn heads(kind: Kind, layout: Layout) -> Vec<Cell> {
    let columns = columns(kind);
    let mut heads = vec!["NAME"];
    if layout.namespaces && kind.names().namespaced {
        heads.insert(0, "NAMESPACE");
    }
    heads.extend(columns.heads);
    heads.extend(columns.age.then_some("AGE"));
    heads.extend(columns.wide.filter(|_| layout.wide).map(|(head, _)| head));
    heads.extend(layout.labels.then_some("LABELS"));
    grid::heads(heads)
}

/// An object's cells.
pub(crate) fn row(kind: Kind, object: &Value, layout: Layout, now: SystemTime) -> Vec<Cell> {
    let columns = columns(kind);
    let name = text(object, "/metadata/name");
    let name = if layout.kinds { format!("{kind}/{name}") } else { name.to_owned() };
    let mut cells = vec![name.into()];
    if layout.namespaces && kind.names().namespaced {
        cells.insert(0, text(object, "/metadata/namespace").into());
    }
    cells.extend((columns.cells)(object));
    let created = text(object, "/metadata/creationTimestamp");
    cells.extend(columns.age.then(|| age::since(created, now).into()));
    cells.extend(columns.wide.filter(|_| layout.wide).map(|(_, cell)| cell(object).into()));
    cells.extend(layout.labels.then(|| labels(object, "/metadata/labels").into()));
    cells
}

/// A field that is a text, or else nothing.
pub(crate) fn text<'o>(object: &'o Value, path: &str) -> &'o str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a field that is a list.
pub(crate) fn list<'o>(object: &'o Value, path: &str) -> &'o [Value] {
    object.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The texts of a field that is a list.
pub(crate) fn texts<'o>(object: &'o Value, path: &str) -> Vec<&'o str> {
    list(object, path).iter().filter_map(Value::as_str).collect()
}

/// A field that is a map of texts, as `key=value,…`.
pub(crate) fn labels(object: &Value, path: &str) -> String {
    let labels = object.pointer(path).and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    let labels: Vec<String> =
        labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("?"))).collect();
    or_none(labels.join(","))
}

/// Whether an object has the labels that are asked for.
pub(crate) fn labels_match(object: &Value, scope: &Scope) -> bool {
    scope.selector.as_ref().is_none_or(|selector| selector.matches_document(object))
}

pub(crate) fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text }
}
