//! How questions and answers travel.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use pontoon_dns::forward::upstream::tls::Trust;
use pontoon_dns::forward::{ForwardConfig, Forwarder, Host};
use rcgen::{CertificateParams, KeyPair, SanType};
use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::message::{Reply, asks, name};
use super::toy::{Asked, Toy};
use super::{ask, config, forwarder, rcode, resolve, said, timed};

fn address(asked: &Asked) -> Vec<Vec<u8>> {
    vec![Reply::to(&asked.message, 0).a(60, [192, 0, 2, 7]).edns().bytes()]
}

/// Over UDP only that there is more; over TCP the rest.
fn truncated(asked: &Asked) -> Vec<Vec<u8>> {
    if asked.is_stream {
        return address(asked);
    }
    vec![Reply::to(&asked.message, 0).flags(0x02, 0).bytes()]
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_over_tcp() {
    let toy = Toy::new(truncated).await;
    let answer = ask(&forwarder(&config(&[&toy])), "a.example").await;
    assert_eq!(answer[2] & 0x02, 0);
    assert_eq!(said(&answer), [(60, 7)]);
    let asked: Vec<bool> = toy.asked().iter().map(|asked| asked.is_stream).collect();
    assert_eq!(asked, [false, true]);
}

#[tokio::test]
async fn what_does_not_fit_the_question_is_passed_over() {
    let toy = Toy::new(|asked| {
        let wrong = |change: fn(&mut Vec<u8>)| {
            let mut message = Reply::to(&asked.message, 0).a(60, [192, 0, 2, 66]).bytes();
            change(&mut message);
            message
        };
        vec![
            wrong(|message| message[0] ^= 1),
            wrong(|message| message[13] ^= 1),
            wrong(|message| message[2] &= 0x7f),
            wrong(|message| message.truncate(13)),
            address(asked).remove(0),
        ]
    })
    .await;
    let (forwarder, _, host) = timed(&config(&[&toy]));
    assert_eq!(said(&ask(&forwarder, "a.example").await), [(60, 7)]);
    assert_eq!(host.cache.drops.get(), 4);
}

#[tokio::test]
async fn each_question_has_a_port_and_a_number_of_its_own() {
    let toy = Toy::new(address).await;
    let forwarder = forwarder(&config(&[&toy]));
    for number in 0..20 {
        ask(&forwarder, &format!("n{number}.example")).await;
    }
    let asked = toy.asked();
    let ports: BTreeSet<u16> = asked.iter().map(|asked| asked.from.port()).collect();
    let ids: BTreeSet<&[u8]> = asked.iter().map(|asked| &asked.message[..2]).collect();
    assert!(ports.len() > 15, "{ports:?}");
    assert!(ids.len() > 15, "{ids:?}");
}

#[tokio::test]
async fn letters_go_as_they_came_and_come_back_to_each_asker() {
    let toy = Toy::new(address).await;
    let forwarder = forwarder(&config(&[&toy]));
    for asked in ["wEb.ExAmPle", "WeB.eXaMpLE"] {
        let answer = ask(&forwarder, asked).await;
        assert_eq!(answer[12..12 + 13], name(asked));
    }
    assert_eq!(toy.asked().len(), 1, "they are the same name");
    assert_eq!(toy.asked()[0].message[12..12 + 13], name("wEb.ExAmPle"));
}

#[tokio::test]
async fn records_that_nobody_knows_are_passed_on_as_they_are() {
    let toy = Toy::new(|asked| {
        let reply = Reply::to(&asked.message, 0).with(0, 65_280, 60, b"\xff\x00?");
        vec![reply.with(0, 64, 60, b"no SVCB at all").bytes()]
    })
    .await;
    let question = asks("a.example", 65_280, Some(1232));
    let answer = resolve(&forwarder(&config(&[&toy])), &question).await;
    assert_eq!(rcode(&answer), 0);
    assert!(answer.windows(3).any(|bytes| bytes == b"\xff\x00?"));
    assert!(answer.windows(14).any(|bytes| bytes == b"no SVCB at all"));
}

#[tokio::test]
async fn who_does_not_know_edns_is_asked_without() {
    let toy = Toy::new(|asked| {
        if asked.message[11] == 0 {
            return address(asked);
        }
        let mut header = asked.message[..12].to_vec();
        header[2..].copy_from_slice(&[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        vec![header]
    })
    .await;
    assert_eq!(said(&ask(&forwarder(&config(&[&toy])), "a.example").await), [(60, 7)]);
}

#[tokio::test]
async fn questions_share_a_connection_and_none_waits_for_another() {
    let toy = Toy::new(truncated).await;
    let forwarder = forwarder(&config(&[&toy]));
    ask(&forwarder, "first.example").await;
    toy.says(
        |asked| {
            if asked.is_stream && asked.message[13] == b'b' { vec![] } else { truncated(asked) }
        },
    );
    let stuck = tokio::spawn({
        let forwarder = forwarder.clone();
        async move { ask(&forwarder, "b.example").await }
    });
    toy.wait_asked(4).await;
    assert_eq!(said(&ask(&forwarder, "c.example").await), [(60, 7)]);
    assert!(!stuck.is_finished());
    assert_eq!(toy.connections(), 1);
    stuck.abort();
}

#[tokio::test]
async fn a_connection_that_was_closed_is_opened_again() {
    let toy = Toy::new(truncated).await;
    let forwarder = forwarder(&config(&[&toy]));
    ask(&forwarder, "a.example").await;
    // Closes instead of an answer, as if it had been idle for too long.
    toy.says(|asked| match (asked.is_stream, asked.message[13]) {
        (true, b'b') => vec![Vec::new()],
        _ => truncated(asked),
    });
    assert_eq!(rcode(&ask(&forwarder, "b.example").await), 2, "it never answers that");
    assert_eq!(said(&ask(&forwarder, "c.example").await), [(60, 7)]);
    assert!(toy.connections() > 2);
}

#[tokio::test]
async fn a_connection_with_nothing_to_say_is_closed() {
    let toy = Toy::new(truncated).await;
    let config = ForwardConfig { idle_timeout: Duration::from_millis(100), ..config(&[&toy]) };
    let forwarder = forwarder(&config);
    ask(&forwarder, "a.example").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    ask(&forwarder, "b.example").await;
    assert_eq!(toy.connections(), 2);
}

/// An upstream over TLS with a certificate for these names, and who trusts it.
async fn over_tls(names: &[&str]) -> (Toy, Trust) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.subject_alt_names.push(SanType::IpAddress(IpAddr::from([127, 0, 0, 1])));
    let certificate = params.self_signed(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let toy = Toy::tls(TlsAcceptor::from(Arc::new(server)), address).await;
    (toy, Trust::Given(Arc::new(roots)))
}

fn through_tls(toy: &Toy, name: &str, trust: &Trust) -> Forwarder {
    let upstream = format!("tls://{}{name}", toy.address).parse().unwrap();
    let config = ForwardConfig {
        upstreams: vec![upstream],
        timeout: Duration::from_secs(5),
        ..ForwardConfig::default()
    };
    let host = Host { trust: trust.clone(), ..Host::default() };
    Forwarder::new(&config, host, Handle::current()).unwrap()
}

#[tokio::test]
async fn rfc_7858_questions_go_over_tls_to_who_proves_his_name() {
    let (toy, trust) = over_tls(&["dns.example"]).await;
    for name in ["", "#dns.example"] {
        let forwarder = through_tls(&toy, name, &trust);
        assert_eq!(said(&ask(&forwarder, "a.example").await), [(60, 7)], "{name}");
        assert_eq!(said(&ask(&forwarder, "b.example").await), [(60, 7)], "{name}");
    }
    assert_eq!(toy.connections(), 2, "one each");
    assert!(toy.asked().iter().all(|asked| asked.is_stream));
}

#[tokio::test]
async fn who_proves_another_name_or_is_trusted_by_nobody_is_not_asked() {
    let (toy, trust) = over_tls(&["dns.example"]).await;
    let wrong = through_tls(&toy, "#other.example", &trust);
    assert_eq!(rcode(&ask(&wrong, "a.example").await), 2);
    let (_, stranger) = over_tls(&["dns.example"]).await;
    let untrusted = through_tls(&toy, "#dns.example", &stranger);
    assert_eq!(rcode(&ask(&untrusted, "a.example").await), 2);
    assert!(toy.asked().is_empty());
}
