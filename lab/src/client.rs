//! The daemon's socket, as any client speaks to it.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use pontoon_model::api::{Request, Response};

/// Long enough for an ADD that waits for peers.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sends one request and reads the answer.
///
/// # Errors
/// When nobody listens at the socket, or what comes back is no answer.
pub(crate) fn request(socket: &Path, request: &Request) -> Result<Response> {
    let answer = exchange(socket, serde_json::to_string(request)?.as_bytes())?;
    serde_json::from_slice(&answer).with_context(|| {
        format!("{socket:?} answered {:?}, which is no response", String::from_utf8_lossy(&answer))
    })
}

/// Sends any bytes and reads what comes back.
///
/// # Errors
/// When nobody listens at the socket, or the connection breaks.
pub fn exchange(socket: &Path, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut stream =
        UnixStream::connect(socket).with_context(|| format!("cannot connect to {socket:?}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut answer = Vec::new();
    stream
        .write_all(bytes)
        .and_then(|()| stream.shutdown(Shutdown::Write))
        .and_then(|()| stream.read_to_end(&mut answer))
        .with_context(|| format!("the conversation at {socket:?} broke off"))?;
    Ok(answer)
}
