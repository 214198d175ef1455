use pontoon_model::api::{Code, Request, Response};
use serde_json::{Value, json};

use crate::support::daemon::{FakeDaemon, Reaction};
use crate::support::plugin::Plugin;
use crate::support::{VERSIONS, attached, failed, id};

fn daemon() -> FakeDaemon {
    FakeDaemon::answering(Response::Attached(Box::new(attached())))
}

#[test]
fn the_result_is_in_the_version_asked_for() {
    let daemon = daemon();
    for version in VERSIONS {
        let result = Plugin::new("ADD").conf(&daemon.conf(version)).run().result();
        let family = |family| match version {
            "0.3.0" | "0.3.1" | "0.4.0" => json!(family),
            _ => Value::Null,
        };
        assert_eq!(result["cniVersion"], version);
        assert_eq!(result["ips"][0]["version"], family("4"), "{version}");
        assert_eq!(result["ips"][1]["version"], family("6"), "{version}");
        let mtu = (version == "1.1.0").then_some(1450);
        assert_eq!(result["interfaces"][2]["mtu"].as_i64(), mtu, "{version}");
    }
}

#[test]
fn the_result_names_interfaces_addresses_and_routes() {
    let result = Plugin::new("ADD").conf(&daemon().conf("1.0.0")).run().result();
    assert_eq!(
        result,
        json!({
            "cniVersion": "1.0.0",
            "interfaces": [
                {"name": "pontoon0", "mac": "02:00:00:00:00:01"},
                {"name": "ptn0123456789ab", "mac": "02:00:00:00:00:02"},
                {"name": "eth0", "mac": "02:00:00:00:00:03", "sandbox": "/run/netns/c1"},
            ],
            "ips": [
                {"interface": 2, "address": "10.244.1.7/32", "gateway": "10.244.1.1"},
                {"interface": 2, "address": "fd00:10:244:1::7/128", "gateway": "fd00:10:244:1::1"},
            ],
            "routes": [
                {"dst": "0.0.0.0/0", "gw": "10.244.1.1"},
                {"dst": "::/0", "gw": "fd00:10:244:1::1"},
            ],
            "dns": {},
        })
    );
}

#[test]
fn an_empty_version_gets_a_result_that_old_runtimes_read() {
    let daemon = daemon();
    let mut conf = daemon.conf("");
    assert_eq!(Plugin::new("ADD").conf(&conf).run().result()["cniVersion"], "1.0.0");
    conf["cniVersions"] = json!(["0.4.0", "1.1.0"]);
    assert_eq!(Plugin::new("ADD").conf(&conf).run().result()["cniVersion"], "0.4.0");
}

#[test]
fn the_call_of_containerd_reaches_the_daemon_whole() {
    let daemon = daemon();
    let mut conf = daemon.conf("1.0.0");
    conf["runtimeConfig"] = json!({
        "portMappings": [
            {"HostPort": 8080, "ContainerPort": 80, "Protocol": "TCP", "HostIP": ""},
            {"HostPort": 0, "ContainerPort": 81, "Protocol": "TCP", "HostIP": ""},
        ],
        "dns": {"Servers": ["10.0.0.10"], "Searches": null, "Options": null},
        "io.kubernetes.cri.pod-annotations": {"pontoon/labels": "app=web"},
    });
    let args = "K8S_POD_NAME=web-0;K8S_POD_UID=0f3c;IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_INFRA_CONTAINER_ID=c1";
    Plugin::new("ADD").env("CNI_ARGS", args).conf(&conf).run().result();
    let [Request::Add(spec)] = &daemon.asked()[..] else { panic!("one ADD") };
    assert_eq!(
        serde_json::to_value(spec).unwrap(),
        json!({
            "id": {"containerId": "c1", "ifname": "eth0"},
            "network": "pontoon",
            "netns": "/run/netns/c1",
            "pod": {"namespace": "shop", "name": "web-0"},
            "annotations": {"pontoon/labels": "app=web"},
            "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}],
            "dns": {"nameservers": ["10.0.0.10"]},
        })
    );
}

