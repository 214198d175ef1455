use pontoon_model::api::{Request, Response};
use serde_json::{Value, json};

use crate::support::daemon::FakeDaemon;
use crate::support::id;
use crate::support::plugin::Plugin;

fn conf(daemon: &FakeDaemon, valid: Value) -> Value {
    let mut conf = daemon.conf("1.1.0");
    conf["cni.dev/valid-attachments"] = valid;
    conf
}

/// A runtime sets these two and no more.
fn gc(conf: &Value) -> Plugin {
    Plugin::new("GC")
        .without("CNI_CONTAINERID")
        .without("CNI_NETNS")
        .without("CNI_IFNAME")
        .conf(conf)
}

#[test]
fn tells_the_daemon_what_to_spare() {
    let daemon = FakeDaemon::answering(Response::Done);
    gc(&conf(&daemon, json!([{"containerID": "c1", "ifname": "eth0"}]))).run().done();
    gc(&conf(&daemon, json!([]))).run().done();
    let network = || "pontoon".parse().unwrap();
    assert_eq!(
        daemon.asked(),
        [
            Request::Gc { network: network(), valid: vec![id()] },
            Request::Gc { network: network(), valid: vec![] }
        ]
    );
}

#[test]
fn an_unsaid_list_costs_no_pod_its_network() {
    let daemon = FakeDaemon::answering(Response::Done);
    assert_eq!(gc(&daemon.conf("1.1.0")).run().code(), 7);
    assert_eq!(gc(&conf(&daemon, json!([{"containerID": "c1"}]))).run().code(), 7);
    assert!(daemon.asked().is_empty());
}

#[test]
fn is_refused_before_1_1_0() {
    let daemon = FakeDaemon::answering(Response::Done);
    for version in ["0.3.0", "0.3.1", "0.4.0", "1.0.0", ""] {
        let answer = gc(&daemon.conf(version)).run();
        assert_eq!(answer.code(), 1);
        assert_eq!(answer.error()["msg"], "config version does not allow GC");
    }
}

#[test]
fn needs_the_daemon() {
    assert_eq!(gc(&conf(&FakeDaemon::absent(), json!([]))).run().code(), 11);
}
