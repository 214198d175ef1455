//! What became of objects.

use serde::{Deserialize, Serialize};

use super::ApiError;
use crate::api::{Code, Failure};
use crate::name::Namespace;
use crate::object::{Kind, Outcome, OutcomeResult};

/// What became of objects, in the order in which they were given or found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Outcomes {
    /// One for each object.
    pub items: Vec<ObjectOutcome>,
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObjectOutcome {
    /// Its kind, where that was understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Its namespace, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
    /// Its name; empty where the document has none.
    pub name: String,
    /// What was done.
    pub result: Done,
    /// Why it failed, when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ApiError>,
    /// What was read and is not used, as sentences that begin with the field's path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The object as it would be: of a dry run only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<serde_json::Value>,
}

/// What was done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// It is new.
    Created,
    /// It was changed.
    Configured,
    /// It was as it should be.
    Unchanged,
    /// Its labels were changed.
    Labeled,
    /// Its annotations were changed.
    Annotated,
    /// It is gone.
    Deleted,
    /// Nothing was done with it.
    Failed,
}

impl From<Outcome> for ObjectOutcome {
    fn from(outcome: Outcome) -> Self {
        let Outcome { kind, namespace, name, result, warnings, document } = outcome;
        let (result, error) = match result {
            OutcomeResult::Created => (Done::Created, None),
            OutcomeResult::Configured => (Done::Configured, None),
            OutcomeResult::Unchanged => (Done::Unchanged, None),
            OutcomeResult::Labeled => (Done::Labeled, None),
            OutcomeResult::Annotated => (Done::Annotated, None),
            OutcomeResult::Deleted => (Done::Deleted, None),
            OutcomeResult::Failed(failure) => (Done::Failed, Some(failure.into())),
        };
        Self { kind, namespace, name, result, error, warnings, document }
    }
}

impl From<ObjectOutcome> for Outcome {
    fn from(outcome: ObjectOutcome) -> Self {
        let ObjectOutcome { kind, namespace, name, result, error, warnings, document } = outcome;
        let result = match result {
            Done::Created => OutcomeResult::Created,
            Done::Configured => OutcomeResult::Configured,
            Done::Unchanged => OutcomeResult::Unchanged,
            Done::Labeled => OutcomeResult::Labeled,
            Done::Annotated => OutcomeResult::Annotated,
            Done::Deleted => OutcomeResult::Deleted,
            Done::Failed => OutcomeResult::Failed(error.map_or_else(
                || Failure::new(Code::Internal, "it failed, and nobody said why", ""),
                Failure::from,
            )),
        };
        Self { kind, namespace, name, result, warnings, document }
    }
}

impl From<Vec<Outcome>> for Outcomes {
    fn from(outcomes: Vec<Outcome>) -> Self {
        Self { items: outcomes.into_iter().map(ObjectOutcome::from).collect() }
    }
}

impl Outcomes {
    /// Whether something failed.
    #[must_use]
    pub fn any_failed(&self) -> bool {
        self.items.iter().any(|outcome| outcome.result == Done::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_survives_the_way_over_http() {
        let failure = Failure::new(Code::Conflict, "taken", "by web").of_field("spec.ports[0]");
        for result in [
            OutcomeResult::Created,
            OutcomeResult::Configured,
            OutcomeResult::Unchanged,
            OutcomeResult::Labeled,
            OutcomeResult::Annotated,
            OutcomeResult::Deleted,
            OutcomeResult::Failed(failure),
        ] {
            let outcome = Outcome {
                kind: Some(Kind::Service),
                namespace: Some(Namespace::default()),
                name: "web".to_owned(),
                result,
                warnings: vec!["spec.foo: not used".to_owned()],
                document: None,
            };
            let text = serde_json::to_string(&ObjectOutcome::from(outcome.clone())).unwrap();
            let read: ObjectOutcome = serde_json::from_str(&text).unwrap();
            assert_eq!(Outcome::from(read), outcome);
        }
    }
}
