use std::os::unix::ffi::OsStringExt;

use super::*;

/// All that a runtime sets, with changes.
fn call(changes: &[(&str, &str)]) -> Result<Call, Failure> {
    let usual = [
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/run/netns/c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/opt/cni/bin"),
    ];
    Call::from_environment(|variable| {
        changes
            .iter()
            .chain(&usual)
            .find(|(name, _)| *name == variable)
            .map(|(_, value)| OsString::from(value))
    })
    .map_err(Failure::from)
}

fn id() -> AttachmentId {
    AttachmentId { container_id: "c1".parse().unwrap(), ifname: "eth0".parse().unwrap() }
}

#[test]
fn each_verb_is_read_with_its_parameters() {
    let netns = PathBuf::from("/run/netns/c1");
    let with = |command| call(&[("CNI_COMMAND", command)]).unwrap();
    for operation in [
        Operation::Add { id: id(), netns: netns.clone(), args: Args::default() },
        Operation::Del { id: id() },
        Operation::Check { id: id(), netns },
        Operation::Gc,
        Operation::Status,
    ] {
        assert_eq!(with(operation.verb().as_str()), Call::Network(operation));
    }
    assert_eq!(with("VERSION"), Call::Version);
}

#[test]
fn missing_variables_are_all_named_in_the_words_of_the_reference_plugins() {
    let empty = [("CNI_CONTAINERID", ""), ("CNI_NETNS", ""), ("CNI_IFNAME", ""), ("CNI_PATH", "")];
    for (command, missing) in [
        ("ADD", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"),
        ("CHECK", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH"),
        ("DEL", "CNI_CONTAINERID,CNI_IFNAME,CNI_PATH"),
        ("GC", "CNI_PATH"),
        ("STATUS", "CNI_PATH"),
        ("", "CNI_COMMAND"),
    ] {
        let mut changes = vec![("CNI_COMMAND", command)];
        changes.extend(empty);
        let failure = call(&changes).unwrap_err();
        assert_eq!(failure.code, Code::InvalidEnvironment);
        assert_eq!(failure.msg, format!("required env variables [{missing}] missing"));
    }
}

#[test]
fn version_needs_nothing_and_ignores_everything() {
    // Podman probes with CNI_NETNS=dummy.
    let probe = [("CNI_COMMAND", "VERSION"), ("CNI_NETNS", "dummy"), ("CNI_IFNAME", "a/b")];
    assert_eq!(call(&probe), Ok(Call::Version));
}

#[test]
fn del_goes_without_a_netns_and_whatever_the_args_are() {
    for netns in ["", "dummy", "/proc/self/ns/net"] {
        let changes = [("CNI_COMMAND", "DEL"), ("CNI_NETNS", netns), ("CNI_ARGS", "=;nonsense")];
        assert_eq!(call(&changes), Ok(Call::Network(Operation::Del { id: id() })));
    }
}

#[test]
fn an_unknown_command_is_refused() {
    for command in ["add", "UPDATE", "ADD "] {
        let failure = call(&[("CNI_COMMAND", command)]).unwrap_err();
        assert_eq!(failure.code, Code::InvalidEnvironment);
        assert_eq!(failure.msg, format!("unknown CNI_COMMAND: {command}"));
    }
}

#[test]
fn a_wrong_value_is_named_with_its_variable() {
    for (variable, value) in [
        ("CNI_CONTAINERID", "../etc"),
        ("CNI_CONTAINERID", "-c"),
        ("CNI_IFNAME", "a/b"),
        ("CNI_IFNAME", "sixteen-letters-"),
        ("CNI_NETNS", "run/netns/c1"),
        ("CNI_NETNS", "/proc/self/ns/net"),
        ("CNI_NETNS", "/proc/thread-self/ns/net"),
        ("CNI_ARGS", "IP"),
    ] {
        let failure = call(&[(variable, value)]).unwrap_err();
        assert_eq!(failure.code, Code::InvalidEnvironment);
        assert!(failure.details.contains(variable) && failure.details.contains(value), "{failure}");
    }
}

#[test]
fn what_is_not_utf8_is_refused_and_shown() {
    let failure: Failure = Call::from_environment(|variable| {
        Some(match variable {
            "CNI_COMMAND" => "ADD".into(),
            "CNI_NETNS" => OsString::from_vec(b"/run/netns/\xff".to_vec()),
            _ => "x".into(),
        })
    })
    .unwrap_err()
    .into();
    assert_eq!(failure.code, Code::InvalidEnvironment);
    assert!(failure.details.starts_with("CNI_NETNS is not UTF-8: /run/netns/"), "{failure}");
}
