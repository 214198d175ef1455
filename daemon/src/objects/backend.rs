//! How packets cross hosts: a field of the cluster's configuration.

use pontoon_model::api::{Code, Failure};
use pontoon_model::cluster::BackendKind;
use pontoon_model::key::Key;
use pontoon_store::{KeyValue, Store};
use serde_json::{Value, json};

use super::failure::config_unknown;
use super::single;

/// Changes it; what else the configuration says stays.
pub(super) async fn set(store: &dyn Store, kind: BackendKind) -> Result<(), Failure> {
    let write = |item: Option<&KeyValue>| {
        let item = item.ok_or_else(config_unknown)?;
        let mut config: Value = serde_json::from_slice(&item.value).map_err(|error| {
            let said = "the cluster's configuration cannot be read";
            Failure::new(Code::Internal, said, error.to_string())
        })?;
        if config["backend"]["kind"] == json!(kind) {
            return Ok(None);
        }
        config["backend"]["kind"] = json!(kind);
        Ok(Some(config.to_string().into_bytes()))
    };
    single::update(store, &Key::Config.to_string(), false, write).await.map(drop)
}
