//! The events of a watch (WHATWG HTML, section 9.2.6, "Interpreting an event stream").

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use pontoon_model::rest::{HEARTBEAT, WatchEvent};

use super::{Client, HttpError};

/// A daemon that says nothing for so long is gone, or the way to it is: a host that dies ends no
/// connection.
pub(super) const SILENCE: Duration = HEARTBEAT.saturating_mul(4);
/// The longest event, bytes.
const MAX_EVENT: usize = 16 << 20;

/// The events of a watch, which are waited for one by one. It ends behind an error; begun again
/// from [`Events::version`], nothing is missed.
#[derive(Debug)]
pub struct Events<'c> {
    client: &'c Client,
    body: Incoming,
    unread: Vec<u8>,
    version: Option<String>,
    ended: bool,
}

impl<'c> Events<'c> {
    pub(super) fn open(client: &'c Client, target: &str) -> Result<Self, HttpError> {
        let begin = async {
            let response = client.exchange(Method::GET, target, None).await?;
            // The connection is the watch's now.
            client.kept.borrow_mut().take();
            let (head, body) = response.into_parts();
            if head.status.is_success() {
                return Ok(body);
            }
            let text = body.collect().await;
            let text = text.map_err(|error| HttpError::broken(&client.address, error))?;
            Err(client.refusal(head.status, &text.to_bytes()))
        };
        let waited = async { tokio::time::timeout(client.patience, begin).await };
        let body = client.runtime.block_on(waited);
        let body =
            body.unwrap_or_else(|_| Err(HttpError::silent(&client.address, client.patience)))?;
        Ok(Self { client, body, unread: Vec::new(), version: None, ended: false })
    }

    /// The state up to which everything was told.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    fn read(&mut self) -> Result<Option<WatchEvent>, HttpError> {
        loop {
            while let Some(block) = take_block(&mut self.unread) {
                let (id, data) = fields(&block);
                if let Some(id) = id {
                    self.version = Some(id);
                }
                if data.is_empty() {
                    continue;
                }
                let event: WatchEvent = serde_json::from_str(&data)
                    .map_err(|error| HttpError::undecodable(&self.client.address, error))?;
                return Ok(Some(event));
            }
            if self.unread.len() > MAX_EVENT {
                return Err(HttpError::broken(&self.client.address, "an event has no end"));
            }
            let silence = self.client.silence;
            let (runtime, body) = (&self.client.runtime, &mut self.body);
            let frame =
                runtime.block_on(async { tokio::time::timeout(silence, body.frame()).await });
            let frame = frame.map_err(|_| HttpError::silent(&self.client.address, silence))?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| HttpError::broken(&self.client.address, error))?;
            self.unread.extend_from_slice(frame.data_ref().map_or(&[][..], |data| &data[..]));
        }
    }
}

impl Iterator for Events<'_> {
    type Item = Result<WatchEvent, HttpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let event = self.read().transpose();
        self.ended = !matches!(event, Some(Ok(_)));
        event
    }
}

/// Takes the lines up to the next empty one.
fn take_block(unread: &mut Vec<u8>) -> Option<String> {
    let end = unread.windows(2).position(|pair| pair == b"\n\n")?;
    let block = String::from_utf8_lossy(&unread[..end]).into_owned();
    unread.drain(..end + 2);
    Some(block)
}

/// The id and the data of a block; comments and what else there is are passed over.
fn fields(block: &str) -> (Option<String>, String) {
    let (mut id, mut data) = (None, Vec::new());
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => id = Some(value.to_owned()),
            "data" => data.push(value),
            _ => {}
        }
    }
    (id, data.join("\n"))
}
