//! What answers are counted by: read from their bytes, not taken apart again.

use std::net::IpAddr;

use crate::wire::code::rtype;
use crate::wire::question::HEADER;

/// Whose name a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// The cluster's.
    Cluster,
    /// An IPv4 address of the cluster's.
    ReverseV4,
    /// An IPv6 address of the cluster's.
    ReverseV6,
    /// Another's.
    Outside,
    /// Nobody's: refused, or not understood.
    Dropped,
}

impl Zone {
    /// How many there are.
    pub const COUNT: usize = 5;
}

/// Types that are told apart, by number and name; all others are one.
pub const TYPES: [(u16, &str); 21] = [
    (rtype::A, "A"),
    (rtype::AAAA, "AAAA"),
    (rtype::SRV, "SRV"),
    (rtype::PTR, "PTR"),
    (rtype::CNAME, "CNAME"),
    (rtype::NS, "NS"),
    (rtype::SOA, "SOA"),
    (rtype::TXT, "TXT"),
    (15, "MX"),
    (35, "NAPTR"),
    (43, "DS"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (50, "NSEC3"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (rtype::IXFR, "IXFR"),
    (rtype::AXFR, "AXFR"),
    (rtype::ANY, "ANY"),
    // Of no question: a place for all others.
    (0, "other"),
];

/// Codes that are told apart, by number and name; all others are one.
pub const RCODES: [&str; 13] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
    "NXRRSET", "NOTAUTH", "NOTZONE", "BADVERS", "other",
];

const FORMERR: usize = 1;
const NOTIMP: usize = 4;
const REFUSED: usize = 5;
const BADVERS: usize = 11;

/// The name of a code: that of all others for one that is not told apart.
#[must_use]
pub fn rcode_name(rcode: u16) -> &'static str {
    match rcode {
        0..=10 => RCODES[usize::from(rcode)],
        16 => RCODES[BADVERS],
        _ => RCODES[RCODES.len() - 1],
    }
}

/// What an answer and its question are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Whose name it is about.
    pub zone: Zone,
    /// Where the type is in [`TYPES`].
    pub rtype: usize,
    /// Where the code is in [`RCODES`].
    pub rcode: usize,
    /// Whether the client has an IPv6 address.
    pub v6: bool,
}

impl Kind {
    /// Looks at a question and its answer.
    #[must_use]
    pub fn of(question: &[u8], answer: &[u8], client: IpAddr) -> Self {
        let (name, rtype) = question_of(question).unwrap_or_default();
        let rcode = rcode_of(answer);
        let authoritative = answer.get(2).is_some_and(|flags| flags & 0x04 != 0);
        let zone = match rcode {
            _ if authoritative && ends_with(name, b"\x07in-addr\x04arpa\0") => Zone::ReverseV4,
            _ if authoritative && ends_with(name, b"\x03ip6\x04arpa\0") => Zone::ReverseV6,
            _ if authoritative => Zone::Cluster,
            FORMERR | NOTIMP | REFUSED | BADVERS => Zone::Dropped,
            _ => Zone::Outside,
        };
        Self { zone, rtype: type_index(rtype), rcode, v6: client.to_canonical().is_ipv6() }
    }
}

/// The name and the type of a question, where it has one.
fn question_of(message: &[u8]) -> Option<(&[u8], u16)> {
    let name = message.get(HEADER..)?;
    let mut at = 0;
    loop {
        match usize::from(*name.get(at)?) {
            0 => break,
            length @ 1..=63 => at += length + 1,
            _ => return None,
        }
    }
    let rtype = name.get(at + 1..)?.first_chunk()?;
    Some((&name[..=at], u16::from_be_bytes(*rtype)))
}

fn ends_with(name: &[u8], end: &[u8]) -> bool {
    let start = name.len().checked_sub(end.len());
    start.is_some_and(|start| name[start..].eq_ignore_ascii_case(end))
}

