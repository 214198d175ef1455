//! Files in the daemon's run folder that the command knows, too.

/// A daemon that runs holds it locked.
pub const LOCK: &str = "pontoond.lock";
/// What a daemon said that could not go on, until another one starts.
pub const LAST_WORDS: &str = "last-words";
