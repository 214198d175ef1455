//! Questions over HTTP (RFC 8484), with hyper's client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use pontoon_dns::listen::reception::Reception;
use pontoon_dns::listen::stream::limits::Limits;
use pontoon_dns::listen::stream::{Listener, Protocol};

use super::tls::Files;
use super::toy::{Toy, answered, question, reception, reception_for, sockets};

const PATIENCE: Duration = Duration::from_secs(5);
const MESSAGE: &str = "application/dns-message";

struct Server {
    files: Files,
    listener: Listener,
    address: SocketAddr,
}

fn start(reception: &Arc<Reception<Toy>>, limits: Limits) -> Server {
    let files = Files::new();
    let (sockets, address) = sockets("127.0.0.1:0");
    let protocol = Protocol::Https(files.load());
    let listener = Listener::start(reception, sockets.tcp, &protocol, limits).unwrap();
    Server { files, listener, address }
}

/// A connection of either version.
enum Client {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    async fn one(server: &Server) -> Self {
        let stream = server.files.connect(server.address, "http/1.1").await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::One(sender)
    }

    async fn two(server: &Server) -> Self {
        let stream = server.files.connect(server.address, "h2").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let executor = TokioExecutor::new();
        let (sender, connection) = http2::handshake(executor, TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::Two(sender)
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Two(sender) => sender.send_request(request).await,
        }
    }
}

fn get(id: u16, name: &str) -> Request<Full<Bytes>> {
    let question = BASE64URL_NOPAD.encode(&question(id, name));
    let address = format!("https://localhost/dns-query?dns={question}");
    Request::get(address).header("host", "localhost").body(Full::default()).unwrap()
}

fn post(id: u16, name: &str) -> Request<Full<Bytes>> {
    let request = Request::post("https://localhost/dns-query").header("host", "localhost");
    let body = Full::new(question(id, name).into());
    request.header(CONTENT_TYPE, MESSAGE).body(body).unwrap()
}

/// The number of the answer in a response and its code, once it is seen to be one.
async fn heard(response: Response<Incoming>) -> (u16, u8) {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[CONTENT_TYPE], MESSAGE);
    answered(&response.into_body().collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn rfc8484_4_questions_are_asked_by_get_and_post_in_both_versions() {
    let server = start(&reception(), Limits::default());
    for mut client in [Client::one(&server).await, Client::two(&server).await] {
        for (id, name) in [(0, "web.x"), (7, "late-20.x")] {
            for request in [get(id, name), post(id, name)] {
                let response = client.send(request).await.unwrap();
                assert_eq!(response.headers()[CACHE_CONTROL], "max-age=30");
                assert_eq!(heard(response).await, (id, 0));
            }
        }
    }
    server.listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn requests_of_one_connection_do_not_wait_for_each_other() {
    let server = start(&reception(), Limits::default());
    let Client::Two(sender) = Client::two(&server).await else { panic!("not version 2") };
    let begun = Instant::now();
    let requests = (0..20).map(|id| {
        let mut sender = sender.clone();
        async move { heard(sender.send_request(post(id, "late-200.x")).await.unwrap()).await }
    });
    let answers = futures::future::join_all(requests).await;
    assert_eq!(answers, (0..20).map(|id| (id, 0)).collect::<Vec<_>>());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    server.listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn what_is_wrong_is_said_by_the_status_and_ends_nothing() {
    let server = start(&reception(), Limits::default());
    for mut client in [Client::one(&server).await, Client::two(&server).await] {
        let plain = |path: &str| {
            let request = Request::get(format!("https://localhost{path}"));
            request.header("host", "localhost").body(Full::default()).unwrap()
        };
        for (request, status) in [
            (plain("/"), 404),
            (plain("/dns-query"), 400),
            (plain("/dns-query?dns=AAAA"), 400),
            (post(1, "drop.x"), 400),
            (post(1, "panic.x"), 500),
        ] {
            assert_eq!(client.send(request).await.unwrap().status(), status);
        }
        assert_eq!(heard(client.send(get(3, "web.x")).await.unwrap()).await, (3, 0));
    }
    server.listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_stranger_is_refused_in_dns_and_who_asks_too_much_in_http() {
    const REFUSED: u8 = 5;
    let server = start(&reception_for(&["10.42.0.0/16"], 0), Limits::default());
    let mut client = Client::two(&server).await;
    assert_eq!(heard(client.send(get(3, "web.x")).await.unwrap()).await, (3, REFUSED));
    server.listener.stop(PATIENCE).await;

    let server = start(&reception_for(&["127.0.0.0/8"], 1), Limits::default());
    let mut client = Client::two(&server).await;
    assert_eq!(heard(client.send(get(3, "web.x")).await.unwrap()).await, (3, 0));
    assert_eq!(client.send(get(3, "web.x")).await.unwrap().status(), 429);
    server.listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_is_closed() {
    let limits = Limits { idle: Duration::from_millis(200), ..Limits::default() };
    let server = start(&reception(), limits);
    for version in [1, 2] {
        let mut client = match version {
            1 => Client::one(&server).await,
            _ => Client::two(&server).await,
        };
        // Longer than a connection may be idle: it waits for its answer.
        assert_eq!(heard(client.send(get(3, "late-500.x")).await.unwrap()).await, (3, 0));
        let closed = async {
            loop {
                let over = match &client {
                    Client::One(sender) => sender.is_closed(),
                    Client::Two(sender) => sender.is_closed(),
                };
                if over {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.expect("the connection stays");
    }
    server.listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_stop_answers_what_was_asked() {
    let server = start(&reception(), Limits::default());
    let mut clients = [Client::one(&server).await, Client::two(&server).await];
    for client in &mut clients {
        assert_eq!(heard(client.send(get(3, "web.x")).await.unwrap()).await, (3, 0));
    }
    let asking = clients.map(|mut client| {
        tokio::spawn(async move { heard(client.send(get(4, "late-300.x")).await.unwrap()).await })
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    server.listener.stop(PATIENCE).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    for asking in asking {
        assert_eq!(asking.await.unwrap(), (4, 0));
    }
}
