//! How long to wait for anything. A runtime that loses patience earlier kills the plugin, which is
//! safe at any instant; these bounds are for one that never does.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pontoon_model::api::Request;

/// For all of stdin to come.
pub(crate) const STDIN: Duration = Duration::from_secs(10);
/// For stdin of VERSION, which is a courtesy: the reference plugins do not read it.
pub(crate) const STDIN_OF_VERSION: Duration = Duration::from_millis(200);
/// For the second attempt of a DEL that is already safe on disk.
pub(crate) const SECOND_ATTEMPT: Duration = Duration::from_secs(5);

/// For the daemon to answer a request.
pub(crate) fn of_request(request: &Request) -> Duration {
    match request {
        // It may lease a subnet and wait for the peers to have routes to it: up to 30 s in the
        // daemon, which then answers with a cause that is better than ours. A DEL waits for an ADD
        // of the same attachment that the runtime has given up.
        Request::Add(_) | Request::Del { .. } | Request::Gc { .. } => Duration::from_secs(60),
        Request::Check { .. } => Duration::from_secs(30),
        _ => Duration::from_secs(10),
    }
}

/// A point in time after which nothing is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// So far from now.
    pub(crate) fn after(patience: Duration) -> Self {
        Self(Instant::now() + patience)
    }

    /// What is left of it.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Waits until the descriptor can be read or written, or has hung up.
    pub(crate) fn wait(self, fd: BorrowedFd<'_>, what: PollFlags) -> io::Result<()> {
        loop {
            // Rounded up, so that the last millisecond is not spun away.
            let left = self.left().as_millis().saturating_add(1);
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(fd, what)], timeout) {
                Ok(0) if self.left().is_zero() => return Err(io::ErrorKind::TimedOut.into()),
                Ok(0) | Err(nix::errno::Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
