//! `metadata` as it is stored: what came with the document from elsewhere goes, what makes the
//! object itself comes.

use std::time::{SystemTime, UNIX_EPOCH};

use pontoon_model::name::Namespace;
use serde_json::{Map, Value};

/// What an object gets when it is made, and keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Birth {
    uid: String,
    time: String,
}

impl Birth {
    pub(super) fn now() -> Self {
        Self::new(rand::random(), SystemTime::now())
    }

    fn new(random: u128, now: SystemTime) -> Self {
        // Version 4, variant 1 (RFC 9562, section 5.4).
        let bits = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Self { uid: parts.join("-"), time: rfc3339_at(now) }
    }
}

/// Written by others, and true of their clusters only.
const FOREIGN: [&str; 5] =
    ["resourceVersion", "generation", "managedFields", "selfLink", "ownerReferences"];
/// What kubectl keeps of the document before: Pontoon takes each as it is.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Makes the metadata of a document what is stored.
pub(super) fn stamp(
    document: &mut Value,
    namespace: Option<&Namespace>,
    previous: Option<&Value>,
    birth: &Birth,
) {
    let Some(metadata) = object(document, "metadata") else { return };
    metadata.retain(|key, _| !FOREIGN.contains(&key.as_str()));
    let mut keep = |key: &str, fresh: &str| {
        let old = previous.and_then(|document| document["metadata"][key].as_str());
        metadata.insert(key.to_owned(), old.unwrap_or(fresh).into());
    };
    keep("uid", &birth.uid);
    keep("creationTimestamp", &birth.time);
    if let Some(namespace) = namespace {
        metadata.insert("namespace".to_owned(), namespace.as_str().into());
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    for emptied in ["annotations", "labels"] {
        if metadata.get(emptied).and_then(Value::as_object).is_some_and(Map::is_empty) {
            metadata.remove(emptied);
        }
    }
}

/// A member that is an object, made where it is not; `None` when the document is none itself.
pub(super) fn object<'a>(document: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    let member = document.as_object_mut()?.entry(key).or_insert(Value::Null);
    if !member.is_object() {
        *member = Value::Object(Map::new());
    }
    member.as_object_mut()
}

/// A time as documents have it.
pub(super) fn rfc3339_at(time: SystemTime) -> String {
    rfc3339(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// Days to year, month and day: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_those_of_the_calendar() {
        // date -u -d @N +%FT%TZ
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_600, "2025-01-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn identity_is_given_once_and_kept() {
        let (first, second) = (Birth::now(), Birth::now());
        assert_ne!(first.uid, second.uid);
        assert_eq!((first.uid.len(), &first.uid[14..15]), (36, "4"));
        let mut old = json!({"metadata": {"name": "a", "uid": "theirs", "managedFields": [],
            "annotations": {LAST_APPLIED: "{}"}}});
        stamp(&mut old, Some(&Namespace::default()), None, &first);
        assert_eq!(
            old["metadata"],
            json!({"name": "a", "namespace": "default", "uid": first.uid, "creationTimestamp": first.time})
        );
        let mut new = json!({"metadata": {"name": "a", "annotations": {"b": "c"}}});
        stamp(&mut new, None, Some(&old), &second);
        assert_eq!(new["metadata"]["uid"], first.uid);
        assert_eq!(new["metadata"]["annotations"], json!({"b": "c"}));
    }
}
