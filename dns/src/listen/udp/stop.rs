//! How threads learn that they are to end: a flag for those at work, a pipe for those that wait.

use std::io::{self, PipeReader, PipeWriter, pipe};
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What a thread looks at.
#[derive(Debug)]
pub(super) struct Stop {
    requested: AtomicBool,
    closed_at_stop: PipeReader,
}

impl Stop {
    pub(super) fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }

    /// Sleeps until something arrives, or the end is requested.
    pub(super) fn wait(&self, socket: &UdpSocket) {
        let mut both = [socket.as_fd(), self.closed_at_stop.as_fd()]
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        // It fails by a signal only, and whoever waits looks again.
        let _ = poll(&mut both, PollTimeout::NONE);
    }
}

/// Requests the end when it is dropped.
#[derive(Debug)]
pub(super) struct Stopper {
    stop: Arc<Stop>,
    writer: Option<PipeWriter>,
}

impl Stopper {
    pub(super) fn new() -> io::Result<Self> {
        let (closed_at_stop, writer) = pipe()?;
        let stop = Stop { requested: AtomicBool::new(false), closed_at_stop };
        Ok(Self { stop: Arc::new(stop), writer: Some(writer) })
    }

    pub(super) fn stop(&self) -> Arc<Stop> {
        self.stop.clone()
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.stop.requested.store(true, Ordering::Release);
        drop(self.writer.take());
    }
}
