//! One daemon takes over from another: no question is lost.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pontoon_dns::listen::reception::Reception;
use pontoon_dns::listen::sockets::{Origin, Sockets};
use pontoon_dns::listen::udp::{Listener, Settings};
use tokio::runtime::Handle;

use super::toy::{Toy, answered, question, reception, sockets};

const PATIENCE: Duration = Duration::from_secs(5);

fn start(reception: &Arc<Reception<Toy>>, sockets: Sockets) -> Listener {
    let settings = Settings::default();
    Listener::start(reception, sockets.udp, sockets.origin, settings, &Handle::current()).unwrap()
}

/// Asks one question after the other, each from a new port, and says how many there were and which of
/// them had no answer.
fn ask_until(done: &AtomicBool, server: SocketAddr) -> (u16, Vec<u16>) {
    let mut lost = Vec::new();
    let mut id = 0;
    while !done.load(Ordering::SeqCst) {
        id += 1;
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        socket.connect(server).unwrap();
        let name = if id % 8 == 0 { "late-2.x" } else { "web.x" };
        socket.send(&question(id, name)).unwrap();
        let mut buffer = [0; 512];
        match socket.recv(&mut buffer) {
            Ok(length) => assert_eq!(answered(&buffer[..length]), (id, 0)),
            Err(_) => lost.push(id),
        }
    }
    (id, lost)
}

#[tokio::test(flavor = "multi_thread")]
async fn daemons_take_over_from_each_other_and_no_question_is_lost() {
    let (first, server) = sockets("127.0.0.1:0");
    let mut running = start(&reception(), first);
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let done = done.clone();
            thread::spawn(move || ask_until(&done, server))
        })
        .collect();
    for _ in 0..15 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let next = start(&reception(), Sockets::bind(&[server], 1).unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
        std::mem::replace(&mut running, next).stop(PATIENCE).await;
    }
    done.store(true, Ordering::SeqCst);
    let mut asked = 0;
    for client in clients {
        let (questions, lost) = client.join().unwrap();
        assert_eq!(lost, [] as [u16; 0], "of {questions}");
        asked += usize::from(questions);
    }
    assert!(asked > 1000, "only {asked} questions were asked");
    running.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_arrived_is_answered_before_the_end() {
    for origin in [Origin::Bound, Origin::HandedOver] {
        let (mut sockets, server) = sockets("127.0.0.1:0");
        sockets.origin = origin;
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        for id in 0..200 {
            client.send_to(&question(id, "web.x"), server).unwrap();
        }
        // It is told to stop before it has read anything.
        let listener = start(&reception(), sockets);
        listener.stop(PATIENCE).await;
        let mut buffer = [0; 512];
        for id in 0..200 {
            let length = client.recv(&mut buffer).unwrap();
            assert_eq!(answered(&buffer[..length]), (id, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_handed_over_serves_the_next_daemon() {
    let (sockets, server) = sockets("127.0.0.1:0");
    let kept: Vec<_> = sockets.udp.iter().map(|socket| socket.try_clone().unwrap()).collect();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    for id in 0..4 {
        let fds = kept.iter().map(|socket| socket.try_clone().unwrap().into());
        let handed = Sockets::from_fds(fds).unwrap();
        let listener = start(&reception(), handed);
        let mut buffer = [0; 512];
        client.send_to(&question(id, "web.x"), server).unwrap();
        let length = client.recv(&mut buffer).unwrap();
        assert_eq!(answered(&buffer[..length]), (id, 0));
        listener.stop(PATIENCE).await;
    }
}

#[test]
fn what_is_no_socket_to_listen_on_is_named() {
    let error = Sockets::from_fds([std::fs::File::open("/dev/null").unwrap().into()]).unwrap_err();
    assert!(error.to_string().contains("file descriptor 0"), "{error}");
    let stream = std::os::unix::net::UnixStream::pair().unwrap().0;
    let error = Sockets::from_fds([stream.into()]).unwrap_err();
    assert!(error.to_string().contains("another family"), "{error}");
}

#[test]
fn an_address_that_is_taken_is_named_with_its_likely_cause() {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let error = Sockets::bind(&[address], 1).unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("name server"), "{error}");
}

#[test]
fn an_address_that_the_host_does_not_have_yet_is_bound() {
    let sockets = Sockets::bind(&["192.0.2.53:0".parse().unwrap()], 2).unwrap();
    assert_eq!((sockets.udp.len(), sockets.tcp.len()), (2, 1));
}
