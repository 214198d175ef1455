//! How long to wait for what is not the daemon's. A runtime that loses patience earlier kills the
//! plugin, which is safe at any instant.

use std::time::Duration;

/// For all of stdin to come.
pub(crate) const STDIN: Duration = Duration::from_secs(10);
/// For stdin of VERSION, which is a courtesy: the reference plugins do not read it.
pub(crate) const STDIN_OF_VERSION: Duration = Duration::from_millis(200);
/// For the second attempt of a DEL that is already safe on disk.
pub(crate) const SECOND_ATTEMPT: Duration = Duration::from_secs(5);
