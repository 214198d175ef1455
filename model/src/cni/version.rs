//! The versions of the CNI specification, and which one a call speaks.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::call::Verb;
use crate::api::{Code, Failure};

/// A version of the specification that Pontoon speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpecVersion {
    /// 0.3.0: the same documents as 0.3.1.
    V0_3_0,
    /// 0.3.1.
    V0_3_1,
    /// 0.4.0: CHECK, prevResult on DEL.
    V0_4_0,
    /// 1.0.0: addresses no longer carry their family.
    V1_0_0,
    /// 1.1.0: GC, STATUS, the MTU of interfaces.
    V1_1_0,
}

impl SpecVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V0_3_0, Self::V0_3_1, Self::V0_4_0, Self::V1_0_0, Self::V1_1_0];

    /// The newest.
    pub const NEWEST: Self = Self::V1_1_0;

    /// What is spoken with a caller that does not say. The specification once said 0.1.0, whose
    /// results cannot name an interface. The callers that leave the version empty are libcni below
    /// 1.2 reading a configuration with `cniVersions` alone (containerd 1.6, podman 4.3); they read
    /// 1.0.0 and refuse 1.1.0.
    pub const UNSAID: Self = Self::V1_0_0;

    /// The version in a document, as far as it can be made out: for answers to what is otherwise
    /// wrong.
    #[must_use]
    pub fn said_in(stdin: &[u8]) -> Option<Self> {
        let document: serde_json::Value = serde_json::from_slice(stdin).ok()?;
        document.get("cniVersion")?.as_str()?.parse().ok()
    }

    /// As the specification writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_3_0 => "0.3.0",
            Self::V0_3_1 => "0.3.1",
            Self::V0_4_0 => "0.4.0",
            Self::V1_0_0 => "1.0.0",
            Self::V1_1_0 => "1.1.0",
        }
    }

    /// The version to speak, from `cniVersion` (which a runtime that chose one has set) and, where
    /// that is empty, from `cniVersions`: the newest that both sides have, but not above
    /// [`Self::UNSAID`] unless the list or the verb itself leaves no other.
    ///
    /// # Errors
    /// With code 1 when there is no common version, or when it does not have the verb.
    pub fn negotiate(asked: Option<&str>, listed: &[&str], verb: Verb) -> Result<Self, Failure> {
        let version = match asked.filter(|text| !text.is_empty()) {
            Some(text) => text.parse().map_err(|UnknownVersion| incompatible(&[text]))?,
            None if listed.is_empty() => Self::UNSAID,
            None => {
                let common = || {
                    listed
                        .iter()
                        .filter_map(|text| text.parse::<Self>().ok())
                        .filter(|v| verb.is_in(*v))
                };
                common()
                    .filter(|version| *version <= Self::UNSAID)
                    .max()
                    .or_else(|| common().max())
                    .ok_or_else(|| incompatible(listed))?
            }
        };
        if verb.is_in(version) {
            Ok(version)
        } else {
            Err(Failure::new(
                Code::IncompatibleVersion,
                format!("config version does not allow {verb}"),
                format!("cniVersion is \"{version}\", {verb} exists since \"{}\"", verb.since()),
            ))
        }
    }
}

fn incompatible(asked: &[&str]) -> Failure {
    let quoted = |texts: &mut dyn Iterator<Item = &str>| {
        texts.map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" ")
    };
    Failure::new(
        Code::IncompatibleVersion,
        "incompatible CNI versions",
        format!(
            "config is {}, plugin supports [{}]",
            quoted(&mut asked.iter().copied()),
            quoted(&mut SpecVersion::ALL.iter().map(|version| version.as_str())),
        ),
    )
}

/// A text that is no version of the specification that Pontoon speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of 0.3.0, 0.3.1, 0.4.0, 1.0.0 and 1.1.0")]
pub struct UnknownVersion;

impl FromStr for SpecVersion {
    type Err = UnknownVersion;
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        Self::ALL.into_iter().find(|version| version.as_str() == text).ok_or(UnknownVersion)
    }
}

