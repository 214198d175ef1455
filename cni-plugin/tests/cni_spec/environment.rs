use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::support::conf;
use crate::support::plugin::Plugin;

#[test]
fn missing_variables_are_all_named() {
    for (verb, needed) in [
        ("ADD", &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"][..]),
        ("CHECK", &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"]),
        ("DEL", &["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"]),
        ("GC", &["CNI_PATH"]),
        ("STATUS", &["CNI_PATH"]),
    ] {
        let plugin = || Plugin::new(verb).conf(&conf("1.1.0"));
        for variable in needed {
            for answer in [plugin().without(variable).run(), plugin().env(variable, "").run()] {
                assert_eq!(answer.code(), 4);
                let msg = format!("required env variables [{variable}] missing");
                assert_eq!(answer.error()["msg"], msg);
            }
        }
        let without_all = needed.iter().fold(plugin(), |plugin, name| plugin.without(name)).run();
        let msg = format!("required env variables [{}] missing", needed.join(","));
        assert_eq!(without_all.error()["msg"], msg);
    }
}

#[test]
fn an_unknown_command_is_an_error() {
    for verb in ["UPDATE", "add", "ADD\n"] {
        let answer = Plugin::new(verb).conf(&conf("1.0.0")).run();
        assert_eq!(answer.code(), 4);
        assert_eq!(answer.error()["msg"], format!("unknown CNI_COMMAND: {verb}"));
    }
}

#[test]
fn wrong_values_are_named_with_their_variable() {
    for (variable, value) in [
        ("CNI_CONTAINERID", "a/../b"),
        ("CNI_IFNAME", "a:b"),
        ("CNI_IFNAME", "0123456789abcdef"),
        ("CNI_NETNS", "dummy"),
        ("CNI_NETNS", "/proc/self/ns/net"),
        ("CNI_ARGS", "IP"),
        ("CNI_ARGS", "UNKNOWN=1"),
        ("CNI_ARGS", "IP=10.1.2.256"),
        ("CNI_ARGS", "MAC=ff:ff:ff:ff:ff:ff"),
        ("CNI_ARGS", "IgnoreUnknown=maybe"),
    ] {
        let answer = Plugin::new("ADD").env(variable, value).conf(&conf("1.0.0")).run();
        assert_eq!(answer.code(), 4, "{variable}={value}");
        let details = answer.error()["details"].to_string();
        assert!(details.contains(variable), "{details}");
    }
}

#[test]
fn what_is_not_utf8_is_an_error() {
    for variable in ["CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS"] {
        let value = OsString::from_vec(b"/\xff".to_vec());
        let answer = Plugin::new("ADD").env(variable, value).conf(&conf("1.0.0")).run();
        assert_eq!(answer.code(), 4, "{variable}");
    }
}
