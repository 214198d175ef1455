//! An upstream's answer as it is kept, and how it becomes an answer to whoever asks.

use std::ops::Range;
use std::time::Duration;

use super::config::CacheConfig;
use super::message::{Malformed, Record, records};
use crate::wire::code::{Rcode, rtype};
use crate::wire::question::{HEADER, Query};
use crate::wire::reply::{Reply, Section, Verdict};

/// The TTL of what is given behind its life, seconds (RFC 8767, section 4).
const STALE_TTL: u32 = 30;
/// How long an upstream's SERVFAIL is kept, seconds (RFC 9520, section 3.2, wants 1 to 300).
const FAILURE_TTL: u32 = 5;
const SECTIONS: [Section; 3] = [Section::Answer, Section::Authority, Section::Additional];

/// What an answer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There are records.
    Success,
    /// There is no such name, or there are no such records.
    Denial,
    /// It could not be found out, or is not told.
    Failure,
}

/// An answer without EDNS: that belongs to the one who asked (RFC 6891, section 6.2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    bytes: Box<[u8]>,
    counts: [u16; 3],
    /// Where the sections end.
    ends: [u16; 3],
    /// Where the TTLs are.
    ttls: Box<[u16]>,
    kind: Kind,
    lifetime: u32,
}

/// How much of an answer's life is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// So many seconds.
    Seconds(u32),
    /// All of it.
    Over,
}

/// The longest lives, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Longest {
    /// Of records.
    pub success: u32,
    /// Of denials.
    pub denial: u32,
}

impl From<&CacheConfig> for Longest {
    fn from(config: &CacheConfig) -> Self {
        let seconds = |ttl: Duration| u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX);
        Self { success: seconds(config.success_ttl), denial: seconds(config.denial_ttl) }
    }
}

impl Answer {
    /// Reads an upstream's message, which answers one question. TTLs are cut to the longest lives.
    ///
    /// # Errors
    /// When its header counts more than there is.
    pub fn read(message: &[u8], longest: Longest) -> Result<Self, Malformed> {
        let found = records(message)?;
        let begin = found.position();
        let asked = begin.checked_sub(4).and_then(|at| message.get(at..)).ok_or(Malformed)?;
        let asked = u16::from_be_bytes([asked[0], asked[1]]);
        let mut kept: Vec<Record> = Vec::new();
        let mut extended = false;
        for record in found {
            let record = record?;
            // What stands behind EDNS is left out with it, since it may point at names whose place
            // would change. It is only additional, and almost never there.
            if record.rtype == rtype::OPT {
                extended = record.ttl >> 24 != 0;
                break;
            }
            kept.push(record);
        }
        let end = kept.last().map_or(begin, |record| record.data.end);
        let mut bytes: Box<[u8]> = message.get(..end).ok_or(Malformed)?.into();
        if extended {
            // The code is more than the header tells, and about an EDNS that we do not speak.
            bytes[3] = bytes[3] & 0xf0 | Rcode::ServFail.number() as u8;
        }
        let kind = kind(&bytes, &kept, asked);
        let lifetime = settle(&mut bytes, &kept, kind, longest);
        let mut answer = Self {
            lifetime: if bytes[2] & 0x02 == 0 { lifetime } else { 0 },
            counts: [0; 3],
            ends: [short(begin)?; 3],
            ttls: kept.iter().map(|record| short(record.ttl_at)).collect::<Result<_, _>>()?,
            bytes,
            kind,
        };
        for record in &kept {
            let section = record.section as usize;
            answer.counts[section] += 1;
            answer.ends[section..].fill(short(record.data.end)?);
        }
        for (at, count) in [6, 8, 10].into_iter().zip(answer.counts) {
            answer.bytes[at..at + 2].copy_from_slice(&count.to_be_bytes());
        }
        Ok(answer)
    }

    /// What it comes to.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How long it is good for, seconds; 0 when it is not to be kept.
    #[must_use]
    pub fn lifetime(&self) -> u32 {
        self.lifetime
    }

    /// Its response code, as far as the header says it.
    #[must_use]
    pub fn rcode(&self) -> u8 {
        self.bytes[3] & 15
    }

