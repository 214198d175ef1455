use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use pontoon_model::api::{Code, Request, Response};
use pontoon_model::cni::pending;
use serde_json::json;

use crate::support::daemon::{FakeDaemon, Reaction};
use crate::support::plugin::Plugin;
use crate::support::{VERSIONS, failed, id};

const WAITS: [&str; 1] = ["c1:eth0.json"];

fn del(daemon: &FakeDaemon) -> Plugin {
    Plugin::new("DEL").conf(&daemon.conf("1.0.0"))
}

#[test]
fn succeeds_in_every_version_and_prints_nothing() {
    let daemon = FakeDaemon::answering(Response::Done);
    for version in VERSIONS {
        Plugin::new("DEL").conf(&daemon.conf(version)).run().done();
        assert_eq!(daemon.asked(), [Request::Del { id: id() }]);
    }
    assert!(daemon.pending().is_empty());
}

#[test]
fn needs_neither_netns_nor_prev_result() {
    let daemon = FakeDaemon::answering(Response::Done);
    del(&daemon).env("CNI_NETNS", "").run().done();
    del(&daemon).without("CNI_NETNS").run().done();
    del(&daemon).env("CNI_NETNS", "/run/netns/gone").run().done();
}

#[test]
fn is_not_stopped_by_what_only_add_needs() {
    let daemon = FakeDaemon::answering(Response::Done);
    let mut conf = daemon.conf("1.0.0");
    conf["runtimeConfig"] = json!({"portMappings": [{"hostPort": "x"}], "ips": 7});
    conf["prevResult"] = json!("nonsense");
    del(&daemon).env("CNI_ARGS", "nonsense").conf(&conf).run().done();
}

#[test]
fn succeeds_when_the_daemon_is_down() {
    for daemon in [FakeDaemon::absent(), FakeDaemon::stopped()] {
        del(&daemon).run().done();
        assert_eq!(daemon.pending(), WAITS);
        let path = daemon.pending_dir().join(WAITS[0]);
        assert_eq!(pending::decode(&std::fs::read(&path).unwrap()).unwrap(), id());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn is_idempotent_when_the_daemon_is_down() {
    let daemon = FakeDaemon::absent();
    del(&daemon).run().done();
    del(&daemon).run().done();
    assert_eq!(daemon.pending(), WAITS);
}

#[test]
fn succeeds_when_the_daemon_goes_down_before_it_answers() {
    for bytes in [&b""[..], br#"{"answ"#] {
        let daemon = FakeDaemon::reacting(|_, _| Reaction::Bytes(bytes.to_vec()));
        del(&daemon).run().done();
        assert_eq!(daemon.pending(), WAITS);
    }
}

#[test]
fn succeeds_when_the_daemon_is_not_ready() {
    let daemon = FakeDaemon::answering(failed(Code::TryAgainLater, "starting", "no store yet"));
    del(&daemon).run().done();
    assert_eq!(daemon.pending(), WAITS);
}

#[test]
fn asks_once_more_when_it_has_been_left_on_disk() {
    // The daemon may have looked for such files just before this one was written.
    let daemon = FakeDaemon::reacting(|_, number| match number {
        0 => Reaction::Bytes(Vec::new()),
        _ => Reaction::Answer(Response::Done),
    });
    del(&daemon).run().done();
    assert_eq!(daemon.asked().len(), 2);
    assert!(daemon.pending().is_empty(), "carried out, so nothing waits");
}

#[test]
fn passes_other_errors_of_the_daemon_on() {
    let daemon = FakeDaemon::answering(failed(Code::Kernel, "removing the veth", "EBUSY"));
    assert_eq!(del(&daemon).run().code(), 108);
    assert!(daemon.pending().is_empty());
}

#[test]
fn fails_when_the_daemon_is_down_and_the_disk_cannot_be_written() {
    let daemon = FakeDaemon::absent();
    std::fs::write(daemon.pending_dir().parent().unwrap(), "a file in the way").unwrap();
    let answer = del(&daemon).run();
    assert_eq!(answer.code(), 106);
    let details = answer.error()["details"].to_string();
    assert!(details.contains(daemon.pending_dir().to_str().unwrap()), "{details}");
}

#[test]
fn leaves_nothing_partial_when_it_is_killed() {
    let daemon = FakeDaemon::absent();
    let mut killed = 0;
    for attempt in 0..200 {
        let mut child = del(&daemon).start();
        thread::sleep(Duration::from_micros(attempt * 20));
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().code().is_none());
        for name in daemon.pending() {
            let content = std::fs::read(daemon.pending_dir().join(name)).unwrap();
            assert_eq!(pending::decode(&content).unwrap(), id());
        }
        let _ = std::fs::remove_file(daemon.pending_dir().join(WAITS[0]));
    }
    assert!(killed > 0, "none was killed in time");
    del(&daemon).run().done();
    assert_eq!(daemon.pending(), WAITS);
}

#[test]
fn many_at_once_all_wait() {
    let daemon = FakeDaemon::absent();
    let names: Vec<_> = (0..32).map(|number| format!("c{}", number % 8)).collect();
    let children: Vec<_> =
        names.iter().map(|name| del(&daemon).env("CNI_CONTAINERID", name).start()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let mut pending = daemon.pending();
    pending.sort();
    assert_eq!(pending, (0..8).map(|n| format!("c{n}:eth0.json")).collect::<Vec<_>>());
}
