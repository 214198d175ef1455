//! What is answered, over a real connection.

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::*;
use crate::metrics::Metrics;

/// The status, the type and the text.
async fn ask(address: SocketAddr, path: &str, accept: &str) -> (u16, String, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(path).header("accept", accept).body(Empty::<Bytes>::new()).unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let text = body.collect().await.unwrap().to_bytes();
    let kind = head.headers.get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let text = String::from_utf8(text.to_vec()).unwrap();
    (head.status.as_u16(), kind.unwrap_or_default(), text)
}

async fn serve(
    ready: bool,
) -> (SocketAddr, tokio::task::JoinHandle<()>, watch::Receiver<Vec<String>>) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    let figures = Metrics::default();
    let parts = Parts {
        sources: vec![Box::new(move |registry| figures.register(registry))],
        alive: Box::new(|| Box::pin(async { Ok(Vec::new()) })),
        ready: Box::new(move || {
            Box::pin(async move {
                let said = vec!["the store is away: a\nb".to_owned()];
                if ready { Ok(said) } else { Err(said) }
            })
        }),
    };
    let (problems_tx, problems) = watch::channel(Vec::new());
    let task = tokio::spawn(run(Some(address), parts, problems_tx));
    let mut told = problems.clone();
    told.wait_for(|lines| lines.iter().any(|line| line.contains("in use"))).await.unwrap();
    drop(free);
    told.wait_for(Vec::is_empty).await.unwrap();
    (address, task, problems)
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_had_later() {
    let (address, task, _) = serve(true).await;
    let (status, kind, text) = ask(address, "/healthz", "*/*").await;
    assert_eq!((status, text.as_str()), (200, "ok\n"));
    assert_eq!(kind, "text/plain; charset=utf-8");
    task.abort();
}

#[tokio::test]
async fn reasons_are_told_a_line_each_and_figures_as_the_reader_likes() {
    let (address, task, _) = serve(false).await;
    let (status, _, text) = ask(address, "/readyz", "").await;
    assert_eq!((status, text.as_str()), (503, "not ok\nthe store is away: a b\n"));
    let (_, kind, text) = ask(address, "/metrics", "application/openmetrics-text").await;
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let (_, kind, text) = ask(address, "/metrics", "text/plain").await;
    assert!(
        kind.contains("0.0.4") && text.contains("# TYPE pontoon_cni_requests_total counter"),
        "{text}"
    );
    assert_eq!(ask(address, "/", "").await.0, 404);
    task.abort();
}
