//! What is spoken over the API that people and their programs use: JSON over HTTP below `/v1`,
//! described by `/v1/openapi.json`.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`error`] | why a request was not done |
//! | [`labels`] | which labels objects must have |
//! | [`outcome`] | what became of objects |
//! | [`patch`] | changes of labels and annotations |
//! | [`path`] | where things are |
//! | [`watch`] | what happens to objects, event by event |

pub mod error;
pub mod labels;
pub mod outcome;
pub mod patch;
pub mod path;
pub mod watch;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cluster::BackendKind;

pub use error::ApiError;
pub use labels::LabelSelector;
pub use outcome::{Done, ObjectOutcome, Outcomes};
pub use patch::MetadataPatch;
pub use watch::{EventKind, WatchEvent};

/// Where the daemon serves the API unless told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/pontoon/api.sock";
/// A watch says at least this often that it is alive.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// The longest body that the daemon reads, bytes.
pub const MAX_BODY: usize = 16 << 20;

/// Objects of a kind, sorted by namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectList {
    /// That of the objects.
    pub api_version: String,
    /// That of the objects, with `List` behind it.
    pub kind: String,
    /// Of the list itself.
    pub metadata: ListMetadata,
    /// The objects.
    pub items: Vec<Value>,
}

/// What is said of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListMetadata {
    /// The state that the list shows: a watch from here misses nothing.
    pub resource_version: String,
}

/// The backend that a cluster is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendChoice {
    /// The kind.
    pub kind: BackendKind,
}

/// Why a node is to get no new pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CordonRequest {
    /// In words, for whoever wonders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
