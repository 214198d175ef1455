use super::*;
use serde_json::json;

fn parse(document: &Value) -> Result<NetConf, Failure> {
    NetConf::parse(document.to_string().as_bytes(), Verb::Add)
}

/// What the daemon writes, as libcni hands it over.
fn usual() -> Value {
    json!({"cniVersion": "1.0.0", "name": "pontoon", "type": "pontoon-cni",
        "capabilities": {"portMappings": true}})
}

fn with(key: &str, value: Value) -> Value {
    let mut document = usual();
    document[key] = value;
    document
}

fn said(key: &str, value: Value) -> String {
    let failure = parse(&with(key, value)).unwrap_err();
    assert_eq!(failure.code, Code::InvalidConfig, "{failure}");
    failure.details
}

#[test]
fn defaults_are_those_of_the_daemon() {
    let conf = parse(&usual()).unwrap();
    assert_eq!(conf.name.as_str(), "pontoon");
    assert_eq!(conf.version, SpecVersion::V1_0_0);
    assert_eq!(conf.socket, PathBuf::from("/run/pontoon/pontoond.sock"));
    assert_eq!(conf.pending_dir, PathBuf::from("/var/lib/pontoon/pending"));
    assert_eq!(conf.prev_result(), Ok(None));
}

#[test]
fn own_keys_are_typed_and_named_when_wrong() {
    assert_eq!(
        said("socket", json!("run/p.sock")),
        r#"socket: "run/p.sock" is not valid: give an absolute path, such as /run/pontoon/pontoond.sock"#
    );
    assert!(said("socket", json!(7)).starts_with("socket: 7 is not valid"));
    assert!(said("socket", json!(format!("/{}", "x".repeat(107)))).ends_with("at most 107 bytes"));
    assert!(said("pendingDir", json!("")).starts_with(r#"pendingDir: "" is not valid"#));
    assert!(said("cniVersion", json!(1)).starts_with("cniVersion: 1 is not valid"));
    assert!(said("cniVersions", json!("1.0.0")).starts_with("cniVersions: "));
}

#[test]
fn keys_of_others_are_passed_over() {
    let mut document = usual();
    document["ipam"] = json!({"type": "host-local"});
    document["org.example/x"] = json!([1]);
    assert!(parse(&document).is_ok());
}

#[test]
fn a_network_name_follows_the_specification() {
    for good in ["a", "0.a_b-C"] {
        assert!(parse(&with("name", json!(good))).is_ok(), "{good}");
    }
    for bad in [json!(""), json!("a b"), json!("-a"), json!("a/b"), json!(3)] {
        assert!(said("name", bad.clone()).starts_with("name: "), "{bad}");
    }
    assert_eq!(said("name", json!(null)), "name is missing: give the network's name");
}

#[test]
fn what_is_no_json_object_is_a_decoding_error() {
    for stdin in ["", " \n", "{", "[]", "null", "\u{feff}{}", "{} {}", r#"{"name":"\ud800"}"#] {
        let failure = NetConf::parse(stdin.as_bytes(), Verb::Add).unwrap_err();
        assert_eq!(failure.code, Code::Decode, "{stdin:?}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(NetConf::parse(deep.as_bytes(), Verb::Add).unwrap_err().code, Code::Decode);
    assert_eq!(NetConf::parse(b"{\"name\":\"\xff\"}", Verb::Add).unwrap_err().code, Code::Decode);
}

#[test]
fn an_empty_version_is_told_from_the_list() {
    let mut document = with("cniVersion", json!(""));
    document["cniVersions"] = json!(["0.4.0", "1.0.0", "1.1.0"]);
    assert_eq!(parse(&document).unwrap().version, SpecVersion::V1_0_0);
    document["cniVersion"] = json!("1.1.0");
    assert_eq!(parse(&document).unwrap().version, SpecVersion::V1_1_0);
}

#[test]
fn gc_spares_what_is_listed_under_either_key() {
    let entry = json!({"containerID": "c1", "ifname": "eth0"});
    let id = AttachmentId { container_id: "c1".parse().unwrap(), ifname: "eth0".parse().unwrap() };
    for key in ["cni.dev/valid-attachments", "cni.dev/attachments"] {
        let valid = |value| parse(&with(key, value)).unwrap().valid_attachments();
        assert_eq!(valid(json!([entry])), Ok(vec![id.clone()]));
        assert_eq!(valid(json!([])), Ok(vec![]));
        assert_eq!(valid(json!(null)), Ok(vec![]));
        for wrong in [
            json!([{"containerID": "c1"}]),
            json!([{"containerID": "/", "ifname": "a"}]),
            json!([1]),
            json!({}),
        ] {
            assert!(valid(wrong.clone()).is_err(), "{wrong}");
        }
    }
}

#[test]
fn gc_without_a_list_is_an_error_not_an_empty_list() {
    let error = parse(&usual()).unwrap().valid_attachments().unwrap_err().to_string();
    assert!(error.contains("cni.dev/valid-attachments"), "{error}");
}
