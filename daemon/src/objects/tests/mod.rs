//! What people do with objects, on an embedded store.

mod outages;
mod pods;
mod properties;
mod services;
mod slices;
mod versions;

use std::collections::BTreeMap;

use pontoon_model::api::Code;
use pontoon_model::key::{CLUSTER_IPS, Key, NODE_PORTS, SERVICES};
use pontoon_model::manifest;
use pontoon_model::object::Kind;
use pontoon_store::{EmbeddedStore, Revision};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::service::claim::Claim;
use super::*;

/// A cluster's objects on a store of their own.
struct Cluster {
    objects: Objects,
    config: ClusterConfig,
    _folder: TempDir,
}

impl Cluster {
    async fn new() -> Self {
        Self::with(ClusterConfig::default()).await
    }

    async fn dual() -> Self {
        let service_cidrs = vec!["10.96.0.0/16".parse().unwrap(), "fd00:96::/108".parse().unwrap()];
        Self::with(ClusterConfig { service_cidrs, ..ClusterConfig::default() }).await
    }

    async fn with(config: ClusterConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let store = EmbeddedStore::open(path, Default::default()).await.unwrap();
        let (inquiries, _) = crate::services::inquiry::channel(1);
        Self { objects: Objects::new(Arc::new(store), inquiries), config, _folder: folder }
    }

    async fn try_apply(&self, document: Value) -> Outcome {
        let mut outcomes = self.objects.apply(&self.config, vec![document], false).await;
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }

    /// Applies a document, and returns it as it is stored.
    async fn apply(&self, document: Value) -> Value {
        let outcome = self.try_apply(document).await;
        assert!(!matches!(outcome.result, OutcomeResult::Failed(_)), "{outcome:?}");
        let kind = outcome.kind.unwrap();
        let selection = Selection { namespace: outcome.namespace, ..one(kind, &outcome.name) };
        self.objects.get(&selection).await.unwrap().remove(0)
    }

    async fn refusal(&self, document: Value) -> Failure {
        failure(self.try_apply(document).await.result)
    }

    async fn service(&self, name: &str) -> Value {
        self.objects.get(&one(Kind::Service, name)).await.unwrap().remove(0)
    }

    async fn revision(&self) -> Revision {
        self.objects.store.list("", None).await.unwrap().revision
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        let items = self.objects.store.list(prefix, None).await.unwrap().items;
        items.into_iter().map(|item| item.key).collect()
    }

    /// Checks that services hold what their documents say, all of it and nothing else.
    async fn assert_consistent(&self) {
        let mut said: BTreeMap<Claim, String> = BTreeMap::new();
        for item in self.objects.store.list(SERVICES, None).await.unwrap().items {
            let service = manifest::stored_service(&item.value).unwrap();
            for claim in Claim::all_of(&service) {
                let other = said.insert(claim, service.id.to_string());
                assert_eq!(other, None, "{claim} is held twice");
            }
        }
        let mut held = BTreeMap::new();
        for prefix in [CLUSTER_IPS, NODE_PORTS] {
            for item in self.objects.store.list(prefix, None).await.unwrap().items {
                let claim = match item.key.parse().unwrap() {
                    Key::ClusterIp(ip) => Claim::ClusterIp(ip),
                    Key::NodePort(port) => Claim::NodePort(port),
                    other => panic!("{other}"),
                };
                held.insert(claim, String::from_utf8(item.value).unwrap());
            }
        }
        assert_eq!(said, held);
    }
}

fn failure(result: OutcomeResult) -> Failure {
    match result {
        OutcomeResult::Failed(failure) => failure,
        other => panic!("it was {other:?}"),
    }
}

/// An object by name, in the namespace `default`.
fn one(kind: Kind, name: &str) -> Selection {
    Selection { names: vec![name.to_owned()], ..all(kind) }
}

/// All objects in the namespace `default`.
fn all(kind: Kind) -> Selection {
    Selection {
        kind,
        namespace: Some(Default::default()),
        names: Vec::new(),
        labels: Default::default(),
    }
}

/// A service with one port and these fields in its spec.
fn service(name: &str, fields: Value) -> Value {
    let mut spec = json!({"ports": [{"port": 80}]});
    for (key, value) in fields.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
}
