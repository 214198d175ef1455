//! Requests and responses, as far as the lab's own servers and clients have them (RFC 9112).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::netns::Netns;

/// The largest body that a client reads.
const MAX_BODY: u64 = 64 << 10;

/// Asks once for a path; returns the status code and the body.
///
/// # Errors
/// When there is no connection or no whole response in time.
pub fn get(from: &Netns, to: SocketAddr, path: &str, patience: Duration) -> Result<(u16, String)> {
    let stream = super::super::connect(from, to, patience)?;
    stream.set_read_timeout(Some(patience))?;
    let response = exchange(&mut BufReader::new(stream), to, path, false);
    let response = response.with_context(|| format!("GET http://{to}{path}"))?;
    Ok((response.status, response.body))
}

pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: String,
    /// Whether the server is going to close the connection.
    pub(super) closes: bool,
}

/// One request and its response.
pub(super) fn exchange(
    stream: &mut BufReader<TcpStream>,
    host: SocketAddr,
    path: &str,
    keep_alive: bool,
) -> io::Result<Response> {
    let close = if keep_alive { "" } else { "Connection: close\r\n" };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{close}\r\n");
    stream.get_mut().write_all(request.as_bytes())?;
    read_response(stream)
}

fn read_response(stream: &mut impl BufRead) -> io::Result<Response> {
    let head = read_head(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let mut response = Response {
        status: status.ok_or_else(|| io::Error::other(format!("{head:?} is no response")))?,
        body: String::new(),
        closes: false,
    };
    let mut length = None;
    for (key, value) in lines.filter_map(|line| line.split_once(':')) {
        match key.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok(),
            "connection" => response.closes = value.trim().eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    // Without a length the body ends with the connection.
    response.closes |= length.is_none();
    let read = stream.take(length.unwrap_or(MAX_BODY)).read_to_string(&mut response.body)?;
    if length.is_some_and(|length| length > read as u64) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a body was cut short"));
    }
    Ok(response)
}

/// The lines up to the empty one; `None` when the connection ended before the first.
pub(super) fn read_head(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return if head.is_empty() {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
    }
    Ok(Some(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_ends_where_its_length_says() {
        let mut stream =
            &b"HTTP/1.1 503 No\r\ncontent-length: 2\r\nCONNECTION: Close\r\n\r\nokHTTP/1.1"[..];
        let response = read_response(&mut stream).unwrap();
        assert_eq!((response.status, response.body.as_str(), response.closes), (503, "ok", true));
        assert_eq!(stream, b"HTTP/1.1");
    }

    #[test]
    fn a_response_cut_short_is_an_error() {
        for mut text in
            [&b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok"]
        {
            let error = read_response(&mut text).err().map(|error| error.kind());
            assert_eq!(error, Some(io::ErrorKind::UnexpectedEof));
        }
    }
}
