//! Which objects a selection means.

use std::collections::BTreeMap;

use pontoon_model::api::Failure;
use pontoon_model::endpoint::SliceId;
use pontoon_model::key::{self, Key};
use pontoon_model::name::{Namespace, PodId};
use pontoon_model::object::{Kind, Selection};
use pontoon_model::pod::PodRecord;
use pontoon_model::service::ServiceId;
use pontoon_store::{KeyValue, Store};
use serde_json::{Value, json};

use super::failure::store as store_failure;
use super::pods;

/// An object of the store.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Its key; that of a namespace need not exist.
    pub(super) key: Key,
    /// Its namespace, where it is in one.
    pub(super) namespace: Option<Namespace>,
    pub(super) name: String,
    /// What Kubernetes would show.
    pub(super) document: Value,
}

/// What a selection means.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Sorted by namespace and name.
    pub(super) items: Vec<Item>,
    /// Names that nothing has.
    pub(super) missing: Vec<String>,
}

pub(super) async fn select(store: &dyn Store, selection: &Selection) -> Result<Found, Failure> {
    let items = match selection.kind {
        Kind::Namespace => namespaces(store).await?,
        kind => match (&selection.namespace, selection.names.as_slice()) {
            (Some(namespace), names) if !names.is_empty() => {
                named(store, kind, namespace, names).await?
            }
            (namespace, _) => listed(store, kind, namespace.as_ref()).await?,
        },
    };
    let is_named = |item: &Item| selection.names.is_empty() || selection.names.contains(&item.name);
    let mut items: Vec<Item> = items.into_iter().filter(is_named).collect();
    let missing = selection.names.iter().filter(|name| items.iter().all(|i| i.name != **name));
    let missing = missing.cloned().collect();
    items.retain(|item| has_labels(item, selection));
    items.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok(Found { items, missing })
}

fn has_labels(item: &Item, selection: &Selection) -> bool {
    let labels = &item.document["metadata"]["labels"];
    selection.labels.iter().all(|(key, value)| match (labels.get(key), value) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(found), Some(value)) => found == value,
    })
}

/// Objects of these names in a namespace. What is no name is the name of nothing.
async fn named(
    store: &dyn Store,
    kind: Kind,
    namespace: &Namespace,
    names: &[String],
) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    for name in names {
        let keys = match kind {
            Kind::Service => {
                key_of(name, |name| Key::Service(ServiceId { namespace: namespace.clone(), name }))
            }
            Kind::EndpointSlice => key_of(name, |name| {
                Key::EndpointSlice(SliceId { namespace: namespace.clone(), name })
            }),
            Kind::Pod => match name.parse() {
                Ok(name) => {
                    pods::find(store, &PodId { namespace: namespace.clone(), name }).await?
                }
                Err(_) => Vec::new(),
            },
            Kind::Namespace => Vec::new(),
        };
        for key in keys {
            let item = store.get(&key).await.map_err(store_failure)?;
            items.extend(item.and_then(|item| item_of(&item)));
        }
    }
    Ok(items)
}

fn key_of<T: std::str::FromStr>(name: &str, key: impl Fn(T) -> Key) -> Vec<String> {
    name.parse().ok().map(|name| key(name).to_string()).into_iter().collect()
}

async fn listed(
    store: &dyn Store,
    kind: Kind,
    namespace: Option<&Namespace>,
) -> Result<Vec<Item>, Failure> {
    let prefix = match kind {
        Kind::Service => key::SERVICES,
        Kind::EndpointSlice => key::ENDPOINT_SLICES,
        Kind::Namespace => key::NAMESPACES,
        Kind::Pod => key::PODS,
    };
    let prefix = match (kind, namespace) {
        (Kind::Service | Kind::EndpointSlice, Some(namespace)) => format!("{prefix}{namespace}/"),
        _ => prefix.to_owned(),
    };
    let listing = store.list(&prefix, None).await.map_err(store_failure)?;
    let items = listing.items.iter().filter_map(item_of);
    Ok(items.filter(|item| namespace.is_none() || item.namespace.as_ref() == namespace).collect())
}

/// Those that somebody made, `default`, and those that have anything in them.
async fn namespaces(store: &dyn Store) -> Result<Vec<Item>, Failure> {
    let mut found: BTreeMap<Namespace, Item> = BTreeMap::new();
    let implied = |name: &Namespace| Item {
        key: Key::Namespace(name.clone()),
        namespace: None,
        name: name.to_string(),
        document: json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
    };
    found.insert(Namespace::default(), implied(&Namespace::default()));
    for prefix in [key::SERVICES, key::ENDPOINT_SLICES, key::PODS] {
        for item in store.list(prefix, None).await.map_err(store_failure)?.items {
            let namespace = match item.key.parse() {
                Ok(Key::Service(id)) => id.namespace,
                Ok(Key::EndpointSlice(id)) => id.namespace,
                Ok(Key::Pod(_, id)) => id.namespace,
                _ => continue,
            };
            found.entry(namespace).or_insert_with_key(implied);
        }
    }
    for item in listed(store, Kind::Namespace, None).await? {
        if let Key::Namespace(name) = &item.key {
            found.insert(name.clone(), item);
        }
    }
    let active = |mut item: Item| {
        item.document["status"] = json!({"phase": "Active"});
        item
    };
    Ok(found.into_values().map(active).collect())
}

/// `None` for what is under a wrong key. A value that cannot be read is shown by its name alone, so
/// that it can be deleted.
fn item_of(found: &KeyValue) -> Option<Item> {
    let key: Key = found.key.parse().ok()?;
    let (kind, namespace, name) = match &key {
        Key::Service(id) => (Kind::Service, Some(&id.namespace), id.name.to_string()),
        Key::EndpointSlice(id) => (Kind::EndpointSlice, Some(&id.namespace), id.name.to_string()),
        Key::Namespace(name) => (Kind::Namespace, None, name.to_string()),
        Key::Pod(_, id) => (Kind::Pod, Some(&id.namespace), id.name.to_string()),
        _ => return None,
    };
    let names = kind.names();
    let document = match kind {
        Kind::Pod => {
            serde_json::from_slice::<PodRecord>(&found.value).ok().map(|r| pods::document(&r))
        }
        _ => serde_json::from_slice::<Value>(&found.value).ok().filter(Value::is_object),
    };
    let document = document.filter(|document| document["metadata"].is_object());
    let mut document = document.unwrap_or_else(
        || json!({"apiVersion": names.api_version, "kind": names.kind, "metadata": {"name": name, "namespace": namespace}}),
    );
    document["metadata"]["resourceVersion"] = found.mod_revision.to_string().into();
    let namespace = namespace.cloned();
    Some(Item { namespace, name, document, key })
}
