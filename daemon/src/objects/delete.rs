//! Deleting objects, and what they hold.

use pontoon_model::api::{Code, Failure};
use pontoon_model::key::{self, Key};
use pontoon_model::name::Namespace;
use pontoon_model::object::{Kind, OutcomeResult};
use pontoon_store::{Op, Store, Txn};

use super::failure::{not_found, store as store_failure};
use super::project::Item;
use super::service;

/// Deletes an object. The second is what is to be said besides.
pub(super) async fn delete(
    store: &dyn Store,
    item: &Item,
) -> Result<(OutcomeResult, Vec<String>), Failure> {
    let mut warnings = Vec::new();
    match &item.key {
        Key::Service(id) => drop(service::delete(store, id).await?),
        Key::Namespace(name) => warnings = namespace(store, name).await?,
        Key::Pod(..) => {
            return Err(Failure::new(
                Code::InvalidObject,
                format!(
                    "pod {} cannot be deleted here: the container runtime does that",
                    item.name
                ),
                "stop it there, and its record goes with it",
            ));
        }
        key => {
            let deleted = store.delete(&key.to_string()).await.map_err(store_failure)?;
            if !deleted.existed {
                return Err(not_found(Kind::EndpointSlice, &item.name));
            }
        }
    }
    Ok((OutcomeResult::Deleted, warnings))
}

/// Deletes what is in a namespace, then the namespace. Pods stay: they are not Pontoon's to stop.
async fn namespace(store: &dyn Store, name: &Namespace) -> Result<Vec<String>, Failure> {
    if *name == Namespace::default() {
        return Err(Failure::new(
            Code::InvalidObject,
            "namespace default cannot be deleted",
            "delete the objects in it",
        ));
    }
    let services = format!("{}{name}/", key::SERVICES);
    for item in store.list(&services, None).await.map_err(store_failure)?.items {
        let Ok(Key::Service(id)) = item.key.parse() else { continue };
        match service::delete(store, &id).await {
            Err(failure) if failure.code != Code::NotFound => return Err(failure),
            _ => {}
        }
    }
    let slices = format!("{}{name}/", key::ENDPOINT_SLICES);
    let txn = Txn::new()
        .then(Op::DeletePrefix(slices))
        .then(Op::Delete(Key::Namespace(name.clone()).to_string()));
    store.txn(txn).await.map_err(store_failure)?;
    let pods = store.list(key::PODS, None).await.map_err(store_failure)?.items;
    let inside = |key: &str| matches!(key.parse(), Ok(Key::Pod(_, id)) if id.namespace == *name);
    let staying = pods.iter().filter(|item| inside(&item.key)).count();
    Ok(if staying == 0 {
        Vec::new()
    } else {
        vec![format!(
            "{staying} pods of the namespace go on, and it is there as long as they are: stop them with the container runtime"
        )]
    })
}
