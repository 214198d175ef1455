//! Whoever knows the names outside: a resolver that has learnt its answers by heart.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, PTR, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use pontoon_dns::answer::outside::{Cached, Outside};
use pontoon_dns::wire::name::Name as WireName;
use pontoon_dns::wire::question::Query;

/// Names below this have a server that does not answer.
pub(crate) const BROKEN: &str = "broken.test";
/// What is said beside every denial.
pub(crate) const DENIAL: &str = "test 60 SOA test test 1 2 3 4 60";

/// The names outside, and who asked for them.
#[derive(Debug, Default)]
pub(crate) struct World {
    records: BTreeMap<String, Vec<Record>>,
    /// All is in memory.
    pub(crate) remembers: AtomicBool,
    /// Whoever asks waits for ever.
    pub(crate) silent: AtomicBool,
    /// The names that were asked for, in their order.
    pub(crate) asked: Mutex<Vec<String>>,
}

impl World {
    /// `www.example.com 300 A 192.0.2.53`
    pub(crate) fn add(&mut self, record: &str) {
        let words: Vec<&str> = record.split(' ').collect();
        let name = |text: &str| Name::from_ascii(format!("{}.", text.trim_end_matches('.')));
        let target = name(words[words.len() - 1]);
        let data = match words[2] {
            "A" => RData::A(A(words[3].parse().unwrap())),
            "AAAA" => RData::AAAA(AAAA(words[3].parse().unwrap())),
            "CNAME" => RData::CNAME(CNAME(target.unwrap())),
            "PTR" => RData::PTR(PTR(target.unwrap())),
            "MX" => RData::MX(MX::new(words[3].parse().unwrap(), target.unwrap())),
            other => panic!("no type {other}"),
        };
        let record = Record::from_rdata(name(words[0]).unwrap(), words[1].parse().unwrap(), data);
        self.records.entry(words[0].to_owned()).or_default().push(record);
    }

    /// The names that were asked for since the last call.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// An answer to the question of a message, with a chain of `CNAME` records followed.
    fn answer(&self, query: &Query<'_>) -> Vec<u8> {
        // What else is in the message may be anything.
        let mut plain = query.header().to_vec();
        plain[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
        plain.extend_from_slice(query.question());
        let asked = Message::from_vec(&plain).unwrap();
        let question = asked.queries[0].clone();
        let mut name = text(&question.name);
        self.asked.lock().unwrap().push(name.clone());
        let mut out = Message::new(asked.metadata.id, MessageType::Response, OpCode::Query);
        out.metadata.recursion_desired = asked.metadata.recursion_desired;
        out.metadata.checking_disabled = asked.metadata.checking_disabled;
        out.metadata.recursion_available = true;
        out.metadata.response_code = loop {
            if name.ends_with(BROKEN) {
                break ResponseCode::ServFail;
            }
            let Some(records) = self.records.get(&name) else { break ResponseCode::NXDomain };
            let of = |kind| move |record: &&Record| record.data.record_type() == kind;
            let found: Vec<_> = records.iter().filter(of(question.query_type)).collect();
            out.answers.extend(found.iter().copied().cloned());
            let alias = records.iter().find(of(RecordType::CNAME)).filter(|_| found.is_empty());
            let Some(alias) = alias else { break ResponseCode::NoError };
            out.answers.push(alias.clone());
            let RData::CNAME(target) = &alias.data else { break ResponseCode::NoError };
            name = text(&target.0);
        };
        if out.answers.is_empty() && out.metadata.response_code != ResponseCode::ServFail {
            let zone = Name::from_ascii("test.").unwrap();
            let soa = SOA::new(zone.clone(), zone.clone(), 1, 2, 3, 4, 60);
            out.authorities.push(Record::from_rdata(zone, 60, RData::SOA(soa)));
        }
        if let Some(edns) = query.edns {
            let mut own = Edns::new();
            own.set_max_payload(1232).set_dnssec_ok(edns.dnssec_ok);
            out.edns = Some(own);
        }
        out.queries.push(question);
        out.to_vec().unwrap()
    }
}

impl Outside for World {
    fn cached(&self, query: &Query<'_>, _: usize, out: &mut Vec<u8>) -> Cached {
        if !self.remembers.load(Ordering::Relaxed) {
            return Cached::Miss;
        }
        out.extend(self.answer(query));
        Cached::Hit
    }

    async fn resolve(&self, query: &Query<'_>, _: usize) -> Vec<u8> {
        self.answer(query)
    }

    async fn lookup(&self, name: &WireName, rtype: u16) -> Vec<u8> {
        if self.silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(name.wire());
        message.extend_from_slice(&rtype.to_be_bytes());
        message.extend_from_slice(&[0, 1]);
        self.answer(&Query::parse(&message).unwrap())
    }
}

fn text(name: &Name) -> String {
    name.to_lowercase().to_string().trim_end_matches('.').to_owned()
}

/// The name of an address in `in-addr.arpa` or `ip6.arpa`.
pub(crate) fn reverse(address: &str) -> String {
    match address.parse().unwrap() {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let digits = format!("{:032x}", u128::from(v6));
            let dotted: String = digits.chars().rev().flat_map(|digit| [digit, '.']).collect();
            dotted + "ip6.arpa"
        }
    }
}
