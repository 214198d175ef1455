//! Nodes: made by their daemons; people mark them, and remove those that are gone for good.

use std::time::SystemTime;

use pontoon_model::api::{Code, Failure};
use pontoon_model::key::{self, Key};
use pontoon_model::name::NodeName;
use pontoon_model::node::{Cordon, NodeMarks};
use pontoon_model::object::{Kind, OutcomeResult};
use pontoon_store::{Compare, KeyValue, Op, OpResponse, Store, Txn};

use super::failure::{busy, not_found, store as store_failure};
use super::stamp::rfc3339_at;
use crate::view::ClusterView;

/// How often it is tried; each time somebody else was quicker.
const ATTEMPTS: usize = 16;

/// Changes what people say of a node, on condition that the node is there.
pub(super) async fn mark(
    store: &dyn Store,
    name: &NodeName,
    change: impl Fn(&mut NodeMarks) -> Result<(), Failure>,
) -> Result<OutcomeResult, Failure> {
    let key = Key::Marks(name.clone()).to_string();
    let node = Key::Node(name.clone()).to_string();
    let mut found = store.get(&key).await.map_err(store_failure)?;
    for _ in 0..ATTEMPTS {
        let old = found.as_ref().map(read).unwrap_or_default();
        let mut new = old.clone();
        change(&mut new)?;
        let as_read = match &found {
            Some(item) => Compare::ModRevision(key.clone(), item.mod_revision),
            None => Compare::Absent(key.clone()),
        };
        let txn = Txn::new()
            .when(Compare::Exists(node.clone()))
            .when(as_read)
            .otherwise(Op::Get(node.clone()))
            .otherwise(Op::Get(key.clone()));
        let txn = match serde_json::to_vec(&new) {
            // Nothing said is no key; the condition is asked all the same.
            _ if new == old => txn,
            _ if new == NodeMarks::default() => txn.then(Op::Delete(key.clone())),
            Ok(value) => txn.then(Op::put(key.clone(), value)),
            Err(error) => return Err(Failure::new(Code::Internal, error.to_string(), "")),
        };
        let outcome = store.txn(txn).await.map_err(store_failure)?;
        if outcome.succeeded {
            let changed = new != old;
            return Ok(if changed { OutcomeResult::Configured } else { OutcomeResult::Unchanged });
        }
        let mut responses = outcome.responses.into_iter();
        match (responses.next(), responses.next()) {
            (Some(OpResponse::Get(Some(_))), Some(OpResponse::Get(item))) => found = item,
            _ => return Err(not_found(Kind::Node, name.as_str())),
        }
    }
    Err(busy(&key))
}

/// What cannot be read says nothing; it is written anew.
fn read(item: &KeyValue) -> NodeMarks {
    serde_json::from_slice(&item.value).unwrap_or_default()
}

/// Keeps new pods from a node. One that is cordoned stays as it was, by whom it was.
pub(super) async fn cordon(
    store: &dyn Store,
    name: &NodeName,
    by: &str,
    reason: Option<String>,
) -> Result<OutcomeResult, Failure> {
    let at = rfc3339_at(SystemTime::now());
    let cordon = Cordon { by: by.to_owned(), at, reason };
    mark(store, name, |marks| {
        marks.cordon.get_or_insert_with(|| cordon.clone());
        Ok(())
    })
    .await
}

/// Lets new pods to a node again.
pub(super) async fn uncordon(store: &dyn Store, name: &NodeName) -> Result<OutcomeResult, Failure> {
    mark(store, name, |marks| {
        marks.cordon = None;
        Ok(())
    })
    .await
}

/// Frees everything that a node holds, if its daemon is not there.
pub(super) async fn remove(
    store: &dyn Store,
    view: &ClusterView,
    name: &NodeName,
) -> Result<(), Failure> {
    let alive = Key::Alive(name.clone()).to_string();
    let mut txn = Txn::new()
        .when(Compare::Absent(alive))
        .then(Op::Delete(Key::Node(name.clone()).to_string()))
        .then(Op::Delete(Key::Marks(name.clone()).to_string()))
        .then(Op::DeletePrefix(format!("{}{name}/", key::PODS)));
    let subnets: Vec<String> = view
        .subnets
        .iter()
        .filter(|(_, s)| s.value.node == *name)
        .map(|(net, _)| Key::Subnet(*net).to_string())
        .collect();
    if !view.nodes.contains_key(name) && subnets.is_empty() {
        return Err(Failure::new(
            Code::NotFound,
            format!("there is no node {name}"),
            "see `pontoon status` for the nodes",
        ));
    }
    for subnet in subnets {
        txn = txn.then(Op::Delete(subnet));
    }
    let outcome = store.txn(txn).await.map_err(store_failure)?;
    if outcome.succeeded {
        return Ok(());
    }
    Err(Failure::new(
        Code::Conflict,
        format!("node {name} is alive"),
        "stop pontoond there first; its liveness key goes within 15 seconds",
    ))
}
