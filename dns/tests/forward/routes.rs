//! Which upstreams are asked about which names.

use std::net::IpAddr;

use pontoon_dns::forward::address::Address;
use pontoon_dns::forward::{ForwardConfig, Forwarder, Host, Own};
use pontoon_dns::wire::name::Name;
use tokio::runtime::Handle;

use super::message::Reply;
use super::toy::{Asked, Toy};
use super::{Seconds, ask, config, forwarder, rcode, said};

fn by(who: u8) -> impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static {
    move |asked| vec![Reply::to(&asked.message, 0).a(60, [192, 0, 2, who]).bytes()]
}

#[tokio::test]
async fn a_domain_with_upstreams_of_its_own_is_asked_for_there() {
    let toys = [Toy::new(by(0)).await, Toy::new(by(1)).await, Toy::new(by(2)).await];
    let stub =
        |domain: &str, toy: &Toy| (Name::parse(domain).unwrap(), vec![Address::plain(toy.address)]);
    let config = ForwardConfig {
        stubs: [stub("corp.example", &toys[1]), stub("lab.corp.example", &toys[2])].into(),
        ..config(&[&toys[0]])
    };
    let forwarder = forwarder(&config);
    for (name, who) in [
        ("www.example", 0),
        ("notcorp.example", 0),
        ("corp.example", 1),
        ("a.Corp.example", 1),
        ("lab.corp.example", 2),
        ("a.b.LAB.corp.example", 2),
    ] {
        assert_eq!(said(&ask(&forwarder, name).await), [(60, who)], "{name}");
    }
}

/// A loopback address of its own, so that the port can be the one that the host's file implies.
async fn at_port_53(toy: &Toy, ip: &str) -> Option<tokio::task::JoinHandle<()>> {
    let socket = tokio::net::UdpSocket::bind((ip, 53)).await.ok()?;
    let to = toy.address;
    Some(tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let onward = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
            onward.send_to(&buffer[..length], to).await.unwrap();
            let length = onward.recv(&mut buffer).await.unwrap();
            socket.send_to(&buffer[..length], from).await.unwrap();
        }
    }))
}

#[tokio::test]
async fn the_hosts_upstreams_are_followed_as_its_file_changes() {
    let (one, two) = (Toy::new(by(1)).await, Toy::new(by(2)).await);
    let relays = [at_port_53(&one, "127.0.53.1").await, at_port_53(&two, "127.0.53.2").await];
    if relays.iter().any(Option::is_none) {
        eprintln!("skipped: port 53 of 127.0.53.1 and .2 needs root, and nobody there");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolv.conf");
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    write("nameserver 127.0.53.99\nnameserver 127.0.53.1\n");
    let seconds = Seconds::default();
    let host = Host {
        own: Own::at(vec![IpAddr::from([127, 0, 53, 99])]),
        systemd: folder.path().join("none"),
        clock: seconds.clock(),
        ..Host::default()
    };
    let config = ForwardConfig { resolv_conf: path.clone(), ..config(&[]) };
    let forwarder = Forwarder::new(&config, host, Handle::current()).unwrap();
    assert_eq!(said(&ask(&forwarder, "a.example").await), [(60, 1)]);
    assert_eq!(forwarder.upstreams().len(), 1, "our own address is none");
    write("nameserver 127.0.53.2\n");
    seconds.pass(5);
    assert_eq!(said(&ask(&forwarder, "b.example").await), [(60, 2)]);
    write("");
    seconds.pass(5);
    assert_eq!(said(&ask(&forwarder, "c.example").await), [(60, 2)], "those of before");
}

#[tokio::test]
async fn with_nobody_to_ask_there_is_no_answer() {
    let config = ForwardConfig { resolv_conf: "/nonexistent".into(), ..config(&[]) };
    assert_eq!(rcode(&ask(&forwarder(&config), "a.example").await), 2);
}

#[tokio::test]
async fn an_upstream_that_is_ourselves_is_refused() {
    let toy = Toy::new(by(1)).await;
    let host = Host { own: Own::at(vec![toy.address.ip()]), ..Host::default() };
    let error = Forwarder::new(&config(&[&toy]), host, Handle::current()).unwrap_err();
    assert!(error.to_string().contains(&toy.address.to_string()), "{error}");
}
