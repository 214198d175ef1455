//! What an answer to a datagram costs, beside a bare echo of datagrams:
//! `cargo test --release -p pontoon-dns --test listen cost -- --ignored --nocapture`.

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pontoon_dns::exchange::{Answers, AtOnce, Transport};
use pontoon_dns::listen::gate::Gate;
use pontoon_dns::listen::limit::{Acl, Rate};
use pontoon_dns::listen::reception::Reception;
use pontoon_dns::listen::udp::{Listener, Settings};
use pontoon_dns::metrics::Metrics;
use pontoon_dns::wire::name::Name;
use pontoon_netlink::datagrams::{BATCH, Inbox, Outgoing, Wait, send};
use tokio::runtime::Handle;

use super::toy::{question, sockets, task_of};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1500);

/// Answers with the question, so that the rest is what is measured.
struct Mirror;

impl Answers for Mirror {
    fn at_once(&self, message: &[u8], _: IpAddr, _: Transport, out: &mut Vec<u8>) -> AtOnce {
        out.extend_from_slice(message);
        out[2] |= 0x84;
        AtOnce::Answered
    }

    async fn later(&self, _: Vec<u8>, _: IpAddr, _: Transport) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

/// The processor time of a thread, nanoseconds.
fn cpu_of(task: &Path) -> u64 {
    let text = fs::read_to_string(task.join("schedstat")).unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// Asks as fast as it is answered; says how many answers there were.
fn saturate(server: SocketAddr) -> u64 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let message = question(7, "web.shop.svc.cluster.local");
    let mut inbox = Inbox::new(512);
    let (mut asked, mut answered) = (0_u64, 0_u64);
    let end = Instant::now() + ROUND;
    while Instant::now() < end {
        while asked < answered + 4 * BATCH as u64 {
            let batch = [Outgoing { bytes: &message, to: server, from: None }; BATCH];
            asked += send(&socket, batch).unwrap() as u64;
        }
        match inbox.receive(&socket, Wait::ForFirst) {
            Ok(count) => answered += count as u64,
            Err(_) => asked = answered,
        }
    }
    answered
}

/// Asks that often a second; says how many answers there were.
fn pace(server: SocketAddr, per_second: u32) -> u64 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_nonblocking(true).unwrap();
    let message = question(7, "web.shop.svc.cluster.local");
    let mut buffer = [0; 512];
    let (begun, mut asked, mut answered) = (Instant::now(), 0, 0);
    while begun.elapsed() < ROUND {
        if begun.elapsed() >= Duration::from_secs(1) / per_second * asked {
            socket.send(&message).unwrap();
            asked += 1;
        }
        answered += u64::from(socket.recv(&mut buffer).is_ok());
    }
    answered
}

/// Runs `load` in turn against both servers; prints microseconds a question of each, and their ratio.
fn compare(what: &str, echo: SocketAddr, server: SocketAddr, load: impl Fn(SocketAddr) -> u64) {
    let mut best = [f64::MAX; 2];
    let mut answers = [0; 2];
    for _ in 0..ROUNDS {
        for (index, (name, address)) in
            [("echo", echo), ("dns-udp", server)].into_iter().enumerate()
        {
            let thread = task_of(&format!("{name}:{}", address.port()));
            let before = cpu_of(&thread);
            let answered = load(address);
            let cost = (cpu_of(&thread) - before) as f64 / 1000.0 / answered as f64;
            best[index] = best[index].min(cost);
            answers[index] = answered;
        }
    }
    let [echo, server] = best;
    println!(
        "{what}: echo {echo:.2} µs, listener {server:.2} µs, {:.2} times; {answers:?} answers a round",
        server / echo
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "a measurement: wants an idle machine"]
async fn cost_of_a_datagram_beside_a_bare_echo() {
    let acl = Acl::new(["10.42.0.0/16", "127.0.0.0/8"].map(|network| network.parse().unwrap()));
    let reception = Arc::new(Reception {
        answers: Mirror,
        gate: Gate::new(acl, Rate::per_second(u32::MAX)),
        metrics: Arc::new(Metrics::new(&Name::parse("cluster.local").unwrap())),
    });
    let (sockets, server) = sockets("127.0.0.1:0");
    let settings = Settings::default();
    let listener =
        Listener::start(&reception, sockets.udp, sockets.origin, settings, &Handle::current())
            .unwrap();

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let echo = socket.local_addr().unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let stop = done.clone();
    let echoing = thread::Builder::new().name(format!("echo:{}", echo.port())).spawn(move || {
        let mut inbox = Inbox::new(4096);
        while !stop.load(Ordering::Relaxed) {
            if inbox.receive(&socket, Wait::ForFirst).is_ok() {
                let back = inbox.datagrams().map(|datagram| Outgoing {
                    bytes: datagram.bytes.unwrap(),
                    to: datagram.from,
                    from: None,
                });
                send(&socket, back).unwrap();
            }
        }
    });
    tokio::task::spawn_blocking(move || {
        println!("load: {}", fs::read_to_string("/proc/loadavg").unwrap().trim());
        compare("saturated", echo, server, saturate);
        compare("5,000/s", echo, server, |address| pace(address, 5000));
    })
    .await
    .unwrap();
    done.store(true, Ordering::Relaxed);
    echoing.unwrap().join().unwrap();
    listener.stop(Duration::from_secs(1)).await;
}
