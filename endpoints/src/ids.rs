//! A set of keys that is small while it is short: most sets here hold one.

use std::collections::BTreeSet;

use crate::slab::Key;

/// How many are kept without a tree.
const FEW: usize = 3;

/// The set, 16 bytes while it holds at most [`FEW`].
#[derive(Debug)]
pub(crate) struct Ids<T>(Form<T>);

#[derive(Debug)]
enum Form<T> {
    Few([Option<Key<T>>; FEW]),
    #[expect(clippy::box_collection, reason = "a tree in place would double the size of all sets")]
    Many(Box<BTreeSet<Key<T>>>),
}

impl<T> Default for Ids<T> {
    fn default() -> Self {
        Self(Form::Few([None; FEW]))
    }
}

impl<T> Ids<T> {
    /// Adds a key unless it is there.
    pub(crate) fn insert(&mut self, key: Key<T>) {
        match &mut self.0 {
            Form::Few(few) if few.contains(&Some(key)) => {}
            Form::Few(few) => match few.iter_mut().find(|place| place.is_none()) {
                Some(place) => *place = Some(key),
                None => {
                    let many = few.iter().flatten().copied().chain([key]).collect();
                    self.0 = Form::Many(Box::new(many));
                }
            },
            Form::Many(many) => {
                many.insert(key);
            }
        }
    }

    /// Takes a key away if it is there.
    pub(crate) fn remove(&mut self, key: Key<T>) {
        match &mut self.0 {
            Form::Few(few) => {
                for place in few.iter_mut().filter(|place| **place == Some(key)) {
                    *place = None;
                }
            }
            Form::Many(many) => {
                many.remove(&key);
                // One less than what made it a tree, so that a set at the border does not swing.
                if many.len() < FEW {
                    let mut rest = many.iter().copied();
                    self.0 = Form::Few(std::array::from_fn(|_| rest.next()));
                }
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Form::Few(few) => few.iter().flatten().count(),
            Form::Many(many) => many.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Key<T>> {
        let (few, many) = match &self.0 {
            Form::Few(few) => (few.as_slice(), None),
            Form::Many(many) => (&[][..], Some(many.iter())),
        };
        few.iter().flatten().chain(many.into_iter().flatten()).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::slab::Slab;

    proptest! {
        #[test]
        fn it_is_a_set_at_every_size(steps in prop::collection::vec((0..8usize, any::<bool>()), 0..60)) {
            let mut slab = Slab::default();
            let keys: Vec<_> = (0..8).map(|_| slab.insert(())).collect();
            let (mut ids, mut set) = (Ids::default(), BTreeSet::new());
            for (which, add) in steps {
                if add {
                    ids.insert(keys[which]);
                    set.insert(keys[which]);
                } else {
                    ids.remove(keys[which]);
                    set.remove(&keys[which]);
                }
                prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>(), set.clone());
                prop_assert_eq!((ids.len(), ids.is_empty()), (set.len(), set.is_empty()));
            }
        }
    }

    #[test]
    fn it_is_16_bytes() {
        assert_eq!(size_of::<Ids<()>>(), 16);
    }
}
