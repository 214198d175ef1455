//! YAML to JSON, a document at a time: what is wrong with one does not hide the next.

mod build;
#[cfg(test)]
mod tests;

use std::fmt;

use granit_parser::{Event, Marker, Parser, ScanError};
use serde_json::Value;

use build::Builder;

/// What is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    line: usize,
    column: usize,
    reason: String,
}

impl Fault {
    pub(crate) fn new(line: usize, column: usize, reason: impl Into<String>) -> Self {
        Self { line, column, reason: reason.into() }
    }

    fn at(mark: &Marker, reason: impl Into<String>) -> Self {
        Self::new(mark.line(), mark.col() + 1, reason)
    }
}

impl From<ScanError> for Fault {
    fn from(error: ScanError) -> Self {
        Self::at(error.marker(), error.info())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.reason)
    }
}

/// The documents of a text, in order; an empty one is null.
pub(crate) fn documents(text: &str) -> Vec<Result<Value, Fault>> {
    let mut parser = Parser::new_from_str(text);
    let mut documents = Vec::new();
    while let Some(event) = parser.next() {
        let document = match event {
            Ok((Event::DocumentStart(..), _)) => Builder::new(&mut parser).document(),
            Ok(_) => continue,
            Err(error) => Err(error.into()),
        };
        let broken = document.is_err();
        documents.push(document);
        if broken {
            match parser.proceed_next_document() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    documents.push(Err(error.into()));
                    break;
                }
            }
        }
    }
    documents
}
