//! Documents as people keep them: files, folders and standard input, YAML and JSON, several to a
//! file, lists of objects.
//!
//! | module | what it does |
//! | --- | --- |
//! | `files` | which files are meant |
//! | `yaml`, `scalar` | YAML to JSON |
//! | `unfold` | a text to its objects |

mod files;
mod scalar;
mod unfold;
mod yaml;

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

/// Where documents are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Sources {
    /// Files, folders (their .yaml, .yml and .json files) or - for standard input; may be repeated
    #[arg(short, long = "filename", value_name = "FILE|FOLDER|-")]
    pub(crate) file: Vec<PathBuf>,
    /// Looks into the folders of folders, too
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

/// An object and where it was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    /// Where.
    pub(crate) origin: Origin,
    /// What.
    pub(crate) value: Value,
}

impl Document {
    /// Kind and name as far as there are any, as in `Service default/web`.
    pub(crate) fn title(&self) -> String {
        let text = |path: &str| {
            let text = self.value.pointer(path)?.as_str().filter(|text| !text.is_empty())?;
            // Nobody has checked it yet, and a terminal obeys what it reads.
            Some(text.escape_debug().to_string())
        };
        let kind = text("/kind").unwrap_or_else(|| "object".to_owned());
        match (text("/metadata/namespace"), text("/metadata/name")) {
            (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
            (None, Some(name)) => format!("{kind} {name}"),
            (_, None) => format!("{kind} without a name"),
        }
    }

    #[cfg(test)]
    pub(crate) fn of_test(number: usize, value: Value) -> Self {
        Self { origin: Origin { file: "test".to_owned(), number, items: Vec::new() }, value }
    }
}

/// Where an object was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    file: String,
    number: usize,
    /// In the lists that it is in, the outermost first.
    items: Vec<usize>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: document {}", self.file, self.number)?;
        self.items.iter().try_for_each(|item| write!(f, ", item {item}"))
    }
}

/// What could not be read, as a sentence that begins with where it is.
pub(crate) type Unread = String;

/// Every object, in the order of the command line, of the files' names and of the files.
pub(crate) fn read(sources: &Sources) -> Vec<Result<Document, Unread>> {
    let mut documents = Vec::new();
    for source in &sources.file {
        if source.as_os_str() == "-" {
            let mut text = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut text).map(|_| text);
            documents.extend(of_file("standard input", read));
            continue;
        }
        for file in files::of(source, sources.recursive) {
            match file {
                Ok(file) => {
                    documents.extend(of_file(&file.display().to_string(), std::fs::read(&file)));
                }
                Err(unread) => documents.push(Err(unread)),
            }
        }
    }
    documents
}

fn of_file(name: &str, content: io::Result<Vec<u8>>) -> Vec<Result<Document, Unread>> {
    let content = match content {
        Ok(content) => content,
        Err(error) => return vec![Err(format!("{name}: it cannot be read: {error}"))],
    };
    match std::str::from_utf8(&content) {
        Ok(text) => unfold::objects(name, text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let place = error.valid_up_to();
            vec![Err(format!("{name}: it is no text in UTF-8 from byte {place} on"))]
        }
    }
}

/// The objects of a text that has a name.
pub(crate) fn of_text(name: &str, text: &str) -> Vec<Result<Document, Unread>> {
    unfold::objects(name, text)
}
