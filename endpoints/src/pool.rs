//! What is alike is kept once.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Below this many it is not worth looking for what nobody uses any more.
const SMALL: usize = 64;

/// Values that many share.
#[derive(Debug)]
pub(crate) struct Pool<T: ?Sized> {
    held: HashSet<Arc<T>>,
    sweep_at: usize,
}

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self { held: HashSet::new(), sweep_at: SMALL }
    }
}

impl<T: ?Sized + Eq + Hash> Pool<T> {
    /// The one copy of this value.
    pub(crate) fn share(&mut self, value: impl Borrow<T> + Into<Arc<T>>) -> Arc<T> {
        if let Some(same) = self.held.get(value.borrow()) {
            return same.clone();
        }
        // Sweeping when it has doubled keeps the cost of one value constant.
        if self.held.len() >= self.sweep_at {
            self.held.retain(|value| Arc::strong_count(value) > 1);
            self.sweep_at = SMALL.max(2 * self.held.len());
        }
        let value = value.into();
        self.held.insert(value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one() {
        let mut pool: Pool<str> = Pool::default();
        assert!(Arc::ptr_eq(&pool.share("a"), &pool.share("a")));
    }

    #[test]
    fn what_nobody_uses_does_not_pile_up() {
        let mut pool: Pool<str> = Pool::default();
        let used = pool.share("used");
        for number in 0..10 * SMALL {
            pool.share(number.to_string().as_str());
        }
        assert!(pool.held.len() <= SMALL, "{}", pool.held.len());
        assert!(Arc::ptr_eq(&used, &pool.share("used")));
    }
}
