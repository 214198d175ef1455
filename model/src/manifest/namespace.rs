//! `Namespace`, v1.

use serde::Deserialize;
use serde_json::Value;

use super::decode::from_object;
use super::error::{At, ManifestError};
use super::kind;
use super::metadata::{Metadata, RawMetadata};
use crate::name::Namespace;
use crate::object::Kind;

/// A namespace as somebody wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamespaceManifest {
    /// Its name.
    pub name: Namespace,
    /// Its labels and annotations.
    pub metadata: Metadata,
    /// The document, without its nulls.
    pub document: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawNamespace {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: RawMetadata,
}

from_object!(RawNamespace);

/// What is there in every namespace, and means nothing here.
pub(super) const MUTED: &[&str] = &["spec", "status"];

pub(super) fn check(
    raw: RawNamespace,
    document: Value,
) -> Result<NamespaceManifest, ManifestError> {
    kind::expect(Kind::Namespace, raw.api_version.as_deref(), raw.kind.as_deref())?;
    if raw.metadata.namespace.as_deref().is_some_and(|namespace| !namespace.is_empty()) {
        let at = At::root("metadata");
        return Err(at.field("namespace").wrong("a namespace is in no namespace: leave it out"));
    }
    Ok(NamespaceManifest { name: raw.metadata.name()?, metadata: raw.metadata.check()?, document })
}