#[test]
fn the_call_of_podman_reaches_the_daemon_whole() {
    let daemon = daemon();
    let mut conf = daemon.conf("0.4.0");
    conf["runtimeConfig"] = json!({
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "udp", "hostIP": "192.0.2.1"}],
        "ips": ["10.244.1.7/24"],
        "mac": "02:00:00:00:00:07",
        "aliases": {"pontoon": ["web", "Db_1", "5cee6aa7d0d2"]},
    });
    let args = "IgnoreUnknown=1;K8S_POD_NAME=focused_hopper";
    Plugin::new("ADD").env("CNI_ARGS", args).conf(&conf).run().result();
    let [Request::Add(spec)] = &daemon.asked()[..] else { panic!("one ADD") };
    assert_eq!(spec.pod.as_ref().unwrap().to_string(), "default/focused-hopper");
    assert_eq!(spec.addresses, ["10.244.1.7".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(spec.mac.unwrap().to_string(), "02:00:00:00:00:07");
    assert_eq!(spec.port_mappings[0].host_ip, Some("192.0.2.1".parse().unwrap()));
    assert_eq!(spec.aliases, ["web", "Db_1", "5cee6aa7d0d2"]);
}

#[test]
fn the_result_stands_behind_prev_result() {
    let daemon = daemon();
    for version in VERSIONS {
        let mut conf = daemon.conf(version);
        conf["prevResult"] = json!({
            "cniVersion": version,
            "interfaces": [{"name": "lo", "sandbox": "/run/netns/c1"}],
            "ips": [{"version": "4", "interface": 0, "address": "127.0.0.1/8"}],
            "dns": {},
        });
        let result = Plugin::new("ADD").conf(&conf).run().result();
        let names: Vec<_> =
            (0..4).map(|index| result["interfaces"][index]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["lo", "pontoon0", "ptn0123456789ab", "eth0"]);
        let of: Vec<_> = (0..3).map(|index| result["ips"][index]["interface"].as_u64()).collect();
        assert_eq!(of, [Some(0), Some(3), Some(3)]);
        assert_eq!(result["ips"][0]["version"].is_null(), version >= "1.0.0");
    }
}

#[test]
fn an_absent_daemon_is_named_with_its_socket_and_the_next_step() {
    for daemon in [FakeDaemon::absent(), FakeDaemon::stopped()] {
        let answer = Plugin::new("ADD").conf(&daemon.conf("1.0.0")).run();
        assert_eq!(answer.code(), 11);
        let details = answer.error()["details"].to_string();
        assert!(details.contains(daemon.socket().to_str().unwrap()), "{details}");
        assert!(details.contains("systemctl status pontoond"), "{details}");
        assert_eq!(daemon.pending(), [""; 0]);
    }
}

#[test]
fn a_connection_that_breaks_is_an_error_to_try_again() {
    for bytes in [&b""[..], br#"{"answer":"atta"#] {
        let daemon = FakeDaemon::reacting(|_, _| Reaction::Bytes(bytes.to_vec()));
        assert_eq!(Plugin::new("ADD").conf(&daemon.conf("1.0.0")).run().code(), 11);
    }
}

#[test]
fn an_answer_of_another_version_is_an_error() {
    let answers = [
        Reaction::Bytes(b"not JSON".to_vec()),
        Reaction::Bytes(br#"{"answer":"attached"}"#.to_vec()),
        Reaction::Bytes(br#"{"answer":"failed","code":9999,"msg":"?"}"#.to_vec()),
        Reaction::Answer(Response::Done),
    ];
    for answer in answers {
        let mut answer = Some(answer);
        let daemon = FakeDaemon::reacting(move |_, _| answer.take().unwrap());
        assert_eq!(Plugin::new("ADD").conf(&daemon.conf("1.0.0")).run().code(), 100);
    }
}

#[test]
fn errors_of_the_daemon_pass_through() {
    for code in Code::ALL {
        let daemon = FakeDaemon::answering(failed(*code, "what was tried", "the cause"));
        let answer = Plugin::new("ADD").conf(&daemon.conf("0.4.0")).run();
        assert_eq!(
            answer.error(),
            json!({"cniVersion": "0.4.0", "code": u32::from(*code), "msg": "what was tried",
                   "details": "the cause"})
        );
    }
}

#[test]
fn the_same_call_twice_is_the_same_request_twice() {
    let daemon = daemon();
    let plugin = Plugin::new("ADD").conf(&daemon.conf("1.0.0"));
    assert_eq!(plugin.run().result(), plugin.run().result());
    let asked = daemon.asked();
    assert_eq!(asked[0], asked[1]);
    let Request::Add(spec) = &asked[0] else { panic!("ADD") };
    assert_eq!(spec.id, id());
}
