//! What changes among objects.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use pontoon_model::object::Selection;
use pontoon_model::rest::EventKind;
use serde_json::Value;

use super::{Api, ApiError};
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
/// Told of changes; says whether it wants more.
type Tell<'t> = &'t mut dyn FnMut(&[Change]) -> Result<bool>;

/// Between two attempts to reach a daemon that went away.
const INTERVAL: Duration = Duration::from_secs(1);

impl Api {
    /// Tells what is there, and every change, until `tell` has enough or fails. A daemon that goes
    /// away meanwhile is waited for; what it tells anew is told only where it differs.
    pub(crate) fn watch(&self, wanted: &Selection, tell: Tell<'_>) -> Result<()> {
        // A name that is nothing's is found out before anything is waited for.
        for name in &wanted.names {
            self.get(wanted.kind, wanted.namespace.as_ref(), name)?.map_err(ApiError::from)?;
        }
        let mut known = Known::new();
        let (mut reached, mut away) = (false, false);
        loop {
            let ended = self.follow(wanted, &mut known, &mut reached, tell);
            let error = match ended {
                Ok(true) => {
                    away = false;
                    continue;
                }
                Ok(false) => return Ok(()),
                Err(Interrupted::Told(error)) => return Err(error),
                Err(Interrupted::Api(error)) => error,
            };
            if !reached || error.exit == Exit::Denied {
                return Err(error.into());
            }
            if !away {
                say::aside(format_args!("{error}; waiting for it"));
            }
            away = true;
            sleep(INTERVAL);
        }
    }

    /// Follows one stream to its end; says whether another is wanted.
    fn follow(
        &self,
        wanted: &Selection,
        known: &mut Known,
        reached: &mut bool,
        tell: Tell<'_>,
    ) -> Result<bool, Interrupted> {
        let is_meant = |object: &Value| {
            let name = table::text(object, "/metadata/name");
            wanted.names.is_empty() || wanted.names.iter().any(|wished| wished == name)
        };
        // The server knows one name at the most.
        let mut asked = wanted.clone();
        if asked.names.len() > 1 {
            asked.names.clear();
        }
        let mut first = Some(Vec::new());
        for event in self.client.watch(&asked, None).map_err(ApiError::from)? {
            let event = event.map_err(ApiError::from)?;
            let changes = match (event.kind, &mut first) {
                (EventKind::Bookmark, told) => {
                    *reached = true;
                    told.take().map(|found| replace(known, found)).unwrap_or_default()
                }
                _ if !is_meant(&event.object) => continue,
                (EventKind::Deleted, None) => take(known, event.object),
                (EventKind::Added | EventKind::Modified, None) => put(known, event.object),
                (_, Some(found)) => {
                    found.push(event.object);
                    continue;
                }
            };
            if !changes.is_empty() && !tell(&changes).map_err(Interrupted::Told)? {
                return Ok(false);
            }
        }
        sleep(INTERVAL);
        Ok(true)
    }
}

/// Why a stream was left.
enum Interrupted {
    /// The daemon is away.
    Api(ApiError),
    /// Nothing more can be told.
    Told(anyhow::Error),
}

impl From<ApiError> for Interrupted {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

fn key(object: &Value) -> (String, String) {
    let text = |path| table::text(object, path).to_owned();
    (text("/metadata/namespace"), text("/metadata/name"))
}

fn put(known: &mut Known, object: Value) -> Vec<Change> {
    if known.insert(key(&object), object.clone()).as_ref() == Some(&object) {
        return Vec::new();
    }
    vec![Change { object, gone: false }]
}

fn take(known: &mut Known, object: Value) -> Vec<Change> {
    let was = known.remove(&key(&object)).is_some();
    was.then_some(Change { object, gone: true }).into_iter().collect()
}

/// What differs from what was known; gone ones come last.
fn replace(known: &mut Known, found: Vec<Value>) -> Vec<Change> {
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
        let first = replace(&mut known, vec![object("a", 1), object("b", 1)]);
        assert_eq!(first, [change("a", 1, false), change("b", 1, false)]);
        assert_eq!(put(&mut known, object("b", 1)), []);
        assert_eq!(put(&mut known, object("b", 2)), [change("b", 2, false)]);
        assert_eq!(take(&mut known, object("x", 2)), []);
        let second = replace(&mut known, vec![object("b", 2), object("c", 1)]);
        assert_eq!(second, [change("c", 1, false), change("a", 1, true)]);
        assert_eq!(take(&mut known, object("c", 1)), [change("c", 1, true)]);
    }
}
