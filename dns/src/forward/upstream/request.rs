//! A question as it goes to upstreams, and what answers it.

use crate::wire::code::{IN, rtype};
use crate::wire::question::{HEADER, OWN_LIMIT, Query};

/// A question without its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    message: Vec<u8>,
    question_end: usize,
    dnssec_ok: bool,
}

impl Request {
    /// What a client asks, in its letters. Options of EDNS are between the client and us.
    #[must_use]
    pub fn of(query: &Query<'_>) -> Self {
        let header = query.header();
        let dnssec_ok = query.edns.is_some_and(|edns| edns.dnssec_ok);
        Self::new([header[2] & 0x01, header[3] & 0x10], query.question(), dnssec_ok)
    }

    /// A question of our own, with RD.
    #[must_use]
    pub fn about(name: &[u8], rtype: u16) -> Self {
        let question = [name, &rtype.to_be_bytes(), &IN.to_be_bytes()].concat();
        Self::new([0x01, 0], &question, false)
    }

    fn new(flags: [u8; 2], question: &[u8], dnssec_ok: bool) -> Self {
        // AD says that we understand it in answers (RFC 6840, section 5.7).
        let mut message = vec![0, 0, flags[0], flags[1] | 0x20, 0, 1, 0, 0, 0, 0, 0, 1];
        message.extend_from_slice(question);
        let question_end = message.len();
        let [kind, size] = [rtype::OPT, OWN_LIMIT as u16].map(u16::to_be_bytes);
        let signatures = if dnssec_ok { 0x80 } else { 0 };
        message
            .extend_from_slice(&[0, kind[0], kind[1], size[0], size[1], 0, 0, signatures, 0, 0, 0]);
        Self { message, question_end, dnssec_ok }
    }

    /// The same without EDNS, for who does not know it; `None` if there is nothing to leave out, or
    /// nothing that may be left out.
    #[must_use]
    pub fn without_edns(&self) -> Option<Self> {
        if self.dnssec_ok || self.message.len() == self.question_end {
            return None;
        }
        let mut plain = self.clone();
        plain.message.truncate(self.question_end);
        plain.message[11] = 0;
        Some(plain)
    }

    /// The message, with a number.
    #[must_use]
    pub fn numbered(&self, id: u16) -> Vec<u8> {
        let mut message = self.message.clone();
        message[..2].copy_from_slice(&id.to_be_bytes());
        message
    }

    /// The answer in a message that came, with the question in it: `None` when it is none to this.
    #[must_use]
    pub fn answer_in(&self, message: &[u8], id: u16) -> Option<Vec<u8>> {
        let header: &[u8; HEADER] = message.first_chunk()?;
        let is_answer = header[..2] == id.to_be_bytes() && header[2] & 0xf8 == 0x80;
        if !is_answer {
            return None;
        }
        let ours = &self.message[HEADER..self.question_end];
        if header[4..] == [0; 8] && !matches!(header[3] & 15, 0 | 3) {
            // Who understood nothing repeats nothing.
            let mut whole = [header, ours].concat();
            whole[5] = 1;
            return Some(whole);
        }
        let theirs = message.get(HEADER..self.question_end)?;
        let behind_name = ours.len() - 4;
        let same = header[4..6] == [0, 1]
            && theirs[..behind_name].eq_ignore_ascii_case(&ours[..behind_name])
            && theirs[behind_name..] == ours[behind_name..];
        same.then(|| message.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Reply, asks};
    use super::*;

    fn request(message: &[u8]) -> Request {
        Request::of(&Query::parse(message).unwrap())
    }

    #[test]
    fn it_keeps_letters_and_flags_and_speaks_its_own_edns() {
        let mut asked = asks("WeB.x", 1, Some(4096));
        asked[3] = 0x10;
        let message = request(&asked).numbered(0xabcd);
        assert_eq!(message[..12], [0xab, 0xcd, 0x01, 0x30, 0, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!(message[12..asked.len() - 11], asked[12..asked.len() - 11]);
        assert_eq!(message[message.len() - 11..], [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
        let query = Query::parse(&message).unwrap();
        assert_eq!(query.name.wire(), b"\x03web\x01x\x00");
    }

    #[test]
    fn edns_is_left_out_but_not_when_signatures_are_wanted() {
        let mut asked = asks("a.b", 1, Some(1232));
        let plain = request(&asked).without_edns().unwrap();
        assert_eq!(plain.numbered(0)[12..], asked[12..asked.len() - 11]);
        assert!(Query::parse(&plain.numbered(0)).unwrap().edns.is_none());
        assert!(plain.without_edns().is_none());
        let flags = asked.len() - 4;
        asked[flags] = 0x80;
        assert!(request(&asked).without_edns().is_none());
    }

    #[test]
    fn only_an_answer_to_this_very_question_is_one() {
        let asked = asks("WeB.x", 65, None);
        let request = request(&asked);
        let answer = Reply::to(&asks("web.X", 65, None), 0).a(60, [1; 4]).bytes();
        assert_eq!(request.answer_in(&answer, 0x1234), Some(answer.clone()), "letters may differ");
        assert_eq!(request.answer_in(&answer, 0x1235), None, "id");
        assert_eq!(request.answer_in(&asked, 0x1234), None, "a question");
        for (name, rtype) in [("web.y", 65), ("web.x", 97), ("web.xx", 65), ("w.x", 65)] {
            let other = Reply::to(&asks(name, rtype, None), 0).bytes();
            assert_eq!(request.answer_in(&other, 0x1234), None, "{name} {rtype}");
        }
        for end in 0..12 + 11 {
            assert_eq!(request.answer_in(&answer[..end], 0x1234), None, "{end}");
        }
    }

    #[test]
    fn a_header_alone_is_an_answer_when_it_is_an_error() {
        let request = request(&asks("a.b", 1, None));
        let header = |rcode| vec![0x12, 0x34, 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0];
        let whole = request.answer_in(&header(1), 0x1234).unwrap();
        assert_eq!(whole[4..6], [0, 1]);
        assert_eq!(whole[12..], asks("a.b", 1, None)[12..]);
        assert_eq!(request.answer_in(&header(0), 0x1234), None);
        assert_eq!(request.answer_in(&header(3), 0x1234), None);
    }
}
