//! From documents to objects in the store.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use futures::StreamExt;
use pontoon_model::api::{Code, Failure};
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::key::Key;
use pontoon_model::manifest::{self, Object, Parsed};
use pontoon_model::name::Namespace;
use pontoon_model::object::{Documents, Kind, Outcome, OutcomeResult};
use pontoon_store::Store;
use serde_json::Value;

use super::failure::Away;
use super::seen::Seen;
use super::stamp::{Birth, stamp};
use super::{pods, service, single};

/// Objects that are on their way to the store at once: each waits for it twice.
const IN_FLIGHT: usize = 16;

/// Applies documents, and says of each what became of it.
pub(super) async fn apply(
    store: &dyn Store,
    config: &ClusterConfig,
    documents: Documents,
    dry_run: bool,
) -> Vec<Outcome> {
    let entries: Vec<Entry> =
        documents.into_iter().flat_map(manifest::items).map(Entry::read).collect();
    let mut outcomes = Vec::with_capacity(entries.len());
    let away = Away::default();
    let mut rest = entries.as_slice();
    while !rest.is_empty() {
        let (run, later) = rest.split_at(distinct(rest));
        let mut tasks = Vec::with_capacity(run.len());
        for entry in run {
            tasks.push(away.unless(one(store, config, entry, dry_run)));
        }
        let results: Vec<Result<Applied, Failure>> =
            futures::stream::iter(tasks).buffered(IN_FLIGHT).collect().await;
        for (entry, result) in run.iter().zip(results) {
            // What one document frees, another behind it may take.
            let result = match result {
                Err(failure) if failure.code == Code::Conflict => {
                    away.unless(one(store, config, entry, dry_run)).await
                }
                result => result,
            };
            outcomes.push(entry.outcome(result, dry_run));
        }
        rest = later;
    }
    outcomes
}

/// How many entries from the first on are of different objects.
fn distinct(entries: &[Entry]) -> usize {
    let mut seen = BTreeSet::new();
    entries.iter().take_while(|e| seen.insert((e.kind, &e.namespace, &e.name))).count()
}

/// What was done with an object, and what it is then.
pub(super) type Applied = (OutcomeResult, Value);

/// A document and whose it is.
struct Entry {
    kind: Option<Kind>,
    namespace: Option<Namespace>,
    name: String,
    seen: Seen,
    parsed: Result<Parsed, Failure>,
}

impl Entry {
    fn read(document: Value) -> Self {
        let kind = manifest::kind_of(&document).ok();
        let text = |key: &str| document["metadata"][key].as_str().unwrap_or_default().to_owned();
        let namespaced = kind.is_some_and(|kind| kind.names().namespaced);
        let namespace = match text("namespace") {
            _ if !namespaced => None,
            empty if empty.is_empty() => Some(Namespace::default()),
            name => name.parse().ok(),
        };
        let (name, seen) = (text("name"), Seen::of(&document));
        let parsed = manifest::parse(document, &Namespace::default()).map_err(Failure::from);
        Self { kind, namespace, name, seen, parsed }
    }

    fn outcome(&self, result: Result<Applied, Failure>, dry_run: bool) -> Outcome {
        let (result, document) = match result {
            Ok((result, document)) => (result, dry_run.then_some(document)),
            Err(failure) => (OutcomeResult::Failed(failure), None),
        };
        Outcome {
            kind: self.kind,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            result,
            warnings: self.parsed.as_ref().map(|p| p.warnings.clone()).unwrap_or_default(),
            document,
        }
    }
}

async fn one(
    store: &dyn Store,
    config: &ClusterConfig,
    entry: &Entry,
    dry_run: bool,
) -> Result<Applied, Failure> {
    let object = &entry.parsed.as_ref().map_err(Failure::clone)?.object;
    let put = |key: Key, document: &Value, namespace: Option<&Namespace>| {
        let (document, namespace, birth) = (document.clone(), namespace.cloned(), Birth::now());
        async move {
            let last = Mutex::new(Value::Null);
            let build = |old: Option<&Value>| {
                let mut document = document.clone();
                stamp(&mut document, namespace.as_ref(), old, &birth);
                last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&document);
                Ok(document)
            };
            let result = single::change(store, &key, &entry.seen, dry_run, build).await?;
            Ok((result, last.into_inner().unwrap_or_else(PoisonError::into_inner)))
        }
    };
    match object {
        Object::Service(manifest) => {
            service::apply(store, config, manifest, &entry.seen, dry_run).await
        }
        Object::Pod(manifest) => pods::apply(store, manifest, &entry.seen, dry_run).await,
        Object::EndpointSlice(manifest) => {
            let id = manifest.slice.id.clone();
            let namespace = id.namespace.clone();
            put(Key::EndpointSlice(id), &manifest.document, Some(&namespace)).await
        }
        Object::Namespace(manifest) => {
            put(Key::Namespace(manifest.name.clone()), &manifest.document, None).await
        }
    }
}
