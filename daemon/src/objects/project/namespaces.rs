//! A namespace is there when somebody made it, and while anything is in it. `default` always is.

use std::collections::{BTreeMap, HashSet};

use pontoon_model::key::Key;
use pontoon_model::name::Namespace;
use pontoon_model::object::Kind;
use pontoon_store::{Event, KeyValue};
use serde_json::json;

use super::{Change, Item, plain, version_of};

/// All namespaces.
#[derive(Debug, Default)]
pub(crate) struct Namespaces(BTreeMap<Namespace, Contents>);

/// What makes a namespace.
#[derive(Debug, Default)]
struct Contents {
    /// What somebody wrote of it.
    own: Option<Item>,
    /// The keys of what is in it.
    keys: HashSet<Box<str>>,
}

impl Namespaces {
    pub(super) fn replace(&mut self, items: &[KeyValue]) -> Vec<Item> {
        self.0.clear();
        self.0.entry(Namespace::default()).or_default();
        for item in items {
            if let Ok(key) = item.key.parse() {
                self.put(&key, item);
            }
        }
        self.0.iter().map(|(name, contents)| contents.item(name)).collect()
    }

    pub(super) fn change(&mut self, event: &Event) -> Option<Change> {
        let key: Key = event.key().parse().ok()?;
        let name = namespace(&key)?.clone();
        let before = self.0.get(&name).map(|contents| contents.item(&name));
        match event {
            Event::Put(item) => self.put(&key, item),
            Event::Delete { .. } => self.forget(&key, &name),
        }
        let now = self.0.get(&name).map(|contents| contents.item(&name));
        match (before, now) {
            // What comes and goes in a namespace does not change it.
            (Some(before), Some(now)) if before == now => None,
            (_, Some(now)) => Some(Change::Is(Box::new(now))),
            (last, None) => {
                Some(Change::Gone { key: Key::Namespace(name), last: last.map(Box::new) })
            }
        }
    }

    fn put(&mut self, key: &Key, item: &KeyValue) {
        let Some(name) = namespace(key) else { return };
        let contents = self.0.entry(name.clone()).or_default();
        match key {
            Key::Namespace(_) => contents.own = plain::item(Kind::Namespace, item),
            _ => drop(contents.keys.insert(item.key.as_str().into())),
        }
    }

    fn forget(&mut self, key: &Key, name: &Namespace) {
        let Some(contents) = self.0.get_mut(name) else { return };
        match key {
            Key::Namespace(_) => contents.own = None,
            key => drop(contents.keys.remove(key.to_string().as_str())),
        }
        if contents.own.is_none() && contents.keys.is_empty() && *name != Namespace::default() {
            self.0.remove(name);
        }
    }
}

impl Contents {
    fn item(&self, name: &Namespace) -> Item {
        let mut item = self.own.clone().unwrap_or_else(|| Item {
            key: Key::Namespace(name.clone()),
            namespace: None,
            name: name.to_string(),
            document: json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            version: 0,
        });
        item.document["status"] = json!({"phase": "Active"});
        item.version = version_of(&item.document);
        item
    }
}

/// The namespace that a key is in, or is.
fn namespace(key: &Key) -> Option<&Namespace> {
    match key {
        Key::Namespace(name) => Some(name),
        Key::Service(id) => Some(&id.namespace),
        Key::EndpointSlice(id) => Some(&id.namespace),
        Key::Pod(_, id) => Some(&id.namespace),
        _ => None,
    }
}
