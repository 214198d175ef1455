//! `metadata`: what every kind has.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::decode::from_object;
use super::error::{At, ManifestError};
use super::label::{check_annotations, check_labels};
use super::warnings::Warnings;
use crate::name::{NameError, Namespace};
use crate::object::Kind;
use crate::selector::Labels;

/// Labels and annotations of an object, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// What selectors select by.
    pub labels: Labels,
    /// What tools write down.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, remote = "Self")]
pub(super) struct RawMetadata {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

from_object!(RawMetadata);

/// How Pontoon's annotations begin.
const OURS: &str = "pontoon.net/";

const METADATA: At<'_> = At::root("metadata");

impl RawMetadata {
    pub(super) fn name<T: FromStr<Err = NameError>>(&self) -> Result<T, ManifestError> {
        let at = METADATA.field("name");
        let name = self.name.as_deref().unwrap_or_default();
        if name.is_empty() {
            return Err(at.wrong("it is missing: give the object a name"));
        }
        name.parse().map_err(|error: T::Err| at.wrong(error.to_string()))
    }

    pub(super) fn namespace(&self, default: &Namespace) -> Result<Namespace, ManifestError> {
        match self.namespace.as_deref() {
            None | Some("") => Ok(default.clone()),
            Some(name) => name
                .parse()
                .map_err(|error: NameError| METADATA.field("namespace").wrong(error.to_string())),
        }
    }

    /// An annotation of ours, parsed.
    pub(super) fn annotation<T: FromStr<Err: fmt::Display>>(
        &self,
        key: &str,
    ) -> Result<Option<T>, ManifestError> {
        let Some(text) = self.annotations.get(key) else { return Ok(None) };
        let at = METADATA.field("annotations");
        text.parse().map(Some).map_err(|error: T::Err| at.key(key).wrong(error.to_string()))
    }

    /// Notes annotations that look like Pontoon's and are not.
    pub(super) fn note_strangers(&self, kind: Kind, known: &[&str], warnings: &mut Warnings) {
        let ours = |key: &&String| key.starts_with(OURS) && !known.contains(&key.as_str());
        for key in self.annotations.keys().filter(ours) {
            let said = format!(
                "not used: of Pontoon's annotations a {} has {}",
                kind.names().kind,
                known.join(", ")
            );
            warnings.add(&format!("metadata.annotations[{key}]"), &said);
        }
    }

    pub(super) fn check(self) -> Result<Metadata, ManifestError> {
        check_labels(&METADATA.field("labels"), &self.labels)?;
        check_annotations(&METADATA.field("annotations"), &self.annotations)?;
        Ok(Metadata { labels: self.labels, annotations: self.annotations })
    }
}
