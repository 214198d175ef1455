//! Any bytes as a message to a server with a small zone: what comes back is a whole answer to it.

#![no_main]

use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use hickory_proto::op::Message;
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};
use libfuzzer_sys::fuzz_target;
use pontoon_dns::answer::hosts::Hosts;
use pontoon_dns::answer::outside::Nobody;
use pontoon_dns::answer::responder::{Options, Responder};
use pontoon_dns::exchange::{Answers, AtOnce, Transport};
use pontoon_dns::wire::question::Query;
use pontoon_dns::zone::names::{PortNames, ServiceNames, Targets};
use pontoon_dns::zone::shape::{PodNames, Settings, Shape};
use pontoon_dns::zone::{Change, Zone};
use pontoon_model::service::{Protocol, ServiceId};
use tokio::runtime::{Builder, Runtime};

const CLIENT: [u8; 4] = [10, 244, 0, 9];

static SERVER: LazyLock<Responder<Nobody>> = LazyLock::new(|| {
    let settings = Settings {
        domain: "cluster.local".to_owned(),
        ttl: 5,
        dns_addresses: vec![IpAddr::from([10, 96, 0, 10])],
        ranges: ["10.96.0.0/12", "10.244.0.0/16"].map(|range| range.parse().unwrap()).into(),
        pods: PodNames::Verified,
        endpoint_pod_names: false,
    };
    let shape = Arc::new(Shape::new(settings).unwrap());
    let options = Options {
        autopath: true,
        search: Vec::new(),
        hosts: Hosts::new(&[("registry.lan".parse().unwrap(), vec![IpAddr::from(CLIENT)])].into()),
        transfer_to: vec!["0.0.0.0/0".parse().unwrap()],
        figures: Default::default(),
    };
    let port = |targets| PortNames { name: "http".to_owned(), protocol: Protocol::Tcp, targets };
    let web = ServiceNames {
        addresses: vec![IpAddr::from([10, 96, 0, 1])],
        has_cluster_ip: true,
        ports: vec![port(Targets::Service(80))],
        ..ServiceNames::default()
    };
    let hosts = (0..90).map(|host| IpAddr::from([10, 244, 0, host]));
    let label = |address: &IpAddr| address.to_string().replace('.', "-");
    let mut endpoints: Vec<_> = hosts.map(|address| (label(&address), address)).collect();
    endpoints.sort();
    let db = ServiceNames {
        addresses: endpoints.iter().map(|(_, address)| *address).collect(),
        ports: vec![port(Targets::Endpoints(
            endpoints.iter().map(|(label, _)| (label.clone(), 8080)).collect(),
        ))],
        endpoints,
        ..ServiceNames::default()
    };
    let external = |target: &str| ServiceNames {
        external: Some(target.parse().unwrap()),
        ..ServiceNames::default()
    };
    let named = [
        ("web", web),
        ("db", db),
        ("ext", external("web.default.svc.cluster.local")),
        ("loop", external("loop.default.svc.cluster.local")),
    ];
    let namespace: pontoon_model::name::Namespace = "default".parse().unwrap();
    let mut changes: Vec<Change> = named
        .into_iter()
        .map(|(name, names)| {
            let id = ServiceId { namespace: namespace.clone(), name: name.parse().unwrap() };
            Change::service(&id, Some(&names), &shape)
        })
        .collect();
    changes.push(Change::pod(IpAddr::from(CLIENT), Some(namespace)));
    let server = Responder::new(Zone::new(shape), Nobody, options);
    server.apply(changes, 1);
    server.set_synced();
    server
});

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap());

fuzz_target!(|input: &[u8]| {
    let Some((first, message)) = input.split_first() else { return };
    let transports = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Https];
    let transport = transports[usize::from(first % 4)];
    let client = IpAddr::from(CLIENT);
    let mut out = Vec::new();
    let messages = match SERVER.at_once(message, client, transport, &mut out) {
        AtOnce::Answered => vec![out],
        AtOnce::Dropped => {
            assert_eq!(out.capacity(), 0, "memory for what is dropped");
            return;
        }
        AtOnce::Later => {
            // A walk along a search path has a clock.
            let _guard = RUNTIME.enter();
            let later = SERVER.later(message.to_vec(), client, transport);
            match pin!(later).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(messages) => messages,
                Poll::Pending => panic!("waits for nobody"),
            }
        }
    };
    assert!(!messages.is_empty());
    for answer in messages {
        assert!(answer.len() <= if transport == Transport::Udp { 1232 } else { 65_535 });
        assert_eq!(answer[..2], message[..2], "the id");
        assert_eq!(answer[2] & 0xf9, 0x80 | message[2] & 0x79, "an answer, opcode and RD");
        let question = match Query::parse(message) {
            Ok(query) => query.question(),
            Err((_, Some(query))) => query.question(),
            Err((_, None)) => &[],
        };
        assert!(answer[12..].starts_with(question), "the question as it was sent");
        let mut decoder = BinDecoder::new(&answer);
        Message::read(&mut decoder).expect("an answer that can be read");
        assert!(decoder.is_empty(), "bytes behind the answer");
    }
});
