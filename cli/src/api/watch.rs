//! What changes among objects.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use pontoon_model::object::Selection;
use serde_json::Value;

use super::Api;
use crate::exit::Exit;
use crate::{say, table};

/// An object that is new, other than before, or gone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// As it is, or was at the last.
    pub(crate) object: Value,
    /// Whether it is gone.
    pub(crate) gone: bool,
}

/// Objects by namespace and name.
type Known = BTreeMap<(String, String), Value>;

/// How often it is asked for changes.
const INTERVAL: Duration = Duration::from_secs(1);

impl Api<'_> {
    /// Tells what is there, and every change, until `tell` has enough or fails. A daemon that goes
    /// away meanwhile is waited for.
    pub(crate) fn watch(
        self,
        wanted: &Selection,
        tell: &mut dyn FnMut(&[Change]) -> Result<bool>,
    ) -> Result<()> {
        // A name that is nothing's is found out before anything is waited for.
        let first = self.list(wanted)?.map_err(super::ApiError::from)?;
        let mut known = Known::new();
        let mut away = false;
        let mut found = first;
        loop {
            let changes = changes(&mut known, found);
            if !tell(&changes)? {
                return Ok(());
            }
            found = loop {
                sleep(INTERVAL);
                match self.list(&Selection { names: Vec::new(), ..wanted.clone() }) {
                    Ok(Ok(objects)) => {
                        away = false;
                        break of_names(objects, &wanted.names);
                    }
                    Ok(Err(failure)) => return Err(super::ApiError::from(failure).into()),
                    Err(error) if error.exit == Exit::Denied => return Err(error.into()),
                    Err(error) => {
                        if !away {
                            say::aside(format_args!("{error}; waiting for it"));
                        }
                        away = true;
                    }
                }
            };
        }
    }
}

/// A name that has gone is no failure here.
fn of_names(mut objects: Vec<Value>, names: &[String]) -> Vec<Value> {
    let named = |object: &Value| names.iter().any(|n| n == table::text(object, "/metadata/name"));
    objects.retain(|object| names.is_empty() || named(object));
    objects
}

/// What differs from what was known; gone ones come last.
fn changes(known: &mut Known, found: Vec<Value>) -> Vec<Change> {
    let key = |object: &Value| {
        let text = |path| table::text(object, path).to_owned();
        (text("/metadata/namespace"), text("/metadata/name"))
    };
    let mut now = Known::new();
    let mut changes = Vec::new();
    for object in found {
        let key = key(&object);
        if known.remove(&key).as_ref() != Some(&object) {
            changes.push(Change { object: object.clone(), gone: false });
        }
        now.insert(key, object);
    }
    let gone = std::mem::replace(known, now).into_values();
    changes.extend(gone.map(|object| Change { object, gone: true }));
    changes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_a_change() {
        let object = |name: &str, revision: u32| json!({"metadata": {"namespace": "default", "name": name, "resourceVersion": revision}});
        let change = |name, revision, gone| Change { object: object(name, revision), gone };
        let mut known = Known::new();
        let first = changes(&mut known, vec![object("a", 1), object("b", 1)]);
        assert_eq!(first, [change("a", 1, false), change("b", 1, false)]);
        let second = changes(&mut known, vec![object("b", 2), object("c", 1)]);
        assert_eq!(second, [change("b", 2, false), change("c", 1, false), change("a", 1, true)]);
        assert_eq!(changes(&mut known, vec![object("b", 2), object("c", 1)]), []);
    }
}
