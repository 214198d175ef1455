//! Changes of labels and annotations, as a JSON merge patch (RFC 7396).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::object::{LabelChange, MetadataChange};

/// `{"metadata": {"labels": {"app": "web", "old": null}, "annotations": {…}}}`: a text sets, `null`
/// takes away, what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetadataPatch {
    /// What is changed.
    pub metadata: PatchedMetadata,
}

/// What can be changed of an object that is not applied anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchedMetadata {
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Option<String>>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, Option<String>>,
}

impl MetadataPatch {
    /// The change that it asks for. Without `overwrite` it is refused where something has another
    /// value already.
    #[must_use]
    pub fn into_change(self, overwrite: bool) -> MetadataChange {
        let of = |values: BTreeMap<String, Option<String>>| {
            let mut change = LabelChange { overwrite, ..LabelChange::default() };
            for (key, value) in values {
                match value {
                    Some(value) => drop(change.set.insert(key, value)),
                    None => change.remove.push(key),
                }
            }
            change
        };
        MetadataChange {
            labels: of(self.metadata.labels),
            annotations: of(self.metadata.annotations),
        }
    }
}

impl From<&MetadataChange> for MetadataPatch {
    fn from(change: &MetadataChange) -> Self {
        let of = |change: &LabelChange| {
            let set = change.set.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
            set.chain(change.remove.iter().map(|key| (key.clone(), None))).collect()
        };
        let (labels, annotations) = (of(&change.labels), of(&change.annotations));
        Self { metadata: PatchedMetadata { labels, annotations } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_takes_away_and_a_text_sets() {
        let text = r#"{"metadata": {"labels": {"app": "web", "old": null}}}"#;
        let patch: MetadataPatch = serde_json::from_str(text).unwrap();
        let change = patch.clone().into_change(false);
        assert_eq!(change.labels.set["app"], "web");
        assert_eq!(change.labels.remove, ["old"]);
        assert!(change.annotations.is_empty());
        assert_eq!(MetadataPatch::from(&change), patch);
    }

    #[test]
    fn nothing_else_can_be_patched() {
        for text in [r#"{"spec": {}, "metadata": {}}"#, r#"{"metadata": {"name": "x"}}"#, "{}"] {
            assert!(serde_json::from_str::<MetadataPatch>(text).is_err(), "{text}");
        }
    }
}
