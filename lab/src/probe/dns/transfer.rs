//! A whole zone at once (RFC 5936).

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Record, RecordType};

use super::ask::{Question, framed, read_framed};
use crate::netns::Netns;
use crate::probe::connect;

/// Asks for a zone; its records in their order, the authority first and last.
///
/// # Errors
/// When it is refused, or cut short.
pub fn transfer(
    from: &Netns,
    server: SocketAddr,
    zone: &str,
    patience: Duration,
) -> Result<Vec<Record>> {
    let mut stream = connect(from, server, patience)?;
    stream.set_read_timeout(Some(patience))?;
    let (_, packet) = Question::plain(zone, RecordType::AXFR).packet()?;
    stream.write_all(&framed(&packet))?;
    let mut records: Vec<Record> = Vec::new();
    let ends = |records: &[Record]| {
        let authorities = records.iter().filter(|record| record.record_type() == RecordType::SOA);
        authorities.count() == 2
    };
    while !ends(&records) {
        let bytes = read_framed(&mut stream)
            .with_context(|| format!("the transfer ended behind {} records", records.len()))?;
        let message = Message::from_vec(&bytes).context("a part of it cannot be read")?;
        let code = message.metadata.response_code;
        ensure!(code == ResponseCode::NoError, "{zone} was refused: {code}");
        ensure!(!message.answers.is_empty(), "a part of the transfer has no record");
        records.extend(message.answers);
    }
    Ok(records)
}
