//! Datagrams.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pontoon_dns::listen::reception::Reception;
use pontoon_dns::listen::sockets::Sockets;
use pontoon_dns::listen::udp::{Listener, Settings};
use tokio::runtime::Handle;

use super::toy::{Toy, answered, question, reception, reception_for, sockets, task_of};

const PATIENCE: Duration = Duration::from_secs(5);

fn start(reception: &Arc<Reception<Toy>>, address: &str) -> (Listener, SocketAddr) {
    let (sockets, address) = sockets(address);
    (start_with(reception, sockets, Settings::default()), address)
}

fn start_with(reception: &Arc<Reception<Toy>>, sockets: Sockets, settings: Settings) -> Listener {
    let runtime = Handle::current();
    Listener::start(reception, sockets.udp, sockets.origin, settings, &runtime).unwrap()
}

fn client(server: SocketAddr) -> UdpSocket {
    let any = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(any).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.connect(server).unwrap();
    socket
}

fn ask(client: &UdpSocket, id: u16, name: &str) {
    client.send(&question(id, name)).unwrap();
}

/// The number of the next answer and its code; `None` when none comes.
fn hear(client: &UdpSocket) -> Option<(u16, u8)> {
    let mut buffer = [0; 4096];
    let length = client.recv(&mut buffer).ok()?;
    Some(answered(&buffer[..length]))
}

/// That there is no further answer: a question behind shows that all before it were looked at.
fn hear_nothing_more(client: &UdpSocket) {
    ask(client, 9999, "last");
    assert_eq!(hear(client), Some((9999, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_of_a_batch_gets_its_answer() {
    let reception = reception();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (listener, server) = start(&reception, address);
        let client = client(server);
        for round in 0..3 {
            for id in 0..100 {
                ask(&client, round * 100 + id, "web");
            }
            let heard: BTreeSet<_> = (0..100).map(|_| hear(&client).unwrap()).collect();
            assert_eq!(heard, (0..100).map(|id| (round * 100 + id, 0)).collect());
        }
        listener.stop(PATIENCE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_time_holds_up_no_other() {
    let (listener, server) = start(&reception(), "127.0.0.1:0");
    let client = client(server);
    ask(&client, 1, "late-200.x");
    ask(&client, 2, "late-50.x");
    ask(&client, 3, "web.x");
    let heard: Vec<_> = (0..3).map(|_| hear(&client).unwrap().0).collect();
    assert_eq!(heard, [3, 2, 1]);
    listener.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_would_wait_behind_too_many_are_dropped() {
    let reception = reception();
    let (sockets, server) = sockets("127.0.0.1:0");
    let listener = start_with(&reception, sockets, Settings { waiting: 3 });
    let client = client(server);
    for id in 0..10 {
        ask(&client, id, "late-300.x");
    }
    ask(&client, 10, "web.x");
    assert_eq!(hear(&client), Some((10, 0)));
    let late: BTreeSet<_> = (0..3).map(|_| hear(&client).unwrap().0).collect();
    assert_eq!(late, [0, 1, 2].into());
    hear_nothing_more(&client);
    assert_eq!(reception.answers.late.load(Ordering::SeqCst), 3);
    // There is room again.
    ask(&client, 11, "late-1.x");
    assert_eq!(hear(&client), Some((11, 0)));
    listener.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_deserves_no_answer_gets_none() {
    let (listener, server) = start(&reception(), "127.0.0.1:0");
    let client = client(server);
    for nonsense in [&b""[..], b"x", &[0; 12], &[0xff; 600], &[0; 5000]] {
        client.send(nonsense).unwrap();
    }
    ask(&client, 1, "drop.x");
    hear_nothing_more(&client);
    listener.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_breaks_the_answering_code_ends_nothing() {
    let (listener, server) = start(&reception(), "127.0.0.1:0");
    let client = client(server);
    ask(&client, 1, "panic.x");
    hear_nothing_more(&client);
    listener.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_gone_harms_no_other() {
    let (listener, server) = start(&reception(), "127.0.0.1:0");
    let stays = client(server);
    for id in 0..50 {
        // Its port is closed before the answer comes, and the kernel says so.
        ask(&client(server), id, "web.x");
        ask(&stays, id, "web.x");
    }
    for id in 0..50 {
        assert_eq!(hear(&stays), Some((id, 0)));
    }
    listener.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused() {
    const REFUSED: u8 = 5;
    let reception = reception_for(&["10.42.0.0/16"], 0);
    let (listener, server) = start(&reception, "127.0.0.1:0");
    let client = client(server);
    ask(&client, 1, "web.x");
    ask(&client, 2, "late-1.x");
    client.send(b"no question at all").unwrap();
    assert_eq!(hear(&client), Some((1, REFUSED)));
    assert_eq!(hear(&client), Some((2, REFUSED)));
    listener.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_much_is_not_answered_and_others_are() {
    let (listener, server) = start(&reception_for(&["127.0.0.0/8"], 10), "127.0.0.1:0");
    let busy = client(server);
    busy.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    for id in 0..100 {
        ask(&busy, id, "web.x");
    }
    let heard = std::iter::from_fn(|| hear(&busy)).count();
    // A burst of 10, and one each 100 ms that this takes.
    assert!((10..40).contains(&heard), "{heard} answers");
    let other = UdpSocket::bind("127.0.0.2:0").unwrap();
    other.connect(server).unwrap();
    ask(&other, 1, "web.x");
    assert_eq!(hear(&other), Some((1, 0)));
    listener.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_all_addresses_the_one_that_was_asked_answers() {
    let (listener, server) = start(&reception(), "0.0.0.0:0");
    for address in ["127.0.0.1", "127.0.0.9"] {
        // A connected client hears nobody else.
        let client = client(SocketAddr::new(address.parse().unwrap(), server.port()));
        ask(&client, 1, "web.x");
        ask(&client, 2, "late-10.x");
        assert_eq!(hear(&client), Some((1, 0)));
        assert_eq!(hear(&client), Some((2, 0)));
    }
    listener.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_wakes_up_when_nobody_asks() {
    let (listener, server) = start(&reception(), "127.0.0.1:0");
    let client = client(server);
    ask(&client, 1, "web.x");
    assert_eq!(hear(&client), Some((1, 0)));
    let task = task_of(&format!("dns-udp:{}", server.port()));
    let naps = || {
        let status = std::fs::read_to_string(task.join("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
        line.unwrap().to_owned()
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = naps();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(naps(), before);
    listener.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_at_once_when_nobody_asks() {
    let (listener, server) = start(&reception(), "127.0.0.1:0");
    for wait in [0, 200] {
        // Just behind a question, and when it sleeps.
        let client = client(server);
        ask(&client, 1, "web.x");
        assert_eq!(hear(&client), Some((1, 0)));
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    let begun = Instant::now();
    listener.stop(PATIENCE).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(UdpSocket::bind(server).is_ok(), "the address is still taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_answers_that_take_time_but_not_for_ever() {
    let (listener, server) = start(&reception(), "127.0.0.1:0");
    let client = client(server);
    ask(&client, 1, "late-300.x");
    ask(&client, 2, "stuck.x");
    ask(&client, 3, "web.x");
    assert_eq!(hear(&client), Some((3, 0)));
    let begun = Instant::now();
    listener.stop(Duration::from_millis(800)).await;
    assert!(begun.elapsed() >= Duration::from_millis(800));
    assert_eq!(hear(&client), Some((1, 0)));
}
