use super::*;
use crate::attachment::{Attached, AttachedAddress, Dns, Interface};
use crate::cni::args::Args;
use crate::mac::MacAddr;
use serde_json::{Value, json};

fn id() -> AttachmentId {
    AttachmentId { container_id: "c1".parse().unwrap(), ifname: "eth0".parse().unwrap() }
}

fn add(args: &str) -> Operation {
    let args: Args = args.parse().unwrap();
    Operation::Add { id: id(), netns: "/run/netns/c1".into(), args }
}

fn prepare(operation: Operation, conf: Value) -> Result<Exchange, Failure> {
    let conf = NetConf::parse(conf.to_string().as_bytes(), operation.verb())?;
    Ok(Exchange::prepare(operation, &conf)?)
}

fn conf() -> Value {
    json!({"cniVersion": "1.1.0", "name": "pontoon"})
}

fn attached() -> Response {
    let interface =
        |name: &str| Interface { name: name.parse().unwrap(), mac: MacAddr([2, 0, 0, 0, 0, 1]) };
    Response::Attached(Box::new(Attached {
        pod_interface: interface("eth0"),
        host_interface: interface("ptn000000000001"),
        bridge: interface("pontoon0"),
        mtu: 1450,
        addresses: vec![AttachedAddress {
            address: "10.244.1.7/32".parse().unwrap(),
            gateway: "10.244.1.1".parse().unwrap(),
        }],
        dns: Dns::default(),
    }))
}

#[test]
fn add_says_all_that_the_runtime_said() {
    let mut conf = conf();
    conf["runtimeConfig"] = json!({
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}],
        "ips": ["10.244.1.7/24"],
        "io.kubernetes.cri.pod-annotations": {"a": "b"},
    });
    conf["args"] = json!({"cni": {"labels": [{"key": "app", "value": "web"}]}});
    let args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;MAC=02:00:00:00:00:07";
    let exchange = prepare(add(args), conf).unwrap();
    assert_eq!(
        serde_json::to_value(&exchange.request).unwrap(),
        json!({
            "verb": "add",
            "id": {"containerId": "c1", "ifname": "eth0"},
            "network": "pontoon",
            "netns": "/run/netns/c1",
            "pod": {"namespace": "shop", "name": "web-0"},
            "labels": {"app": "web"},
            "annotations": {"a": "b"},
            "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}],
            "addresses": ["10.244.1.7"],
            "mac": "02:00:00:00:00:07",
        })
    );
}

#[test]
fn add_is_answered_in_the_version_asked_for_behind_prev_result() {
    let mut conf = conf();
    conf["cniVersion"] = json!("0.4.0");
    conf["prevResult"] = json!({"cniVersion": "0.4.0", "interfaces": [{"name": "lo", "sandbox": "/run/netns/c1"}],
        "ips": [{"version": "4", "interface": 0, "address": "127.0.0.1/8"}]});
    let answer = prepare(add(""), conf).unwrap().answer(attached()).unwrap();
    let document = serde_json::to_value(answer.unwrap()).unwrap();
    assert_eq!(document["cniVersion"], "0.4.0");
    assert_eq!(document["interfaces"][3]["name"], "eth0");
    assert_eq!(document["ips"][1]["interface"], 3);
    assert_eq!(document["ips"][1]["version"], "4");
}

#[test]
fn del_needs_nothing_but_the_id() {
    let mut conf = conf();
    conf["prevResult"] = json!("nonsense");
    conf["runtimeConfig"] = json!(7);
    let exchange = prepare(Operation::Del { id: id() }, conf).unwrap();
    assert_eq!(exchange.request, Request::Del { id: id() });
    assert!(exchange.answer(Response::Done).unwrap().is_none());
}

#[test]
fn check_sends_the_addresses_of_prev_result() {
    let operation = || Operation::Check { id: id(), netns: "/run/netns/c1".into() };
    let mut document = conf();
    document["prevResult"] = json!({"interfaces": [{"name": "eth0", "sandbox": "/run/netns/c1"}],
        "ips": [{"interface": 0, "address": "10.244.1.7/32"}]});
    let exchange = prepare(operation(), document.clone()).unwrap();
    assert_eq!(
        exchange.request,
        Request::Check {
            id: id(),
            netns: "/run/netns/c1".into(),
            addresses: vec!["10.244.1.7/32".parse().unwrap()],
        }
    );

    let code = |document| {
        let failure = prepare(operation(), document).unwrap_err();
        assert!(failure.details.starts_with("prevResult"), "{failure}");
        failure.code
    };
    assert_eq!(code(conf()), Code::InvalidConfig);
    document["prevResult"]["interfaces"][0]["name"] = json!("net1");
    assert_eq!(code(document), Code::InvalidConfig);
}

#[test]
fn gc_speaks_for_its_network() {
    let mut document = conf();
    document["cni.dev/valid-attachments"] = json!([{"containerID": "c1", "ifname": "eth0"}]);
    let exchange = prepare(Operation::Gc, document).unwrap();
    let network = "pontoon".parse().unwrap();
    assert_eq!(exchange.request, Request::Gc { network, valid: vec![id()] });
    assert_eq!(prepare(Operation::Gc, conf()).unwrap_err().code, Code::InvalidConfig);
}

#[test]
fn failures_of_the_daemon_pass_with_their_code_and_text() {
    let failure = Failure::new(Code::HostPortTaken, "host port taken", "80/tcp is web's");
    let answer = prepare(add(""), conf()).unwrap().answer(Response::Failed(failure.clone()));
    assert_eq!(answer.unwrap_err(), failure);
}

#[test]
fn status_has_one_code_for_not_ready() {
    let exchange = prepare(Operation::Status, conf()).unwrap();
    assert_eq!(exchange.request, Request::Ready);
    for code in [Code::TryAgainLater, Code::Store, Code::NotAvailable] {
        let failure = Failure::new(code, "not ready", "no subnet yet");
        let said = exchange.clone().answer(Response::Failed(failure)).unwrap_err();
        assert_eq!(said, Failure::new(Code::NotAvailable, "not ready", "no subnet yet"));
    }
    assert!(exchange.answer(Response::Done).unwrap().is_none());
}

#[test]
fn an_answer_to_something_else_is_a_fault() {
    let said = prepare(add(""), conf()).unwrap().answer(Response::Done).unwrap_err();
    assert_eq!(said.code, Code::Internal);
    let said = prepare(Operation::Del { id: id() }, conf()).unwrap().answer(attached());
    assert_eq!(said.unwrap_err().code, Code::Internal);
}
