//! Answers as records.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};

/// What a name server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// All that it said.
    pub message: Message,
    /// How long that was, bytes.
    pub length: usize,
    /// From the question to the answer.
    pub took: Duration,
}

impl Answer {
    /// Takes an answer apart that took so long.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(bytes: &[u8], took: Duration) -> Result<Self> {
        let message = Message::from_vec(bytes)
            .with_context(|| format!("an answer that cannot be read: {bytes:02x?}"))?;
        Ok(Self { message, length: bytes.len(), took })
    }

    /// What it made of the question.
    #[must_use]
    pub fn code(&self) -> ResponseCode {
        self.message.metadata.response_code
    }

    /// Whether it said that there is more than a datagram holds.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.message.metadata.truncation
    }

    /// Whether it said that there is no such name.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        self.code() == ResponseCode::NXDomain
    }

    /// The addresses in its answers, sorted.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let mut all: Vec<IpAddr> = self.message.answers.iter().filter_map(address).collect();
        all.sort();
        all
    }

    /// Its answers as text, sorted; see [`written`].
    #[must_use]
    pub fn records(&self) -> Vec<String> {
        sorted(&self.message.answers)
    }

    /// What it added, as text, sorted.
    #[must_use]
    pub fn additional(&self) -> Vec<String> {
        sorted(&self.message.additionals)
    }

    /// The names that its answers of a type lead to, sorted, without their final dots.
    #[must_use]
    pub fn targets(&self, of: RecordType) -> Vec<String> {
        let all = self.message.answers.iter().filter(|record| record.record_type() == of);
        let mut all: Vec<String> = all.filter_map(target).collect();
        all.sort();
        all
    }

    /// Whether it is one to a question with that id.
    pub(super) fn is_to(message: &Message, id: u16) -> bool {
        message.metadata.id == id && message.metadata.message_type == MessageType::Response
    }
}

/// A record as text: `web.default.svc.cluster.local 5 A 10.96.0.1`, names in lower case without their
/// final dots.
#[must_use]
pub fn written(record: &Record) -> String {
    let data = record.data.to_string().to_lowercase().replace(". ", " ");
    let owner = record.name.to_string().to_lowercase();
    format!(
        "{} {} {} {}",
        owner.trim_end_matches('.'),
        record.ttl,
        record.record_type(),
        data.trim_end_matches('.')
    )
}

fn sorted(records: &[Record]) -> Vec<String> {
    let mut all: Vec<String> = records.iter().map(written).collect();
    all.sort();
    all
}

fn address(record: &Record) -> Option<IpAddr> {
    match &record.data {
        RData::A(a) => Some(a.0.into()),
        RData::AAAA(aaaa) => Some(aaaa.0.into()),
        _ => None,
    }
}

fn target(record: &Record) -> Option<String> {
    let name = match &record.data {
        RData::CNAME(name) => &name.0,
        RData::PTR(name) => &name.0,
        RData::SRV(srv) => &srv.target,
        _ => return None,
    };
    Some(name.to_string().to_lowercase().trim_end_matches('.').to_owned())
}
