//! Pods: made by the container runtime, known by the records that their nodes write. People change
//! labels and annotations of a record; its node takes them over.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use pontoon_model::api::{Code, Failure};
use pontoon_model::key::{self, Key};
use pontoon_model::manifest::{HOSTNAME, PodManifest, SUBDOMAIN};
use pontoon_model::name::{NodeName, PodId};
use pontoon_model::named_port::PORTS;
use pontoon_model::object::OutcomeResult;
use pontoon_model::pod::PodRecord;
use pontoon_model::readiness::READINESS;
use pontoon_store::{KeyValue, MAX_OPS, Op, OpResponse, Store, Txn};
use serde_json::{Value, json};

use super::apply::Applied;
use super::failure::store as store_failure;
use super::seen::Seen;
use super::single;

/// Gives a pod the labels, annotations, ports and check of a manifest.
pub(super) async fn apply(
    store: &dyn Store,
    manifest: &PodManifest,
    seen: &Seen,
    dry_run: bool,
) -> Result<Applied, Failure> {
    let keys = find(store, &manifest.id).await?;
    if keys.is_empty() {
        return Err(Failure::new(
            Code::NotFound,
            format!("pod {} does not run", manifest.id),
            "start it with the container runtime first",
        ));
    }
    let mut result = OutcomeResult::Unchanged;
    let last = Mutex::new(Value::Null);
    for (index, key) in keys.into_iter().enumerate() {
        // Of several records of one pod the first is the one that is shown.
        let seen = if index == 0 { seen } else { &Seen::default() };
        let changed = change(store, &key, seen, dry_run, |record| {
            merge(record, manifest);
            *last.lock().unwrap_or_else(PoisonError::into_inner) = document(record);
            Ok(())
        });
        match changed.await? {
            OutcomeResult::Unchanged => {}
            other => result = other,
        }
    }
    Ok((result, last.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

fn merge(record: &mut PodRecord, manifest: &PodManifest) {
    record.labels = manifest.metadata.labels.clone();
    let mut said: BTreeMap<String, String> = manifest.metadata.annotations.clone();
    if !manifest.ports.as_slice().is_empty() {
        record.ports = manifest.ports.as_slice().to_vec();
        said.insert(PORTS.to_owned(), manifest.ports.to_string());
    }
    let readiness = manifest.readiness.as_ref().map(ToString::to_string);
    let named = [
        (READINESS, readiness),
        (HOSTNAME, manifest.hostname.clone().map(String::from)),
        (SUBDOMAIN, manifest.subdomain.clone().map(String::from)),
    ];
    let named = named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    said.extend(named);
    record.annotations.extend(said);
    record.hostname = manifest.hostname.clone().or(record.hostname.take());
    record.subdomain = manifest.subdomain.clone().or(record.subdomain.take());
}

/// Changes the record of a pod, and counts the change so that its node takes it over.
pub(super) async fn change(
    store: &dyn Store,
    key: &str,
    seen: &Seen,
    dry_run: bool,
    change: impl Fn(&mut PodRecord) -> Result<(), Failure>,
) -> Result<OutcomeResult, Failure> {
    let write = |item: Option<&KeyValue>| {
        let item = item.ok_or_else(|| {
            Failure::new(Code::NotFound, format!("the pod at {key} has just gone"), "")
        })?;
        let old: PodRecord = serde_json::from_slice(&item.value).map_err(|error| {
            let said = format!("the record {key} cannot be read: {error}");
            Failure::new(
                Code::Internal,
                said,
                "its node writes it anew when pontoond restarts there",
            )
        })?;
        let mut new = old.clone();
        change(&mut new)?;
        if new == old {
            return Ok(None);
        }
        seen.check(Some(item))?;
        new.generation = old.generation.saturating_add(1);
        let value = serde_json::to_vec(&new);
        value.map(Some).map_err(|error| Failure::new(Code::Internal, error.to_string(), ""))
    };
    single::update(store, key, dry_run, write).await
}

/// The keys of a pod's records. Its node is unknown, but nodes are few and pods are many: all nodes are
/// asked for this one pod.
pub(super) async fn find(store: &dyn Store, id: &PodId) -> Result<Vec<String>, Failure> {
    let nodes = store.list(key::NODES, None).await.map_err(store_failure)?.items;
    let name = |item: &KeyValue| item.key.strip_prefix(key::NODES)?.parse::<NodeName>().ok();
    let nodes: Vec<NodeName> = nodes.iter().filter_map(name).collect();
    let mut keys = Vec::new();
    for chunk in nodes.chunks(MAX_OPS) {
        let key = |node: &NodeName| Key::Pod(node.clone(), id.clone()).to_string();
        let txn = chunk.iter().fold(Txn::new(), |txn, node| txn.then(Op::Get(key(node))));
        let outcome = store.txn(txn).await.map_err(store_failure)?;
        keys.extend(outcome.responses.into_iter().filter_map(|response| match response {
            OpResponse::Get(item) => item.map(|item| item.key),
            OpResponse::Put | OpResponse::Deleted(_) => None,
        }));
    }
    Ok(keys)
}

/// A pod as Kubernetes would show it.
pub(super) fn document(record: &PodRecord) -> Value {
    let mut document = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": record.id.name, "namespace": record.id.namespace},
        "spec": {"nodeName": record.node},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": if record.ready { "True" } else { "False" }}],
        },
    });
    for (key, map) in [("labels", &record.labels), ("annotations", &record.annotations)] {
        if !map.is_empty() {
            document["metadata"][key] = json!(map);
        }
    }
    for (field, annotation) in [("hostname", HOSTNAME), ("subdomain", SUBDOMAIN)] {
        if let Some(text) = record.annotations.get(annotation) {
            document["spec"][field] = json!(text);
        }
    }
    if !record.ports.is_empty() && !record.annotations.contains_key(PORTS) {
        let port = |port: &pontoon_model::pod::PodPort| json!({"name": port.name, "containerPort": port.port, "protocol": port.protocol});
        let ports: Vec<Value> = record.ports.iter().map(port).collect();
        document["spec"]["containers"] = json!([{"name": record.id.name, "ports": ports}]);
    }
    if let Some(first) = record.addresses.first() {
        let ip = |ip: &IpAddr| json!({ "ip": ip });
        document["status"]["podIP"] = json!(first);
        document["status"]["podIPs"] = record.addresses.iter().map(ip).collect();
    }
    document
}
