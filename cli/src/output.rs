//! How things are shown, and objects as documents: one by itself, several as a list.

use std::fmt::Display;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Serializer, Value, json};

use crate::say;

/// How an answer of the daemon is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// The whole answer as JSON
    Json,
    /// The whole answer as YAML
    Yaml,
}

impl Format {
    /// What is printed of an answer; of it for people, what the function makes.
    pub(crate) fn shown<T: Serialize>(
        self,
        answer: &T,
        human: impl FnOnce(&T) -> String,
    ) -> Result<String> {
        if self == Self::Text {
            return Ok(human(answer));
        }
        let document = serde_json::to_value(answer).context("the answer is no JSON")?;
        if self == Self::Yaml { yaml(&document) } else { json(&document) }
    }
}

/// How it is told what was done with objects.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Told {
    /// Names the objects and says nothing else of them
    #[arg(short, long = "output", value_enum, value_name = "FORMAT")]
    output: Option<ToldFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ToldFormat {
    /// KIND/NAME, a line each
    Name,
}

impl Told {
    /// The line of one object, which is KIND/NAME.
    pub(crate) fn line(self, object: &str, said: impl Display) -> Result<()> {
        match self.output {
            Some(ToldFormat::Name) => say::line(object),
            None => say::line(said),
        }
    }
}

/// What is printed: the object that was asked for, or a list of all.
pub(crate) fn whole<'o>(mut objects: impl Iterator<Item = &'o Value>, one: bool) -> Value {
    match objects.next() {
        Some(object) if one => object.clone(),
        first => {
            let items: Vec<&Value> = first.into_iter().chain(objects).collect();
            json!({
                "apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""},
                "items": items,
            })
        }
    }
}

/// As kubectl lays it out.
pub(crate) fn json(document: &Value) -> Result<String> {
    let mut text = Vec::new();
    let format = PrettyFormatter::with_indent(b"    ");
    document
        .serialize(&mut Serializer::with_formatter(&mut text, format))
        .context("the objects are no JSON")?;
    String::from_utf8(text).context("the objects are no text")
}

/// Whatever another reader might take for a number or a truth is quoted.
pub(crate) fn yaml(document: &Value) -> Result<String> {
    let options = serde_saphyr::ser_options! {
        compact_list_indent: true,
        // Lines are not folded, so that a text is found by searching for it.
        folded_wrap_chars: usize::MAX,
        min_fold_chars: usize::MAX,
    };
    let text = serde_saphyr::to_string_with_options(document, options)
        .context("the objects are no YAML")?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// Without what the daemon writes into every object.
pub(crate) fn without_stamps(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["resourceVersion", "uid", "creationTimestamp", "generation"] {
            metadata.remove(field);
        }
    }
    object
}

#[cfg(test)]
mod tests;
