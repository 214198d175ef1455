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
