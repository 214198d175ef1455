use proptest::collection::vec;
use proptest::prelude::*;

use super::{Attributes, Header, MessageBuffer, Messages};

fn header(kind: u16, sequence: u32) -> Header {
    Header { kind, flags: 1, sequence, family: 2, resource: 0 }
}

#[test]
fn what_is_written_is_read() {
    let mut buffer = MessageBuffer::default();
    buffer.message(header(0xa01, 7), |out| {
        out.string(1, "pontoon");
        out.nested(2, |out| {
            out.u8(1, 9);
            out.u16_be(2, 0x1234);
            out.nested(3, |out| out.u64_be(1, 5));
        });
    });
    buffer.message(header(0xa02, 8), |out| out.u32_be(4, 77));
    let [first, second] = Messages::new(buffer.as_bytes()).collect::<Vec<_>>()[..] else {
        panic!("two messages")
    };
    assert_eq!((first.kind(), first.sequence(), first.family()), (0xa01, 7, 2));
    assert_eq!(first.attributes().find(1).unwrap().str(), Some("pontoon"));
    let nested = first.attributes().find(2).unwrap();
    assert_eq!(nested.nested().find(1).unwrap().u8(), Some(9));
    assert_eq!(nested.nested().find(2).unwrap().u16_be(), Some(0x1234));
    let deepest = nested.nested().find(3).unwrap().nested().find(1).unwrap();
    assert_eq!((deepest.u64_be(), deepest.u32_be()), (Some(5), Some(0)));
    assert_eq!(second.attributes().find(4).unwrap().u32_be(), Some(77));
    assert!(!buffer.is_too_long());
}

#[test]
fn an_attribute_beyond_16_bits_is_not_cut_in_silence() {
    let mut buffer = MessageBuffer::default();
    buffer.bytes(1, &[0; 65_531]);
    assert!(!buffer.is_too_long());
    buffer.bytes(1, &[0; 65_532]);
    assert!(buffer.is_too_long());
    buffer.clear();
    buffer.nested(1, |out| (0..2).for_each(|_| out.bytes(1, &[0; 40_000])));
    assert!(buffer.is_too_long());
}

/// Everything that can be asked of a datagram.
fn read(datagram: &[u8]) -> usize {
    let messages = Messages::new(datagram).map(|message| {
        let reply = message.reply().and_then(|reply| reply.text).map_or(0, str::len);
        reply + depth(message.attributes(), 0)
    });
    messages.sum()
}

fn depth(attributes: Attributes<'_>, level: usize) -> usize {
    let inner = attributes.map(|attribute| {
        let numbers = [attribute.u8().map(u64::from), attribute.u64_be()];
        let deeper = if level < 6 { depth(attribute.nested(), level + 1) } else { 0 };
        attribute.string().len() + numbers.iter().flatten().count() + deeper
    });
    inner.sum()
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(datagram in vec(any::<u8>(), 0..300)) {
        read(&datagram);
    }

    #[test]
    fn any_attributes_are_read_without_panic(
        kind in prop_oneof![Just(2u16), Just(3), any::<u16>()],
        flags in any::<u16>(),
        body in vec(any::<u8>(), 0..200),
    ) {
        let mut buffer = MessageBuffer::default();
        buffer.message(Header { flags, ..header(kind, 1) }, |out| out.raw(&body));
        read(buffer.as_bytes());
    }
}
