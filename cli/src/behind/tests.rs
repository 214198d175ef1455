use serde_json::json;

use super::*;

fn pod(name: &str, node: &str, ready: bool, labels: Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "default", "labels": labels,
            "annotations": {"pontoon.net/ports": "http=8080,dns=53/UDP", "pontoon.net/readiness": "tcp:8080"}},
        "spec": {"nodeName": node},
        "status": {"podIPs": [{"ip": format!("10.244.1.{}", name.len())}, {"ip": "fd00::1"}],
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}})
}

fn node(name: &str, ready: &str) -> Value {
    json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}})
}

fn service(target: Value) -> Value {
    json!({"metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ipFamilies": ["IPv4"], "ports": [{"port": 80, "targetPort": target}]}})
}

fn around() -> Around {
    let web = json!({"app": "web"});
    Around {
        pods: vec![
            pod("w", "a", true, web.clone()),
            pod("we", "a", false, web.clone()),
            pod("web", "b", true, web.clone()),
            pod("webb", "c", true, web),
            pod("other", "a", true, json!({"app": "api"})),
        ],
        slices: Vec::new(),
        nodes: vec![node("a", "True"), node("b", "Unknown")],
    }
}

fn said(service: &Value, around: &Around) -> Vec<String> {
    let one =
        |e: &Endpoint| format!("{} {:?}", e.address, e.held_back.as_deref().unwrap_or("ready"));
    of(service, around).iter().map(one).collect()
}

#[test]
fn each_pod_that_is_held_back_is_said_with_the_reason() {
    assert_eq!(
        said(&service(json!(8080)), &around()),
        [
            "10.244.1.1 \"ready\"",
            "10.244.1.2 \"its check tcp:8080 does not succeed\"",
            "10.244.1.3 \"its node b has not been heard of\"",
            "10.244.1.4 \"its node c is not known\"",
        ]
    );
    let mut anyway = service(json!(8080));
    anyway["spec"]["publishNotReadyAddresses"] = json!(true);
    assert!(said(&anyway, &around()).iter().all(|line| line.ends_with("\"ready\"")));
}

#[test]
fn ports_go_by_the_pods_own_names() {
    let ports = |target| of(&service(target), &around()).remove(0).ports;
    assert_eq!(ports(json!("http")), [(String::new(), 8080, "TCP".to_owned())]);
    assert_eq!(ports(json!(null)), [(String::new(), 80, "TCP".to_owned())]);
    let none = of(&service(json!("grpc")), &around()).remove(0);
    assert_eq!(none.held_back.as_deref(), Some("it has no port named grpc (TCP)"));
}

#[test]
fn slices_count_by_their_label() {
    let slice = |name: &str, of: &str| {
        json!({"metadata": {"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": of}},
            "ports": [{"port": 5432}],
            "endpoints": [{"addresses": ["192.0.2.1"]}, {"addresses": ["192.0.2.2"], "conditions": {"ready": false}}]})
    };
    let around =
        Around { slices: vec![slice("db-1", "web"), slice("x", "other")], ..Around::default() };
    assert_eq!(
        said(&service(json!(1)), &around),
        ["192.0.2.1 \"ready\"", "192.0.2.2 \"its slice says that it is not ready\""]
    );
}

#[test]
fn a_selector_that_finds_nothing_is_answered_with_the_nearest() {
    let mut service = service(json!(80));
    assert_eq!(near_misses(&service, &around()), None);
    service["spec"]["selector"] = json!({"app": "wep"});
    let said = near_misses(&service, &around()).unwrap();
    assert!(said.ends_with("none has app=wep, but there is app=web"), "{said}");
    service["metadata"]["namespace"] = json!("prod");
    let said = near_misses(&service, &around()).unwrap();
    assert!(said.ends_with("there are no pods in it"), "{said}");
}
