//! Events as they are written.

use std::collections::VecDeque;

use axum::body::Bytes;
use pontoon_model::rest::WatchEvent;

use super::Batch;

/// Frames grow to about this, so that a long list does not lie in memory twice.
const FRAME: usize = 64 << 10;

/// The frames of a batch. The last says the state; without events that is all there is.
pub(super) fn write(batch: Batch) -> VecDeque<Bytes> {
    let mut frames = VecDeque::new();
    let mut text = String::new();
    let last = batch.events.len().checked_sub(1);
    if last.is_none() {
        text = format!(": alive\nid: {}\n\n", batch.position);
    }
    for (index, (kind, object)) in batch.events.into_iter().enumerate() {
        if Some(index) == last {
            text.push_str(&format!("id: {}\n", batch.position));
        }
        // A document that was read as JSON is written as JSON; it has no line breaks then.
        let data = serde_json::to_string(&WatchEvent { kind, object }).unwrap_or_default();
        text.push_str(&format!("event: {}\ndata: {data}\n\n", kind.as_str()));
        if text.len() > FRAME {
            frames.push_back(std::mem::take(&mut text).into());
        }
    }
    if !text.is_empty() {
        frames.push_back(text.into());
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use pontoon_model::rest::EventKind;
    use serde_json::json;

    #[test]
    fn only_the_last_event_of_a_state_names_it() {
        let events = [EventKind::Added, EventKind::Deleted].map(|kind| (kind, json!({"a": "b\n"})));
        let batch = Batch { events: events.to_vec(), position: "7".to_owned() };
        let text: Vec<u8> = write(batch).into_iter().flatten().collect();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "event: ADDED\ndata: {\"type\":\"ADDED\",\"object\":{\"a\":\"b\\n\"}}\n\n\
             id: 7\nevent: DELETED\ndata: {\"type\":\"DELETED\",\"object\":{\"a\":\"b\\n\"}}\n\n"
        );
        let alive = write(Batch { events: Vec::new(), position: "8".to_owned() });
        assert_eq!(alive, [": alive\nid: 8\n\n"]);
    }

    #[test]
    fn a_long_list_is_written_in_parts() {
        let large = json!({"text": "x".repeat(FRAME / 2)});
        let events = vec![(EventKind::Added, large); 9];
        assert_eq!(write(Batch { events, position: "7".to_owned() }).len(), 5);
    }
}
