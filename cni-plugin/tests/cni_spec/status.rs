use pontoon_model::api::{Code, Request, Response};

use crate::support::daemon::{FakeDaemon, Reaction};
use crate::support::failed;
use crate::support::plugin::Plugin;

fn status(daemon: &FakeDaemon) -> Plugin {
    Plugin::new("STATUS")
        .without("CNI_CONTAINERID")
        .without("CNI_NETNS")
        .without("CNI_IFNAME")
        .conf(&daemon.conf("1.1.0"))
}

#[test]
fn succeeds_when_add_would_be_served() {
    let daemon = FakeDaemon::answering(Response::Done);
    status(&daemon).run().done();
    assert_eq!(daemon.asked(), [Request::Ready]);
}

#[test]
fn has_code_50_with_the_cause_when_the_daemon_is_not_ready() {
    for code in [Code::TryAgainLater, Code::Store, Code::NotAvailable] {
        let daemon = FakeDaemon::answering(failed(code, "not ready", "no node subnet yet"));
        let answer = status(&daemon).run();
        assert_eq!(answer.code(), 50);
        assert_eq!(answer.error()["details"], "no node subnet yet");
    }
}

#[test]
fn has_code_50_when_the_daemon_is_absent() {
    for daemon in [FakeDaemon::absent(), FakeDaemon::stopped()] {
        let answer = status(&daemon).run();
        assert_eq!(answer.code(), 50);
        assert!(answer.stdout.contains("systemctl status pontoond"), "{answer:?}");
    }
    let daemon = FakeDaemon::reacting(|_, _| Reaction::Bytes(Vec::new()));
    assert_eq!(status(&daemon).run().code(), 50);
}

#[test]
fn is_refused_before_1_1_0() {
    let daemon = FakeDaemon::answering(Response::Done);
    for version in ["0.3.0", "0.3.1", "0.4.0", "1.0.0", ""] {
        let answer = status(&daemon).conf(&daemon.conf(version)).run();
        assert_eq!(answer.code(), 1);
        assert_eq!(answer.error()["msg"], "config version does not allow STATUS");
    }
}