    /// Whether the upstream left out what did not fit.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.bytes[2] & 0x02 != 0
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Writes it as the answer to a query for the same name, type and class. What does not fit is left
    /// out by whole records.
    pub fn write(&self, query: &Query<'_>, limit: usize, age: Age, out: &mut Vec<u8>) {
        let mut reply = Reply::begin(query, limit, out);
        if self.is_truncated() {
            reply.truncate();
        }
        let mut begin = query.question().len() + HEADER;
        for (section, end) in SECTIONS.into_iter().zip(self.ends.map(usize::from)) {
            let range = begin..end;
            begin = end;
            if self.append(&mut reply, section, range) {
                continue;
            }
            // RFC 2181, section 9: what is only additional may be missing without a word.
            if section != Section::Additional {
                reply.truncate();
            }
            break;
        }
        let written = reply.position();
        for at in self.ttls.iter().map(|at| usize::from(*at)).filter(|at| at + 4 <= written) {
            age_ttl(reply.patch(at), age);
        }
        reply.finish(Verdict {
            rcode: Rcode::NoError,
            authoritative: false,
            recursion_available: true,
        });
        // RFC 6840, section 5.8: that signatures were checked is told to whom it says something.
        let told = query.header()[3] & 0x20 != 0 || query.edns.is_some_and(|edns| edns.dnssec_ok);
        if let Some(flags) = out.get_mut(3) {
            *flags |= self.rcode() | if told { self.bytes[3] & 0x20 } else { 0 };
        }
    }

    /// Appends a section, or as many of its records as fit; says whether all do.
    fn append(&self, reply: &mut Reply<'_, '_>, section: Section, range: Range<usize>) -> bool {
        let Some(all) = self.bytes.get(range) else { return false };
        if reply.append(section, self.counts[section as usize], all) {
            return true;
        }
        let records = records(&self.bytes).into_iter().flatten().map_while(Result::ok);
        for record in records.filter(|record| record.section == section) {
            if !reply.append(section, 1, &self.bytes[record.start..record.data.end]) {
                return false;
            }
        }
        true
    }
}

fn short(at: usize) -> Result<u16, Malformed> {
    u16::try_from(at).map_err(|_| Malformed)
}

fn kind(message: &[u8], records: &[Record], asked: u16) -> Kind {
    let is_asked = |record: &Record| {
        record.section == Section::Answer && (record.rtype == asked || asked == rtype::ANY)
    };
    match message[3] & 15 {
        0 if records.iter().any(is_asked) => Kind::Success,
        0 | 3 => Kind::Denial,
        _ => Kind::Failure,
    }
}

/// Cuts the TTLs to what they may be; returns how long the whole is good for.
fn settle(message: &mut [u8], records: &[Record], kind: Kind, longest: Longest) -> u32 {
    let mut lifetime = None;
    // RFC 2308, section 5: a denial without SOA says not how long it is good for.
    let mut known = kind != Kind::Denial;
    let cap = if kind == Kind::Denial { longest.denial } else { longest.success };
    for record in records {
        // RFC 2181, section 8: the highest bit is never set.
        let mut ttl = if record.ttl >> 31 == 0 { record.ttl.min(cap) } else { 0 };
        let is_soa = record.section == Section::Authority && record.rtype == rtype::SOA;
        if let (Kind::Denial, true, Some(minimum)) =
            (kind, is_soa, message[record.data.clone()].last_chunk().copied())
        {
            known = true;
            ttl = ttl.min(u32::from_be_bytes(minimum));
        }
        message[record.ttl_at..record.ttl_at + 4].copy_from_slice(&ttl.to_be_bytes());
        lifetime = Some(lifetime.unwrap_or(u32::MAX).min(ttl));
    }
    match kind {
        Kind::Failure if message[3] & 15 == Rcode::ServFail.number() as u8 => FAILURE_TTL,
        Kind::Success | Kind::Denial if known => lifetime.unwrap_or(0),
        _ => 0,
    }
}

/// Rewrites the TTL at the beginning of these bytes.
fn age_ttl(bytes: &mut [u8], age: Age) {
    let Some(bytes) = bytes.first_chunk_mut::<4>() else { return };
    let ttl = u32::from_be_bytes(*bytes);
    let ttl = match age {
        Age::Seconds(seconds) => ttl.saturating_sub(seconds),
        Age::Over => ttl.min(STALE_TTL),
    };
    *bytes = ttl.to_be_bytes();
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
