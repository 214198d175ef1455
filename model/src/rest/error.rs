//! Why a request was not done.

use serde::{Deserialize, Serialize};

use crate::api::{Code, Failure};

/// Why a request was not done, or an object was left as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[error("{}", Failure::from(self.clone()))]
pub struct ApiError {
    /// The kind of error; the CNI plugin knows them by the same numbers.
    #[cfg_attr(feature = "schema", schemars(with = "u32"))]
    pub code: Code,
    /// In a few words.
    pub message: String,
    /// The cause and what to do.
    #[serde(default)]
    pub details: String,
    /// The path of the field that is wrong, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let Failure { code, msg, details, field } = failure;
        Self { code, message: msg, details, field, next: next_step(code).map(str::to_owned) }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let ApiError { code, message, details, field, next: _ } = error;
        Self { code, msg: message, details, field }
    }
}

/// What can be done about every error of a kind.
const fn next_step(code: Code) -> Option<&'static str> {
    match code {
        Code::TryAgainLater => Some("try again"),
        Code::Store => Some("see `pontoon status` for the store, and try again when it answers"),
        Code::Expired => Some("list again, and watch from the resourceVersion of that list"),
        Code::Decode | Code::WrongMethod => Some("see /v1/openapi.json"),
        Code::Internal => Some("please report this"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_as_an_error() {
        let failure = Failure::new(Code::Conflict, "taken", "by web").of_field("spec.ports[0]");
        let error = ApiError::from(failure.clone());
        assert_eq!(error.to_string(), "taken: by web");
        assert_eq!(Failure::from(error), failure);
    }

    #[test]
    fn what_may_pass_says_what_to_do_next() {
        let text = serde_json::to_value(ApiError::from(Failure::new(Code::Expired, "gone", "")));
        let said = serde_json::json!({"code": 115, "message": "gone", "details": "",
            "next": "list again, and watch from the resourceVersion of that list"});
        assert_eq!(text.unwrap(), said);
    }
}