impl fmt::Display for SpecVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for SpecVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The answer to VERSION.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionInfo {
    /// The version that the caller named, else the newest.
    pub cni_version: SpecVersion,
    /// All that are spoken.
    pub supported_versions: [SpecVersion; 5],
}

impl VersionInfo {
    /// The answer to what stood on stdin. The caller may send nothing at all, as the reference
    /// plugins do not read it; so nothing in it is an error.
    #[must_use]
    pub fn answering(stdin: &[u8]) -> Self {
        Self {
            cni_version: SpecVersion::said_in(stdin).unwrap_or(SpecVersion::NEWEST),
            supported_versions: SpecVersion::ALL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(asked: Option<&str>, listed: &[&str], verb: Verb) -> Result<&'static str, u32> {
        SpecVersion::negotiate(asked, listed, verb)
            .map(SpecVersion::as_str)
            .map_err(|failure| failure.code.into())
    }

    #[test]
    fn the_version_that_the_runtime_chose_is_spoken() {
        for version in SpecVersion::ALL {
            let text = version.as_str();
            assert_eq!(chosen(Some(text), &[], Verb::Add), Ok(text));
            assert_eq!(chosen(Some(text), &["1.1.0"], Verb::Del), Ok(text));
        }
    }

    #[test]
    fn an_unsaid_version_is_one_that_old_runtimes_read() {
        for asked in [None, Some("")] {
            assert_eq!(chosen(asked, &[], Verb::Add), Ok("1.0.0"));
            assert_eq!(chosen(asked, &["0.4.0", "1.0.0", "1.1.0"], Verb::Add), Ok("1.0.0"));
            assert_eq!(chosen(asked, &["0.3.1", "0.4.0"], Verb::Add), Ok("0.4.0"));
            assert_eq!(chosen(asked, &["1.1.0", "2.0.0"], Verb::Add), Ok("1.1.0"));
            assert_eq!(chosen(asked, &["0.4.0", "1.1.0"], Verb::Gc), Ok("1.1.0"));
            assert_eq!(chosen(asked, &["0.2.0"], Verb::Add), Err(1));
        }
    }

    #[test]
    fn an_unknown_version_is_refused_in_the_words_of_the_reference_plugins() {
        let failure = SpecVersion::negotiate(Some("2.0.0"), &[], Verb::Add).unwrap_err();
        assert_eq!(failure.msg, "incompatible CNI versions");
        assert_eq!(
            failure.details,
            r#"config is "2.0.0", plugin supports ["0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]"#
        );
        for asked in ["0.1.0", "0.2.0", "1.0", "1.2.0", "latest", "1.0.0 "] {
            assert_eq!(chosen(Some(asked), &[], Verb::Del), Err(1), "{asked}");
        }
    }

    #[test]
    fn verbs_are_refused_by_versions_that_lack_them() {
        for (verb, since) in [
            (Verb::Add, "0.3.0"),
            (Verb::Del, "0.3.0"),
            (Verb::Check, "0.4.0"),
            (Verb::Gc, "1.1.0"),
            (Verb::Status, "1.1.0"),
        ] {
            for version in SpecVersion::ALL {
                let text = version.as_str();
                let expected = if text < since { Err(1) } else { Ok(text) };
                assert_eq!(chosen(Some(text), &[], verb), expected, "{verb} {text}");
            }
        }
    }

    #[test]
    fn version_answers_in_the_version_of_the_caller() {
        let info = VersionInfo::answering(br#"{"cniVersion":"0.4.0"}"#);
        assert_eq!(
            serde_json::to_string(&info).unwrap(),
            r#"{"cniVersion":"0.4.0","supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}"#
        );
        for stdin in ["", "null", "{", r#"{"cniVersion":7}"#, r#"{"cniVersion":"9.0.0"}"#] {
            assert_eq!(VersionInfo::answering(stdin.as_bytes()).cni_version, SpecVersion::NEWEST);
        }
    }
}
