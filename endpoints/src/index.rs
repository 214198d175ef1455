//! Keys found by what their rows say.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::slab::Key;

/// Keys by hashes of what they are looked for by, 8 bytes each: that text stays in the row alone,
/// and is read only where the hash is right.
#[derive(Debug)]
pub(crate) struct Index<T>(BTreeSet<(u32, Key<T>)>);

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<T> Index<T> {
    /// The key entered under `what` that is really meant: others may have the same hash.
    pub(crate) fn find<W: Hash + ?Sized>(
        &self,
        what: &W,
        mut is_meant: impl FnMut(Key<T>) -> bool,
    ) -> Option<Key<T>> {
        let hash = hash(what);
        let alike = self.0.range((hash, Key::FIRST)..=(hash, Key::LAST));
        alike.map(|(_, key)| *key).find(|key| is_meant(*key))
    }

    /// Enters a key under `what`.
    pub(crate) fn insert<W: Hash + ?Sized>(&mut self, what: &W, key: Key<T>) {
        self.0.insert((hash(what), key));
    }

    /// Undoes [`Index::insert`].
    pub(crate) fn remove<W: Hash + ?Sized>(&mut self, what: &W, key: Key<T>) {
        self.0.remove(&(hash(what), key));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Key<T>> {
        self.0.iter().map(|(_, key)| *key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

fn hash<W: Hash + ?Sized>(what: &W) -> u32 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    // The upper half is as good as the lower.
    (hasher.finish() >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slab::Slab;

    #[test]
    fn what_has_the_same_hash_is_told_apart_by_its_row() {
        let mut texts = Slab::default();
        let mut index = Index::default();
        let keys = ["a", "b"].map(|text| texts.insert(text));
        keys.iter().for_each(|key| index.insert("both", *key));
        let find = |index: &Index<_>, text| index.find("both", |key| texts[key] == text);
        assert_eq!(find(&index, "b"), Some(keys[1]));
        index.remove("both", keys[0]);
        assert_eq!((find(&index, "a"), find(&index, "b")), (None, Some(keys[1])));
    }
}
