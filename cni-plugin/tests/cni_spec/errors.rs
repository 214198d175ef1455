//! The plugin ends as a program should, whatever is done to it.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use pontoon_model::api::Response;

use crate::support::daemon::FakeDaemon;
use crate::support::plugin::{Answer, Plugin};
use crate::support::{attached, conf};

#[test]
fn are_said_in_the_version_asked_for() {
    for version in crate::support::VERSIONS {
        let mut conf = conf(version);
        conf["name"] = "".into();
        let answer = Plugin::new("ADD").conf(&conf).run();
        assert_eq!(answer.error()["cniVersion"], version);
    }
}

#[test]
fn a_runtime_that_reads_no_more_is_not_answered_with_a_panic() {
    let daemon = FakeDaemon::answering(Response::Attached(Box::new(attached())));
    let plugin = Plugin::new("ADD").conf(&daemon.conf("1.0.0"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = plugin.command().stdout(writer).spawn().unwrap();
    let conf = daemon.conf("1.0.0").to_string();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), conf.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.status.signal()), (Some(1), None));
    let answer = Answer::of(output);
    assert!(answer.stderr.contains("writing the answer to stdout"), "{answer:?}");
}

/// Runs the plugin with descriptors closed, which a shell can do and `Command` cannot.
fn with_closed(redirections: &str, verb: &str) -> Answer {
    let output = Command::new("sh")
        .args(["-c", &format!("exec \"$0\" {redirections}")])
        .arg(env!("CARGO_BIN_EXE_pontoon-cni"))
        .envs([("CNI_COMMAND", verb), ("CNI_CONTAINERID", "c1"), ("CNI_NETNS", "/run/netns/c1")])
        .envs([("CNI_IFNAME", "eth0"), ("CNI_PATH", "/opt/cni/bin")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.signal(), None);
    Answer::of(output)
}

#[test]
fn closed_descriptors_are_no_reason_to_panic() {
    assert_eq!(with_closed("<&-", "ADD").code(), 6);
    assert_eq!(with_closed("<&- 2>&-", "ADD").code(), 6);
    assert_eq!(with_closed("<&-", "VERSION").exit, Some(0));
    with_closed(">&-", "ADD");
    with_closed(">&-", "VERSION");
    with_closed("<&- >&- 2>&-", "DEL");
}
