//! Whether `pontoond` is there, and why not.

mod reason;

/// The daemon as whoever looks sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Daemon {
    /// Whether it answers.
    pub presence: Presence,
    /// Its version, as far as it told.
    pub version: Option<String>,
    /// The version of the command that looks, when that is not the daemon itself.
    pub command: Option<String>,
    /// What it complains of.
    pub problems: Vec<String>,
}

/// Whether the daemon answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Presence {
    /// It does, or it looks itself.
    #[default]
    There,
    /// It does not run.
    Absent {
        /// Where it was looked for.
        socket: String,
        /// Why it is not there, as far as that can be found out.
        reason: Reason,
    },
    /// It runs, but whoever looks may not ask it.
    Denied {
        /// Its socket.
        socket: String,
    },
    /// It runs, but does not answer, or cannot be understood.
    Silent {
        /// Its socket.
        socket: String,
        /// What happened.
        what: String,
    },
}

/// Why the daemon does not run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// What it says of its configuration, a line a fault; empty when that is good or cannot be told.
    pub configuration: Vec<String>,
    /// The configuration file.
    pub file: String,
    /// What it last ended with.
    pub failure: Option<String>,
    /// Another process holds its lock.
    pub locked: bool,
    /// What systemd says of the unit, such as `failed (signal)`.
    pub unit: Option<String>,
    /// The program was not found.
    pub missing: bool,
}
