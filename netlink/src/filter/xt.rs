//! Matches and targets of xtables, which legacy tables hold and `iptables-nft` puts into nf_tables.

use super::{Action, Field, Test};
use crate::nft::{CmpOp, m::ct_state_bits};

/// `XT_CONNTRACK_STATE` of linux/netfilter/xt_conntrack.h.
const CONNTRACK_STATE: u16 = 1;
/// `struct xt_conntrack_mtinfo3`: four addresses with their masks, two times, the protocol and four
/// ports come before these.
const CONNTRACK_FLAGS: usize = 4 * 2 * 16 + 8 + 2 + 4 * 2;
/// `XT_CONNTRACK_STATE_INVALID`; the others are a bit further than nf_tables' of the same meaning.
const XT_UNTRACKED: u16 = 1 << 8;

/// The revision of `addrtype` with `struct xt_addrtype_info_v1`: two sets of kinds, and flags.
const ADDRTYPE_REVISION: u32 = 1;

/// The first revision of `conntrack` that has 16 bits of states.
const CONNTRACK_REVISION: u32 = 2;

/// The tests that a match stands for.
pub(crate) fn tests(name: &str, revision: u32, info: &[u8]) -> Vec<Test> {
    let found = match name {
        "comment" => Some(Vec::new()),
        "conntrack" if revision >= CONNTRACK_REVISION => conntrack(info),
        "addrtype" if revision == ADDRTYPE_REVISION => kinds(info),
        "state" => u32_ne(info, 0).and_then(|bits| u16::try_from(bits).ok()).map(states),
        // `struct xt_tcp` has option, mask and compared flags behind the ports.
        "tcp" => ports(info, 11, info.get(8..11).is_some_and(|rest| *rest == [0, 0, 0])),
        "udp" => ports(info, 8, true),
        _ => None,
    };
    found.unwrap_or_else(|| vec![Test::Unreadable(name.to_owned())])
}

/// What a target that is no verdict does.
pub(crate) fn action(name: &str) -> Action {
    match name {
        "REJECT" => Action::Reject,
        "STEAL" => Action::Drop,
        "NFQUEUE" | "QUEUE" | "TPROXY" | "SYNPROXY" | "TARPIT" => {
            Action::Unreadable(name.to_owned())
        }
        // LOG, MARK, TCPMSS, CHECKSUM and so on let the packet go on.
        _ => Action::Continue,
    }
}

fn conntrack(info: &[u8]) -> Option<Vec<Test>> {
    let flags = u16_ne(info, CONNTRACK_FLAGS)?;
    let inverted = u16_ne(info, CONNTRACK_FLAGS + 2)?;
    let bits = u16_ne(info, CONNTRACK_FLAGS + 4)?;
    if flags != CONNTRACK_STATE {
        return None;
    }
    let bits = if inverted & CONNTRACK_STATE != 0 { !bits } else { bits };
    Some(states(bits))
}

fn kinds(info: &[u8]) -> Option<Vec<Test>> {
    let flags = u32_ne(info, 4)?;
    // Beyond these it is asked what an address is on one device.
    if flags & !3 != 0 {
        return None;
    }
    let mut tests = Vec::new();
    for (field, at, inverted) in [(Field::SourceKind, 0, 1), (Field::DestinationKind, 2, 2)] {
        let bits = u16_ne(info, at)?;
        let op = if flags & inverted == 0 { CmpOp::Ne } else { CmpOp::Eq };
        if bits != 0 {
            let mask = Some(bits.to_ne_bytes().to_vec());
            tests.push(Test::Compare { field, mask, op, value: vec![0; 2] });
        }
    }
    Some(tests)
}

/// Any of these states.
fn states(bits: u16) -> Vec<Test> {
    let mut wanted = u32::from(bits)
        & (ct_state_bits::INVALID
            | ct_state_bits::ESTABLISHED
            | ct_state_bits::RELATED
            | ct_state_bits::NEW);
    if bits & XT_UNTRACKED != 0 {
        wanted |= ct_state_bits::UNTRACKED;
    }
    vec![Test::Compare {
        field: Field::State,
        mask: Some(wanted.to_ne_bytes().to_vec()),
        op: CmpOp::Ne,
        value: vec![0; 4],
    }]
}

