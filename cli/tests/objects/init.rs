//! `pontoon init`, with a daemon that checks as a script says.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Fake, Said, pontoon_as};

/// Runs it where `pontoond --check-config` is this script.
fn init(fake: &Fake, daemon: &str, arguments: &[&str]) -> Said {
    let program = fake.file("pontoond", &format!("#!/bin/sh\n{daemon}\n"));
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    // A daemon beside the command comes first, so the command is called by another path.
    let own = fake.folder().join("pontoon");
    std::fs::copy(env!("CARGO_BIN_EXE_pontoon"), &own).unwrap();
    let config = fake.folder().join("etc/pontoond.toml").display().to_string();
    let all = ["init", "--config", &config].iter().chain(arguments).copied().collect::<Vec<_>>();
    crate::support::run(&own, fake, &all, "", |_| {}).unwrap()
}

fn written(fake: &Fake) -> Option<String> {
    std::fs::read_to_string(fake.folder().join("etc/pontoond.toml")).ok()
}

#[test]
fn a_good_file_is_put_in_place_and_the_next_step_is_told() {
    let fake = Fake::absent();
    let said = init(&fake, "exit 0", &["--yes", "--node-name", "host-1", "--backend", "auto"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.contains("the daemon finds it good"), "{}", said.out);
    assert!(said.out.contains("systemctl enable --now pontoond"), "{}", said.out);
    let text = written(&fake).unwrap();
    assert!(text.contains("[node]\nname = \"host-1\"") && text.contains("backend = \"auto\""));
}

#[test]
fn a_secret_in_a_url_is_refused_and_told_to_nobody() {
    let fake = Fake::absent();
    for wrong in ["http://pontoon:geheim@192.0.2.1:2379", "pontoon:geheim@192.0.2.1"] {
        let said = init(&fake, "exit 0", &["--yes", "--print", "--etcd", wrong]);
        assert_eq!((said.code, written(&fake)), (2, None), "{}", said.err);
        assert!(said.err.contains("--etcd-password-file"), "{}", said.err);
        assert!(!said.err.contains("geheim") && !said.out.contains("geheim"), "{}", said.err);
    }
}

#[test]
fn what_the_daemon_refuses_is_not_put_in_place() {
    let fake = Fake::absent();
    let refuses = "echo 'cluster.pod-cidrs: 10.244.1.0/16 has host bits set' >&2; exit 78";
    let said = init(&fake, refuses, &["--yes", "--pod-cidr", "10.244.1.0/16"]);
    assert_eq!((said.code, written(&fake)), (1, None));
    assert!(said.err.contains("nothing is written; cluster.pod-cidrs"), "{}", said.err);
}

#[test]
fn a_file_that_is_there_stays_unless_it_is_forced() {
    let fake = Fake::absent();
    assert_eq!(init(&fake, "exit 0", &["--yes", "--zone", "one"]).code, 0);
    let said = init(&fake, "exit 0", &["--yes", "--zone", "two"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("--force"), "{}", said.err);
    assert!(written(&fake).unwrap().contains("one"));
    assert_eq!(init(&fake, "exit 0", &["--yes", "--force", "--zone", "two"]).code, 0);
    assert!(written(&fake).unwrap().contains("two"));
}

#[test]
fn nobody_is_asked_where_there_is_no_terminal() {
    let fake = Fake::absent();
    let said = init(&fake, "exit 0", &[]);
    assert_eq!((said.code, written(&fake)), (1, None));
    assert!(said.err.contains("--yes"), "{}", said.err);
}

#[test]
fn wrong_flags_are_told_before_anything_is_written() {
    let fake = Fake::absent();
    for (arguments, hint) in [
        (["--yes", "--etcd", "192.0.2.1:2379"], "no URL such as http://192.0.2.1:2379"),
        (["--yes", "--pod-cidr", "10.244.0.0/33"], "10.244.0.0/33"),
        (["--yes", "--node-name", "Host"], "RFC 1123"),
        (["--yes", "--bakend", "vxlan"], "--backend"),
        (["--yes", "--backend", "vxlen"], "vxlan"),
    ] {
        let said = pontoon_as(&fake, &[&["init"][..], &arguments].concat(), "", |_| {}).unwrap();
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains(hint), "{}", said.err);
    }
}
