//! Domains of any length.

use hickory_proto::op::ResponseCode;
use pontoon_dns::exchange::Transport;
use pontoon_dns::zone::shape::Shape;
use serde_json::json;

use crate::asked::kind::{A, AXFR, NS, PTR, SOA, SRV};
use crate::asked::{Question, Reply};
use crate::given::cluster::Cluster;
use crate::given::world::reverse;

/// One of that many bytes, with labels of up to 60.
fn domain(length: usize) -> String {
    let tail = "d".repeat(length).into_bytes();
    let dotted = tail
        .into_iter()
        .rev()
        .enumerate()
        .map(|(place, byte)| if place % 60 == 59 && place + 1 < length { b'.' } else { byte });
    String::from_utf8(dotted.collect()).unwrap().chars().rev().collect()
}

#[test]
fn a_domain_is_short_enough_for_every_service_or_refused() {
    let mut settings = Cluster::new().settings;
    for length in 1..=241 {
        settings.domain = domain(length);
        let Ok(shape) = Shape::new(settings.clone()) else {
            assert!(length > 100, "{length} bytes are refused");
            continue;
        };
        drop(shape);
        let [service, headless, namespace] = ["s", "t", "n"].map(|name| name.repeat(63));
        let endpoints = json!([{"addresses": ["10.244.0.1"], "hostname": "h".repeat(63)}]);
        let server = Cluster::new()
            .set(|own| own.domain = settings.domain.clone())
            .transfers_to("0.0.0.0/0")
            .plain_service(&format!("{namespace}/{service}"), "10.96.0.1")
            .headless(&format!("{namespace}/{headless}"))
            .listed(&format!("{namespace}/x"), &headless, endpoints)
            .start();
        let zone = &settings.domain;
        let name = format!("{service}.{namespace}.svc.{zone}");
        server.ask(&name, A).gives(&[&format!("{name} 5 A 10.96.0.1")]);
        let name_of = |label: &str| format!("{label}.{headless}.{namespace}.svc.{zone}");
        let endpoint = name_of(&"h".repeat(63));
        let fits = endpoint.len() <= 253;
        if fits {
            server.ask(&endpoint, A).gives(&[&format!("{endpoint} 5 A 10.244.0.1")]);
        }
        let all = server.send(&Question::new(&name_of("x")[2..], SRV).with_edns(1232));
        assert_eq!(all.answers().len(), usize::from(fits), "names that there are");
        let reversed = server.ask(&reverse("10.244.0.1"), PTR);
        assert_eq!(reversed.answers().len(), usize::from(fits));
        assert_eq!(server.ask(zone, NS).answers().len(), 1);
        assert_eq!(server.ask(zone, SOA).answers().len(), 1);
        let reverse = reverse("10.96.0.1");
        assert_eq!(server.ask(&reverse, PTR).answers(), [format!("{reverse} 5 PTR {name}")]);
        server.ask("7.7.244.10.in-addr.arpa", PTR).does_not_exist_in("244.10.in-addr.arpa");
        let question = Question::new(zone, AXFR).over(Transport::Tcp);
        for message in server.exchange(&question.packet(), &question) {
            assert_eq!(Reply::read(&question, message).code(), ResponseCode::NoError);
        }
    }
}
