//! Watching on etcd.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::convert;
use super::fault::{Subject, explain};
use super::proto::{
    WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchRequestUnion, WatchResponse,
};
use super::session::{Method, Session};
use crate::{Batch, Error, Event, Result, Revision};

/// How often to ask how far the store is, where etcd's answer can be trusted.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// The watch id of an answer to a progress request; it is about all watches of the stream.
const EVERY_WATCH: i64 = -1;

/// One watch on one stream.
pub(super) struct Feed {
    session: Arc<Session>,
    root: Arc<str>,
    operation: String,
    requests: mpsc::Sender<WatchRequest>,
    responses: Streaming<WatchResponse>,
    progress: Option<Interval>,
    /// The next revision to deliver.
    next: Revision,
    /// Events of an answer that came in pieces.
    pieces: VecDeque<Event>,
}

impl Feed {
    /// Opens a watch on a session whose login is known to be fresh: etcd answers a watch with an old token
    /// "permission denied", and only inside the stream.
    pub(super) async fn open(
        session: Arc<Session>,
        root: Arc<str>,
        prefix: &str,
        from: Revision,
    ) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(4);
        let range = convert::range(&root, prefix);
        let create = WatchCreateRequest {
            key: range.key,
            range_end: range.range_end,
            start_revision: convert::wire(from),
            progress_notify: true,
            fragment: true,
        };
        let request = WatchRequest { request_union: Some(WatchRequestUnion::Create(create)) };
        requests
            .try_send(request)
            .map_err(|_| Status::internal("the new request channel is full"))?;
        let responses = session.stream(Method::WATCH, ReceiverStream::new(receiver)).await?;
        let progress = trusted_progress(session.version()).then(|| {
            let mut interval = tokio::time::interval(PROGRESS_EVERY);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        let mut feed = Self {
            operation: format!("watch {prefix}"),
            session,
            root,
            requests,
            responses,
            progress,
            next: from,
            pieces: VecDeque::new(),
        };
        feed.created().await?;
        Ok(feed)
    }

    async fn created(&mut self) -> Result<(), Status> {
        let session = self.session.clone();
        let first = session.in_time(self.responses.message()).await?;
        match first {
            Some(response) if response.canceled && response.compact_revision == 0 => {
                Err(canceled(&response))
            }
            Some(response) if response.created => Ok(()),
            Some(_) => Err(Status::internal("etcd answered a new watch with something else")),
            None => Err(Status::unavailable("etcd closed the watch at once")),
        }
    }

    pub(super) async fn next(&mut self) -> Result<Batch> {
        loop {
            let response = self.response().await?;
            if response.canceled {
                if response.compact_revision > 0 {
                    let compacted = Some(convert::revision(response.compact_revision));
                    return Err(Error::Compacted { requested: self.next, compacted });
                }
                return Err(self.failed(&canceled(&response)));
            }
            if let Some(batch) = self.batch(response) {
                self.next = batch.revision.next();
                return Ok(batch);
            }
        }
    }

    fn batch(&mut self, response: WatchResponse) -> Option<Batch> {
        let root = &self.root;
        let from = self.next;
        let events = response.events.into_iter().filter_map(|event| convert::event(root, event));
        // etcd issue 20221: after a progress notice, a watch may get what lies before its start.
        self.pieces.extend(events.filter(|event| event.revision() >= from));
        if response.fragment {
            return None;
        }
        if let Some(last) = self.pieces.back() {
            return Some(Batch {
                revision: last.revision(),
                events: self.pieces.drain(..).collect(),
            });
        }
        let trusted = response.watch_id != EVERY_WATCH || self.progress.is_some();
        let revision = convert::header_revision(response.header.as_ref());
        (!response.created && trusted && revision >= from)
            .then_some(Batch { revision, events: Vec::new() })
    }

    async fn response(&mut self) -> Result<WatchResponse> {
        loop {
            let message = tokio::select! {
                message = self.responses.message() => message,
                () = tick(self.progress.as_mut()) => {
                    let request = WatchRequest { request_union: Some(WatchRequestUnion::Progress(WatchProgressRequest {})) };
                    // A full channel means that earlier requests are still to be sent: enough asked.
                    let _ = self.requests.try_send(request);
                    continue;
                }
            };
            return match message {
                Ok(Some(response)) => Ok(response),
                Ok(None) => Err(self.failed(&Status::unavailable("etcd closed the watch"))),
                Err(status) => Err(self.failed(&status)),
            };
        }
    }

    fn failed(&self, status: &Status) -> Error {
        let subject = Subject { revision: Some(self.next), lease: None };
        let error = explain(self.session.endpoint(), &self.operation, subject, status);
        if matches!(error, Error::Unavailable(_)) {
            self.session.give_up();
        }
        error
    }
}

async fn tick(interval: Option<&mut Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

fn canceled(response: &WatchResponse) -> Status {
    let reason = response.cancel_reason.as_str();
    match reason {
        "" => Status::unavailable("etcd cancelled the watch"),
        _ if reason.contains("permission denied") => Status::permission_denied(reason),
        _ => Status::unavailable(reason),
    }
}

/// Whether this etcd orders the answer to a progress request after the events that it covers. Others may claim progress
/// over events that they have not sent yet (etcd issue 15220, mended in 3.4.25 and 3.5.8). The progress notices that etcd
/// sends by itself, every ten minutes by default, are in order everywhere.
fn trusted_progress(version: &str) -> bool {
    let mut numbers = version.split(['.', '-', '+']).map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) =
        (numbers.next(), numbers.next(), numbers.next())
    else {
        return false;
    };
    match (major, minor) {
        (3, 4) => patch >= 25,
        (3, 5) => patch >= 8,
        _ => (major, minor) > (3, 5),
    }
}

#[cfg(test)]
mod tests {
    use super::trusted_progress;

    #[test]
    fn progress_is_trusted_from_the_mended_versions_on() {
        for (version, trusted) in [
            ("3.4.23", false),
            ("3.4.25", true),
            ("3.5.7", false),
            ("3.5.8", true),
            ("3.6.0-rc.1", true),
            ("4.0.0", true),
            ("3.3.27", false),
            ("unknown", false),
            ("", false),
        ] {
            assert_eq!(trusted_progress(version), trusted, "{version}");
        }
    }
}
