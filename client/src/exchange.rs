//! One request and one response over the daemon's socket.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use pontoon_model::api::{Code, Failure, Request, Response};

use crate::deadline::Deadline;
use crate::input;

/// The longest response that is read, bytes. A result of ADD has some hundred; ten thousand services
/// with their slices have some ten million.
const fn max_response(request: &Request) -> u64 {
    match request {
        Request::Get(_) | Request::Apply { .. } | Request::Delete(_) | Request::Label { .. } => {
            256 << 20
        }
        _ => 1 << 20,
    }
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Nobody listens.
    #[error("connecting to {socket}: {error}")]
    Absent {
        /// The daemon's socket.
        socket: String,
        /// What connect(2) said.
        error: io::Error,
    },
    /// The connection ended before the response did.
    #[error("pontoond at {socket} ended the connection without an answer: {error}")]
    Broken {
        /// The daemon's socket.
        socket: String,
        /// What ended it.
        error: io::Error,
    },
    /// No response in time.
    #[error("pontoond at {socket} did not answer within {} s", .patience.as_secs())]
    Silent {
        /// The daemon's socket.
        socket: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// A response that cannot be read.
    #[error("the answer of pontoond at {socket} cannot be read: {error}")]
    Undecodable {
        /// The daemon's socket.
        socket: String,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

impl ExchangeError {
    fn likely_cause(&self) -> &'static str {
        match self {
            Self::Absent { error, .. } => match error.kind() {
                io::ErrorKind::NotFound => {
                    "pontoond is not running, or has its run folder elsewhere: see `systemctl status pontoond` and `socket` in the CNI configuration"
                }
                io::ErrorKind::ConnectionRefused => {
                    "pontoond has stopped: see `systemctl status pontoond`"
                }
                io::ErrorKind::PermissionDenied => {
                    "the runtime may not use the socket: run it as root"
                }
                _ => "see `systemctl status pontoond`",
            },
            Self::Broken { .. } => {
                "it was probably stopped or restarted: see `systemctl status pontoond` and `journalctl -u pontoond`"
            }
            Self::Silent { .. } => {
                "it is overloaded or hangs: see `pontoon status` and `journalctl -u pontoond`"
            }
            Self::Undecodable { .. } => {
                "pontoond and pontoon-cni are probably of different versions: install both from one release and restart pontoond"
            }
        }
    }
}

impl From<&ExchangeError> for Failure {
    fn from(error: &ExchangeError) -> Self {
        let (code, msg) = match error {
            ExchangeError::Absent { error, .. }
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                (Code::Io, "pontoond cannot be reached")
            }
            ExchangeError::Absent { .. } => (Code::TryAgainLater, "pontoond is not there"),
            ExchangeError::Broken { .. } | ExchangeError::Silent { .. } => {
                (Code::TryAgainLater, "pontoond did not answer")
            }
            ExchangeError::Undecodable { .. } => (Code::Internal, "pontoond is not understood"),
        };
        Self::new(code, msg, format!("{error}; {}", error.likely_cause()))
    }
}

/// Asks the daemon.
///
/// # Errors
/// When it is not there, does not answer in time, or is not understood; [`Failure`] has a code for
/// each.
pub fn ask(path: &Path, request: &Request, patience: Duration) -> Result<Response, ExchangeError> {
    let deadline = Deadline::after(patience);
    let socket = || path.display().to_string();
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::TimedOut => ExchangeError::Silent { socket: socket(), patience },
        _ => ExchangeError::Broken { socket: socket(), error },
    };

    let stream = connect_to(path, deadline).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => ExchangeError::Silent { socket: socket(), patience },
        _ => ExchangeError::Absent { socket: socket(), error },
    })?;
    send(&stream, request, deadline).map_err(failed)?;
    let answer = input::read_to_end(&stream, max_response(request), deadline).map_err(failed)?;
    if answer.is_empty() {
        return Err(failed(io::ErrorKind::UnexpectedEof.into()));
    }
    serde_json::from_slice(&answer).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => failed(io::ErrorKind::UnexpectedEof.into()),
        _ => ExchangeError::Undecodable { socket: socket(), error },
    })
}

/// Connects without blocking: a full backlog would hold a blocking connect(2) for ever.
fn connect_to(path: &Path, deadline: Deadline) -> io::Result<UnixStream> {
    const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(10);
    let address = UnixAddr::new(path)?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    loop {
        match connect(fd.as_raw_fd(), &address) {
            Ok(()) => return Ok(fd.into()),
            Err(Errno::EAGAIN | Errno::EINTR) if !deadline.left().is_zero() => {
                std::thread::sleep(BETWEEN_ATTEMPTS);
            }
            Err(Errno::EAGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn send(mut stream: &UnixStream, request: &Request, deadline: Deadline) -> io::Result<()> {
    let content = serde_json::to_vec(request)?;
    let mut rest = content.as_slice();
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                deadline.wait(stream.as_fd(), PollFlags::POLLOUT)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A daemon that refuses early answers before it has read everything.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    match stream.shutdown(Shutdown::Write) {
        Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
