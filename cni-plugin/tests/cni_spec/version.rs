use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::VERSIONS;
use crate::support::plugin::{Answer, Plugin};

#[test]
fn names_what_is_spoken_in_the_version_of_the_caller() {
    for version in VERSIONS {
        let result = Plugin::new("VERSION").conf(&json!({"cniVersion": version})).run().result();
        assert_eq!(result, json!({"cniVersion": version, "supportedVersions": VERSIONS}));
    }
}

#[test]
fn needs_no_other_variable_and_no_configuration() {
    let bare = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"];
    let plugin = bare.into_iter().fold(Plugin::new("VERSION"), Plugin::without);
    assert_eq!(plugin.run().result()["supportedVersions"], json!(VERSIONS));
}

#[test]
fn answers_the_probe_of_podman() {
    let probe = Plugin::new("VERSION").env("CNI_NETNS", "dummy").env("CNI_IFNAME", "dummy");
    let result = probe.conf(&json!({"cniVersion": "1.0.0"})).run().result();
    assert_eq!(result["cniVersion"], "1.0.0");
}

#[test]
fn does_not_wait_for_a_caller_that_keeps_stdin_open() {
    let began = Instant::now();
    let mut child = Plugin::new("VERSION").command().spawn().unwrap();
    let stdin = child.stdin.take();
    let result = Answer::of(child.wait_with_output().unwrap()).result();
    drop(stdin);
    assert_eq!(result["supportedVersions"], json!(VERSIONS));
    assert!(began.elapsed() < Duration::from_secs(5));
}
