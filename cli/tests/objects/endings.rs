//! Each ending with the exit code that the reference gives it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;

use pontoon_model::api::{Code, Failure};
use serde_json::json;

use crate::support::{Fake, Request, Response, on_terminal, pontoon, run, status};

#[test]
fn each_ending_has_the_exit_code_of_the_reference() {
    let found = Fake::new(|_| Response::Objects(vec![json!({"metadata": {"name": "web"}})]));
    assert_eq!(pontoon(&found, &["get", "svc"], "").code, 0);
    let missing = Fake::new(|request| match request {
        Request::Get(selection) if selection.names.is_empty() => Response::Objects(Vec::new()),
        _ => {
            Response::Failed(Failure::new(Code::NotFound, "service default/web does not exist", ""))
        }
    });
    assert_eq!(pontoon(&missing, &["get", "svc", "web"], "").code, 1);
    assert_eq!(pontoon(&missing, &["get", "--weird"], "").code, 2);
    assert_eq!(pontoon(&Fake::absent(), &["get", "svc"], "").code, 3);
    let away = Fake::new(|_| Response::Failed(Failure::new(Code::Store, "etcd is away", "")));
    let said = pontoon(&away, &["get", "svc"], "");
    assert_eq!(
        (said.code, said.err.as_str()),
        (5, "pontoon: etcd is away; see `pontoon status`\n")
    );
    let said = pontoon(&Fake::mute(), &["get", "svc"], "");
    assert_eq!((said.code, said.err.lines().count()), (6, 1), "{}", said.err);
    let strange = Fake::new(|_| Response::Done);
    let said = pontoon(&strange, &["get", "svc"], "");
    assert_eq!((said.code, said.err.lines().count()), (6, 1), "{}", said.err);
    assert!(said.err.contains("one version"), "{}", said.err);
}

#[test]
fn a_socket_that_is_not_for_this_user_is_said_so() {
    let fake = Fake::new(|_| Response::Done);
    std::fs::set_permissions(fake.folder(), std::fs::Permissions::from_mode(0o700)).unwrap();
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    // Where the program was built may be for root only.
    let open = tempfile::tempdir().unwrap();
    std::fs::set_permissions(open.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = open.path().join("pontoon");
    std::fs::copy(env!("CARGO_BIN_EXE_pontoon"), &program).unwrap();
    let said = run(&program, &fake, &["get", "svc"], "", |command| {
        // Root may do everything; nobody may not.
        command.uid(65_534);
    });
    let said = said.unwrap();
    assert_eq!((said.code, said.err.lines().count()), (4, 1), "{}", said.err);
    assert!(said.err.ends_with("a group that you are in\n"), "{}", said.err);
}

#[test]
fn status_fails_when_the_node_is_not_ready() {
    let fake = Fake::new(|request| match request {
        Request::Status => Response::Status(Box::new(status(false))),
        _ => Response::Objects(Vec::new()),
    });
    let said = pontoon(&fake, &["status"], "");
    assert_eq!(said.code, 1);
    assert!(said.out.starts_with("node a is NOT READY"), "{}", said.out);
    assert_eq!(pontoon(&fake, &["status", "-o", "yaml"], "").code, 1);
    let fake = Fake::new(|request| match request {
        Request::Status => Response::Status(Box::new(status(true))),
        _ => Response::Objects(Vec::new()),
    });
    assert_eq!(pontoon(&fake, &["status", "--json"], "").code, 0);
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let fake = Fake::new(|request| match request {
        Request::Get(_) => Response::Objects(vec![json!({"metadata": {"name": "a"},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}})]),
        other => panic!("{other:?}"),
    });
    assert!(!pontoon(&fake, &["get", "nodes"], "").out.contains('\u{1b}'));
    let green = "\u{1b}[32mReady\u{1b}[0m";
    let shown = |no_color: Option<&str>, line: &str| {
        on_terminal(&fake, line, |command| {
            match no_color {
                Some(value) => command.env("NO_COLOR", value),
                None => command.env_remove("NO_COLOR"),
            };
        })
    };
    match shown(None, "get nodes") {
        None => eprintln!("skipped: script, of Debian's bsdutils, makes the terminal"),
        Some(coloured) => {
            assert!(coloured.contains(green), "{coloured}");
            for (no_color, line) in [(Some("1"), "get nodes"), (None, "get nodes | cat")] {
                let plain = shown(no_color, line).unwrap();
                assert!(plain.contains("Ready") && !plain.contains('\u{1b}'), "{plain:?}");
            }
        }
    }
    let said = pontoon(&fake, &["get", "nodes", "--color", "always"], "");
    assert!(said.out.contains("\u{1b}[32mReady\u{1b}[0m"), "{}", said.out);
}

#[test]
fn a_server_needs_certificates_and_that_is_said_first() {
    let fake = Fake::absent();
    for (arguments, hint) in [
        (vec!["--server", "https://127.0.0.1:1", "get", "svc"], "--ca is missing"),
        (vec!["--server", "127.0.0.1:1", "get", "svc"], "no server such as https://"),
        (vec!["--server", "https://127.0.0.1:1", "top"], "--ca is missing"),
    ] {
        let said = pontoon(&fake, &arguments, "");
        assert_eq!((said.code, said.err.lines().count()), (2, 1), "{}", said.err);
        assert!(said.err.contains(hint), "{}", said.err);
    }
    let key =
        fake.file("key.pem", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n");
    let arguments =
        ["--server", "https://127.0.0.1:1", "--ca", &key, "--cert", &key, "--key", &key, "status"];
    let said = pontoon(&fake, &arguments, "");
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("key.pem") && !said.err.contains("c2VjcmV0"), "{}", said.err);
}
