//! Services, with what they hold in the whole cluster.
//!
//! | module | its one job |
//! | --- | --- |
//! | `claim` | what one service at the most holds, and whose it is known to be |
//! | `addresses`, `node_ports` | what a service is to have: what it says, had, and must get |
//! | `want`, `pick` | choosing what is free |
//! | `document` | the document that is stored |
//! | `plan` | all of it together, and its transaction |
//!
//! The transaction puts the service and every claim of it, if all are as they were known; else it says
//! how they are, and the plan is made again. So no two services hold one address or port, whoever
//! writes at the same time and whatever dies between.

mod addresses;
pub(crate) mod claim;
mod document;
mod node_ports;
mod pick;
mod plan;
mod want;

use std::collections::BTreeSet;

use pontoon_model::api::Failure;
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::key::{CLUSTER_IPS, Key, NODE_PORTS};
use pontoon_model::manifest::{self, Object, ServiceManifest};
use pontoon_model::object::{Kind, OutcomeResult};
use pontoon_model::service::ServiceId;
use pontoon_store::{Compare, KeyValue, Op, OpResponse, Store, Txn};

use super::apply::Applied;
use super::failure::{busy, not_found, store as store_failure};
use super::seen::Seen;
use super::stamp::Birth;
use claim::{Claim, Holders};
use plan::Stored;

/// How often a plan is made anew before giving up; each time somebody else was quicker.
const ATTEMPTS: usize = 32;
/// Behind so many all claims are listed: the ranges are too full for guessing.
const GUESSES: usize = 8;

/// Creates a service or makes it like this one.
pub(super) async fn apply(
    store: &dyn Store,
    config: &ClusterConfig,
    new: &ServiceManifest,
    seen: &Seen,
    dry_run: bool,
) -> Result<Applied, Failure> {
    let id = &new.service.id;
    let birth = Birth::now();
    let mut found =
        store.get(&Key::Service(id.clone()).to_string()).await.map_err(store_failure)?;
    let mut holders = Holders::default();
    for attempt in 1..=ATTEMPTS {
        let state = seen.check(found.as_ref());
        let stored = match found {
            Some(item) => Some(read(store, id, item).await?),
            None => None,
        };
        let mut plan =
            plan::plan(new, stored.as_ref(), config, &holders, &birth, &mut rand::rng())?;
        if stored.as_ref().is_some_and(|stored| stored.document == plan.document) {
            return Ok((OutcomeResult::Unchanged, plan.document));
        }
        state?;
        plan.released = held(store, id, &plan.released).await?;
        let mut txn = plan.transaction(id, stored.as_ref(), &holders)?;
        if dry_run {
            txn.success.clear();
        }
        let outcome = store.txn(txn).await.map_err(store_failure)?;
        if outcome.succeeded {
            let new = stored.is_none();
            let result = if new { OutcomeResult::Created } else { OutcomeResult::Configured };
            return Ok((result, plan.document));
        }
        let mut responses = outcome.responses.into_iter().map(|response| match response {
            OpResponse::Get(item) => item,
            OpResponse::Put | OpResponse::Deleted(_) => None,
        });
        found = responses.next().flatten();
        if attempt == GUESSES {
            holders.learn_all(&all_claims(store).await?, id);
        } else {
            for (claim, item) in plan.claims.iter().zip(responses) {
                holders.learn(*claim, item.as_ref(), id);
            }
        }
    }
    Err(busy(&format!("service {id}")))
}

/// Deletes a service and frees what it holds.
pub(super) async fn delete(store: &dyn Store, id: &ServiceId) -> Result<OutcomeResult, Failure> {
    let key = Key::Service(id.clone()).to_string();
    for _ in 0..ATTEMPTS {
        let Some(item) = store.get(&key).await.map_err(store_failure)? else {
            return Err(not_found(Kind::Service, &id.to_string()));
        };
        let stored = read(store, id, item).await?;
        let txn = Txn::new()
            .when(Compare::ModRevision(key.clone(), stored.revision))
            .then(Op::Delete(key.clone()));
        let claims = held(store, id, &stored.claims).await?;
        let txn = claims.iter().fold(txn, |txn, claim| txn.then(Op::Delete(claim.key())));
        if store.txn(txn).await.map_err(store_failure)?.succeeded {
            return Ok(OutcomeResult::Deleted);
        }
    }
    Err(busy(&format!("service {id}")))
}

/// Reads a stored service. One that cannot be used is one that says nothing, but holds what it holds.
async fn read(store: &dyn Store, id: &ServiceId, item: KeyValue) -> Result<Stored, Failure> {
    let document = serde_json::from_slice(&item.value).unwrap_or_default();
    let manifest = match manifest::parse(document, &id.namespace).map(|parsed| parsed.object) {
        Ok(Object::Service(manifest)) if manifest.service.id == *id => Some(*manifest),
        _ => None,
    };
    let claims = match &manifest {
        Some(manifest) => Claim::all_of(&manifest.service),
        None => {
            let mut holders = Holders::default();
            holders.learn_all(&all_claims(store).await?, id);
            holders.own()
        }
    };
    let document = manifest.as_ref().map(|m| m.document.clone()).unwrap_or_default();
    Ok(Stored { revision: item.mod_revision, document, manifest, claims })
}

async fn all_claims(store: &dyn Store) -> Result<Vec<KeyValue>, Failure> {
    let mut items = Vec::new();
    for prefix in [CLUSTER_IPS, NODE_PORTS] {
        items.extend(store.list(prefix, None).await.map_err(store_failure)?.items);
    }
    Ok(items)
}

/// Those of a service's claims that are its own indeed: what a damaged document says is no reason to
/// free another's.
async fn held(
    store: &dyn Store,
    id: &ServiceId,
    claims: &BTreeSet<Claim>,
) -> Result<BTreeSet<Claim>, Failure> {
    if claims.is_empty() {
        return Ok(BTreeSet::new());
    }
    let claims: Vec<Claim> = claims.iter().copied().collect();
    let mut holders = Holders::default();
    for chunk in claims.chunks(pontoon_store::MAX_OPS) {
        let gets = chunk.iter().fold(Txn::new(), |txn, claim| txn.then(Op::Get(claim.key())));
        let outcome = store.txn(gets).await.map_err(store_failure)?;
        for (claim, response) in chunk.iter().zip(outcome.responses) {
            if let OpResponse::Get(item) = response {
                holders.learn(*claim, item.as_ref(), id);
            }
        }
    }
    Ok(holders.own())
}
