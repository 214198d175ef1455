//! What a mirror delivers, as typed objects.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Event, Revision, Update};

/// The objects under one prefix, kept up to date by [`Cache::apply`].
///
/// A value that cannot be decoded is reported and left out; the others are served. That holds for a bad new value of a
/// known key too: the old object is dropped, not kept. What a cache holds is then a function of the store's content
/// alone, so a node that has just started and one that has run for months never disagree over what the cluster is.
pub struct Cache<T> {
    prefix: String,
    decode: Decode<T>,
    objects: BTreeMap<String, T>,
    rejected: BTreeMap<String, Rejected>,
    revision: Option<Revision>,
}

type Decode<T> = Box<dyn Fn(&str, &[u8]) -> Result<T, String> + Send + Sync>;

/// A key whose value was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The key.
    pub key: String,
    /// The revision that wrote the value.
    pub revision: Revision,
    /// What is wrong with it.
    pub error: String,
}

/// What an update changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    /// Keys whose object is new or different.
    pub changed: Vec<String>,
    /// Keys that have no object any more.
    pub removed: Vec<String>,
    /// Keys whose value was refused, and was not refused for the same reason before.
    pub rejected: Vec<Rejected>,
}

impl Delta {
    /// Whether the update changed no object. There may be rejections all the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }
}

impl<T: PartialEq> Cache<T> {
    /// An empty cache of the keys that start with `prefix`. `decode` gets the whole key and the value.
    pub fn new<E: fmt::Display>(
        prefix: impl Into<String>,
        decode: impl Fn(&str, &[u8]) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self {
        Self {
            prefix: prefix.into(),
            decode: Box::new(move |key, value| {
                decode(key, value).map_err(|error| error.to_string())
            }),
            objects: BTreeMap::new(),
            rejected: BTreeMap::new(),
            revision: None,
        }
    }

    /// The object of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        self.objects.get(key)
    }

    /// Keys and objects, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.objects.iter().map(|(key, object)| (key.as_str(), object))
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is no object.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The values that are left out at present.
    pub fn rejected(&self) -> impl Iterator<Item = &Rejected> {
        self.rejected.values()
    }

    /// The revision that the cache is at; `None` before the first snapshot.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.revision
    }

    /// Takes in an update. Keys outside the prefix are passed over, so that several caches may read one mirror.
    pub fn apply(&mut self, update: &Update) -> Delta {
        let mut delta = Delta::default();
        match update {
            Update::Snapshot { revision, items } => {
                let items: BTreeMap<&str, _> =
                    items.iter().map(|item| (item.key.as_str(), item)).collect();
                let known = self.objects.keys().chain(self.rejected.keys());
                let gone: Vec<String> =
                    known.filter(|key| !items.contains_key(key.as_str())).cloned().collect();
                for key in gone {
                    self.remove(&key, &mut delta);
                }
                for item in items.values() {
                    self.set(&item.key, &item.value, item.mod_revision, &mut delta);
                }
                self.revision = Some(*revision);
            }
            Update::Changes { revision, events } => {
                for event in events {
                    match event {
                        Event::Put(item) => {
                            self.set(&item.key, &item.value, item.mod_revision, &mut delta)
                        }
                        Event::Delete { key, .. } => self.remove(key, &mut delta),
                    }
                }
                self.revision = Some(*revision);
            }
            Update::Progress { revision } => self.revision = Some(*revision),
            Update::Lost { .. } => {}
        }
        delta.tidy(&self.objects);
        delta
    }

    fn set(&mut self, key: &str, value: &[u8], revision: Revision, delta: &mut Delta) {
        if !key.starts_with(&self.prefix) {
            return;
        }
        match (self.decode)(key, value) {
            Ok(object) => {
                self.rejected.remove(key);
                if self.objects.get(key) != Some(&object) {
                    self.objects.insert(key.to_owned(), object);
                    delta.changed.push(key.to_owned());
                }
            }
            Err(error) => {
                if self.objects.remove(key).is_some() {
                    delta.removed.push(key.to_owned());
                }
                let rejected = Rejected { key: key.to_owned(), revision, error };
                let known =
                    self.rejected.get(key).is_some_and(|known| known.error == rejected.error);
                if !known {
                    delta.rejected.push(rejected.clone());
                }
                self.rejected.insert(key.to_owned(), rejected);
            }
        }
    }

    fn remove(&mut self, key: &str, delta: &mut Delta) {
        self.rejected.remove(key);
        if self.objects.remove(key).is_some() {
            delta.removed.push(key.to_owned());
        }
    }
}

impl Delta {
    /// One entry a key: what counts is whether it has an object in the end.
    fn tidy<T>(&mut self, objects: &BTreeMap<String, T>) {
        for keys in [&mut self.changed, &mut self.removed] {
            keys.sort_unstable();
            keys.dedup();
        }
        self.changed.retain(|key| objects.contains_key(key));
        self.removed.retain(|key| !objects.contains_key(key));
    }
}

impl<T: fmt::Debug> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("prefix", &self.prefix)
            .field("revision", &self.revision)
            .field("objects", &self.objects)
            .field("rejected", &self.rejected)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
