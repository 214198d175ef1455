use super::*;
use proptest::prelude::*;

/// A message that asks for that name.
fn message(name: &[u8], rtype: u16, class: u16, opt: Option<[u8; 11]>) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(opt.is_some())];
    message.extend_from_slice(name);
    message.extend_from_slice(&rtype.to_be_bytes());
    message.extend_from_slice(&class.to_be_bytes());
    message.extend(opt.into_iter().flatten());
    message
}

const OPT: [u8; 11] = [0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0];

fn fault(message: &[u8]) -> Fault {
    Query::parse(message).unwrap_err().0
}

#[test]
fn a_question_is_taken_apart() {
    let bytes = message(b"\x03WeB\x01x\x00", rtype::A, IN, Some(OPT));
    let query = Query::parse(&bytes).unwrap();
    assert_eq!(query.name.wire(), b"\x03web\x01x\x00");
    assert_eq!(query.name_as_asked(), b"\x03WeB\x01x\x00");
    assert_eq!(
        (query.name.count(), query.name.label(0), query.name.label(1)),
        (2, &b"web"[..], &b"x"[..])
    );
    assert_eq!((query.name.start(0), query.name.start(1), query.name.start(2)), (0, 4, 6));
    assert_eq!(query.name.before(b"\x01x\x00"), Some(1));
    assert_eq!(query.name.before(b"\x00"), Some(2));
    assert_eq!(query.name.before(b"\x03web\x01x\x00"), Some(0));
    assert_eq!(query.name.before(b"\x02eb\x01x\x00"), None);
    assert_eq!(query.edns, Some(Edns { size: 4096, dnssec_ok: true }));
    assert!(query.recursion_desired());
    assert_eq!(query.limit(Transport::Udp), OWN_LIMIT);
    assert_eq!(query.limit(Transport::Tcp), 65_535);
}

#[test]
fn a_suffix_within_a_label_is_no_parent() {
    // The label's own bytes look like the name.
    let bytes = message(b"\x06ab\x01x\x00c\x00", rtype::A, IN, None);
    let query = Query::parse(&bytes).unwrap();
    assert_eq!(query.name.before(b"\x00"), Some(1));
    let bytes = message(b"\x04a\x01xy\x00", rtype::A, IN, None);
    let query = Query::parse(&bytes).unwrap();
    assert_eq!(query.name.before(b"\x01xy\x00"), None);
}

#[test]
fn the_longest_name_is_taken_and_a_longer_one_is_not() {
    let mut name = Vec::new();
    for _ in 0..3 {
        name.push(63);
        name.extend([b'a'; 63]);
    }
    name.push(61);
    name.extend([b'a'; 61]);
    name.push(0);
    assert_eq!(name.len(), 255);
    assert!(Query::parse(&message(&name, 1, IN, None)).is_ok());
    name[192] = 62;
    name.insert(193, b'a');
    assert_eq!(fault(&message(&name, 1, IN, None)), Fault::Header(Rcode::FormErr));
    let most: Vec<u8> = [1, b'a'].repeat(127).into_iter().chain([0]).collect();
    assert_eq!(Query::parse(&message(&most, 1, IN, None)).unwrap().name.count(), 127);
}

#[test]
fn what_is_no_question_is_dropped_and_what_is_wrong_is_told_so() {
    assert_eq!(fault(&[0; 11]), Fault::Drop);
    let good = message(b"\x01a\x00", 1, IN, None);
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        fault(&bytes)
    };
    assert_eq!(with(2, 0x81), Fault::Drop, "an answer");
    assert_eq!(with(2, 0x28), Fault::Header(Rcode::NotImp), "an update");
    assert_eq!(with(5, 0), Fault::Header(Rcode::FormErr), "no question");
    assert_eq!(with(5, 2), Fault::Header(Rcode::FormErr), "two questions");
    assert_eq!(with(11, 1), Fault::Header(Rcode::FormErr), "a record that is not there");
    assert_eq!(with(12, 0xc0), Fault::Header(Rcode::FormErr), "a pointer");
    assert_eq!(with(18, 3), Fault::Question(Rcode::Refused), "class CHAOS");
}

#[test]
fn edns_of_another_version_or_twice_is_refused() {
    let mut newer = OPT;
    newer[6] = 1;
    // Version is the second byte of the extended field.
    let mut bytes = message(b"\x01a\x00", 1, IN, Some(newer));
    bytes[12 + 7 + 6] = 1;
    assert_eq!(fault(&bytes), Fault::Question(Rcode::BadVers));
    let mut twice = message(b"\x01a\x00", 1, IN, Some(OPT));
    twice.extend(OPT);
    twice[11] = 2;
    assert_eq!(fault(&twice), Fault::Header(Rcode::FormErr));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Query::parse(&bytes);
        let mut asks = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        asks.extend(bytes);
        if let Ok(query) = Query::parse(&asks) {
            for index in 0..query.name.count() {
                let _ = query.name.label(index);
            }
        }
    }
}
