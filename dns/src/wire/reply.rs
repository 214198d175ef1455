//! A message that answers, put together in a buffer.

use super::code::{Rcode, rtype};
use super::question::{HEADER, OPT_LENGTH, OWN_LIMIT, Query};

/// An answer that is being written: sections in their order, then [`Reply::finish`].
#[derive(Debug)]
pub struct Reply<'q, 'o> {
    query: &'q Query<'q>,
    out: &'o mut Vec<u8>,
    counts: [u16; 3],
    truncated: bool,
    limit: usize,
}

/// A section of an answer behind its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Who says so.
    Authority,
    /// What will be asked for next.
    Additional,
}

/// What the header of an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The code.
    pub rcode: Rcode,
    /// Whether it is about a zone of ours.
    pub authoritative: bool,
    /// Whether other names are asked for elsewhere.
    pub recursion_available: bool,
}

impl<'q, 'o> Reply<'q, 'o> {
    /// Begins with header and question; `limit` is the largest message that the client takes, bytes.
    pub fn begin(query: &'q Query<'q>, limit: usize, out: &'o mut Vec<u8>) -> Self {
        out.clear();
        let header = query.header();
        // Opcode, RD and CD are the client's.
        out.extend_from_slice(&[
            header[0],
            header[1],
            0x80 | (header[2] & 0x79),
            header[3] & 0x10,
            0,
            1,
            0,
            0,
            0,
            0,
            0,
            0,
        ]);
        out.extend_from_slice(query.question());
        let limit = limit - if query.edns.is_some() { OPT_LENGTH } else { 0 };
        Self { query, out, counts: [0; 3], truncated: false, limit }
    }

    /// Where the next record will begin.
    #[must_use]
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// How many bytes there still are.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.out.len())
    }

    /// Appends records that are whole and encoded for this place; says whether they fit.
    pub fn append(&mut self, section: Section, records: u16, bytes: &[u8]) -> bool {
        let fits = bytes.len() <= self.room();
        if fits {
            self.out.extend_from_slice(bytes);
            self.counts[section as usize] += records;
        }
        fits
    }

    /// Appends records that a function writes at the buffer's end; what does not fit is taken back. Says
    /// whether it does.
    pub fn append_with(
        &mut self,
        section: Section,
        records: u16,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let from = self.out.len();
        write(self.out);
        let fits = self.out.len() <= self.limit;
        if fits {
            self.counts[section as usize] += records;
        } else {
            self.out.truncate(from);
        }
        fits
    }

    /// The buffer from a position on, for what is only known once it is there.
    pub fn patch(&mut self, from: usize) -> &mut [u8] {
        &mut self.out[from..]
    }

    /// Says that there is more than fits.
    pub fn truncate(&mut self) {
        self.truncated = true;
    }

    /// Writes counts and flags, and EDNS if the client speaks it.
    pub fn finish(self, verdict: Verdict) {
        let rcode = verdict.rcode.number();
        if let Some(edns) = self.query.edns {
            let [kind, own] = [rtype::OPT, OWN_LIMIT as u16].map(u16::to_be_bytes);
            let extended = (rcode >> 4) as u8;
            let dnssec_ok = if edns.dnssec_ok { 0x80 } else { 0 };
            self.out.extend_from_slice(&[
                0, kind[0], kind[1], own[0], own[1], extended, 0, dnssec_ok, 0, 0, 0,
            ]);
        }
        let Some(header) = self.out.first_chunk_mut::<HEADER>() else { return };
        header[2] |= if verdict.authoritative { 0x04 } else { 0 };
        header[2] |= if self.truncated { 0x02 } else { 0 };
        header[3] |= if verdict.recursion_available { 0x80 } else { 0 };
        header[3] |= (rcode & 15) as u8;
        let [answer, authority, additional] = self.counts;
        let additional = additional + u16::from(self.query.edns.is_some());
        header[6..8].copy_from_slice(&answer.to_be_bytes());
        header[8..10].copy_from_slice(&authority.to_be_bytes());
        header[10..12].copy_from_slice(&additional.to_be_bytes());
    }
}

/// A header alone: all that a message deserves which cannot be understood.
pub fn header_only(message: &[u8], rcode: Rcode, out: &mut Vec<u8>) {
    out.clear();
    let Some(header) = message.first_chunk::<HEADER>() else { return };
    let flags = [0x80 | (header[2] & 0x79), (header[3] & 0x10) | (rcode.number() & 15) as u8];
    out.extend_from_slice(&[header[0], header[1], flags[0], flags[1], 0, 0, 0, 0, 0, 0, 0, 0]);
}
