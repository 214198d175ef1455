use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::*;
use crate::services::dataset::{Service, Size, spare};

const SLICES: &str = "/apis/discovery.k8s.io/v1/endpointslices";

/// A server with two services in a namespace of its own.
fn with_server(test: impl FnOnce(&KubeApi, &dyn Fn(&str) -> TcpStream, Service)) {
    if let Some(why) = pontoon_lab::unavailable() {
        println!("skipped: {why}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let netns = Netns::create(folder.path().join("ns")).unwrap();
    let up = netns.output(std::process::Command::new("ip").args(["link", "set", "lo", "up"]));
    assert!(up.unwrap().status.success());
    let api = KubeApi::start(&netns).unwrap();
    let size = Size { services: 2, endpoints: 2 };
    for service in size.services() {
        api.put(Resource::Service, service.document());
        api.put(Resource::EndpointSlice, service.slice("host-1"));
    }
    let ask = |target: &str| {
        let mut stream = netns.run(|| TcpStream::connect(api.at)).unwrap().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: api\r\n\r\n").unwrap();
        stream
    };
    test(&api, &ask, size.service(1));
    drop(api);
    netns.remove().unwrap();
}

/// Reads until the text comes; returns all that was read.
fn until(stream: &mut TcpStream, text: &str) -> String {
    let (mut all, mut buffer) = (String::new(), [0; 4096]);
    while !all.contains(text) {
        let count = stream.read(&mut buffer).unwrap_or_else(|e| panic!("{e} behind {all}"));
        assert_ne!(count, 0, "no {text} in {all}");
        all.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    all
}

fn list(stream: &mut TcpStream) -> Value {
    let answer = until(stream, "]}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("200 OK") && head.contains("application/json"), "{head}");
    serde_json::from_str(body).unwrap()
}

#[test]
fn a_watch_from_a_list_receives_what_changed_since_and_what_changes_later() {
    with_server(|api, ask, mut service| {
        let listed = list(&mut ask(&format!("{SLICES}?limit=500&resourceVersion=0")));
        assert_eq!(listed["kind"], "EndpointSliceList");
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
        let version = listed["metadata"]["resourceVersion"].as_str().unwrap().to_owned();

        service.endpoints[0] = spare(0);
        api.put(Resource::EndpointSlice, service.slice("host-1"));
        let mut watch = ask(&format!("{SLICES}?watch=true&resourceVersion={version}"));
        let seen = until(&mut watch, &spare(0).to_string());
        assert!(seen.contains("chunked"), "{seen}");
        assert!(seen.contains(r#"{"type":"MODIFIED","object":{"#), "{seen}");
        assert!(!seen.contains("ADDED"), "{seen}");

        service.endpoints[0] = spare(1);
        api.put(Resource::EndpointSlice, service.slice("host-1"));
        let seen = until(&mut watch, &spare(1).to_string());
        assert!(seen.contains(r#""type":"MODIFIED""#), "{seen}");
    });
}

#[test]
fn a_watch_with_initial_events_tells_where_they_end() {
    with_server(|api, ask, _| {
        let mut watch =
            ask("/api/v1/services?allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan\
             &sendInitialEvents=true&watch=true");
        let seen = until(&mut watch, "initial-events-end");
        assert_eq!(seen.matches(r#""type":"ADDED""#).count(), 2, "{seen}");
        assert!(seen.contains(r#""type":"BOOKMARK""#));
        let further = Size { services: 3, endpoints: 1 }.service(2);
        api.put(Resource::Service, further.document());
        assert!(until(&mut watch, &further.name).contains(r#""type":"ADDED""#));
    });
}

#[test]
fn single_objects_are_found_and_others_are_not() {
    with_server(|api, ask, _| {
        api.put(Resource::Node, json!({"metadata": {"name": "host-1"}}));
        let node = until(&mut ask("/api/v1/nodes/host-1"), "}}");
        assert!(node.contains("200 OK") && node.contains(r#""kind":"Node""#), "{node}");
        let missing = until(&mut ask("/api/v1/nodes/host-2"), "not served");
        assert!(missing.contains("404 Not Found"), "{missing}");
        assert!(until(&mut ask("/version"), "gitVersion").contains("200 OK"));
    });
}
