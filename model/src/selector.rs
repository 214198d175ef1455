//! Labels and what selects by them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// Labels that must all be there with these values (`spec.selector` of a Service). Never empty: an
/// empty selector in Kubernetes selects nothing, and is `None` here.
///
/// Kept as a list, since a map of two labels takes half a kilobyte and there is one a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Labels", into = "Labels")]
pub struct Selector(Box<[(Box<str>, Box<str>)]>);

impl Selector {
    /// A selector of these labels; `None` when there are none.
    #[must_use]
    pub fn new(labels: Labels) -> Option<Self> {
        (!labels.is_empty()).then(|| labels.into())
    }

    /// Whether an object with these labels is selected.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.iter().all(|(key, value)| labels.get(key).is_some_and(|own| own == value))
    }

    /// The labels, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl From<Labels> for Selector {
    fn from(labels: Labels) -> Self {
        Self(labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl From<Selector> for Labels {
    fn from(selector: Selector) -> Self {
        selector.0.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{key}={value}")?;
        }
        Ok(())
    }
}