/// `struct xt_tcp` and `xt_udp` begin with the ranges of source and destination ports.
fn ports(info: &[u8], inverted_at: usize, simple: bool) -> Option<Vec<Test>> {
    let inverted = *info.get(inverted_at)?;
    if !simple || inverted & !3 != 0 {
        return None;
    }
    let mut tests = Vec::new();
    for (index, offset) in [(0, 0), (1, 2)] {
        let (from, to) = (u16_ne(info, index * 4)?, u16_ne(info, index * 4 + 2)?);
        let negated = inverted & (1 << index) != 0;
        if (from, to) != (0, u16::MAX) || negated {
            tests.push(Test::Between {
                field: Field::Transport { offset, length: 2 },
                from: from.to_be_bytes().to_vec(),
                to: to.to_be_bytes().to_vec(),
                negated,
            });
        }
    }
    Some(tests)
}

fn u16_ne(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn u32_ne(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(tests: &[Test]) -> u32 {
        let [Test::Compare { field: Field::State, mask: Some(mask), .. }] = tests else {
            panic!("{tests:?}")
        };
        u32::from_ne_bytes(mask.as_slice().try_into().unwrap())
    }

    fn info(flags: u16, inverted: u16, states: u16) -> Vec<u8> {
        let mut info = vec![0; CONNTRACK_FLAGS];
        for word in [flags, inverted, states, 0] {
            info.extend(word.to_ne_bytes());
        }
        info
    }

    #[test]
    fn states_are_those_of_nf_tables() {
        let related = info(CONNTRACK_STATE, 0, 0b110);
        let wanted = ct_state_bits::ESTABLISHED | ct_state_bits::RELATED;
        assert_eq!(bits(&tests("conntrack", 3, &related)), wanted);
        let not_new = info(CONNTRACK_STATE, CONNTRACK_STATE, 0b1000);
        assert_eq!(bits(&tests("conntrack", 3, &not_new)) & ct_state_bits::NEW, 0);
    }

    #[test]
    fn a_refusal_is_told_from_a_drop() {
        assert_eq!(action("REJECT"), Action::Reject);
        assert_eq!(action("STEAL"), Action::Drop);
        assert_eq!(action("LOG"), Action::Continue);
    }

    #[test]
    fn kinds_of_addresses_are_bits_of_their_own() {
        let info = |source: u16, destination: u16, flags: u32| {
            [&source.to_ne_bytes()[..], &destination.to_ne_bytes(), &flags.to_ne_bytes()].concat()
        };
        let local = |field, op| {
            let mask = Some(4u16.to_ne_bytes().to_vec());
            vec![Test::Compare { field, mask, op, value: vec![0; 2] }]
        };
        assert_eq!(tests("addrtype", 1, &info(0, 4, 0)), local(Field::DestinationKind, CmpOp::Ne));
        assert_eq!(tests("addrtype", 1, &info(4, 0, 1)), local(Field::SourceKind, CmpOp::Eq));
        let unreadable = vec![Test::Unreadable("addrtype".to_owned())];
        assert_eq!(tests("addrtype", 1, &info(0, 4, 4)), unreadable);
        assert_eq!(tests("addrtype", 0, &info(0, 4, 0)), unreadable);
    }

    #[test]
    fn what_is_not_read_is_said_to_be_so() {
        let unreadable = |name: &str| vec![Test::Unreadable(name.to_owned())];
        assert_eq!(
            tests("conntrack", 3, &info(CONNTRACK_STATE | 2, 0, 8)),
            unreadable("conntrack")
        );
        assert_eq!(tests("conntrack", 3, &[1, 2]), unreadable("conntrack"));
        assert_eq!(tests("set", 1, &[0; 64]), unreadable("set"));
        assert_eq!(tests("comment", 0, b"anything"), []);
    }
}
