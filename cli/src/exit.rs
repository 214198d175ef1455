//! How the command ends, for scripts.

use std::process::ExitCode;

use pontoon_model::api::{Code, Failure};

/// Why it ended. A higher one says more, so of several the highest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// All was done.
    Done = 0,
    /// Something was not.
    Failed = 1,
    /// It was not understood what was typed.
    Usage = 2,
    /// There is no daemon to ask.
    Absent = 3,
    /// The daemon may not be asked.
    Denied = 4,
    /// The daemon's store did not take it.
    Store = 5,
    /// The daemon did not answer, or not so that it could be understood.
    Silent = 6,
    /// Objects could not be compared.
    Incomparable = 7,
    /// It works, and there is something to be warned of.
    Warned = 8,
    /// A packet does not arrive.
    Undelivered = 9,
}

impl Exit {
    /// All of them.
    pub(crate) const ALL: [Self; 10] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Absent,
        Self::Denied,
        Self::Store,
        Self::Silent,
        Self::Incomparable,
        Self::Warned,
        Self::Undelivered,
    ];

    /// What the reference says of it.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Done => {
                "all was done; for `diff`: nothing differs; for `doctor`: nothing is wrong"
            }
            Self::Failed => {
                "something was not done or is not there, and standard error says what; for `status`: the node is not ready, or with `--mesh` a way is not good; for `doctor`: there is a fault; for `diff`: something differs"
            }
            Self::Usage => "the command line is wrong; the daemon was not asked",
            Self::Absent => "pontoond is not running where it was looked for",
            Self::Denied => "the socket may not be used, or the server refused who asked",
            Self::Store => "pontoond is there, but its store did not answer or refused",
            Self::Silent => "pontoond did not answer in time, or is of another version",
            Self::Incomparable => {
                "`diff` could not compare an object: it is refused or cannot be read"
            }
            Self::Warned => "`doctor` found no fault, but something to be warned of",
            Self::Undelivered => "`trace` followed a packet that does not arrive, or may not",
        }
    }

    /// That of something that the daemon refused.
    pub(crate) const fn of(failure: &Failure) -> Self {
        match failure.code {
            Code::Store => Self::Store,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Whether all of it was done, when it is done for each object by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Done(Exit);

impl Done {
    /// So far all of it.
    pub(crate) const ALL: Self = Self(Exit::Done);

    /// Whether nothing has failed.
    pub(crate) fn is_all(self) -> bool {
        self.0 == Exit::Done
    }

    /// Says what failed, and goes on.
    pub(crate) fn and_failed(self, what: impl std::fmt::Display) -> Self {
        self.and_ended(Exit::Failed, what)
    }

    /// Says what the daemon refused, and goes on.
    pub(crate) fn and_refused(self, failure: &Failure, what: impl std::fmt::Display) -> Self {
        self.and_ended(Exit::of(failure), what)
    }

    /// Says what failed and how, and goes on.
    pub(crate) fn and_ended(self, exit: Exit, what: impl std::fmt::Display) -> Self {
        crate::say::error(what);
        Self(self.0.max(exit))
    }
}

impl From<Done> for Exit {
    fn from(done: Done) -> Self {
        done.0
    }
}
