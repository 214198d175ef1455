//! Any input gets an answer: no decoder panics.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::args::Args;
use super::call::{Call, Operation, Verb};
use super::conf::NetConf;
use super::exchange::Exchange;
use super::version::VersionInfo;
use crate::api::{Failure, Response};

fn operations() -> Vec<Operation> {
    let id = || crate::attachment::AttachmentId {
        container_id: "c1".parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    };
    vec![
        Operation::Add { id: id(), netns: "/run/netns/c1".into(), args: Args::default() },
        Operation::Del { id: id() },
        Operation::Check { id: id(), netns: "/run/netns/c1".into() },
        Operation::Gc,
        Operation::Status,
    ]
}

/// Takes a document through every verb as far as it goes.
fn exercise(stdin: &[u8]) {
    for operation in operations() {
        let Ok(conf) = NetConf::parse(stdin, operation.verb()) else {
            continue;
        };
        if let Ok(exchange) = Exchange::prepare(operation, &conf).map_err(Failure::from) {
            serde_json::to_vec(&exchange.request).unwrap();
            let _ = exchange.answer(Response::Done);
        }
    }
    serde_json::to_vec(&VersionInfo::answering(stdin)).unwrap();
}

/// Keys that the decoders look for, and others.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "cniVersion", "cniVersions", "name", "socket", "pendingDir", "prevResult", "args", "cni",
            "runtimeConfig", "portMappings", "hostPort", "ContainerPort", "protocol", "hostIP", "ips",
            "mac", "labels", "key", "value", "io.kubernetes.cri.pod-annotations", "interfaces",
            "sandbox", "interface", "address", "gateway", "routes", "dst", "gw", "dns",
            "nameservers", "cni.dev/valid-attachments", "containerID", "ifname",
        ]).prop_map(str::to_owned),
        1 => ".{0,8}",
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..3i64).prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "1.1.0",
            "0.3.1",
            "pontoon",
            "/run/x",
            "10.1.2.3/24",
            "fd00::1",
            "tcp",
            "eth0",
            "02:00:00:00:00:01",
            "0.0.0.0",
        ])
        .prop_map(Value::from),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_on_stdin(stdin in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise(&stdin);
    }

    #[test]
    fn any_document_on_stdin(document in document()) {
        exercise(document.to_string().as_bytes());
    }

    /// The fields that are checked first are right, so that the others are reached.
    #[test]
    fn any_value_in_a_network_configuration(members in prop::collection::vec((key(), document()), 0..6)) {
        let mut conf = json!({"name": "pontoon", "cniVersion": "1.1.0"});
        for (key, value) in members {
            if !["name", "cniVersion"].contains(&key.as_str()) {
                conf[key] = value;
            }
        }
        exercise(conf.to_string().as_bytes());
    }

    #[test]
    fn any_prev_result(document in document()) {
        let conf = json!({"name": "pontoon", "cniVersion": "1.1.0", "prevResult": document});
        exercise(conf.to_string().as_bytes());
    }

    #[test]
    fn any_runtime_config(document in document(), mappings in document()) {
        let mut conf = json!({"name": "pontoon", "runtimeConfig": document, "args": {"cni": document}});
        exercise(conf.to_string().as_bytes());
        conf["runtimeConfig"] = json!({"portMappings": [mappings]});
        exercise(conf.to_string().as_bytes());
    }

    #[test]
    fn any_cni_args(text in ".{0,80}", pairs in "((IP|MAC|IgnoreUnknown|K8S_POD_NAME|K8S_POD_NAMESPACE)=[^;]{0,12};?){0,4}") {
        let _ = text.parse::<Args>();
        let _ = pairs.parse::<Args>();
    }

    #[test]
    fn any_environment(
        verb in prop::sample::select(Verb::ALL.to_vec()),
        value in prop::collection::vec(any::<u8>(), 0..40),
        odd in 0..6usize,
    ) {
        let variables =
            ["CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"];
        let call = Call::from_environment(|variable| {
            Some(match variable {
                _ if variable == variables[odd] => OsString::from_vec(value.clone()),
                "CNI_COMMAND" => verb.as_str().into(),
                "CNI_ARGS" => "".into(),
                _ => "/x".into(),
            })
        });
        let _ = call.map_err(Failure::from);
    }
}
