//! What could not be looked at.

use std::fmt::Display;

use pontoon_model::doctor::Unexamined;

/// A list of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps(Vec<Unexamined>);

impl Gaps {
    /// Notes that something could not be looked at which these checks need.
    pub fn note(&mut self, what: impl Into<String>, why: impl Display, checks: &[&str]) {
        let checks = checks.iter().map(|check| (*check).to_owned()).collect();
        self.0.push(Unexamined { what: what.into(), why: why.to_string(), checks });
    }

    /// The value, or a note of why there is none.
    pub fn noted<T, E: Display>(
        &mut self,
        what: &str,
        outcome: Result<T, E>,
        checks: &[&str],
    ) -> Option<T> {
        outcome.map_err(|error| self.note(what, error, checks)).ok()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Unexamined] {
        &self.0
    }
}
