//! Which state of an object a document changes, so that nobody's change is lost unseen.

use pontoon_model::api::{Code, Failure};
use pontoon_store::KeyValue;
use serde_json::Value;

/// The field that says it.
const FIELD: &str = "metadata.resourceVersion";

/// The state that a document says it was made from; none when it says nothing of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    version: Option<String>,
    uid: Option<String>,
}

impl Seen {
    /// What a document says. As in Kubernetes, `0` is any state.
    pub(super) fn of(document: &Value) -> Self {
        let text = |key: &str| match &document["metadata"][key] {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Self { version: text("resourceVersion").filter(|version| version != "0"), uid: text("uid") }
    }

    /// Refuses to replace what the store has when it is another state. The same comes into the
    /// transaction as the condition that it is still this one.
    pub(super) fn check(&self, found: Option<&KeyValue>) -> Result<(), Failure> {
        let Some(version) = &self.version else { return Ok(()) };
        let (what, next) = match found {
            Some(item) if item.mod_revision.to_string() == *version => return Ok(()),
            Some(item) if self.is_from_elsewhere(item) => return Ok(()),
            Some(_) => (
                "has been modified",
                "please apply your changes to the latest version, or leave the field out to replace it",
            ),
            // A copy of it is brought back.
            None if self.uid.is_some() => return Ok(()),
            None => ("has been deleted", "leave the field out to create it anew"),
        };
        let said = format!("{FIELD}: the object {what} since it was read");
        Err(Failure::new(Code::Conflict, said, next).of_field(FIELD))
    }

    /// A version is one of the object that has the uid, and says nothing of another: so it is with
    /// what comes from a Kubernetes cluster.
    fn is_from_elsewhere(&self, item: &KeyValue) -> bool {
        let Some(uid) = &self.uid else { return false };
        let stored: Value = serde_json::from_slice(&item.value).unwrap_or_default();
        stored["metadata"]["uid"] != uid.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pontoon_store::Revision;
    use serde_json::json;

    #[test]
    fn a_version_counts_for_the_object_that_it_is_of() {
        let value = json!({"metadata": {"uid": "ours"}}).to_string().into_bytes();
        let item = KeyValue {
            key: "services/default/web".to_owned(),
            value,
            create_revision: Revision(5),
            mod_revision: Revision(7),
            version: 2,
            lease: None,
        };
        for (metadata, there, gone) in [
            (json!({}), true, true),
            (json!({"resourceVersion": ""}), true, true),
            (json!({"resourceVersion": "0"}), true, true),
            (json!({"uid": "ours"}), true, true),
            (json!({"resourceVersion": "7"}), true, false),
            (json!({"resourceVersion": 7}), true, false),
            (json!({"resourceVersion": "6"}), false, false),
            (json!({"resourceVersion": "7", "uid": "ours"}), true, true),
            (json!({"resourceVersion": "6", "uid": "ours"}), false, true),
            (json!({"resourceVersion": "6", "uid": "theirs"}), true, true),
        ] {
            let seen = Seen::of(&json!({ "metadata": metadata }));
            assert_eq!(seen.check(Some(&item)).is_ok(), there, "{metadata}");
            assert_eq!(seen.check(None).is_ok(), gone, "{metadata}");
        }
    }
}
