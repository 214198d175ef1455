use super::super::message::records;
use super::super::testing::{Reply as Said, asks, name};
use super::*;
use proptest::prelude::*;

const LONGEST: Longest = Longest { success: 3600, denial: 1800 };

fn read(said: Said) -> Answer {
    Answer::read(&said.bytes(), LONGEST).unwrap()
}

fn given(answer: &Answer, question: &[u8], limit: usize, age: Age) -> Vec<u8> {
    let mut out = Vec::new();
    answer.write(&Query::parse(question).unwrap(), limit, age, &mut out);
    out
}

fn found(message: &[u8]) -> Vec<Record> {
    records(message).unwrap().map(Result::unwrap).collect()
}

fn ttls(message: &[u8]) -> Vec<u32> {
    found(message).iter().map(|record| record.ttl).collect()
}

#[test]
fn it_is_given_with_the_askers_id_case_and_edns() {
    let answer = read(Said::to(&asks("web.example", 1, None), 0).a(60, [1, 2, 3, 4]).edns());
    let mut question = asks("wEb.ExAmPle", 1, Some(4096));
    question[..4].copy_from_slice(&[0xab, 0xcd, 0x01, 0x10]);
    let out = given(&answer, &question, 1232, Age::Seconds(0));
    assert_eq!(out[..2], [0xab, 0xcd]);
    assert_eq!(out[2..4], [0x81, 0x90], "QR, RD; RA, CD; neither AA nor AD");
    assert_eq!(&out[12..25], name("wEb.ExAmPle"));
    assert_eq!(out[4..12], [0, 1, 0, 1, 0, 0, 0, 1]);
    let records = found(&out);
    assert_eq!((records[0].rtype, records[1].rtype, records[1].class), (1, 41, 1232));
    let plain = given(&answer, &asks("web.example", 1, None), 512, Age::Seconds(0));
    assert_eq!(found(&plain).len(), 1);
}

#[test]
fn checked_signatures_are_told_to_whom_it_says_something() {
    let answer = read(Said::to(&asks("a.b", 1, None), 0).a(60, [1; 4]).flags(0, 0x20));
    let authentic = |question: &[u8]| given(&answer, question, 512, Age::Seconds(0))[3] & 0x20 != 0;
    let mut question = asks("a.b", 1, Some(1232));
    assert!(!authentic(&question));
    question[3] = 0x20;
    assert!(authentic(&question), "AD asked for");
    question[3] = 0;
    let flags = question.len() - 4;
    question[flags] = 0x80;
    assert!(authentic(&question), "DO");
}

#[test]
fn ttls_are_cut_and_age() {
    let said = Said::to(&asks("a.b", 1, None), 0).a(7200, [1; 4]).a(100, [2; 4]);
    let answer = read(said);
    assert_eq!((answer.kind(), answer.lifetime()), (Kind::Success, 100));
    let question = asks("a.b", 1, None);
    assert_eq!(ttls(&given(&answer, &question, 512, Age::Seconds(40))), [3560, 60]);
    assert_eq!(ttls(&given(&answer, &question, 512, Age::Seconds(4000))), [0, 0]);
    assert_eq!(ttls(&given(&answer, &question, 512, Age::Over)), [30, 30]);
    let never = read(Said::to(&question, 0).a(0x8000_0001, [1; 4]));
    assert_eq!(never.lifetime(), 0, "RFC 2181, section 8");
}

#[test]
fn rfc_2308_a_denial_lives_as_long_as_its_soa_says() {
    let question = asks("a.b", 1, None);
    for (rcode, ttl, minimum, lifetime) in
        [(3, 600, 60, 60), (0, 60, 600, 60), (3, 9000, 9000, 1800), (0, 9000, 0, 0)]
    {
        let answer = read(Said::to(&question, rcode).soa(ttl, minimum));
        assert_eq!((answer.kind(), answer.lifetime()), (Kind::Denial, lifetime));
        assert_eq!(ttls(&given(&answer, &question, 512, Age::Seconds(0))), [lifetime]);
    }
    assert_eq!(read(Said::to(&question, 3)).lifetime(), 0, "no SOA");
    let alias = Said::to(&question, 0).with(0, rtype::CNAME, 30, &name("c.d"));
    assert_eq!(read(alias.clone()).lifetime(), 0, "an alias, and no SOA");
    let alias = read(alias.soa(600, 600));
    assert_eq!((alias.kind(), alias.lifetime()), (Kind::Denial, 30));
}

