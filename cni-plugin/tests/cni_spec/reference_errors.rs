//! Where the reference plugins refuse a call, this one refuses it with the same code, and with the
//! same words where theirs say enough.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::conf;
use crate::support::plugin::Plugin;

/// A reference plugin whose checks are those of libcni's skeleton.
const PEER: &str = "/usr/lib/cni/tuning";

fn both(change: impl Fn(Plugin) -> Plugin, verb: &'static str) -> Option<[Value; 2]> {
    if !Path::new(PEER).exists() {
        eprintln!("skipped: needs {PEER} (Debian package containernetworking-plugins)");
        return None;
    }
    let error = |plugin| change(plugin).run().error();
    Some([error(Plugin::new(verb)), error(Plugin::of(PEER, verb))])
}

#[test]
fn missing_variables_are_refused_in_the_same_words() {
    for (verb, variables) in [
        ("ADD", &["CNI_NETNS"][..]),
        ("ADD", &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"]),
        ("CHECK", &["CNI_IFNAME", "CNI_PATH"]),
        ("DEL", &["CNI_CONTAINERID"]),
    ] {
        let without = |plugin: Plugin| {
            variables.iter().fold(plugin.conf(&conf("1.0.0")), |plugin, name| plugin.without(name))
        };
        let Some([ours, theirs]) = both(without, verb) else {
            return;
        };
        assert_eq!((&ours["code"], &ours["msg"]), (&theirs["code"], &theirs["msg"]));
    }
}

#[test]
fn wrong_documents_are_refused_with_the_same_code() {
    let mut without_name = conf("1.0.0");
    without_name["name"] = Value::Null;
    let mut odd_name = conf("1.0.0");
    odd_name["name"] = json!("a b");
    for stdin in ["{".to_owned(), String::new(), without_name.to_string(), odd_name.to_string()] {
        let Some([ours, theirs]) = both(|plugin| plugin.stdin(stdin.clone()), "ADD") else {
            return;
        };
        assert_eq!(ours["code"], theirs["code"], "{stdin}");
    }
}

#[test]
fn wrong_ids_are_refused_with_the_same_code() {
    for (variable, value) in [("CNI_CONTAINERID", "a/b"), ("CNI_IFNAME", "a:b")] {
        let change = |plugin: Plugin| plugin.env(variable, value).conf(&conf("1.0.0"));
        let Some([ours, theirs]) = both(change, "ADD") else {
            return;
        };
        assert_eq!(ours["code"], theirs["code"], "{variable}");
    }
}

#[test]
fn unknown_versions_and_verbs_are_refused_in_the_same_words() {
    for (verb, version) in
        [("ADD", "9.0.0"), ("DEL", "9.0.0"), ("CHECK", "0.3.1"), ("UPDATE", "1.0.0")]
    {
        let Some([ours, theirs]) = both(|plugin| plugin.conf(&conf(version)), verb) else {
            return;
        };
        assert_eq!((&ours["code"], &ours["msg"]), (&theirs["code"], &theirs["msg"]));
    }
}
