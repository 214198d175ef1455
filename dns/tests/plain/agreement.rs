//! That the server answers what the plain way finds.

use std::collections::BTreeSet;

use hickory_proto::op::ResponseCode;
use pontoon_dns::exchange::Transport;
use proptest::prelude::*;

use super::answer::{Answer, Book, OUTSIDE, SEARCH};
use super::any::{a_manner, some_steps};
use super::asks::{an_ask, names};
use super::objects::Objects;
use super::records::{Manner, ZONE};
use crate::asked::kind::{AXFR, SOA};
use crate::asked::{Question, Reply};
use crate::given::cluster::{Cluster, Server};
use crate::given::objects::Step;

fn server(steps: Vec<Step>, manner: Manner) -> Server {
    let mut cluster = Cluster::empty().outside(&OUTSIDE).searching(&[SEARCH]).transfers_to("::/0");
    cluster.settings.pods = manner.pods;
    cluster.settings.endpoint_pod_names = manner.pod_names;
    cluster.autopath = manner.autopath;
    steps.into_iter().fold(cluster, Cluster::with).start()
}

/// A record without its TTL, and without the serial number that the plain way does not know.
fn bare(text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    words.remove(1);
    if words[1] == "SOA" {
        words[4] = "*";
    }
    words.join(" ")
}

fn read(reply: &Reply) -> Answer {
    let denied_by = reply.authority().first().map(|soa| soa.split(' ').next().unwrap().to_owned());
    Answer {
        exists: reply.code() == ResponseCode::NoError,
        records: reply.answers().iter().map(|record| bare(record)).collect(),
        additional: reply.additional().iter().map(|record| bare(record)).collect(),
        denied_by,
    }
}

fn agrees(server: &Server, book: &Book<'_>, question: &Question) -> Result<(), TestCaseError> {
    let reply = server.send(question);
    let asked = server.responder.outside().take_asked();
    let name = question.name.to_lowercase();
    let Some(expected) = book.answer(&name, question.rtype, question.client) else {
        prop_assert!(asked.contains(&name), "{question:?} is asked for outside");
        prop_assert!(!reply.message.metadata.authoritative);
        return Ok(());
    };
    let mut found = read(&reply);
    prop_assert_eq!(found.records.len(), reply.answers().len(), "twice: {:?}", reply.answers());
    prop_assert_eq!(found.additional.len(), reply.additional().len(), "twice: {:?}", reply);
    if reply.is_cut() {
        prop_assert!(found.records.is_subset(&expected.records));
        found.records = expected.records.clone();
    }
    // They may be left out where they do not fit, and of what was put together they always are.
    let of_several = reply.in_order().first().is_some_and(|first| first.contains(" CNAME "));
    let left_out = of_several && found.additional.is_empty();
    if left_out || reply.bytes.len() + 16 > question.limit() || reply.is_cut() {
        prop_assert!(found.additional.is_subset(&expected.additional));
        found.additional = expected.additional.clone();
    }
    prop_assert_eq!(found, expected, "{:?}", question);
    Ok(())
}

/// All records of the zone, as a transfer has them.
fn transfer(server: &Server) -> BTreeSet<String> {
    let question = Question::new(ZONE, AXFR).from("2001:db8::1");
    let question = question.over(Transport::Tcp);
    let messages = server.exchange(&question.packet(), &question);
    let records: Vec<String> = messages
        .into_iter()
        .flat_map(|message| Reply::read(&question, message).in_order())
        .map(|record| bare(&record))
        .collect();
    let all: BTreeSet<String> = records.iter().cloned().collect();
    assert_eq!(all.len() + 1, records.len(), "twice, and not the start of authority");
    all
}

proptest! {
    #[test]
    fn any_question_gets_what_the_plain_way_finds(
        steps in some_steps(),
        manner in a_manner(),
        asks in prop::collection::vec(an_ask(), 1..40),
    ) {
        let objects = Objects::after(&steps);
        let server = server(objects.steps(), manner);
        let book = Book::of(&objects, manner);
        let names = names(&book);
        for ask in asks {
            agrees(&server, &book, &ask.question(&names))?;
        }
    }

    #[test]
    fn after_any_changes_it_answers_as_one_that_is_built_from_nothing(
        steps in some_steps(),
        manner in a_manner(),
        asks in prop::collection::vec(an_ask(), 1..40),
    ) {
        let objects = Objects::after(&steps);
        let changed = server(steps, manner);
        let anew = server(objects.steps(), manner);
        let book = Book::of(&objects, manner);
        let names = names(&book);
        for ask in asks {
            agrees(&changed, &book, &ask.question(&names))?;
        }
        prop_assert_eq!(transfer(&changed), transfer(&anew));
        for name in names {
            let question = |rtype| Question::new(&name, rtype).over(Transport::Tcp);
            for rtype in [1, 28, 33, 12, 5, 999] {
                let ask = |server: &Server| read(&server.send(&question(rtype)));
                prop_assert_eq!(ask(&changed), ask(&anew), "{} {}", name, rtype);
            }
        }
    }

    #[test]
    fn a_transfer_has_all_records_of_the_zone(steps in some_steps(), manner in a_manner()) {
        let objects = Objects::after(&steps);
        let book = Book::of(&objects, manner);
        let records = book.records.all.iter().filter(|record| record.owner.ends_with(ZONE));
        let expected: BTreeSet<String> = records.map(super::answer::written).collect();
        prop_assert_eq!(transfer(&server(steps, manner)), expected);
    }

    #[test]
    fn the_serial_number_rises_with_every_change(steps in some_steps(), manner in a_manner()) {
        let mut server = server(Vec::new(), manner);
        let serial = |server: &Server| {
            let answers = server.ask(ZONE, SOA).answers();
            answers[0].split(' ').nth(5).unwrap().parse::<u32>().unwrap()
        };
        for step in steps {
            let before = (serial(&server), transfer(&server));
            server.apply(step);
            let after = (serial(&server), transfer(&server));
            prop_assert!(after.0 >= before.0);
            prop_assert!(after.0 > before.0 || after.1 == before.1);
        }
    }
}
