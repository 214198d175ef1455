//! What a check says.

use pontoon_model::doctor::{Finding, Severity};

/// A finding of whatever check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    severity: Severity,
    what: String,
    why: String,
    mend: String,
}

/// Something does not work.
pub(super) fn fault(what: impl Into<String>) -> Remark {
    Remark::new(Severity::Fault, what)
}

/// Something will go wrong, or does so for some.
pub(super) fn warning(what: impl Into<String>) -> Remark {
    Remark::new(Severity::Warning, what)
}

/// Something worth knowing.
pub(super) fn note(what: impl Into<String>) -> Remark {
    Remark::new(Severity::Note, what)
}

impl Remark {
    pub(super) fn new(severity: Severity, what: impl Into<String>) -> Self {
        Self { severity, what: what.into(), why: String::new(), mend: String::new() }
    }

    /// Why it hurts.
    pub(super) fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// What mends it.
    pub(super) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = mend.into();
        self
    }

    pub(super) fn of(self, check: &str) -> Finding {
        let Self { severity, what, why, mend } = self;
        Finding { check: check.to_owned(), severity, what, why, mend }
    }
}

/// A device in the name of a setting, as sysctl(8) takes it: the dot of a VLAN's name is a slash.
pub(super) fn in_setting(dev: &str) -> String {
    dev.replace('.', "/")
}

/// At most three of them, and how many more there are.
pub(super) fn some_of<T: ToString>(items: &[T]) -> String {
    const SHOWN: usize = 3;
    let mut shown: Vec<String> = items.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = items.len().saturating_sub(SHOWN);
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}
