//! The document that describes the API (OpenAPI 3.1), made of the same table as the router, and of
//! the types that are written and read.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `kinds` | what objects look like |
//! | `paths` | what can be asked |

mod kinds;
mod paths;

use pontoon_model::api::Status;
use pontoon_model::doctor::Report;
use pontoon_model::mesh::Mesh;
use pontoon_model::node::Cordon;
use pontoon_model::object::Kind;
use pontoon_model::rest::{
    ApiError, BackendChoice, CordonRequest, ListMetadata, MetadataPatch, ObjectOutcome, Outcomes,
};
use pontoon_model::trace::{Question, Trace};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::operations;

/// Where schemas are in the document.
const SCHEMAS: &str = "#/components/schemas/";

const ABOUT: &str = "What people and their programs ask of a node's daemon. It is served on the Unix \
    socket `/run/pontoon/api.sock`, for root and the group that `api.group` names, and over TCP with \
    mutual TLS where `api.listen` says so. Whoever may connect may do everything.\n\n\
    An error is an `ApiError`, whatever its status. With `watch=true` a list or an object is followed: \
    server-sent events of the types `ADDED`, `MODIFIED` and `DELETED`, and a `BOOKMARK` when all that was \
    there has been told; a line every 15 seconds says that it is alive. It ends with the daemon. The `id` of \
    an event, given as `resourceVersion` or as `Last-Event-ID`, continues a broken watch, also after the \
    daemon was restarted; 410 says that it is too long ago.\n\n\
    A document that is applied with `metadata.resourceVersion` changes an object only if it is still as it \
    was then; else its outcome is a conflict. One whose `metadata.uid` is another's comes from elsewhere, and \
    its version says nothing.";

/// The document.
#[must_use]
pub fn document() -> Value {
    let paths = paths::paths(&operations::all());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pontoon",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": paths::tags(),
        "paths": paths,
        "components": {"schemas": schemas()},
    })
}

fn schemas() -> Map<String, Value> {
    let at = SCHEMAS.trim_start_matches('#').to_owned();
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = at.into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    generator.subschema_for::<ApiError>();
    generator.subschema_for::<BackendChoice>();
    generator.subschema_for::<Cordon>();
    generator.subschema_for::<CordonRequest>();
    generator.subschema_for::<ListMetadata>();
    generator.subschema_for::<Mesh>();
    generator.subschema_for::<MetadataPatch>();
    generator.subschema_for::<ObjectOutcome>();
    generator.subschema_for::<Outcomes>();
    generator.subschema_for::<Report>();
    generator.subschema_for::<Status>();
    generator.subschema_for::<Question>();
    generator.subschema_for::<Trace>();
    let mut schemas = generator.take_definitions(true);
    for kind in Kind::ALL {
        let name = kind.names().kind;
        schemas.insert(name.to_owned(), kinds::object(kind));
        schemas.insert(format!("{name}List"), kinds::list(kind));
        schemas.insert(format!("{name}Event"), kinds::event(kind));
    }
    schemas.insert("ObjectMetadata".to_owned(), kinds::metadata());
    schemas
}
