//! Which labels objects must have, as people type it (Kubernetes documentation, "Labels and
//! Selectors", "Label selectors").

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::manifest::label;

/// What can be asked of labels, for whoever describes it.
pub const SYNTAX: &str = "key=value, key!=value, key in (a,b), key notin (a,b), key or !key";

/// What all must be true of an object's labels; of none everything is. The selector of a service
/// is another type: it knows equality only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabelSelector(BTreeSet<Requirement>);

/// What must be true of one label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// Its key.
    pub key: String,
    /// What is asked of it.
    pub test: Test,
}

/// What can be asked of a label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Test {
    /// It is there, with any value.
    Exists,
    /// It is not there.
    Absent,
    /// It is there with one of these values.
    In(BTreeSet<String>),
    /// It has none of these values; as in Kubernetes that is true where it is not there.
    NotIn(BTreeSet<String>),
}

impl LabelSelector {
    /// One that asks nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is asked, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.0.iter()
    }

    /// Whether an object is meant that has these values for keys.
    #[must_use]
    pub fn matches<'o>(&self, value: impl Fn(&str) -> Option<&'o str>) -> bool {
        self.0.iter().all(|requirement| requirement.test.holds(value(&requirement.key)))
    }

    /// Whether a document is meant, by `metadata.labels`.
    #[must_use]
    pub fn matches_document(&self, document: &serde_json::Value) -> bool {
        let labels = &document["metadata"]["labels"];
        self.matches(|key| labels.get(key)?.as_str())
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
        }
    }
}

impl FromIterator<Requirement> for LabelSelector {
    fn from_iter<I: IntoIterator<Item = Requirement>>(requirements: I) -> Self {
        Self(requirements.into_iter().collect())
    }
}

impl FromStr for LabelSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let selector: Self =
            parts(text)?.into_iter().map(str::parse).collect::<Result<_, String>>()?;
        let mut before: Option<(&str, &BTreeSet<String>)> = None;
        for Requirement { key, test } in selector.iter() {
            let Test::In(values) = test else { continue };
            if before.is_some_and(|(other, had)| other == key && had.is_disjoint(values)) {
                return Err(format!("no object has two values of {key}"));
            }
            before = Some((key, values));
        }
        Ok(selector)
    }
}

/// What stands between commas that are in no parentheses.
fn parts(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut begin, mut inside) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return Err(format!("{text:?} has a parenthesis too many: use {SYNTAX}")),
            ',' if !inside => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err(format!("{text:?} lacks a closing parenthesis: use {SYNTAX}"));
    }
    parts.push(&text[begin..]);
    Ok(parts)
}

impl FromStr for Requirement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let one = |value: &str| BTreeSet::from([value.trim().to_owned()]);
        let (key, test) = if let Some((head, list)) = text.split_once('(') {
            among(head, list).ok_or_else(|| format!("{text:?} is not understood: use {SYNTAX}"))?
        } else if let Some(key) = text.strip_prefix('!') {
            (key, Test::Absent)
        } else if let Some((key, value)) = text.split_once("!=") {
            (key, Test::NotIn(one(value)))
        } else if let Some((key, value)) = text.split_once('=') {
            (key, Test::In(one(value.strip_prefix('=').unwrap_or(value))))
        } else {
            (text, Test::Exists)
        };
        let key = key.trim();
        label::check_key(key).map_err(|error| error.to_string())?;
        if let Test::In(values) | Test::NotIn(values) = &test {
            for value in values {
                label::check_value(value).map_err(|error| error.to_string())?;
            }
        }
        Ok(Self { key: key.to_owned(), test })
    }
}

/// `key in (a,b)` or `key notin (a,b)`, cut behind the first parenthesis.
fn among<'t>(head: &'t str, list: &str) -> Option<(&'t str, Test)> {
    let (key, operator) = head.trim().rsplit_once(char::is_whitespace)?;
    let list = list.strip_suffix(')').filter(|list| !list.trim().is_empty())?;
    let values = list.split(',').map(|value| value.trim().to_owned()).collect();
    match operator {
        "in" => Some((key, Test::In(values))),
        "notin" => Some((key, Test::NotIn(values))),
        _ => None,
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let (sign, word, values) = match &self.test {
            Test::Exists => return f.write_str(key),
            Test::Absent => return write!(f, "!{key}"),
            Test::In(values) => ("=", "in", values),
            Test::NotIn(values) => ("!=", "notin", values),
        };
        let list = values.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        if values.len() == 1 {
            write!(f, "{key}{sign}{list}")
        } else {
            write!(f, "{key} {word} ({list})")
        }
    }
}

impl TryFrom<String> for LabelSelector {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() { Ok(Self::default()) } else { text.parse() }
    }
}

impl From<LabelSelector> for String {
    fn from(selector: LabelSelector) -> Self {
        selector.to_string()
    }
}

#[cfg(test)]
mod tests;
