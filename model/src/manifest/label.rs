//! The syntax of labels and annotations (Kubernetes documentation, "Labels and Selectors", "Syntax and
//! character set").

use std::collections::BTreeMap;

use super::error::{At, ManifestError};
use crate::name::NodeName;

const KEY_RULE: &str = "is no key: use 1 to 63 of a-z, A-Z, 0-9, '-', '_' and '.', beginning and ending with a letter or digit, behind a DNS name and '/' if you like";
const VALUE_RULE: &str = "is no label's value: use up to 63 of a-z, A-Z, 0-9, '-', '_' and '.', beginning and ending with a letter or digit";

/// The most bytes that the annotations of an object have together (Kubernetes:
/// `TotalAnnotationSizeLimitB`).
const ANNOTATIONS_SIZE: usize = 256 << 10;

/// Why a text is no label's key or value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} {rule}")]
pub struct LabelError {
    text: String,
    rule: &'static str,
}

/// Checks a label's key.
///
/// # Errors
/// When it is not `name` or `dns.name/name`.
pub fn check_key(key: &str) -> Result<(), LabelError> {
    let name = match key.split_once('/') {
        // The rule for node names is that for the prefix: an RFC 1123 subdomain.
        Some((prefix, name)) if prefix.parse::<NodeName>().is_ok() => name,
        Some(_) => "",
        None => key,
    };
    if is_name(name) { Ok(()) } else { Err(error(key, KEY_RULE)) }
}

/// Checks a label's value.
///
/// # Errors
/// When it is neither empty nor a name.
pub fn check_value(value: &str) -> Result<(), LabelError> {
    if value.is_empty() || is_name(value) { Ok(()) } else { Err(error(value, VALUE_RULE)) }
}

fn error(text: &str, rule: &'static str) -> LabelError {
    LabelError { text: super::error::shown(text), rule }
}

fn is_name(text: &str) -> bool {
    let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(inner)
}

pub(crate) fn check_labels(
    at: &At<'_>,
    labels: &BTreeMap<String, String>,
) -> Result<(), ManifestError> {
    for (key, value) in labels {
        check_key(key).map_err(|e| at.wrong(e.to_string()))?;
        check_value(value).map_err(|e| at.key(key).wrong(e.to_string()))?;
    }
    Ok(())
}

pub(crate) fn check_annotations(
    at: &At<'_>,
    annotations: &BTreeMap<String, String>,
) -> Result<(), ManifestError> {
    let mut size = 0;
    for (key, value) in annotations {
        // Prefixes of annotations may be written with capitals.
        check_key(&key.to_ascii_lowercase()).map_err(|_| at.wrong_text(key, KEY_RULE))?;
        size += key.len() + value.len();
    }
    if size > ANNOTATIONS_SIZE {
        return Err(at.wrong(format!("{size} bytes are too long: at most {ANNOTATIONS_SIZE}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_follow_kubernetes() {
        for good in ["app", "a.B_c-d", "example.com/name", "1", &"a".repeat(63)] {
            assert_eq!(check_key(good), Ok(()), "{good}");
        }
        for bad in ["", "/a", "a/", "-a", "a-", "a/b/c", "A.com/x", "é", "a b", &"a".repeat(64)] {
            assert!(check_key(bad).is_err(), "{bad}");
        }
        for good in ["", "v1.2", "A_b", "0"] {
            assert_eq!(check_value(good), Ok(()), "{good}");
        }
        for bad in ["a/b", "-", "a b", ".", &"a".repeat(64)] {
            assert!(check_value(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_shows_the_text() {
        let said = check_key("a b").unwrap_err().to_string();
        assert!(said.starts_with("\"a b\" is no key: use"), "{said}");
    }
}
