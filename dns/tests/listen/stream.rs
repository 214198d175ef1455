//! Connections of TCP (RFC 7766).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pontoon_dns::listen::reception::Reception;
use pontoon_dns::listen::stream::limits::Limits;
use pontoon_dns::listen::stream::{Listener, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::toy::{LARGE, Toy, answered, question, reception, reception_for, sockets};

const PATIENCE: Duration = Duration::from_secs(5);

fn start(reception: &Arc<Reception<Toy>>, limits: Limits) -> (Listener, SocketAddr) {
    let (sockets, address) = sockets("127.0.0.1:0");
    (Listener::start(reception, sockets.tcp, &Protocol::Tcp, limits).unwrap(), address)
}

/// Limits under which a test sees a connection end soon.
fn hasty() -> Limits {
    Limits { idle: Duration::from_millis(200), ..Limits::default() }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

async fn ask(stream: &mut TcpStream, id: u16, name: &str) {
    stream.write_all(&framed(&question(id, name))).await.unwrap();
}

/// The number of the next answer and its code; `None` at the end of the stream.
async fn hear(stream: &mut TcpStream) -> Option<(u16, u8)> {
    let hearing = async {
        let length = stream.read_u16().await.ok()?;
        let mut message = vec![0; length.into()];
        stream.read_exact(&mut message).await.unwrap();
        Some(answered(&message))
    };
    timeout(PATIENCE, hearing).await.unwrap()
}

#[tokio::test]
async fn rfc7766_6_2_1_1_questions_in_a_row_share_a_connection() {
    let (listener, server) = start(&reception(), Limits::default());
    let mut stream = TcpStream::connect(server).await.unwrap();
    let all: Vec<u8> = (0..200).flat_map(|id| framed(&question(id, "web.x"))).collect();
    stream.write_all(&all).await.unwrap();
    for id in 0..200 {
        assert_eq!(hear(&mut stream).await, Some((id, 0)));
    }
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn rfc7766_7_answers_leave_in_any_order() {
    let (listener, server) = start(&reception(), Limits::default());
    let mut stream = TcpStream::connect(server).await.unwrap();
    ask(&mut stream, 1, "late-200.x").await;
    ask(&mut stream, 2, "late-50.x").await;
    ask(&mut stream, 3, "web.x").await;
    for id in [3, 2, 1] {
        assert_eq!(hear(&mut stream).await, Some((id, 0)));
    }
    ask(&mut stream, 4, "two.x").await;
    assert_eq!(hear(&mut stream).await, Some((4, 0)));
    assert_eq!(hear(&mut stream).await, Some((4, 0)));
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_large_answer_may_take_longer_than_a_connection_may_be_idle() {
    let limits = Limits { idle: Duration::from_secs(1), ..Limits::default() };
    let (listener, server) = start(&reception(), limits);
    let socket = TcpSocket::new_v4().unwrap();
    // With much room it would take long before the server hears that there is some again.
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut stream = socket.connect(server).await.unwrap();
    let begun = Instant::now();
    ask(&mut stream, 1, "zone.x").await;
    for _ in 0..LARGE {
        assert_eq!(hear(&mut stream).await, Some((1, 0)));
        // Slow, and never still.
        sleep(Duration::from_millis(6)).await;
    }
    assert!(begun.elapsed() > 2 * limits.idle);
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn rfc7766_8_a_question_may_come_in_pieces() {
    let (listener, server) = start(&reception(), Limits::default());
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in framed(&question(7, "web.x")) {
        stream.write_all(&[byte]).await.unwrap();
        sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(hear(&mut stream).await, Some((7, 0)));
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn rfc7766_6_2_3_a_connection_on_which_nothing_is_asked_is_closed() {
    let (listener, server) = start(&reception(), hasty());
    let mut stream = TcpStream::connect(server).await.unwrap();
    let begun = Instant::now();
    ask(&mut stream, 1, "web.x").await;
    assert_eq!(hear(&mut stream).await, Some((1, 0)));
    assert_eq!(hear(&mut stream).await, None);
    assert!(begun.elapsed() >= Duration::from_millis(200));
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn who_sends_a_question_byte_by_byte_wins_no_time() {
    let (listener, server) = start(&reception(), hasty());
    let mut stream = TcpStream::connect(server).await.unwrap();
    let begun = Instant::now();
    let (mut reader, mut writer) = stream.split();
    let drip = async {
        loop {
            // At this pace, the question takes seconds.
            let _ = writer.write_all(&[0]).await;
            sleep(Duration::from_millis(50)).await;
        }
    };
    let mut nothing = [0];
    tokio::select! {
        () = drip => {}
        end = reader.read(&mut nothing) => assert!(matches!(end, Ok(0) | Err(_))),
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_connection_is_not_idle_that_waits_for_an_answer() {
    let (listener, server) = start(&reception(), hasty());
    let mut stream = TcpStream::connect(server).await.unwrap();
    ask(&mut stream, 1, "late-600.x").await;
    assert_eq!(hear(&mut stream).await, Some((1, 0)));
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn who_asks_no_more_still_gets_the_answers() {
    let (listener, server) = start(&reception(), Limits::default());
    let mut stream = TcpStream::connect(server).await.unwrap();
    ask(&mut stream, 1, "late-100.x").await;
    ask(&mut stream, 2, "web.x").await;
    // Half of a question, which nobody will complete.
    stream.write_all(&[0, 40, 1, 2, 3]).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(hear(&mut stream).await, Some((2, 0)));
    assert_eq!(hear(&mut stream).await, Some((1, 0)));
    assert_eq!(hear(&mut stream).await, None);
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn who_takes_no_answers_is_closed() {
    let (listener, server) = start(&reception(), hasty());
    let mut stream = TcpStream::connect(server).await.unwrap();
    let all: Vec<u8> = (0..1000).flat_map(|id| framed(&question(id, "web.x"))).collect();
    // Nobody reads, so that buffers fill in both directions until the other side gives up.
    let filling = async { while stream.write_all(&all).await.is_ok() {} };
    timeout(Duration::from_secs(20), filling).await.unwrap();
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn nonsense_ends_a_connection() {
    let (listener, server) = start(&reception(), Limits::default());
    for nonsense in [
        // A message of no bytes, one of a few, one that is an answer, one that is too long.
        &[0, 0][..],
        &[0, 3, 1, 2, 3],
        &framed(&[0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]),
        &[0xff; 5000],
    ] {
        let mut stream = TcpStream::connect(server).await.unwrap();
        ask(&mut stream, 1, "web.x").await;
        assert_eq!(hear(&mut stream).await, Some((1, 0)));
        stream.write_all(nonsense).await.unwrap();
        assert_eq!(hear(&mut stream).await, None);
    }
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_question_that_breaks_the_answering_code_ends_its_connection_only() {
    let (listener, server) = start(&reception(), Limits::default());
    let mut broken = TcpStream::connect(server).await.unwrap();
    let mut other = TcpStream::connect(server).await.unwrap();
    ask(&mut broken, 1, "panic.x").await;
    assert_eq!(hear(&mut broken).await, None);
    ask(&mut other, 1, "web.x").await;
    assert_eq!(hear(&mut other).await, Some((1, 0)));
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_connection_has_so_many_questions_under_way_and_no_more() {
    let reception = reception();
    let (listener, server) = start(&reception, Limits { in_flight: 2, ..Limits::default() });
    let mut stream = TcpStream::connect(server).await.unwrap();
    for id in 0..2 {
        ask(&mut stream, id, "late-200.x").await;
    }
    // It is read once another is answered, and so is answered behind it.
    ask(&mut stream, 2, "web.x").await;
    let first = hear(&mut stream).await.unwrap().0;
    assert!(first < 2);
    let rest: BTreeSet<_> =
        [hear(&mut stream).await.unwrap().0, hear(&mut stream).await.unwrap().0].into();
    assert_eq!(rest, [1 - first, 2].into());
    listener.stop(PATIENCE).await;
}

/// Connects from that address of this host.
async fn connect_from(client: &str, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(client.parse().unwrap(), 0)).unwrap();
    socket.connect(server).await.unwrap()
}

/// Whether a connection is served.
async fn is_served(stream: &mut TcpStream) -> bool {
    let message = framed(&question(1, "web.x"));
    stream.write_all(&message).await.is_ok() && hear(stream).await.is_some()
}

#[tokio::test]
async fn there_are_so_many_connections_of_a_client_and_in_all_and_no_more() {
    let limits = Limits { connections: 3, per_client: 2, ..Limits::default() };
    let (listener, server) = start(&reception(), limits);
    let mut one = connect_from("127.0.0.2", server).await;
    let mut two = connect_from("127.0.0.2", server).await;
    assert!(is_served(&mut one).await && is_served(&mut two).await);
    assert!(!is_served(&mut connect_from("127.0.0.2", server).await).await);
    let mut three = connect_from("127.0.0.3", server).await;
    assert!(is_served(&mut three).await);
    assert!(!is_served(&mut connect_from("127.0.0.4", server).await).await);
    drop(three);
    // Once it is seen that the place is free.
    for _ in 0..100 {
        if is_served(&mut connect_from("127.0.0.4", server).await).await {
            return listener.stop(PATIENCE).await;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the place of a connection that was closed is not given again");
}

#[tokio::test]
async fn a_stranger_is_refused_once() {
    const REFUSED: u8 = 5;
    let (listener, server) = start(&reception_for(&["10.42.0.0/16"], 0), Limits::default());
    let mut stream = TcpStream::connect(server).await.unwrap();
    ask(&mut stream, 1, "web.x").await;
    assert_eq!(hear(&mut stream).await, Some((1, REFUSED)));
    assert_eq!(hear(&mut stream).await, None);
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn who_asks_too_much_is_not_answered_and_may_stay() {
    let (listener, server) = start(&reception_for(&["127.0.0.0/8"], 2), Limits::default());
    let mut stream = TcpStream::connect(server).await.unwrap();
    for id in 0..5 {
        ask(&mut stream, id, "web.x").await;
    }
    sleep(Duration::from_millis(600)).await;
    ask(&mut stream, 9, "web.x").await;
    let mut heard = vec![hear(&mut stream).await.unwrap()];
    while heard.last() != Some(&(9, 0)) {
        heard.push(hear(&mut stream).await.unwrap());
    }
    assert!((3..6).contains(&heard.len()), "{heard:?}");
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_stop_answers_what_was_asked_and_closes_what_is_idle() {
    let (listener, server) = start(&reception(), Limits::default());
    let mut idle = TcpStream::connect(server).await.unwrap();
    assert!(is_served(&mut idle).await);
    let mut busy = TcpStream::connect(server).await.unwrap();
    ask(&mut busy, 1, "late-300.x").await;
    let mut stuck = TcpStream::connect(server).await.unwrap();
    ask(&mut stuck, 1, "stuck.x").await;
    // The kernel has taken this connection, and the listener has not looked at it yet.
    let mut new = TcpStream::connect(server).await.unwrap();
    ask(&mut new, 1, "web.x").await;
    let begun = Instant::now();
    listener.stop(Duration::from_millis(800)).await;
    assert!(begun.elapsed() >= Duration::from_millis(800), "the stuck one was not waited for");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(hear(&mut idle).await, None);
    assert_eq!(hear(&mut busy).await, Some((1, 0)));
    assert_eq!(hear(&mut new).await, Some((1, 0)));
    assert_eq!(hear(&mut stuck).await, None);
    assert!(TcpStream::connect(server).await.is_err(), "somebody listens still");
}
