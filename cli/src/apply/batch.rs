//! Documents cut into requests that the daemon reads.

use pontoon_model::rest::MAX_BODY;

use crate::documents::{Document, Unread};

/// So that a request is done within its time: each object is a transaction in the store.
const MOST_DOCUMENTS: usize = 500;
/// Bytes of documents in one request: a quarter of what the daemon reads, since it may be slow.
const ROOM: u64 = MAX_BODY as u64 / 4;

/// The documents in order, and what is said of those that are too long for any request.
pub(crate) fn cut(documents: Vec<Document>) -> (Vec<Vec<Document>>, Vec<Unread>) {
    let mut batches: Vec<Vec<Document>> = Vec::new();
    let mut too_long = Vec::new();
    let mut left = 0;
    for document in documents {
        let length = document.value.to_string().len() as u64 + 1;
        if length > ROOM {
            let (origin, title) = (&document.origin, document.title());
            too_long.push(format!(
                "{origin}: {title}: it has {length} bytes as JSON, and {ROOM} are the most"
            ));
            continue;
        }
        match batches.last_mut() {
            Some(last) if length <= left && last.len() < MOST_DOCUMENTS => {
                last.push(document);
                left -= length;
            }
            _ => {
                batches.push(vec![document]);
                left = ROOM - length;
            }
        }
    }
    (batches, too_long)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn document(number: usize, length: usize) -> Document {
        Document::of_test(number, json!({"n": number, "text": "\"".repeat(length)}))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn requests_are_short_enough_and_lose_nothing(
            lengths in proptest::collection::vec(prop_oneof![0..10_usize, 0..1_500_000_usize, Just(2_200_000)], 0..12),
            many in 0..1200_usize,
        ) {
            let lengths: Vec<usize> =
                lengths.into_iter().chain(std::iter::repeat_n(1, many)).collect();
            let documents: Vec<_> =
                lengths.iter().enumerate().map(|(number, length)| document(number, *length)).collect();
            let fits = |length: &usize| *length < 2_000_000;
            let expected: Vec<_> =
                documents.iter().zip(&lengths).filter(|(_, length)| fits(length)).map(|(d, _)| d.clone()).collect();
            let (batches, too_long) = cut(documents);
            prop_assert_eq!(too_long.len(), lengths.iter().filter(|length| !fits(length)).count());
            for documents in &batches {
                let values: Vec<_> = documents.iter().map(|document| &document.value).collect();
                prop_assert!(serde_json::to_vec(&values).unwrap().len() <= MAX_BODY);
                prop_assert!((1..=MOST_DOCUMENTS).contains(&documents.len()));
            }
            let sent: Vec<_> = batches.into_iter().flatten().collect();
            prop_assert_eq!(sent, expected);
        }
    }
}
