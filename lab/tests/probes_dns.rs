//! The DNS probes' own promises: a name server that says what it is told, and clients that count what
//! they lose.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::net::SocketAddr;
use std::time::Duration;

use pontoon_lab::Lab;
use pontoon_lab::probe::dns::{
    DnsLoad, Manner, NameServer, Over, Patience, Question, RecordType, ResponseCode, Silence, ask,
    resolve,
};

const SECOND: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_millis(200);
const TICK: Duration = Duration::from_millis(2);

fn lab() -> Option<Lab> {
    if let Some(why) = pontoon_lab::unavailable() {
        eprintln!("skipped: {why}");
        return None;
    }
    Some(Lab::builder().hosts(2).embedded().build().unwrap())
}

#[test]
fn a_name_server_says_what_it_was_told_over_every_family_and_transport() {
    let Some(lab) = lab() else { return };
    let (from, to) = (lab.host(1), lab.host(2));
    let many: Vec<String> = (1..=100).map(|n| format!("192.0.2.{n}")).collect();
    let mut records = vec![("a.test", "192.0.2.1"), ("a.test", "fd00::1"), ("b.test", "A.test.")];
    records.extend(many.iter().map(|ip| ("many.test", ip.as_str())));
    let server = NameServer::start(to.netns(), &records).unwrap();
    for at in to.addresses().into_iter().map(|ip| SocketAddr::new(ip, 53)) {
        for over in [Over::Udp, Over::Tcp] {
            let asked = |name, rtype| {
                ask(from.netns(), at, over, &Question::new(name, rtype), SECOND).unwrap()
            };
            assert_eq!(asked("A.test", RecordType::A).records(), ["a.test 30 A 192.0.2.1"]);
            let through = asked("b.test", RecordType::AAAA);
            assert_eq!(through.records(), ["a.test 30 AAAA fd00::1", "b.test 30 CNAME a.test"]);
            assert_eq!(through.targets(RecordType::CNAME), ["a.test"]);
            let none = asked("a.test", RecordType::MX);
            assert_eq!((none.code(), none.records().len()), (ResponseCode::NoError, 0));
            assert!(asked("c.test", RecordType::A).is_denial());
            let many = asked("many.test", RecordType::A);
            assert_eq!(many.is_cut(), over == Over::Udp);
            assert_eq!(many.addresses().len(), if over == Over::Udp { 0 } else { 100 });
        }
        let many = resolve(from.netns(), at, "many.test", RecordType::A).unwrap();
        assert_eq!(many.addresses().len(), 100);
    }
    let asked = server.take_asked();
    assert_eq!(asked.len(), 4 * 5 + 2 * 2);
    assert_eq!(asked[0], ("a.test".to_owned(), RecordType::A, Over::Udp));
}

#[test]
fn a_question_that_nobody_answers_ends_in_time_and_says_why() {
    let Some(lab) = lab() else { return };
    let (from, to) = (lab.host(1), lab.host(2));
    let at = SocketAddr::new(to.addresses()[0], 53);
    let question = Question::new("a.test", RecordType::A);
    for over in [Over::Udp, Over::Tcp] {
        let said = ask(from.netns(), at, over, &question, SECOND);
        assert!(matches!(said, Err(Silence::Refused)), "{over:?}: {said:?}");
    }
    let server = NameServer::start(to.netns(), &[("a.test", "192.0.2.1")]).unwrap();
    server.set_manner(Manner::Silent);
    for over in [Over::Udp, Over::Tcp] {
        let said = ask(from.netns(), at, over, &question, SHORT);
        assert!(matches!(said, Err(Silence::TimedOut)), "{over:?}: {said:?}");
    }
    server.set_manner(Manner::Fails);
    let said = ask(from.netns(), at, Over::Udp, &question, SECOND).unwrap();
    assert_eq!(said.code(), ResponseCode::ServFail);
}

#[test]
fn a_load_counts_what_is_lost_what_is_wrong_and_what_it_sent_again() {
    let Some(lab) = lab() else { return };
    let (from, to) = (lab.host(1), lab.host(2));
    let server = NameServer::start(to.netns(), &[("a.test", "192.0.2.1")]).unwrap();
    let at = SocketAddr::new(to.addresses()[0], 53);
    let questions = [Question::new("a.test", RecordType::A)];
    let stubborn = Patience { attempts: 20, each: SHORT };
    let once = Patience { attempts: 1, each: SHORT };
    let start = |patience| DnsLoad::start(from.netns(), at, &questions, patience, TICK);
    let loads = [start(stubborn), start(once)];
    std::thread::sleep(SHORT);
    server.set_manner(Manner::Silent);
    std::thread::sleep(2 * SHORT);
    server.set_manner(Manner::Answers);
    std::thread::sleep(SHORT);
    let [patient, hasty] = loads.map(|load| load.stop().unwrap());
    assert_eq!((patient.lost, patient.wrong, patient.answered), (0, 0, patient.asked));
    assert!(patient.again > 0 && patient.longest >= SHORT, "{patient:?}");
    assert!(patient.longest_gap >= 2 * SHORT, "{patient:?}");
    assert!(hasty.lost > 0 && hasty.again == 0 && hasty.answered > 0, "{hasty:?}");
    assert_eq!(hasty.lost + hasty.answered, hasty.asked);
    assert!(hasty.examples[0].starts_with("a.test A was not answered after "), "{hasty:?}");

    server.set_manner(Manner::Fails);
    let wrong = start(once);
    std::thread::sleep(SHORT);
    let wrong = wrong.stop().unwrap();
    assert_eq!((wrong.wrong, wrong.answered), (wrong.asked, 0));
}
