//! A table whose rows are known by short keys.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

/// The key of a row of a [`Slab`], 4 bytes with and without an `Option` around it.
pub(crate) struct Key<T> {
    number: NonZeroU32,
    of: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    /// The lowest, and the highest.
    pub(crate) const FIRST: Self = Self { number: NonZeroU32::MIN, of: PhantomData };
    pub(crate) const LAST: Self = Self { number: NonZeroU32::MAX, of: PhantomData };

    fn new(index: usize) -> Self {
        // Memory ends long before the numbers do.
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        Self { number: NonZeroU32::MIN.saturating_add(index), of: PhantomData }
    }

    fn index(self) -> usize {
        self.number.get() as usize - 1
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<T> Eq for Key<T> {}

impl<T> PartialOrd for Key<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Key<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}

impl<T> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// The table. A row that was taken away reads as an empty one until its key is given out again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    rows: Vec<T>,
    free: Vec<Key<T>>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), free: Vec::new() }
    }
}

impl<T: Default> Slab<T> {
    pub(crate) fn insert(&mut self, row: T) -> Key<T> {
        if let Some(key) = self.free.pop() {
            self[key] = row;
            return key;
        }
        let key = Key::new(self.rows.len());
        self.rows.push(row);
        key
    }

    pub(crate) fn remove(&mut self, key: Key<T>) -> T {
        self.free.push(key);
        std::mem::take(&mut self[key])
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }
}

impl<T> Index<Key<T>> for Slab<T> {
    type Output = T;
    fn index(&self, key: Key<T>) -> &T {
        &self.rows[key.index()]
    }
}

impl<T> IndexMut<Key<T>> for Slab<T> {
    fn index_mut(&mut self, key: Key<T>) -> &mut T {
        &mut self.rows[key.index()]
    }
}
