//! Answers as records.

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::Record;
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use super::question::Question;

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) message: Message,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    /// Reads an answer, and holds it against what is true of every answer to a whole question.
    #[track_caller]
    pub(crate) fn read(question: &Question, bytes: Vec<u8>) -> Self {
        let mut decoder = BinDecoder::new(&bytes);
        let message = Message::read(&mut decoder).unwrap_or_else(|error| {
            panic!("{error}: the answer to {question:?} cannot be read: {bytes:02x?}")
        });
        assert!(decoder.is_empty(), "bytes behind the message: {bytes:02x?}");
        let said = &message.metadata;
        assert_eq!(said.id, question.id, "the client's id");
        assert_eq!(said.message_type, MessageType::Response);
        assert_eq!(said.op_code, OpCode::Query);
        assert_eq!(said.recursion_desired, question.recursion_desired, "RD is echoed");
        assert_eq!(said.checking_disabled, question.checking_disabled, "CD is echoed");
        assert!(!said.authentic_data, "nothing is checked here");
        let section = question.section();
        assert_eq!(bytes[4..6], [0, 1], "one question");
        assert_eq!(bytes[12..12 + section.len()], section, "the question as it was asked");
        assert!(bytes.len() <= question.limit(), "{} bytes to {question:?}", bytes.len());
        match (question.edns, &message.edns) {
            (None, None) => {}
            (Some((_, _, dnssec_ok)), Some(edns)) => {
                assert_eq!((edns.version(), edns.max_payload()), (0, 1232));
                assert_eq!(edns.flags().dnssec_ok, dnssec_ok, "DO is echoed (RFC 3225)");
            }
            (asked, answered) => panic!("EDNS {answered:?} in an answer to {asked:?}"),
        }
        Self { message, bytes }
    }

    pub(crate) fn code(&self) -> ResponseCode {
        self.message.metadata.response_code
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.message.metadata.truncation
    }

    /// The answers in their order: `web.default.svc.cluster.local 5 A 10.96.0.1`.
    pub(crate) fn in_order(&self) -> Vec<String> {
        self.message.answers.iter().map(written).collect()
    }

    pub(crate) fn answers(&self) -> Vec<String> {
        sorted(&self.message.answers)
    }

    pub(crate) fn authority(&self) -> Vec<String> {
        sorted(&self.message.authorities)
    }

    pub(crate) fn additional(&self) -> Vec<String> {
        sorted(&self.message.additionals)
    }

    /// It is of our zone, whole, and has these answers in any order, each once.
    #[track_caller]
    pub(crate) fn gives(self, expected: &[&str]) -> Self {
        assert_eq!(self.code(), ResponseCode::NoError, "{:?}", self.message);
        assert_eq!(self.answers(), in_any_order(expected));
        assert!(self.message.metadata.authoritative, "AA on our zones");
        assert!(self.message.metadata.recursion_available, "RA where others are asked");
        assert!(!self.is_cut());
        assert!(self.message.authorities.is_empty(), "{:?}", self.message.authorities);
        self
    }

    /// These are given too, in any order, each once.
    #[track_caller]
    pub(crate) fn with_additional(self, expected: &[&str]) -> Self {
        assert_eq!(self.additional(), in_any_order(expected));
        self
    }

    /// The name is there, the type is not: `NOERROR`, nothing, and the zone's `SOA` (RFC 2308, 2.2).
    #[track_caller]
    pub(crate) fn has_no_data_in(self, zone: &str) {
        assert_eq!(self.code(), ResponseCode::NoError, "{:?}", self.message);
        self.is_negative(zone);
    }

    /// There is no such name: `NXDOMAIN`, nothing, and the zone's `SOA` (RFC 2308, 2.1).
    #[track_caller]
    pub(crate) fn does_not_exist_in(self, zone: &str) {
        assert_eq!(self.code(), ResponseCode::NXDomain, "{:?}", self.message);
        self.is_negative(zone);
    }

    #[track_caller]
    pub(crate) fn has_no_data(self) {
        self.has_no_data_in("cluster.local");
    }

    #[track_caller]
    pub(crate) fn does_not_exist(self) {
        self.does_not_exist_in("cluster.local");
    }

    #[track_caller]
    fn is_negative(&self, zone: &str) {
        assert_eq!(self.answers(), [""; 0]);
        assert_eq!(self.additional(), [""; 0]);
        assert!(self.message.metadata.authoritative, "AA on our zones");
        assert!(self.message.metadata.recursion_available, "RA where others are asked");
        assert!(!self.is_cut());
        let authority = self.authority();
        assert_eq!(authority.len(), 1, "{authority:?}");
        let said: Vec<&str> = authority[0].split(' ').collect();
        assert_eq!((said[0], said[2]), (zone, "SOA"));
        assert_eq!(said[1], *said.last().unwrap(), "how long a denial may be kept, twice");
    }

    /// An answer that has nothing but a code.
    #[track_caller]
    pub(crate) fn holds_only(&self, code: ResponseCode) {
        assert_eq!(self.code(), code, "{:?}", self.message);
        assert_eq!(self.message.all_sections().count(), 0, "{:?}", self.message);
        assert!(!self.is_cut());
    }
}

/// A record as text: owner, TTL, type, data; names in lower case without their final dots.
pub(crate) fn written(record: &Record) -> String {
    let Record { name, ttl, data, .. } = record;
    let text = format!("{name} {ttl} {} {data}", data.record_type()).to_lowercase();
    let text = text.replace(". ", " ");
    let mut words: Vec<&str> = text.trim_end_matches('.').split(' ').collect();
    let upper = words[2].to_uppercase();
    words[2] = &upper;
    words.join(" ")
}

fn sorted(records: &[Record]) -> Vec<String> {
    let mut all: Vec<String> = records.iter().map(written).collect();
    all.sort();
    all
}

pub(crate) fn in_any_order(expected: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = expected.iter().map(ToString::to_string).collect();
    all.sort();
    all
}
