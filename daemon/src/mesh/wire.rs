//! What probes say: a mark, whether it is asked or answered, and a number that only who was asked
//! knows. An answer is as long as its question, so nobody can be flooded through us.

/// So long is a probe.
pub const LENGTH: usize = 13;

const MARK: [u8; 4] = *b"PTNM";
const ASKED: u8 = 1;
const ANSWERED: u8 = 2;

/// A probe on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// On its way there.
    Asked(u64),
    /// On its way back.
    Answered(u64),
}

impl Probe {
    /// As bytes.
    #[must_use]
    pub fn write(self) -> [u8; LENGTH] {
        let (kind, number) = match self {
            Self::Asked(number) => (ASKED, number),
            Self::Answered(number) => (ANSWERED, number),
        };
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&MARK);
        bytes[4] = kind;
        bytes[5..].copy_from_slice(&number.to_be_bytes());
        bytes
    }

    /// Reads a datagram; nothing when it is none of ours.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (mark, rest) = bytes.split_first_chunk::<4>()?;
        let (kind, number) = rest.split_first()?;
        let number = u64::from_be_bytes(number.try_into().ok()?);
        match (*mark, *kind) {
            (MARK, ASKED) => Some(Self::Asked(number)),
            (MARK, ANSWERED) => Some(Self::Answered(number)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_else_is(number: u64, asked: bool, noise: Vec<u8>) {
            let probe = if asked { Probe::Asked(number) } else { Probe::Answered(number) };
            let bytes = probe.write();
            prop_assert_eq!(Probe::read(&bytes), Some(probe));
            prop_assert_eq!(Probe::read(&bytes[..LENGTH - 1]), None);
            prop_assert_eq!(Probe::read(&[&bytes[..], &[0]].concat()), None);
            if let Some(read) = Probe::read(&noise) {
                prop_assert_eq!(&read.write()[..], &noise[..]);
            }
        }
    }
}
