//! Answers of a daemon that says what it is told to.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread::JoinHandle;

use pontoon_model::api::Code;
use pontoon_model::object::{Kind, Selection};
use pontoon_model::rest::EventKind;
use tempfile::TempDir;

use super::*;

/// Gives one answer to each request, over as many connections as it takes: `None` closes.
struct Told {
    folder: TempDir,
    asked: JoinHandle<Vec<String>>,
}

impl Told {
    fn new(answers: Vec<Option<String>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("api.sock")).unwrap();
        let asked = std::thread::spawn(move || {
            let mut asked = Vec::new();
            let mut stream = listener.accept().unwrap().0;
            for answer in answers {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") {
                    if stream.read(&mut byte).unwrap() == 0 {
                        stream = listener.accept().unwrap().0;
                        continue;
                    }
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                asked.push(head.lines().next().unwrap().to_owned());
                match answer {
                    Some(answer) => stream.write_all(answer.as_bytes()).unwrap(),
                    None => {
                        stream.shutdown(std::net::Shutdown::Both).unwrap();
                        stream = listener.accept().unwrap().0;
                    }
                }
            }
            asked
        });
        Self { folder, asked }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("api.sock")
    }

    fn client(&self) -> Client {
        Client::new(Address::Socket(self.path())).unwrap().with_patience(Duration::from_secs(5))
    }
}

fn answer(status: &str, body: &str) -> Option<String> {
    Some(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

fn services() -> Selection {
    Selection {
        kind: Kind::Service,
        namespace: "shop".parse().ok(),
        names: Vec::new(),
        labels: "app=web".parse().unwrap(),
    }
}

#[test]
fn one_connection_serves_several_calls_and_is_made_anew() {
    let list =
        r#"{"apiVersion":"v1","kind":"ServiceList","metadata":{"resourceVersion":"7"},"items":[]}"#;
    let told = Told::new(vec![
        answer("200 OK", list),
        answer(
            "404 Not Found",
            r#"{"code":111,"message":"service web does not exist","details":"x"}"#,
        ),
        None,
        answer("200 OK", list),
    ]);
    let client = told.client();
    assert_eq!(client.list(&services()).unwrap().metadata.resource_version, "7");
    let refused = client.get(Kind::Service, None, "web").unwrap_err();
    assert_eq!(refused.refusal().unwrap().code, Code::NotFound);
    assert_eq!(refused.to_string(), "service web does not exist: x");
    client.list(&services()).unwrap();
    assert_eq!(
        told.asked.join().unwrap(),
        [
            "GET /v1/namespaces/shop/services?labelSelector=app%3Dweb HTTP/1.1",
            "GET /v1/namespaces/default/services/web HTTP/1.1",
            "GET /v1/namespaces/shop/services?labelSelector=app%3Dweb HTTP/1.1",
            "GET /v1/namespaces/shop/services?labelSelector=app%3Dweb HTTP/1.1",
        ]
    );
}

#[test]
fn events_come_one_by_one_and_say_where_to_go_on() {
    let stream = [
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
        "event: ADDED\ndata: {\"type\":\"ADDED\",\"object\":{\"a\":1}}\n\n",
        ": alive\nid: 8\n\n",
        "id: 9\nevent: BOOKMARK\ndata: {\"type\":\"BOOKMARK\",\"object\":{}}\n\n",
    ];
    let told = Told::new(vec![Some(stream.concat())]);
    let client = told.client();
    let mut events = client.watch(&services(), Some("7")).unwrap();
    assert_eq!(events.next().unwrap().unwrap().object, serde_json::json!({"a": 1}));
    assert_eq!(events.version(), None, "there may be more of that state");
    assert_eq!(events.next().unwrap().unwrap().kind, EventKind::Bookmark);
    assert_eq!(events.version(), Some("9"));
    let asked = told.asked.join().unwrap();
    assert!(events.next().is_none(), "the daemon has ended the connection");
    assert!(events.next().is_none());
    assert!(
        asked[0].contains("?watch=true&resourceVersion=7&labelSelector=app%3Dweb "),
        "{asked:?}"
    );
}

#[test]
fn a_watch_of_a_daemon_that_falls_silent_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        // An answer before the question would be none.
        let mut head = [0; 1024];
        assert!(stream.read(&mut head).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
        // Signs of life for longer than a silence may last, an event, then nothing.
        for _ in 0..6 {
            std::thread::sleep(SILENCE / 4);
            stream.write_all(b"f\r\n: alive\nid: 8\n\n\r\n").unwrap();
        }
        let event = "data: {\"type\":\"ADDED\",\"object\":{}}\n\n";
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).unwrap();
        stream
    });
    const SILENCE: Duration = Duration::from_millis(1200);
    let client = Client::new(Address::Socket(path)).unwrap().with_silence(SILENCE);
    let mut events = client.watch(&services(), None).unwrap();
    assert_eq!(events.next().unwrap().unwrap().kind, EventKind::Added);
    let _open = server.join().unwrap();
    let error = events.next().unwrap().unwrap_err();
    assert!(matches!(error, HttpError::Silent { .. }), "{error}");
    assert_eq!(events.version(), Some("8"));
    assert!(events.next().is_none());
}

#[test]
fn every_way_to_fail_has_its_own_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = Client::new(Address::Socket(folder.path().join("none.sock"))).unwrap();
    let said = nobody.status().unwrap_err().to_string();
    assert!(said.contains("none.sock") && said.contains("pontoond is not running"), "{said}");

    let told = Told::new(vec![answer("200 OK", "[1"), answer("500 Oops", "<html>")]);
    let client = told.client();
    for _ in 0..2 {
        let said = client.status().unwrap_err().to_string();
        assert!(said.contains("cannot be read") && said.contains("one version"), "{said}");
    }
    told.asked.join().unwrap();

    let told = Told::new(vec![Some(String::new())]);
    let client = told.client().with_patience(Duration::from_millis(50));
    let said = client.status().unwrap_err().to_string();
    assert!(said.contains("did not answer within") || said.contains("ended"), "{said}");

    let key = folder.path().join("key.pem");
    let at = TlsAddress {
        host: "127.0.0.1".to_owned(),
        port: 1,
        ca: key.clone(),
        cert: key.clone(),
        key,
    };
    // Also where the key stands in one line, or beside certificates.
    for pem in [
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n",
        "-----BEGIN PRIVATE KEY-----c2VjcmV0",
        "-----BEGIN c2VjcmV0",
    ] {
        std::fs::write(&at.key, pem).unwrap();
        let client = Client::new(Address::Tls(at.clone())).unwrap();
        let said = client.status().unwrap_err().to_string();
        let decimals = b"c2VjcmV0".map(|byte| byte.to_string()).join(", ");
        assert!(said.contains("key.pem") && !said.contains("c2VjcmV0"), "{said}");
        assert!(!said.contains(&decimals), "{said}");
    }
}
