//! Messages that are no questions, or none that is answered.

use hickory_proto::op::{Message, MessageType, ResponseCode};

use crate::asked::Question;
use crate::asked::kind::A;
use crate::given::cluster::{Cluster, Server};

const WEB: &str = "web.default.svc.cluster.local";

fn server() -> Server {
    Cluster::new().plain_service("default/web", "10.96.0.1").start()
}

/// Sends bytes and reads whatever header comes back.
#[track_caller]
fn code(packet: &[u8]) -> Option<ResponseCode> {
    let mut messages = server().exchange(packet, &Question::new(WEB, A));
    assert!(messages.len() <= 1);
    let bytes = messages.pop()?;
    let message = Message::from_vec(&bytes).unwrap();
    assert_eq!(bytes[..2], packet[..2], "the client's id");
    assert_eq!(message.metadata.message_type, MessageType::Response);
    assert_eq!(bytes[2] & 0x79, packet[2] & 0x79, "its opcode and RD");
    assert!(bytes.len() <= packet.len(), "a fault gives nothing to an attacker");
    assert_eq!(message.answers.len() + message.authorities.len(), 0);
    Some(message.metadata.response_code)
}

fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Option<ResponseCode> {
    let mut packet = Question::new(WEB, A).packet();
    change(&mut packet);
    code(&packet)
}

#[test]
fn no_question_or_two_cannot_be_understood() {
    assert_eq!(changed(|packet| packet[5] = 0), Some(ResponseCode::FormErr));
    assert_eq!(changed(|packet| packet[5] = 2), Some(ResponseCode::FormErr));
    let twice = changed(|packet| {
        packet[5] = 2;
        packet.extend_from_within(12..);
    });
    assert_eq!(twice, Some(ResponseCode::FormErr));
    assert_eq!(changed(|packet| packet[4] = 0xff), Some(ResponseCode::FormErr));
    let none = changed(|packet| {
        packet[5] = 0;
        packet.truncate(12);
    });
    assert_eq!(none, Some(ResponseCode::FormErr));
}

#[test]
fn other_opcodes_are_not_implemented() {
    for opcode in 1..16u8 {
        let answer = changed(|packet| packet[2] |= opcode << 3);
        assert_eq!(answer, Some(ResponseCode::NotImp), "opcode {opcode}");
    }
}

#[test]
fn other_classes_are_refused() {
    for class in [2, 3, 4, 254, 255, 0] {
        let question = Question { class, ..Question::new(WEB, A) };
        let mut messages = server().exchange(&question.packet(), &question);
        let reply = Message::from_vec(&messages.remove(0)).unwrap();
        assert_eq!(reply.metadata.response_code, ResponseCode::Refused, "class {class}");
        assert!(reply.answers.is_empty());
    }
}

#[test]
fn what_is_cut_short_cannot_be_understood() {
    let packet = Question::new(WEB, A).with_edns(1232).packet();
    for length in 12..packet.len() {
        assert_eq!(code(&packet[..length]), Some(ResponseCode::FormErr), "{length} bytes");
    }
    for length in 0..12 {
        assert_eq!(code(&packet[..length]), None, "{length} bytes");
    }
}

#[test]
fn answers_are_not_answered() {
    // Two servers would go on for ever.
    assert_eq!(changed(|packet| packet[2] |= 0x80), None);
    assert_eq!(changed(|packet| packet[2] |= 0xf8), None);
}

#[test]
fn a_pointer_in_a_question_cannot_be_understood() {
    assert_eq!(changed(|packet| packet[12] = 0xc0), Some(ResponseCode::FormErr));
    assert_eq!(changed(|packet| packet[12] = 0x40), Some(ResponseCode::FormErr));
    assert_eq!(changed(|packet| packet[12] = 0x3f), Some(ResponseCode::FormErr));
}

#[test]
fn a_later_edns_is_answered_with_ours() {
    // RFC 6891, section 6.1.3.
    for version in [1, 255] {
        let question = Question { edns: Some((1232, version, false)), ..Question::new(WEB, A) };
        let reply = server().send(&question);
        // One number with two names.
        assert_eq!(u16::from(reply.code()), 16);
        assert_eq!(reply.message.all_sections().count(), 0);
    }
}

#[test]
fn two_edns_records_cannot_be_understood() {
    let packet = Question::new(WEB, A).with_edns(1232).packet();
    let mut twice = packet.clone();
    twice.extend_from_slice(&packet[packet.len() - 11..]);
    twice[11] = 2;
    assert_eq!(code(&twice), Some(ResponseCode::FormErr));
}
