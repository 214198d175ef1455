//! Objects with versions, and those who watch them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    Service,
    EndpointSlice,
    Node,
    ServiceCidr,
    Namespace,
}

impl Resource {
    const ALL: [Self; 5] =
        [Self::Service, Self::EndpointSlice, Self::Node, Self::ServiceCidr, Self::Namespace];

    /// Its path, `apiVersion` and `kind`.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Service => ("/api/v1/services", "v1", "Service"),
            Self::EndpointSlice => {
                ("/apis/discovery.k8s.io/v1/endpointslices", "discovery.k8s.io/v1", "EndpointSlice")
            }
            Self::Namespace => ("/api/v1/namespaces", "v1", "Namespace"),
            Self::Node => ("/api/v1/nodes", "v1", "Node"),
            Self::ServiceCidr => {
                ("/apis/networking.k8s.io/v1/servicecidrs", "networking.k8s.io/v1", "ServiceCIDR")
            }
        }
    }

    pub(crate) fn of_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.names().0 == path)
    }
}

/// From where on somebody watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// With all that there is, and a bookmark behind it.
    Beginning { bookmark: bool },
    /// With the first change after this version.
    Version(u64),
}

/// All objects of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Objects(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    version: u64,
    collections: BTreeMap<Resource, Collection>,
}

#[derive(Debug, Default)]
struct Collection {
    /// By namespace and name.
    objects: BTreeMap<String, Value>,
    /// Every event since somebody first listed or watched, with its version.
    history: Vec<(u64, Bytes)>,
    is_read: bool,
    watchers: Vec<UnboundedSender<Bytes>>,
}

impl Objects {
    pub(crate) fn put(&self, resource: Resource, mut object: Value) {
        let mut inner = self.lock();
        inner.version += 1;
        let version = inner.version;
        let (_, api_version, kind) = resource.names();
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        object["metadata"]["resourceVersion"] = version.to_string().into();
        let key = key(&object);
        let collection = inner.collections.entry(resource).or_default();
        let is_new = !collection.objects.contains_key(&key);
        if collection.is_read {
            let event = event(if is_new { "ADDED" } else { "MODIFIED" }, &object);
            collection.watchers.retain(|watcher| watcher.send(event.clone()).is_ok());
            collection.history.push((version, event));
        }
        collection.objects.insert(key, object);
    }

    /// The first object of that name, in whatever namespace.
    pub(crate) fn get(&self, resource: Resource, name: &str) -> Option<Value> {
        let inner = self.lock();
        let mut objects = inner.collections.get(&resource)?.objects.values();
        objects.find(|object| object["metadata"]["name"] == name).cloned()
    }

    /// A `List` document.
    pub(crate) fn list(&self, resource: Resource) -> Bytes {
        let mut inner = self.lock();
        let version = inner.version;
        let collection = inner.collections.entry(resource).or_default();
        collection.is_read = true;
        let (_, api_version, kind) = resource.names();
        let items: Vec<_> = collection.objects.values().map(Value::to_string).collect();
        format!(
            r#"{{"apiVersion":"{api_version}","kind":"{kind}List","metadata":{{"resourceVersion":"{version}"}},"items":[{}]}}"#,
            items.join(",")
        )
        .into()
    }

    /// Events, a line each.
    pub(crate) fn watch(&self, resource: Resource, since: Since) -> UnboundedReceiver<Bytes> {
        let (watcher, events) = unbounded_channel();
        let mut inner = self.lock();
        let version = inner.version;
        let collection = inner.collections.entry(resource).or_default();
        collection.is_read = true;
        let missed: Vec<Bytes> = match since {
            Since::Beginning { bookmark } => {
                let all = collection.objects.values().map(|object| event("ADDED", object));
                all.chain(bookmark.then(|| end_of_the_beginning(resource, version))).collect()
            }
            Since::Version(seen) => {
                let later = collection.history.iter().filter(|(version, _)| *version > seen);
                later.map(|(_, event)| event.clone()).collect()
            }
        };
        // The receiver is right here.
        missed.into_iter().for_each(|event| drop(watcher.send(event)));
        collection.watchers.push(watcher);
        events
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(object: &Value) -> String {
    let part = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    format!("{}/{}", part("namespace"), part("name"))
}

fn event(kind: &str, object: &Value) -> Bytes {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").into()
}

fn end_of_the_beginning(resource: Resource, version: u64) -> Bytes {
    let (_, api_version, kind) = resource.names();
    let object = json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "resourceVersion": version.to_string(),
            "annotations": {"k8s.io/initial-events-end": "true"},
        },
    });
    event("BOOKMARK", &object)
}
