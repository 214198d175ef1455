//! How long an answer may be kept (RFC 8484, section 5.1).

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record};

/// The smallest time of its records; of an answer without any, the time for which it says that there
/// are none (RFC 2308, section 5); otherwise none.
pub(super) fn seconds(answer: &[u8]) -> u32 {
    let Ok(message) = Message::from_vec(answer) else { return 0 };
    let denial = message.authorities.iter().filter_map(|record| match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    });
    let answers = message.answers.iter().map(ttl).min();
    answers.or_else(|| denial.min()).unwrap_or_default()
}

fn ttl(record: &Record) -> u32 {
    record.ttl
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::{Name, rdata};
    use std::net::Ipv4Addr;

    fn name() -> Name {
        Name::from_ascii("web.cluster.local.").unwrap()
    }

    fn address(ttl: u32) -> Record {
        Record::from_rdata(name(), ttl, RData::A(rdata::A(Ipv4Addr::LOCALHOST)))
    }

    fn soa(ttl: u32, minimum: u32) -> Record {
        let soa = rdata::SOA::new(name(), name(), 1, 7200, 1800, 86400, minimum);
        Record::from_rdata(name(), ttl, RData::SOA(soa))
    }

    fn answer(answers: Vec<Record>, authorities: Vec<Record>) -> Vec<u8> {
        let mut message = Message::query();
        message.answers = answers;
        message.authorities = authorities;
        message.to_vec().unwrap()
    }

    #[test]
    fn rfc8484_5_1_the_smallest_ttl_of_the_answers() {
        assert_eq!(seconds(&answer(vec![address(30), address(5), address(9)], vec![])), 5);
        // Who says so is no part of it.
        assert_eq!(seconds(&answer(vec![address(30)], vec![soa(1, 1)])), 30);
    }

    #[test]
    fn rfc8484_5_1_a_denial_for_as_long_as_its_soa_says() {
        assert_eq!(seconds(&answer(vec![], vec![soa(30, 5)])), 5);
        assert_eq!(seconds(&answer(vec![], vec![soa(3, 5)])), 3);
    }

    #[test]
    fn what_says_no_time_is_not_kept() {
        assert_eq!(seconds(&answer(vec![], vec![])), 0);
        assert_eq!(seconds(b"no message"), 0);
    }
}
