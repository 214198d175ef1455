//! What happens to objects, as server-sent events (WHATWG HTML, section 9.2).
//!
//! | module | its one job |
//! | --- | --- |
//! | `stored` | objects of the store |
//! | `computed` | endpoints, which no key of the store holds |
//! | `frame` | events as they are written |
//!
//! An `id` says up to which state everything was told. Changes may share a revision of the store, so
//! only the last of them has it: who begins again behind an `id` misses nothing.

mod computed;
mod frame;
mod stored;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use pontoon_model::api::{Code, Failure};
use pontoon_model::object::{Kind, Selection};
use pontoon_model::rest::EventKind;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::operation::Context;
use super::query::VERSION;
use computed::Computed;
use stored::Stored;

/// Watches at once.
pub(super) const AT_ONCE: usize = 64;
/// Before a store that did not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Events, and the state to which they lead.
#[derive(Debug, Default, PartialEq)]
struct Batch {
    events: Vec<(EventKind, Value)>,
    position: String,
}

impl Batch {
    /// The same, with the word that all that was there has been told.
    fn begun(mut self, kind: Kind) -> Self {
        let names = kind.names();
        let bookmark = json!({
            "apiVersion": names.api_version,
            "kind": names.kind,
            "metadata": {"resourceVersion": self.position},
        });
        self.events.push((EventKind::Bookmark, bookmark));
        self
    }
}

/// Where events come from.
enum Source {
    Stored(Box<Stored>),
    Computed(Box<Computed>),
}

impl Source {
    /// Waits for the next events; none of them is a sign of life. `None` when there will be none.
    async fn next(&mut self) -> Option<Batch> {
        match self {
            Self::Stored(stored) => stored.next().await,
            Self::Computed(computed) => computed.next().await,
        }
    }
}

/// Begins to watch objects.
pub(super) async fn open(context: &Context, selection: Selection) -> Result<Response, Failure> {
    let place = Arc::clone(&context.api.watches).try_acquire_owned().map_err(|_| {
        Failure::new(
            Code::TryAgainLater,
            format!("{AT_ONCE} watches are open, and more are not served"),
            "close some",
        )
    })?;
    let parts = &context.api.parts;
    let since = since(context)?;
    let (source, first) = if selection.kind == Kind::Endpoints {
        let inquiries = parts.objects.endpoints().clone();
        let (computed, first) = Computed::begin(inquiries, selection, since.as_deref()).await?;
        (Source::Computed(Box::new(computed)), first)
    } else {
        let store = Arc::clone(parts.objects.store());
        let changes = parts.changes.subscribe();
        let (stored, first) = Stored::begin(store, changes, selection, since.as_deref()).await?;
        (Source::Stored(Box::new(stored)), first)
    };
    let mut response = Response::new(stream(source, first, place));
    for (name, value) in
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")]
    {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// The state behind which the watch begins. `0` means any, as Kubernetes' clients say it.
fn since(context: &Context) -> Result<Option<String>, Failure> {
    let header = context.headers.get("last-event-id").map(|value| {
        value.to_str().map(str::to_owned).map_err(|_| {
            Failure::new(Code::Decode, "Last-Event-ID is no text", "").of_field("Last-Event-ID")
        })
    });
    // A browser that connects anew has seen more than the address that it was given says.
    let said = match header {
        Some(header) => Some(header?),
        None => context.query.text(&VERSION).map(str::to_owned),
    };
    Ok(said.filter(|said| !said.is_empty() && said != "0"))
}

/// A text that stands for no state that ever was.
fn no_position(text: &str) -> Failure {
    let said = format!("{}: {text:?} is no state that a list or an event named", VERSION.name);
    Failure::new(Code::Decode, said, "").of_field(VERSION.name)
}

/// What happened since then is not known any more.
fn expired(why: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Expired, "what happened since then is not known", why.to_string())
}

fn stream(source: Source, first: Batch, place: OwnedSemaphorePermit) -> Body {
    struct State {
        source: Source,
        frames: VecDeque<Bytes>,
        _place: OwnedSemaphorePermit,
    }
    let state = State { source, frames: frame::write(first), _place: place };
    Body::from_stream(futures::stream::unfold(state, |mut state| async {
        loop {
            if let Some(frame) = state.frames.pop_front() {
                return Some((Ok::<_, Infallible>(frame), state));
            }
            state.frames = frame::write(state.source.next().await?);
        }
    }))
}
