use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;

use super::uapi::{CTA_TUPLE_ORIG, CTA_TUPLE_REPLY};
use super::{Filter, Flow, FlowTuple};
use crate::nfnetlink::{Header, MessageBuffer, Messages};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn tuple(source: &str, source_port: u16, destination: &str, destination_port: u16) -> FlowTuple {
    FlowTuple { source: ip(source), destination: ip(destination), source_port, destination_port }
}

/// A client through a service's address to an endpoint, masqueraded on its way.
fn through_a_service() -> Flow {
    Flow {
        original: tuple("10.244.1.2", 40_000, "10.96.0.10", 53),
        reply: tuple("10.244.2.9", 5353, "192.0.2.1", 40_001),
        protocol: 17,
        mark: 0,
        status: 0,
        expires_in: 30,
    }
}

#[test]
fn a_filter_means_what_all_its_parts_mean() {
    let flow = through_a_service();
    let meant = [
        Filter::all(),
        Filter::involving([ip("10.244.1.2")]),
        Filter::involving([ip("10.96.0.10")]),
        Filter::involving([ip("10.244.2.9")]),
        Filter::involving([ip("10.0.0.1"), ip("192.0.2.1"), ip("::1")]),
        Filter::all().protocol(17).original_destination(ip("10.96.0.10")).reply_source(5353),
        Filter::all().original_source(40_000).reply_destination(ip("192.0.2.1")),
        Filter::involving([ip("10.244.2.9")]).protocol(17),
    ];
    let not_meant = [
        Filter::involving([]),
        Filter::involving([ip("10.244.1.3")]),
        Filter::involving([ip("10.244.2.9")]).protocol(6),
        Filter::all().original_destination(ip("10.244.2.9")),
        Filter::all().original_destination(ip("10.96.0.10")).reply_source(53),
        Filter::all().reply_source("10.244.2.9:53".parse::<std::net::SocketAddr>().unwrap()),
    ];
    assert!(meant.iter().all(|filter| filter.matches(&flow)));
    assert!(not_meant.iter().all(|filter| !filter.matches(&flow)));
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_without_panic(
        original in vec(any::<u8>(), 0..80),
        reply in vec(any::<u8>(), 0..80),
        rest in vec(any::<u8>(), 0..80),
    ) {
        let header = Header { kind: 0x100, flags: 0, sequence: 1, family: 2, resource: 0 };
        let mut buffer = MessageBuffer::default();
        buffer.message(header, |out| {
            out.nested(CTA_TUPLE_ORIG, |out| out.raw(&original));
            out.nested(CTA_TUPLE_REPLY, |out| out.raw(&reply));
            out.raw(&rest);
        });
        let flows = Messages::new(buffer.as_bytes()).filter_map(|message| Flow::decode(&message));
        prop_assert!(flows.count() <= 1);
    }
}
