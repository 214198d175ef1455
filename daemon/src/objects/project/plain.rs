//! An object that is one key.

use pontoon_model::key::Key;
use pontoon_model::object::Kind;
use pontoon_model::pod::PodRecord;
use pontoon_model::subnet::SubnetRecord;
use pontoon_store::{Event, KeyValue};
use serde_json::{Value, json};

use super::{Change, Item};
use crate::objects::pods;

pub(super) fn change(kind: Kind, event: &Event) -> Option<Change> {
    match event {
        Event::Put(found) => item(kind, found).map(|item| Change::Is(Box::new(item))),
        Event::Delete { key, .. } => {
            let key: Key = key.parse().ok()?;
            (kind_of(&key) == Some(kind)).then_some(Change::Gone { key, last: None })
        }
    }
}

fn kind_of(key: &Key) -> Option<Kind> {
    match key {
        Key::Service(_) => Some(Kind::Service),
        Key::EndpointSlice(_) => Some(Kind::EndpointSlice),
        Key::Namespace(_) => Some(Kind::Namespace),
        Key::Pod(..) => Some(Kind::Pod),
        Key::Subnet(_) => Some(Kind::Subnet),
        _ => None,
    }
}

/// `None` for what is under a wrong key, and for another kind. A value that cannot be read is shown
/// by its name alone, so that it can be deleted.
pub(super) fn item(kind: Kind, found: &KeyValue) -> Option<Item> {
    let key: Key = found.key.parse().ok()?;
    if kind_of(&key) != Some(kind) {
        return None;
    }
    let (namespace, name) = match &key {
        Key::Service(id) => (Some(&id.namespace), id.name.to_string()),
        Key::EndpointSlice(id) => (Some(&id.namespace), id.name.to_string()),
        Key::Pod(_, id) => (Some(&id.namespace), id.name.to_string()),
        Key::Namespace(name) => (None, name.to_string()),
        key => (None, key.to_string().split_once('/')?.1.to_owned()),
    };
    let document = match &key {
        Key::Pod(..) => {
            serde_json::from_slice::<PodRecord>(&found.value).ok().map(|r| pods::document(&r))
        }
        Key::Subnet(net) => serde_json::from_slice::<SubnetRecord>(&found.value).ok().map(
            |r| json!({"metadata": {"name": name}, "spec": {"cidr": net, "nodeName": r.node}}),
        ),
        _ => serde_json::from_slice::<Value>(&found.value).ok().filter(Value::is_object),
    };
    let document = document.filter(|document| document["metadata"].is_object());
    let mut document = document.unwrap_or_else(|| match namespace {
        Some(namespace) => json!({"metadata": {"name": name, "namespace": namespace}}),
        None => json!({"metadata": {"name": name}}),
    });
    let names = kind.names();
    document["apiVersion"] = names.api_version.into();
    document["kind"] = names.kind.into();
    document["metadata"]["resourceVersion"] = found.mod_revision.to_string().into();
    let namespace = namespace.cloned();
    Some(Item { namespace, name, document, version: found.mod_revision.0, key })
}
