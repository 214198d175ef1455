//! The API over HTTP, as far as the command speaks it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::{Kind, Outcome, Selection};
use pontoon_model::rest::{ApiError, MAX_BODY, MetadataPatch, ObjectOutcome, Outcomes};
use serde_json::{Value, json};

use crate::support::{Request, Response};

/// A request as it came.
pub(crate) struct Incoming {
    method: String,
    path: String,
    query: String,
    body: Vec<u8>,
}

/// Reads a request; nothing when there are no more.
pub(crate) fn read(stream: &mut UnixStream) -> Option<Incoming> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        line.to_lowercase().strip_prefix("content-length: ").and_then(|n| n.parse().ok())
    });
    let mut body = vec![0; length.unwrap_or_default()];
    assert!(body.len() <= MAX_BODY);
    stream.read_exact(&mut body).ok()?;
    let mut words = head.split_whitespace();
    let method = words.next().unwrap().to_owned();
    let target = words.next().unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Some(Incoming { method, path: path.to_owned(), query: decoded(query), body })
}

fn decoded(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let hex: String = bytes.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&hex, 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).unwrap()
}

/// Answers requests until there are no more.
pub(crate) fn converse(mut stream: UnixStream, answer: impl Fn(&Request) -> Response) {
    while let Some(read) = read(&mut stream) {
        let request = meant(&read);
        let (status, body) = match answer(&request) {
            Response::Events(events) => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(format!("{head}{events}").as_bytes());
                return;
            }
            Response::Status(status) => (200, serde_json::to_value(status).unwrap()),
            Response::Choice(kind) => (200, json!({"kind": kind})),
            Response::Done => (200, json!({"odd": true})),
            Response::Failed(failure) => refused(failure),
            Response::Objects(mut objects) => match &request {
                Request::Get(selection) if !selection.names.is_empty() => (200, objects.remove(0)),
                _ => (
                    200,
                    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "7"}, "items": objects}),
                ),
            },
            Response::Outcomes(outcomes) => said(&request, outcomes),
        };
        let body = body.to_string();
        let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}

fn refused(failure: Failure) -> (u16, Value) {
    let status = match failure.code {
        Code::NotFound => 404,
        Code::Store => 503,
        _ => 400,
    };
    (status, serde_json::to_value(ApiError { next: None, ..failure.into() }).unwrap())
}

/// Of one object that was named its outcome or why there is none, of several all.
fn said(request: &Request, mut outcomes: Vec<Outcome>) -> (u16, Value) {
    let named = match request {
        Request::Delete(objects) | Request::Change { objects, .. } => !objects.names.is_empty(),
        Request::Other(_) => true,
        _ => false,
    };
    if !named {
        return (200, serde_json::to_value(Outcomes::from(outcomes)).unwrap());
    }
    let outcome = outcomes.remove(0);
    match outcome.result {
        pontoon_model::object::OutcomeResult::Failed(failure) => refused(failure),
        _ => (200, serde_json::to_value(ObjectOutcome::from(outcome)).unwrap()),
    }
}

fn meant(read: &Incoming) -> Request {
    let parameter = |name: &str| {
        read.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let parts: Vec<&str> = read.path.trim_start_matches("/v1/").split('/').collect();
    match (read.method.as_str(), parts.as_slice()) {
        ("GET", ["status"]) => return Request::Status,
        ("POST", ["apply"]) => {
            let documents = serde_json::from_slice(&read.body).unwrap();
            return Request::Apply { documents, dry_run: parameter("dryRun") == Some("true") };
        }
        _ => {}
    }
    let (namespace, parts) = match parts.as_slice() {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => {
            (Some(namespace.parse().unwrap()), rest)
        }
        parts => (None, parts),
    };
    let kind = Kind::ALL.into_iter().find(|kind| kind.names().plural == parts[0]);
    let (Some(kind), true) = (kind, parts.len() <= 2) else {
        let body = String::from_utf8_lossy(&read.body);
        return Request::Other(format!("{} {} {body}", read.method, read.path));
    };
    let objects = Selection {
        kind,
        namespace,
        names: parts[1..].iter().map(|name| (*name).to_owned()).collect(),
        labels: parameter("labelSelector").map(|text| text.parse().unwrap()).unwrap_or_default(),
    };
    match read.method.as_str() {
        "GET" if parameter("watch") == Some("true") => Request::Watch(objects),
        "GET" => Request::Get(objects),
        "DELETE" => Request::Delete(objects),
        "PATCH" => {
            let patch: MetadataPatch = serde_json::from_slice(&read.body).unwrap();
            let overwrite = parameter("overwrite") != Some("false");
            Request::Change { objects, change: patch.into_change(overwrite) }
        }
        other => panic!("{other}"),
    }
}
