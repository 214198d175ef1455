//! The probes' own promises: every way of failing is told apart, and loads count what they say.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pontoon_lab::Lab;
use pontoon_lab::probe::http::{Connections, HttpLoad, HttpServer, get};
use pontoon_lab::probe::{self, Identity, Reply, UdpFlow};
use pontoon_model::service::Protocol;

const PATIENCE: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(5);

fn lab() -> Option<Lab> {
    if let Some(why) = pontoon_lab::unavailable() {
        eprintln!("skipped: {why}");
        return None;
    }
    Some(Lab::builder().hosts(2).embedded().build().unwrap())
}

#[test]
fn an_identity_tells_its_name_and_both_ends_over_every_protocol_and_family() {
    let Some(lab) = lab() else { return };
    let (from, to) = (lab.host(1), lab.host(2));
    let identity = Identity::start(to.netns(), "me", &[80, 81]).unwrap();
    let mut protocols = vec![Protocol::Tcp, Protocol::Udp];
    match probe::sctp_unavailable() {
        Some(why) => eprintln!("skipped: in part, {why}"),
        None => protocols.push(Protocol::Sctp),
    }
    let mut asked = 0;
    for protocol in protocols {
        for (own, address) in from.addresses().into_iter().zip(to.addresses()) {
            for port in [80, 81] {
                let at = SocketAddr::new(address, port);
                let reply = probe::ask(from.netns(), protocol, at, PATIENCE).unwrap().reply;
                let Reply::Answered(answer) = reply else { panic!("{protocol} {at}: {reply:?}") };
                assert_eq!((answer.name.as_str(), answer.source.ip()), ("me", own));
                assert_eq!(answer.local, at);
                asked += 1;
            }
        }
    }
    assert_eq!(identity.served(), asked);
    let at = (to.addresses()[0], 80).into();
    let stream = probe::TcpLoad::start(from.netns(), at, TICK).unwrap();
    std::thread::sleep(SHORT);
    assert_eq!(stream.stop().unwrap().lost(), 0, "an identity echoes behind its line");
}

#[test]
fn every_way_of_failing_is_told_apart() {
    let Some(lab) = lab() else { return };
    let (from, to) = (lab.host(1), lab.host(2));
    to.nft(
        "table inet t { chain c { type filter hook input priority 0; meta l4proto { tcp, udp } th dport 81 drop; }; }\n",
    )
    .unwrap();
    for command in ["route add unreachable 192.0.2.1\n", "route add unreachable 2001:db8::1\n"] {
        from.ip(command).unwrap();
    }
    for address in to.addresses() {
        probe::ping(from.netns(), address, PATIENCE).unwrap();
    }
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let ask = |at: SocketAddr| probe::ask(from.netns(), protocol, at, SHORT).unwrap().reply;
        for address in to.addresses() {
            assert_eq!(ask((address, 80).into()), Reply::Refused);
            assert_eq!(ask((address, 81).into()), Reply::TimedOut);
        }
        for address in ["192.0.2.1:80", "[2001:db8::1]:80"] {
            assert_eq!(ask(address.parse().unwrap()), Reply::Unreachable);
        }
    }
}

#[test]
fn an_http_load_counts_requests_servers_and_failures() {
    let Some(lab) = lab() else { return };
    let (from, to) = (lab.host(1).netns(), lab.host(2));
    let at = SocketAddr::new(to.addresses()[0], 80);
    let server = HttpServer::start(to.netns(), "green", 80).unwrap();
    assert_eq!(get(from, at, "/", PATIENCE).unwrap(), (200, "green\n".into()));
    server.set_healthy(false);
    assert_eq!(get(from, at, "/healthz", PATIENCE).unwrap().0, 503);

    let kept = HttpLoad::start(from, at, Connections::Kept, 2, TICK);
    let single = HttpLoad::start(from, at, Connections::PerRequest, 2, TICK);
    std::thread::sleep(SHORT);
    assert!(server.connections() >= 2, "connections are kept");
    // Connections end in order, and the next request opens another.
    server.drain();
    std::thread::sleep(SHORT);
    for load in [kept, single] {
        let report = load.stop().unwrap();
        assert!(report.requests > 50 && report.failed + report.repeated == 0, "{report:?}");
        assert_eq!(report.by_server["green"], report.requests);
    }

    let load = HttpLoad::start(from, at, Connections::PerRequest, 1, TICK);
    std::thread::sleep(SHORT);
    assert_eq!(load.take().failed, 0);
    drop(server);
    std::thread::sleep(SHORT);
    let report = load.stop().unwrap();
    assert!(report.failed > 10 && report.failures.len() == 5, "{report:?}");
}

#[test]
fn a_flow_tells_who_answered_when() {
    let Some(lab) = lab() else { return };
    let (from, to) = (lab.host(1).netns(), lab.host(2));
    let at = SocketAddr::new(to.addresses()[0], 80);
    // The underlay's first packets may wait for a second of ARP's.
    probe::ping(from, at.ip(), PATIENCE).unwrap();
    let flow = UdpFlow::start(from, at, TICK).unwrap();
    std::thread::sleep(SHORT);
    let answers_from = Instant::now();
    let identity = Identity::start(to.netns(), "late", &[80]).unwrap();
    std::thread::sleep(SHORT);
    assert!(identity.last_served().unwrap() > answers_from);
    let report = flow.stop().unwrap();
    // Kernels send six ICMP errors at once to one host, and then one a second.
    assert!(report.refused >= 6 && report.by_server["late"] > 10, "{report:?}");
    assert!(report.last["late"] > answers_from);
}
