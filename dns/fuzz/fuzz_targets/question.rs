//! Any bytes as a message: it is taken apart or refused, and what was understood is within it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pontoon_dns::exchange::Transport;
use pontoon_dns::wire::question::{Fault, Query};

fuzz_target!(|message: &[u8]| {
    let query = match Query::parse(message) {
        Ok(query) => query,
        Err((fault, query)) => {
            assert_eq!(matches!(fault, Fault::Question(_)), query.is_some());
            assert_eq!(fault == Fault::Drop, message.len() < 12 || message[2] & 0x80 != 0);
            let Some(query) = query else { return };
            *query
        }
    };
    let name = query.name.wire();
    assert!(query.name_as_asked().eq_ignore_ascii_case(name));
    assert_eq!(query.question(), &message[12..12 + name.len() + 4]);
    let labels = (0..query.name.count()).map(|index| query.name.label(index).len() + 1);
    assert_eq!(labels.sum::<usize>() + 1, name.len());
    assert_eq!(query.name.before(name), Some(0));
    assert!((512..=1232).contains(&query.limit(Transport::Udp)));
});
