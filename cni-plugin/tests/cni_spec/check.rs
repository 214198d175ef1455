use std::path::PathBuf;

use pontoon_model::api::{Code, Request, Response};

use crate::support::daemon::FakeDaemon;
use crate::support::plugin::Plugin;
use crate::support::{attached, failed, id};

/// What ADD returned, as the runtime gives it back.
fn with_prev_result(daemon: &FakeDaemon, version: &str) -> serde_json::Value {
    let adder = FakeDaemon::answering(Response::Attached(Box::new(attached())));
    let mut conf = daemon.conf(version);
    conf["prevResult"] = Plugin::new("ADD").conf(&adder.conf(version)).run().result();
    conf
}

#[test]
fn asks_for_the_addresses_of_prev_result() {
    let daemon = FakeDaemon::answering(Response::Done);
    for version in ["0.4.0", "1.0.0", "1.1.0"] {
        Plugin::new("CHECK").conf(&with_prev_result(&daemon, version)).run().done();
        let addresses = ["10.244.1.7/32", "fd00:10:244:1::7/128"];
        let expected = Request::Check {
            id: id(),
            netns: PathBuf::from("/run/netns/c1"),
            addresses: addresses.map(|address| address.parse().unwrap()).into(),
        };
        assert_eq!(daemon.asked(), [expected]);
    }
}

#[test]
fn needs_prev_result() {
    let daemon = FakeDaemon::answering(Response::Done);
    let answer = Plugin::new("CHECK").conf(&daemon.conf("1.0.0")).run();
    assert_eq!(answer.code(), 7);
    assert!(answer.error()["details"].as_str().unwrap().starts_with("prevResult is missing"));
    assert!(daemon.asked().is_empty());
}

#[test]
fn is_refused_before_0_4_0() {
    let daemon = FakeDaemon::answering(Response::Done);
    for version in ["0.3.0", "0.3.1"] {
        let answer = Plugin::new("CHECK").conf(&daemon.conf(version)).run();
        assert_eq!(answer.code(), 1);
        assert_eq!(answer.error()["msg"], "config version does not allow CHECK");
    }
}

#[test]
fn reports_what_the_daemon_finds_wrong() {
    let daemon =
        FakeDaemon::answering(failed(Code::CheckFailed, "an address is gone", "10.244.1.7"));
    assert_eq!(Plugin::new("CHECK").conf(&with_prev_result(&daemon, "1.0.0")).run().code(), 107);
}

#[test]
fn needs_the_daemon() {
    let daemon = FakeDaemon::absent();
    let answer = Plugin::new("CHECK").conf(&with_prev_result(&daemon, "1.0.0")).run();
    assert_eq!(answer.code(), 11);
}
