use serde_json::json;

use crate::support::conf;
use crate::support::plugin::Plugin;

#[test]
fn what_cannot_be_decoded_is_an_error() {
    let add = || Plugin::new("ADD");
    for stdin in [&b""[..], b"  \n", b"{", b"[]", b"\"x\"", b"{\"name\":\"\xff\"}", b"\0"] {
        assert_eq!(add().stdin(stdin).run().code(), 6, "{stdin:?}");
    }
    assert_eq!(add().stdin("[".repeat(1 << 20)).run().code(), 6);
}

#[test]
fn an_endless_stdin_is_an_error() {
    let answer = Plugin::new("ADD").stdin(" ".repeat(8 << 20)).run();
    assert_eq!(answer.code(), 6);
    assert!(answer.stdout.contains("longer than"), "{answer:?}");
}

#[test]
fn wrong_fields_are_named() {
    for (key, value, at) in [
        ("name", json!("a b"), "name: \"a b\""),
        ("name", json!(null), "name is missing"),
        ("socket", json!("run/x"), "socket: \"run/x\""),
        ("pendingDir", json!([]), "pendingDir: a list"),
        (
            "runtimeConfig",
            json!({"portMappings": [{"hostPort": 80, "containerPort": 99999}]}),
            "runtimeConfig.portMappings[0].containerPort: 99999",
        ),
        ("runtimeConfig", json!({"ips": ["x"]}), "runtimeConfig.ips[0]: \"x\""),
        ("args", json!({"cni": {"labels": [{}]}}), "args.cni.labels[0]: an object"),
        ("prevResult", json!({"ips": [{"address": "x"}]}), "prevResult.ips[0].address: \"x\""),
        ("prevResult", json!({"cniVersion": "0.2.0"}), "prevResult.cniVersion: \"0.2.0\""),
    ] {
        let mut conf = conf("1.0.0");
        conf[key] = value;
        let answer = Plugin::new("ADD").conf(&conf).run();
        assert_eq!(answer.code(), 7, "{key}");
        let details = answer.error()["details"].as_str().unwrap().to_owned();
        assert!(details.starts_with(at), "{details}");
    }
}

#[test]
fn an_unsupported_version_is_an_error_of_every_verb() {
    for verb in ["ADD", "DEL", "CHECK", "GC", "STATUS"] {
        for version in ["0.1.0", "0.2.0", "2.0.0", "latest"] {
            let answer = Plugin::new(verb).conf(&conf(version)).run();
            assert_eq!(answer.code(), 1, "{verb} {version}");
            assert_eq!(answer.error()["msg"], "incompatible CNI versions");
            assert_eq!(answer.error()["cniVersion"], "1.0.0");
        }
    }
}
