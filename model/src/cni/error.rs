//! Error documents (CNI spec 1.1.0, section 5, "Error").

use serde::Serialize;

use super::version::SpecVersion;
use crate::api::{Code, Failure};

/// A failure as a runtime reads it on stdout.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDocument<'a> {
    cni_version: SpecVersion,
    code: Code,
    msg: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    details: &'a str,
}

impl<'a> ErrorDocument<'a> {
    /// A failure in a version; [`SpecVersion::UNSAID`] where the call failed before one was known.
    #[must_use]
    pub fn new(failure: &'a Failure, version: SpecVersion) -> Self {
        Self {
            cni_version: version,
            code: failure.code,
            msg: &failure.msg,
            details: &failure.details,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_carries_version_code_message_and_details() {
        let mut failure = Failure::new(Code::HostPortTaken, "taken", "by web");
        let text = |failure: &Failure| {
            serde_json::to_string(&ErrorDocument::new(failure, SpecVersion::V0_4_0)).unwrap()
        };
        assert_eq!(
            text(&failure),
            r#"{"cniVersion":"0.4.0","code":103,"msg":"taken","details":"by web"}"#
        );
        failure.details.clear();
        assert_eq!(text(&failure), r#"{"cniVersion":"0.4.0","code":103,"msg":"taken"}"#);
    }
}