fn type_index(rtype: u16) -> usize {
    let known = TYPES.iter().position(|(number, _)| *number == rtype && rtype != 0);
    known.unwrap_or(TYPES.len() - 1)
}

fn rcode_of(answer: &[u8]) -> usize {
    let Some(header) = answer.first_chunk::<HEADER>() else { return RCODES.len() - 1 };
    let low = usize::from(header[3] & 15);
    // The rest of the code is in EDNS, which is all that such an answer has behind its question.
    let lone_edns = header[6..] == [0, 0, 0, 0, 0, 1];
    let high = if lone_edns { answer.len().checked_sub(6).map_or(0, |at| answer[at]) } else { 0 };
    match (high, low) {
        (0, 0..=10) => low,
        (1, 0) => BADVERS,
        _ => RCODES.len() - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::code::Rcode;
    use crate::wire::question::Query;
    use crate::wire::reply::{Reply, Verdict, header_only};
    use proptest::prelude::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn question(name: &[u8], rtype: u16, edns: bool) -> Vec<u8> {
        let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
        message.extend(name);
        message.extend(rtype.to_be_bytes());
        message.extend([0, 1]);
        if edns {
            message.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        }
        message
    }

    fn kind(question: &[u8], rcode: Rcode, authoritative: bool) -> Kind {
        let query = Query::parse(question).unwrap();
        let mut answer = Vec::new();
        let verdict = Verdict { rcode, authoritative, recursion_available: true };
        Reply::begin(&query, 512, &mut answer).finish(verdict);
        Kind::of(question, &answer, CLIENT)
    }

    #[test]
    fn a_zone_is_told_by_authority_and_the_end_of_the_name() {
        let cases: [(&[u8], bool, Zone); 5] = [
            (b"\x03web\x07cluster\x05local\0", true, Zone::Cluster),
            (b"\x0210\x07IN-ADDR\x04arpa\0", true, Zone::ReverseV4),
            (b"\x011\x03ip6\x04ARPA\0", true, Zone::ReverseV6),
            (b"\x0210\x07in-addr\x04arpa\0", false, Zone::Outside),
            (b"\x07example\x03org\0", false, Zone::Outside),
        ];
        for (name, authoritative, zone) in cases {
            let question = question(name, rtype::A, false);
            assert_eq!(kind(&question, Rcode::NxDomain, authoritative).zone, zone);
        }
    }

    #[test]
    fn every_code_is_counted_under_its_name() {
        for rcode in Rcode::ALL {
            for edns in [false, true] {
                // Without EDNS there is no BADVERS.
                if edns || rcode != Rcode::BadVers {
                    let question = question(b"\x01x\0", rtype::SRV, edns);
                    assert_eq!(RCODES[kind(&question, rcode, false).rcode], rcode.name());
                }
            }
        }
        let mut answer = Vec::new();
        header_only(&question(b"\x01x\0", 1, false), Rcode::FormErr, &mut answer);
        let kind = Kind::of(b"nonsense that is longer than a header", &answer, CLIENT);
        assert_eq!((RCODES[kind.rcode], kind.zone), ("FORMERR", Zone::Dropped));
        assert_eq!(TYPES[kind.rtype].1, "other");
    }

    #[test]
    fn types_that_nobody_asks_for_are_one() {
        let name_of = |rtype| {
            let question = question(b"\x01x\0", rtype, false);
            TYPES[kind(&question, Rcode::NoError, true).rtype].1
        };
        assert_eq!([1, 28, 33, 12, 65].map(name_of), ["A", "AAAA", "SRV", "PTR", "HTTPS"]);
        assert_eq!([0, 999, 65535].map(name_of), ["other"; 3]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_counted(question: Vec<u8>, answer: Vec<u8>) {
            let kind = Kind::of(&question, &answer, CLIENT);
            prop_assert!(kind.rtype < TYPES.len() && kind.rcode < RCODES.len());
        }
    }
}
