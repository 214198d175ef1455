//! Answers of others, looked through record by record. Nothing in them is trusted.

use std::ops::Range;

use crate::wire::question::{HEADER, skip_name};
use crate::wire::reply::Section;

/// Bytes of a record between its name and its data: type, class, TTL, length.
const FIXED: usize = 10;

/// Where a record is in its message, and what it says but for its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The section that it is in.
    pub section: Section,
    /// Where it begins.
    pub start: usize,
    /// Its type.
    pub rtype: u16,
    /// Its class; of EDNS the size of a datagram.
    pub class: u16,
    /// How long it is good for, seconds.
    pub ttl: u32,
    /// Where its TTL is.
    pub ttl_at: usize,
    /// Where its data is; the record ends with it.
    pub data: Range<usize>,
}

/// A message that ends before it should, or with a name that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message ends within a record that its header counts")]
pub struct Malformed;

/// The records of a message, in their order.
#[derive(Debug, Clone)]
pub struct Records<'m> {
    message: &'m [u8],
    at: usize,
    section: Section,
    left: [u16; 3],
}

/// The records of a message behind its questions.
///
/// # Errors
/// When it ends before them.
pub fn records(message: &[u8]) -> Result<Records<'_>, Malformed> {
    let header: &[u8; HEADER] = message.first_chunk().ok_or(Malformed)?;
    let [questions, left @ ..] =
        [4, 6, 8, 10].map(|at| u16::from_be_bytes([header[at], header[at + 1]]));
    let mut at = HEADER;
    for _ in 0..questions {
        at = behind_name(message, at)?.1 + 4;
    }
    message.get(at..).ok_or(Malformed)?;
    Ok(Records { message, at, section: Section::Answer, left })
}

/// Whether the name that begins there is the root, and where it ends.
fn behind_name(message: &[u8], at: usize) -> Result<(bool, usize), Malformed> {
    let rest = message.get(at..).ok_or(Malformed)?;
    let (is_root, after) = skip_name(rest).ok_or(Malformed)?;
    Ok((is_root, message.len() - after.len()))
}

impl Records<'_> {
    /// Where the next record begins, or would.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    fn take(&mut self) -> Result<Record, Malformed> {
        let start = self.at;
        let (_, fixed_at) = behind_name(self.message, start)?;
        let fixed: &[u8; FIXED] = self.message[fixed_at..].first_chunk().ok_or(Malformed)?;
        let [rtype, class, length] =
            [0, 2, 8].map(|at| u16::from_be_bytes([fixed[at], fixed[at + 1]]));
        let data = fixed_at + FIXED..fixed_at + FIXED + usize::from(length);
        self.message.get(data.clone()).ok_or(Malformed)?;
        self.at = data.end;
        let ttl = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
        Ok(Record { section: self.section, start, rtype, class, ttl, ttl_at: fixed_at + 4, data })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.section = match self.left {
            [0, 0, 0] => return None,
            [0, 0, _] => Section::Additional,
            [0, ..] => Section::Authority,
            _ => Section::Answer,
        };
        self.left[self.section as usize] -= 1;
        let record = self.take();
        if record.is_err() {
            self.left = [0; 3];
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `a. A 1.2.3.4` in the answer, `. SOA` cut short in the authority, EDNS.
    const MESSAGE: &[u8] =
        b"\x00\x01\x81\x80\x00\x01\x00\x01\x00\x01\x00\x01\x01a\x00\x00\x01\x00\x01\
        \xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x01\x02\x03\x04\
        \x01b\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x05\x00\x00\
        \x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00";

    #[test]
    fn records_are_found_where_they_are() {
        let found: Vec<Record> = records(MESSAGE).unwrap().map(Result::unwrap).collect();
        assert_eq!(
            found[0],
            Record {
                section: Section::Answer,
                start: 19,
                rtype: 1,
                class: 1,
                ttl: 60,
                ttl_at: 25,
                data: 31..35
            }
        );
        assert_eq!((found[1].section, found[1].rtype, found[1].ttl), (Section::Authority, 6, 5));
        assert_eq!(
            (found[2].section, found[2].rtype, found[2].class),
            (Section::Additional, 41, 1232)
        );
        assert_eq!(found[2].data.end, MESSAGE.len());
    }

    #[test]
    fn a_message_that_ends_anywhere_within_is_malformed() {
        for end in 0..MESSAGE.len() {
            let cut = &MESSAGE[..end];
            let read = records(cut).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            assert_eq!(read, Err(Malformed), "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_no_record_ends_outside(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            counts in prop::array::uniform4(0u8..4),
        ) {
            let mut message = bytes;
            for (at, count) in [5, 7, 9, 11].into_iter().zip(counts) {
                if let Some([high, low]) = message.get_mut(at - 1..=at) {
                    (*high, *low) = (0, count);
                }
            }
            let Ok(records) = records(&message) else { return Ok(()) };
            let mut end = records.position();
            for record in records {
                let Ok(record) = record else { break };
                prop_assert_eq!(record.start, end);
                prop_assert!(record.ttl_at < record.data.start);
                end = record.data.end;
                prop_assert!(end <= message.len());
            }
        }
    }
}
