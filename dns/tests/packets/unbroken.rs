//! That what goes back is whole.

use std::sync::OnceLock;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};
use pontoon_dns::exchange::Transport;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::any::{Sent, a_broken_one, noise};
use crate::asked::Question;
use crate::given::cluster::{Cluster, Server};

/// One server for all packets: none of them changes it.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let hosts: Vec<Value> =
            (0..60).map(|host| json!({"addresses": [format!("10.244.1.{host}")]})).collect();
        Cluster::new()
            .plain_service("default/web", "10.96.0.1")
            .headless("default/db")
            .listed("default/db-1", "db", hosts.into())
            .external("default/ext", "www.example.com")
            .external("default/loop", "loop.default.svc.cluster.local")
            .pod("default/client", &["10.244.0.9", "fd00:244::9"])
            .host("registry.lan", &["192.0.2.5"])
            .outside(&["www.example.com 300 A 192.0.2.53"])
            .transfers_to("192.0.2.0/24")
            .start()
    })
}

/// Whether these bytes are one whole question and its class is `IN`; its length with the header.
fn question_of(packet: &[u8]) -> Option<usize> {
    let mut at = 12;
    loop {
        match usize::from(*packet.get(at)?) {
            0 => break,
            length @ 1..=63 => at += 1 + length,
            _ => return None,
        }
    }
    let end = at + 5;
    (packet.len() >= end && at - 12 < 255).then_some(end)
}

fn holds(sent: &Sent) -> Result<(), TestCaseError> {
    let Sent { packet, client, transport } = sent;
    let from = Question::new(".", 1).over(*transport).from(&client.to_string());
    let answers = server().exchange(packet, &from);
    server().responder.outside().take_asked();
    if packet.len() < 12 || packet[2] & 0x80 != 0 {
        prop_assert!(answers.is_empty(), "an answer to what asks nothing");
        return Ok(());
    }
    prop_assert!(!answers.is_empty(), "no answer");
    for bytes in answers {
        let mut decoder = BinDecoder::new(&bytes);
        let message = match Message::read(&mut decoder) {
            Ok(message) => message,
            Err(error) => return Err(TestCaseError::fail(format!("{error}: {bytes:02x?}"))),
        };
        prop_assert!(decoder.is_empty(), "bytes behind the message: {:02x?}", bytes);
        prop_assert_eq!(&bytes[..2], &packet[..2], "the id");
        prop_assert_eq!(bytes[2] & 0xf9, 0x80 | packet[2] & 0x79, "an answer, opcode and RD");
        prop_assert_eq!(bytes[3] & 0x70, packet[3] & 0x10, "CD, and nothing but that");
        let asked_for_more = packet[8..12] != [0; 4];
        let most = match transport {
            Transport::Udp if asked_for_more => 1232,
            Transport::Udp => 512,
            _ => 65_535,
        };
        prop_assert!(bytes.len() <= most, "{} bytes", bytes.len());
        prop_assert!(asked_for_more || message.edns.is_none(), "EDNS that nobody asked for");
        match question_of(packet) {
            Some(end) if !message.queries.is_empty() => {
                prop_assert_eq!(&bytes[4..6], &[0, 1]);
                prop_assert_eq!(&bytes[12..end], &packet[12..end], "the question");
            }
            _ => {
                let code = message.metadata.response_code;
                prop_assert!(matches!(code, ResponseCode::FormErr | ResponseCode::NotImp));
                prop_assert_eq!(bytes.len(), 12, "a fault has nothing but a header");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_packet_gets_a_whole_answer_or_none(sent in a_broken_one()) {
        holds(&sent)?;
    }

    #[test]
    fn noise_gets_a_whole_answer_or_none(sent in noise()) {
        holds(&sent)?;
    }
}
