//! `pontoon describe`, `get --watch`, `top` and what shells ask.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::Kind;
use serde_json::{Value, json};

use crate::service;
use crate::support::{Fake, Request, Response, pontoon, pontoon_as, pontoon_for, status};

fn ready(status: &str) -> Value {
    json!([{"type": "Ready", "status": status}])
}

fn pod(name: &str, is_ready: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}}, "spec": {"nodeName": "a"},
        "status": {"podIPs": [{"ip": "10.244.1.2"}], "conditions": ready(is_ready)}})
}

/// A small cluster.
fn cluster(request: &Request) -> Response {
    match request {
        Request::Status => Response::Status(Box::new(status(true))),
        Request::Get(selection) => Response::Objects(match selection.kind {
            Kind::Service => vec![service("default", "web")],
            Kind::Pod => vec![pod("web-0", "True"), pod("web-1", "False")],
            Kind::Node if selection.names == ["b"] => {
                let said = "node b does not exist";
                return Response::Failed(Failure::new(
                    Code::NotFound,
                    said,
                    "see `pontoon get nodes`",
                ));
            }
            Kind::Node => {
                vec![json!({"metadata": {"name": "a"}, "status": {"conditions": ready("True")}})]
            }
            Kind::Subnet => {
                vec![json!({"metadata": {"name": "10.244.1.0-24"}, "spec": {"nodeName": "a"}})]
            }
            Kind::Endpoints => vec![json!({"metadata": {"name": "web", "namespace": "default"}})],
            _ => Vec::new(),
        }),
        other => panic!("{other:?}"),
    }
}

#[test]
fn describe_says_who_is_ready_and_why_others_are_not() {
    let fake = Fake::new(cluster);
    let said = pontoon(&fake, &["describe", "svc", "web"], "");
    assert_eq!(said.code, 0, "{}", said.err);
    for part in ["Name:", "10.96.0.10", "pod web-0", "not ready: its node a does not say"] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let said = pontoon(&fake, &["describe", "no,sn,ep,po", "-A"], "");
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(said.out.matches("Name:").count(), 1 + 1 + 1 + 2, "{}", said.out);
}

#[test]
fn nodes_subnets_and_endpoints_are_read_like_other_kinds() {
    let fake = Fake::new(cluster);
    let names = |kind: &str| pontoon(&fake, &["get", kind, "-o", "name"], "").out;
    assert_eq!(names("nodes"), "node/a\n");
    assert_eq!(names("sn"), "subnet/10.244.1.0-24\n");
    assert_eq!(names("ep"), "endpoints/web\n");
    let said = pontoon(&fake, &["get", "node", "b"], "");
    assert_eq!(
        (said.code, said.err.as_str()),
        (1, "error: node b does not exist: see `pontoon get nodes`\n")
    );
    for (arguments, hint) in [
        (["delete", "node", "a"], "pontoon node --help"),
        (["delete", "ep", "web"], "they follow from services"),
        (["edit", "subnet", "10.244.1.0-24"], "pontoon node remove"),
    ] {
        let said = pontoon(&fake, &arguments, "");
        assert!(said.code == 2 && said.err.contains(hint), "{}", said.err);
    }
}

fn event(kind: &str, object: &Value) -> String {
    format!("event: {kind}\ndata: {}\n\n", json!({"type": kind, "object": object}))
}

#[test]
fn a_watch_shows_what_is_there_and_then_what_changes() {
    let asked = AtomicUsize::new(0);
    let fake = Fake::new(move |request| {
        let Request::Watch(_) = request else { panic!("{request:?}") };
        let (web, api) = (service("default", "web"), service("default", "api"));
        let mut other = web.clone();
        other["spec"]["clusterIP"] = "10.96.0.11".into();
        let bookmark = event("BOOKMARK", &json!({"metadata": {"resourceVersion": "7"}}));
        Response::Events(match asked.fetch_add(1, Ordering::SeqCst) {
            0 => [event("ADDED", &web), bookmark, event("MODIFIED", &other), event("ADDED", &api)]
                .concat(),
            // The connection broke; meanwhile one has gone.
            _ => [event("ADDED", &api), bookmark].concat(),
        })
    });
    let said = pontoon_for(&fake, &["get", "svc", "-w"], Duration::from_millis(3000));
    let lines: Vec<String> =
        said.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        lines,
        [
            "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
            "web ClusterIP 10.96.0.10 <none> 80/TCP <unknown>",
            "web ClusterIP 10.96.0.11 <none> 80/TCP <unknown>",
            "api ClusterIP 10.96.0.10 <none> 80/TCP <unknown>",
            "web ClusterIP 10.96.0.11 <none> 80/TCP <unknown> (deleted)",
        ]
    );
}

#[test]
fn a_watch_of_what_is_not_there_ends_at_once() {
    let fake = Fake::new(cluster);
    let said = pontoon(&fake, &["get", "node", "b", "-w"], "");
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert_eq!(pontoon(&fake, &["get", "svc,po", "-w"], "").code, 2);
}

#[test]
fn top_looks_once_for_scripts() {
    let fake = Fake::new(cluster);
    let said = pontoon(&fake, &["top", "pods", "--once", "-o", "json"], "");
    assert_eq!(said.code, 0, "{}", said.err);
    let shown: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(shown[0]["name"], "web-0");
    assert_eq!(shown[0]["receivedBytesPerSecond"], 0.0);
    let said = pontoon(&fake, &["top", "svc", "--once"], "");
    assert!(said.out.starts_with("NAMESPACE"), "{}", said.out);
}

#[test]
fn a_shell_is_told_kinds_and_the_names_that_there_are() {
    let fake = Fake::new(cluster);
    let ask = |words: &[&str]| {
        let arguments = [&["--", "pontoon"][..], words].concat();
        let said = pontoon_as(&fake, &arguments, "", |command| {
            command
                .env("PONTOON_COMPLETE", "bash")
                .env("_CLAP_IFS", "\n")
                .env("_CLAP_COMPLETE_INDEX", words.len().to_string());
        });
        said.unwrap().out
    };
    assert_eq!(ask(&["get", "serv"]), "services");
    assert_eq!(ask(&["get", "svc,name"]), "svc,namespaces");
    assert_eq!(ask(&["get", "po", "web"]), "web-0\nweb-1");
    assert_eq!(ask(&["describe", "svc/w"]), "svc/web");
    assert!(ask(&["node", "remove", ""]).starts_with("a\n--"));
    for shell in ["bash", "zsh", "fish"] {
        let said = pontoon(&fake, &["completion", shell], "");
        assert!(said.code == 0 && said.out.contains("PONTOON_COMPLETE"), "{}", said.out);
    }
}
