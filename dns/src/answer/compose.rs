//! Answers put together from others: decoded, joined, encoded again. For what is rare.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query as Question, ResponseCode};
use hickory_proto::rr::{Name as RecordName, RData, Record, rdata};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, BinEncodable, BinEncoder};

use super::responder::refuse;
use crate::wire::code::Rcode;
use crate::wire::name::Name;
use crate::wire::question::{OPT_LENGTH, OWN_LIMIT, Query};

/// What others have answered, as far as it is needed here.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// How it went.
    pub(super) rcode: ResponseCode,
    /// The answers.
    pub(super) answers: Vec<Record>,
    /// Who says so.
    pub(super) authorities: Vec<Record>,
}

impl Part {
    /// Reads an answer; one that cannot be read counts as none.
    #[must_use]
    pub(super) fn read(message: &[u8]) -> Self {
        match Message::from_vec(message) {
            Ok(message) => Self {
                rcode: message.metadata.response_code,
                answers: message.answers,
                authorities: message.authorities,
            },
            Err(_) => {
                Self { rcode: ResponseCode::ServFail, answers: Vec::new(), authorities: Vec::new() }
            }
        }
    }

    /// Whether somebody knows the name.
    #[must_use]
    pub(super) fn is_name(&self) -> bool {
        self.rcode == ResponseCode::NoError
    }

    /// Whether nobody could say.
    #[must_use]
    pub(super) fn is_failure(&self) -> bool {
        !matches!(self.rcode, ResponseCode::NoError | ResponseCode::NXDomain)
    }
}

/// A `CNAME` record; `None` where a name is none by hickory's rules.
#[must_use]
pub(super) fn cname(owner: &[u8], target: &[u8], ttl: u32) -> Option<Record> {
    let target = rdata::CNAME(read_name(target)?);
    Some(Record::from_rdata(read_name(owner)?, ttl, RData::CNAME(target)))
}

/// Where the last of a chain of `CNAME` records leads, if it is the last of the answers.
#[must_use]
pub(super) fn dangling(answers: &[Record]) -> Option<Name> {
    match &answers.last()?.data {
        RData::CNAME(target) => Name::of(target.0.iter()),
        _ => None,
    }
}

fn read_name(wire: &[u8]) -> Option<RecordName> {
    RecordName::read(&mut BinDecoder::new(wire)).ok()
}

/// An answer to the query with these records, cut short where the client takes no more.
#[must_use]
pub(super) fn reply(query: &Query<'_>, limit: usize, part: Part, authoritative: bool) -> Vec<u8> {
    let failed = || {
        let mut out = Vec::new();
        refuse(query, limit, Rcode::ServFail, &mut out);
        out
    };
    let Some(name) = read_name(query.name_as_asked()) else { return failed() };
    let [high, low, ..] = query.header();
    let mut message =
        Message::new(u16::from_be_bytes([high, low]), MessageType::Response, OpCode::Query);
    message.metadata.recursion_desired = query.recursion_desired();
    message.metadata.checking_disabled = query.checking_disabled();
    message.metadata.authoritative = authoritative;
    message.metadata.recursion_available = true;
    message.metadata.response_code = part.rcode;
    message.add_query(Question::query(name, query.rtype.into()));
    message.answers = part.answers;
    message.authorities = part.authorities;
    // How much of it fits beside EDNS is seen by encoding it once without.
    let edns_length = if query.edns.is_some() { OPT_LENGTH } else { 0 };
    let Some(bytes) = encode(&message, limit - edns_length) else { return failed() };
    let [answers, authorities] = [6, 8].map(|at| u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    message.metadata.truncation = usize::from(answers) < message.answers.len();
    message.answers.truncate(answers.into());
    if usize::from(authorities) < message.authorities.len() {
        message.authorities.clear();
    }
    message.edns = query.edns.map(|edns| {
        let mut own = Edns::new();
        own.set_max_payload(OWN_LIMIT as u16).set_dnssec_ok(edns.dnssec_ok);
        own
    });
    encode(&message, limit).unwrap_or_else(failed)
}

/// As much of a message as fits into so many bytes, by whole records.
fn encode(message: &Message, most: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_max_size(u16::try_from(most).ok()?);
    message.emit(&mut encoder).ok()?;
    Some(bytes)
}
