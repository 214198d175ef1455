//! How long to wait for anything. Who loses patience earlier may end the client at any instant; these
//! bounds are for who never does.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pontoon_model::api::Request;

/// For the daemon to answer a request.
#[must_use]
pub fn of_request(request: &Request) -> Duration {
    match request {
        // It may lease a subnet and wait for the peers to have routes to it: up to 30 s in the
        // daemon, which then answers with a cause that is better than ours. A DEL waits for an ADD
        // of the same attachment that the runtime has given up.
        Request::Add(_) | Request::Del { .. } | Request::Gc { .. } => Duration::from_secs(60),
        // All objects of a kind, in one request: there may be ten thousand.
        Request::Delete(objects) | Request::Label { objects, .. } if objects.names.is_empty() => {
            Duration::from_secs(600)
        }
        // A transaction in the store for each object.
        Request::Apply { .. } | Request::Delete(_) | Request::Label { .. } => {
            Duration::from_secs(60)
        }
        Request::Check { .. } | Request::Get(_) => Duration::from_secs(30),
        _ => Duration::from_secs(10),
    }
}

/// A point in time after which nothing is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// So far from now.
    #[must_use]
    pub fn after(patience: Duration) -> Self {
        Self(Instant::now() + patience)
    }

    /// What is left of it.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Waits until the descriptor can be read or written, or has hung up.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`], and poll(2)'s.
    pub fn wait(self, fd: BorrowedFd<'_>, what: PollFlags) -> io::Result<()> {
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
