//! Whether an upstream answers.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// So many questions in a row that are not answered make an upstream a bad one.
const PATIENCE: u32 = 2;

/// What is known of an upstream.
#[derive(Debug, Default)]
pub struct Health {
    failures: AtomicU32,
    down: AtomicBool,
}

impl Health {
    /// Whether it is to be asked before others.
    #[must_use]
    pub fn is_good(&self) -> bool {
        !self.down.load(Ordering::Relaxed)
    }

    /// Notes a question that it did not answer; says whether it is bad from now on.
    pub fn failed(&self) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        failures >= PATIENCE && !self.down.swap(true, Ordering::Relaxed)
    }

    /// Notes an answer; says whether it is good again from now on.
    pub fn answered(&self) -> bool {
        self.failures.store(0, Ordering::Relaxed);
        self.down.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_failures_in_a_row_make_it_bad_and_one_answer_good() {
        let health = Health::default();
        assert!(!health.failed());
        assert!(!health.answered());
        assert!(!health.failed());
        assert!(health.is_good());
        assert!(health.failed());
        assert!(!health.failed(), "it is bad already");
        assert!(!health.is_good());
        assert!(health.answered());
        assert!(health.is_good());
        assert!(!health.failed(), "counted from nothing");
    }
}