#[test]
fn failures_live_short_or_not_at_all() {
    let question = asks("a.b", 1, None);
    let lifetime = |rcode| read(Said::to(&question, rcode)).lifetime();
    assert_eq!((lifetime(2), lifetime(5), lifetime(1), lifetime(4)), (5, 0, 0, 0));
    assert_eq!(read(Said::to(&question, 5)).kind(), Kind::Failure);
    let refused = given(&read(Said::to(&question, 5)), &question, 512, Age::Seconds(0));
    assert_eq!(refused[3] & 15, 5);
}

#[test]
fn a_code_beyond_the_header_is_a_failure() {
    let mut said = Said::to(&asks("a.b", 1, None), 0).a(60, [1; 4]).edns().bytes();
    let extended = said.len() - 6;
    said[extended] = 1;
    let answer = Answer::read(&said, LONGEST).unwrap();
    assert_eq!((answer.kind(), answer.rcode()), (Kind::Failure, 2));
}

#[test]
fn what_was_truncated_is_not_kept_and_says_so() {
    let question = asks("a.b", 1, None);
    let answer = read(Said::to(&question, 0).a(60, [1; 4]).flags(0x02, 0));
    assert_eq!(answer.lifetime(), 0);
    assert_ne!(given(&answer, &question, 512, Age::Seconds(0))[2] & 0x02, 0);
}

#[test]
fn what_is_only_additional_is_left_out_without_a_word() {
    let question = asks("a.b", 1, None);
    let mut said = Said::to(&question, 0).a(60, [1; 4]);
    for _ in 0..40 {
        said = said.with(2, 1, 60, &[2; 4]);
    }
    let out = given(&read(said), &question, 512, Age::Seconds(0));
    assert_eq!(out[2] & 0x02, 0);
    assert_eq!(found(&out).len(), (512 - 21) / 16);
}

#[test]
fn what_stands_behind_edns_goes_with_it() {
    let said = Said::to(&asks("a.b", 1, None), 0).a(60, [1; 4]).edns().with(2, 1, 5, &[2; 4]);
    let answer = read(said);
    assert_eq!(answer.lifetime(), 60);
    assert_eq!(found(&given(&answer, &asks("a.b", 1, None), 512, Age::Seconds(0))).len(), 1);
}

proptest! {
    #[test]
    fn whatever_fits_is_whole_and_the_rest_is_owned_up_to(
        sizes in prop::collection::vec((0usize..3, 0usize..200), 0..20),
        limit in 512usize..2000,
        edns: bool,
    ) {
        let question = asks("a.b", 16, edns.then_some(1232));
        let mut sizes = sizes;
        sizes.sort_by_key(|(section, _)| *section);
        let said = sizes.iter().fold(Said::to(&question, 0), |said, (section, size)| {
            said.with(*section, 16, 60, &vec![7; *size])
        });
        let out = given(&read(said), &question, limit, Age::Seconds(1));
        prop_assert!(out.len() <= limit);
        let records = found(&out);
        prop_assert_eq!(records.last().map_or(21, |record| record.data.end), out.len());
        let kept: Vec<_> = records.iter().filter(|record| record.rtype == 16).collect();
        prop_assert_eq!(records.len() - kept.len(), usize::from(edns));
        for (record, (section, size)) in kept.iter().zip(&sizes) {
            prop_assert_eq!((record.section as usize, record.data.len()), (*section, *size));
            prop_assert_eq!(record.ttl, 59);
        }
        let missing = sizes[kept.len()..].iter().any(|(section, _)| *section < 2);
        prop_assert_eq!(out[2] & 0x02 != 0, missing);
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        counts in prop::array::uniform3(0u8..4),
        limit in 512usize..600,
    ) {
        let question = asks("a.b", 1, Some(1232));
        let mut message = Said::to(&question, 0).bytes();
        for (at, count) in [7, 9, 11].into_iter().zip(counts) {
            message[at] = count;
        }
        message.extend(&bytes);
        if let Ok(answer) = Answer::read(&message, LONGEST) {
            let out = given(&answer, &question, limit, Age::Seconds(3));
            prop_assert!(out.len() <= limit);
            prop_assert!(records(&out).unwrap().all(|record| record.is_ok()));
        }
        let _ = Answer::read(&bytes, LONGEST);
    }
}
