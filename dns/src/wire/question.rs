//! A message that asks, taken apart without a copy of more than its name.

use super::code::{IN, Rcode, rtype};
use super::name::{LONGEST, LONGEST_LABEL, Labels};
use crate::exchange::Transport;

/// Bytes of a header (RFC 1035, section 4.1.1).
pub const HEADER: usize = 12;
/// The largest datagram that a client without EDNS takes (RFC 1035, section 2.3.4).
pub const PLAIN_LIMIT: usize = 512;
/// The largest datagram that we send or ask for: what crosses any path unfragmented (DNS flag day
/// 2020).
pub const OWN_LIMIT: usize = 1232;
/// Bytes of an `OPT` record without options.
pub const OPT_LENGTH: usize = 11;

/// A message with one question.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    message: &'a [u8],
    /// The name, in lower case.
    pub name: Labels,
    /// The type of the question.
    pub rtype: u16,
    /// EDNS, when the client speaks it.
    pub edns: Option<Edns>,
}

/// What a client says by EDNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edns {
    /// The largest datagram that it takes, as it says: bytes.
    pub size: u16,
    /// Whether it wants signatures (RFC 3225).
    pub dnssec_ok: bool,
}

/// Why a message is not answered as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is no question at all, and deserves nothing.
    Drop,
    /// It is answered by a header alone.
    Header(Rcode),
    /// It has a question, and EDNS that we do not speak or a class that we do not serve.
    Question(Rcode),
}

impl<'a> Query<'a> {
    /// Takes a message apart.
    ///
    /// # Errors
    /// What it deserves instead of an answer, with the query as far as it was understood where the
    /// fault says that it has a question.
    pub fn parse(message: &'a [u8]) -> Result<Self, (Fault, Option<Box<Self>>)> {
        let fault = |fault| Err((fault, None));
        let Some(header) = message.first_chunk::<HEADER>() else { return fault(Fault::Drop) };
        if header[2] & 0x80 != 0 {
            return fault(Fault::Drop);
        }
        if header[2] & 0x78 != 0 {
            return fault(Fault::Header(Rcode::NotImp));
        }
        let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        // Answers in a question are nonsense; records of authority are those of IXFR (RFC 1995).
        if count(4) != 1 || count(6) != 0 {
            return fault(Fault::Header(Rcode::FormErr));
        }
        let mut query = Self { message, name: Labels::default(), rtype: 0, edns: None };
        let Some(class) = query.take_question() else {
            return fault(Fault::Header(Rcode::FormErr));
        };
        let further = u32::from(count(8)) + u32::from(count(10));
        let version = match query.take_edns(count(8), further) {
            Ok(version) => version,
            Err(()) => return fault(Fault::Header(Rcode::FormErr)),
        };
        if version > 0 {
            return Err((Fault::Question(Rcode::BadVers), Some(Box::new(query))));
        }
        if class != IN {
            return Err((Fault::Question(Rcode::Refused), Some(Box::new(query))));
        }
        Ok(query)
    }

    /// Reads name, type and class; returns the class.
    fn take_question(&mut self) -> Option<u16> {
        let rest = &self.message[HEADER..];
        self.name = Labels::read(rest)?;
        let fixed: &[u8; 4] = rest.get(self.name.wire().len()..)?.first_chunk()?;
        self.rtype = u16::from_be_bytes([fixed[0], fixed[1]]);
        Some(u16::from_be_bytes([fixed[2], fixed[3]]))
    }

    /// Looks through the records behind the question for EDNS; returns its version.
    fn take_edns(&mut self, authority: u16, records: u32) -> Result<u8, ()> {
        let mut rest = self.message.get(self.question_end()..).ok_or(())?;
        let mut version = 0;
        for index in 0..records {
            let (is_root, after) = skip_name(rest).ok_or(())?;
            let fixed: &[u8; 10] = after.first_chunk().ok_or(())?;
            let kind = u16::from_be_bytes([fixed[0], fixed[1]]);
            let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
            rest = after.get(10 + length..).ok_or(())?;
            if kind == rtype::OPT {
                // RFC 6891, section 6.1.1: the root's, once, in the additional section.
                if !is_root || self.edns.is_some() || index < u32::from(authority) {
                    return Err(());
                }
                version = fixed[5];
                self.edns = Some(Edns {
                    size: u16::from_be_bytes([fixed[2], fixed[3]]),
                    dnssec_ok: fixed[6] & 0x80 != 0,
                });
            }
        }
        Ok(version)
    }

    /// The message as it came.
    #[must_use]
    pub fn message(&self) -> &'a [u8] {
        self.message
    }

    /// The header as it came.
    #[must_use]
    pub fn header(&self) -> [u8; HEADER] {
        self.message.first_chunk().copied().unwrap_or_default()
    }

    /// Whether the client asks that we ask others for it.
    #[must_use]
    pub fn recursion_desired(&self) -> bool {
        self.message[2] & 0x01 != 0
    }

    /// Whether the client checks signatures itself.
    #[must_use]
    pub fn checking_disabled(&self) -> bool {
        self.message[3] & 0x10 != 0
    }

    /// The question as it came: name, type and class.
    #[must_use]
    pub fn question(&self) -> &'a [u8] {
        &self.message[HEADER..self.question_end()]
    }

    fn question_end(&self) -> usize {
        HEADER + self.name.wire().len() + 4
    }

    /// The name on the wire as it was asked.
    #[must_use]
    pub fn name_as_asked(&self) -> &'a [u8] {
        &self.message[HEADER..HEADER + self.name.wire().len()]
    }

    /// The largest answer that the client takes on this transport, bytes.
    #[must_use]
    pub fn limit(&self, transport: Transport) -> usize {
        match (transport, self.edns) {
            (Transport::Udp, None) => PLAIN_LIMIT,
            (Transport::Udp, Some(edns)) => usize::from(edns.size).clamp(PLAIN_LIMIT, OWN_LIMIT),
            _ => usize::from(u16::MAX),
        }
    }
}

/// Skips a name, whole or ended by a pointer; says whether it is the root, and what comes behind.
pub(crate) fn skip_name(wire: &[u8]) -> Option<(bool, &[u8])> {
    let mut at = 0;
    loop {
        match usize::from(*wire.get(at)?) {
            0 => return Some((at == 0, &wire[at + 1..])),
            length @ 1..=LONGEST_LABEL if at + length < LONGEST => at += length + 1,
            0xc0..=0xff => return Some((false, wire.get(at + 2..)?)),
            _ => return None,
        }
    }
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
