//! Reads a stream, so much and no longer.

use std::io::{self, Read};
use std::os::fd::AsFd;

use nix::poll::PollFlags;

use crate::deadline::Deadline;

/// Reads to the end, `limit` bytes at the most.
///
/// # Errors
/// When reading fails, the stream is longer, or its end does not come in time.
pub fn read_to_end(
    mut stream: impl Read + AsFd,
    limit: u64,
    deadline: Deadline,
) -> io::Result<Vec<u8>> {
    let mut content = Vec::with_capacity(4096);
    let mut chunk = [0; 16 << 10];
    loop {
        deadline.wait(stream.as_fd(), PollFlags::POLLIN)?;
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(content),
            Ok(count) => content.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if content.len() as u64 > limit {
            let text = format!("it is longer than {limit} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
    }
}
