//! What a client may not do.

use super::*;
use pontoon_model::rest::MAX_BODY;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_request_that_is_too_long_is_refused_and_the_next_is_served() {
    let stage = Stage::new().await;
    let long = vec![b' '; MAX_BODY + 1];
    let answer = stage.ask_as(Method::POST, "/v1/apply", "application/json", long).await;
    assert_eq!((answer.status, &answer.body["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(114)));
    assert_eq!(stage.get("/v1/status").await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_in_browsers_change_nothing() {
    let stage = Stage::new().await;
    stage.host("here", 1).await;
    let document =
        serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "page"}});
    let body = || Full::new(Bytes::from(document.to_string()));
    let json = ("content-type", "application/json");
    for (name, value) in [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")] {
        for path in ["/v1/apply", "/v1/nodes/here/cordon"] {
            let request = Request::post(path).header(json.0, json.1).header(name, value);
            let answer = Answer::read(stage.send(request.body(body()).unwrap()).await).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {name}: {}", answer.body);
        }
    }
    // A page can send bytes of no kind at all.
    let request = Request::post("/v1/apply").body(body()).unwrap();
    let answer = Answer::read(stage.send(request).await).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    assert_eq!(stage.get("/v1/namespaces/page").await.status, StatusCode::NOT_FOUND);
    assert_eq!(stage.get("/v1/nodes").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_change_is_whole_though_its_client_hangs_up() {
    let stage = Stage::new().await;
    let documents: Vec<Value> = (0..400)
        .map(|n| serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("n{n}")}}))
        .collect();
    let body = Value::Array(documents).to_string();
    let head = format!(
        "POST /v1/apply HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = UnixStream::connect(stage.socket()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    // The first is there, and nobody waits for the rest.
    while stage.get("/v1/namespaces/n0").await.status != StatusCode::OK {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(stream);
    for attempt in 0.. {
        if stage.get("/v1/namespaces/n399").await.status == StatusCode::OK {
            break;
        }
        assert!(attempt < 200, "the rest is left out");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn watches_are_counted() {
    let stage = Stage::new().await;
    let open = || async {
        let request = Request::get("/v1/nodes?watch=true").body(Full::default()).unwrap();
        stage.send(request).await
    };
    let mut watches = Vec::new();
    for _ in 0..crate::api::watch::AT_ONCE {
        watches.push(open().await);
        assert_eq!(watches.last().unwrap().status(), StatusCode::OK);
    }
    let refused = Answer::read(open().await).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(stage.get("/v1/status").await.status, StatusCode::OK, "others are served");
    watches.clear();
    for attempt in 0.. {
        if open().await.status() == StatusCode::OK {
            break;
        }
        assert!(attempt < 100, "closed watches give their places back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nonsense_is_no_http_and_harms_nobody() {
    let stage = Stage::new().await;
    for nonsense in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"GET\r\n\r\n",
        b"{\"verb\":\"ready\"}\n\n",
        &[b'a'; 100_000],
    ] {
        let mut stream = UnixStream::connect(stage.socket()).await.unwrap();
        let _ = stream.write_all(nonsense).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    }
    assert_eq!(stage.get("/v1/status").await.status, StatusCode::OK);
}
