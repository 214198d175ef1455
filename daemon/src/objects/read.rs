//! Which objects a selection means.

use pontoon_model::api::Failure;
use pontoon_model::endpoint::SliceId;
use pontoon_model::key::Key;
use pontoon_model::name::{Namespace, PodId};
use pontoon_model::object::{Kind, Selection};
use pontoon_model::service::ServiceId;
use pontoon_store::{Revision, Store};
use serde_json::Value;

use super::failure::store as store_failure;
use super::pods;
use super::project::{Item, Projection, listing};

/// What a selection means.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Sorted by namespace and name.
    pub(super) items: Vec<Item>,
    /// Names that nothing has.
    pub(super) missing: Vec<String>,
    /// The state of the store that was read; `None` where objects were read one by one.
    pub(super) revision: Option<Revision>,
}

pub(super) async fn select(store: &dyn Store, selection: &Selection) -> Result<Found, Failure> {
    let (items, revision) = match (&selection.namespace, selection.names.as_slice()) {
        (Some(namespace), names) if !names.is_empty() && reads_by_name(selection.kind) => {
            (named(store, selection.kind, namespace, names).await?, None)
        }
        (namespace, _) => {
            let (items, revision) = listed(store, selection.kind, namespace.as_ref()).await?;
            (items, Some(revision))
        }
    };
    let is_named = |item: &Item| selection.names.is_empty() || selection.names.contains(&item.name);
    let mut items: Vec<Item> = items.into_iter().filter(is_named).collect();
    let missing = selection.names.iter().filter(|name| items.iter().all(|i| i.name != **name));
    let missing = missing.cloned().collect();
    items.retain(|item| has_labels(&item.document, selection));
    items.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok(Found { items, missing, revision })
}

/// Whether a document has the labels that a selection asks for.
pub(crate) fn has_labels(document: &Value, selection: &Selection) -> bool {
    selection.labels.matches_document(document)
}

/// Whether an object of the kind is one key, which follows from its name.
const fn reads_by_name(kind: Kind) -> bool {
    matches!(kind, Kind::Service | Kind::EndpointSlice | Kind::Pod)
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
            _ => match name.parse() {
                Ok(name) => {
                    pods::find(store, &PodId { namespace: namespace.clone(), name }).await?
                }
                Err(_) => Vec::new(),
            },
        };
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.extend(store.get(&key).await.map_err(store_failure)?);
        }
        items.extend(objects(kind)?.replace(&found));
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
) -> Result<(Vec<Item>, Revision), Failure> {
    let namespace = namespace.filter(|_| kind.names().namespaced);
    let mut objects = objects(kind)?;
    let prefixes = objects.prefixes(namespace);
    let (revision, keys) = listing(store, &prefixes, None).await.map_err(store_failure)?;
    let mut items = objects.replace(&keys);
    items.retain(|item| namespace.is_none() || item.namespace.as_ref() == namespace);
    Ok((items, revision))
}

fn objects(kind: Kind) -> Result<Projection, Failure> {
    Projection::of(kind).ok_or_else(|| super::failure::computed(kind))
}
