//! What is wrong with a manifest, and where.

use std::fmt;

use crate::api::{Code, Failure};

/// A manifest that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    /// The way to the field, such as `spec.ports[0].port`; empty for the document itself.
    pub path: String,
    /// What it holds and what would be right.
    pub problem: String,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "{}: {}", self.path, self.problem)
        }
    }
}

impl std::error::Error for ManifestError {}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        let failure = Self::new(Code::InvalidObject, error.to_string(), "");
        if error.path.is_empty() { failure } else { failure.of_field(error.path) }
    }
}

/// A place in a document. Written out only when something is wrong there, since ten thousand
/// services are read at a start and nearly all of them are right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> At<'a> {
    pub(crate) const fn root(field: &'a str) -> Self {
        Self { parent: None, step: Step::Field(field) }
    }

    pub(crate) const fn field(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Field(name) }
    }

    pub(crate) const fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    pub(crate) const fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }

    pub(crate) fn wrong(&self, problem: impl Into<String>) -> ManifestError {
        ManifestError { path: self.to_string(), problem: problem.into() }
    }

    /// The error that a text is not what it should be.
    pub(crate) fn wrong_text(&self, text: &str, rule: impl fmt::Display) -> ManifestError {
        self.wrong(format!("{} {rule}", shown(text)))
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Field(name) if self.parent.is_none() => f.write_str(name),
            Step::Field(name) => write!(f, ".{name}"),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}

/// A text in an error is cut here, characters.
const SHOWN: usize = 80;

/// A text, quoted, and cut when it is long.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_begins_with_the_path() {
        let spec = At::root("spec");
        let ports = spec.field("ports");
        let first = ports.index(0);
        let error = first.field("port").wrong("70000 is not in 1..=65535");
        assert_eq!(error.to_string(), "spec.ports[0].port: 70000 is not in 1..=65535");
        let metadata = At::root("metadata");
        let labels = metadata.field("labels");
        assert_eq!(labels.key("a/b").to_string(), "metadata.labels[a/b]");
        let failure = Failure::from(error);
        assert_eq!(failure.code, Code::InvalidObject);
        assert!(failure.to_string().starts_with("spec.ports[0].port: "));
    }

    #[test]
    fn long_values_are_cut() {
        assert!(shown(&"é".repeat(1000)).chars().count() < 100);
    }
}
